//! Building and signing of requests.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use verify::{NoticeRefusal, NoticeVerifier, VerifiedNotice};

/// The default time at which all requests here are received: 2026-01-31T18:42:00Z.
pub const NOW: i64 = 1_769_884_920;

#[derive(Debug, Clone, Deserialize)]
pub struct Request {
    pub name: String,
    pub verifier: Value,
    pub headers: BTreeMap<String, String>,
    pub signature_header: String,
    #[serde(deserialize_with = "bytes")]
    pub body: Vec<u8>,
    pub now: i64,
    pub id: Option<String>,
}

fn bytes<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    String::deserialize(deserializer).map(String::into_bytes)
}

static VECTORS: LazyLock<Vec<Request>> =
    LazyLock::new(|| serde_json::from_str(include_str!("../data/vectors.json")).unwrap());

pub fn vectors() -> &'static [Request] {
    &VECTORS
}

pub fn vector(name: &str) -> Request {
    vectors().iter().find(|request| request.name == name).unwrap().clone()
}

pub fn verifier(value: &Value) -> NoticeVerifier {
    serde_json::from_value(value.clone()).unwrap()
}

pub fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap()
}

impl Request {
    /// Returns a request of the custom scheme, with these settings besides secret, header, algorithm and encoding.
    pub fn custom(settings: Value, body: &[u8]) -> Self {
        let mut verifier = json!({
            "scheme": "hmac", "secrets": ["key"], "signature_header": "X-Sig", "algorithm": "sha256",
            "encoding": "hex", "signed": "{body}",
        });
        for (field, value) in settings.as_object().unwrap() {
            verifier[field] = value.clone();
        }
        Self {
            name: "custom".to_owned(),
            verifier,
            headers: BTreeMap::new(),
            signature_header: "x-sig".to_owned(),
            body: body.to_vec(),
            now: NOW,
            id: None,
        }
    }

    pub fn with(mut self, header: &str, value: impl Into<String>) -> Self {
        self.headers.insert(header.to_owned(), value.into());
        self
    }

    pub fn without(mut self, header: &str) -> Self {
        self.headers.remove(header);
        self
    }

    pub fn signed(self, signature: impl Into<String>) -> Self {
        let header = self.signature_header.clone();
        self.with(&header, signature)
    }

    pub fn secrets(mut self, secrets: &[&str]) -> Self {
        self.verifier["secrets"] = json!(secrets);
        self
    }

    pub fn signature(&self) -> &str {
        &self.headers[&self.signature_header]
    }

    pub fn verify(&self) -> Result<VerifiedNotice, NoticeRefusal> {
        self.verify_at(at(self.now))
    }

    pub fn verify_at(&self, now: OffsetDateTime) -> Result<VerifiedNotice, NoticeRefusal> {
        verifier(&self.verifier).verify(|name| self.headers.get(name).map(String::as_str), &self.body, now)
    }
}

pub fn tag(key: &[u8], content: &[u8]) -> Vec<u8> {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key);
    ring::hmac::sign(&key, content).as_ref().to_vec()
}

pub fn hex(bytes: &[u8]) -> String {
    hex::encode(bytes)
}

pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub fn base64_url(bytes: &[u8]) -> String {
    URL_SAFE.encode(bytes)
}

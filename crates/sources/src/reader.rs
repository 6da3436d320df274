//! A compiled adapter that reads requests.

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::context::ReadContext;
use crate::error::{ErrorKind, ReadError};
use crate::kind::AdapterKind;
use crate::mapping::MappedAttributes;
use crate::node::{JsonNode, check_text};
use crate::notice::NoticeAnswer;
use crate::request::NoticeRequest;
use crate::rules::AdapterRules;
use crate::vendor::VendorFormat;
use crate::{body, vendor};

/// The maximum length of the name of a host in a CloudEvents handshake.
const ORIGIN_CHARS_MAX: usize = 253;

/// A checked and compiled adapter. Cheap to share. The same request always gives the same result.
#[derive(Debug, Clone)]
pub struct NoticeReader {
    pub(crate) rules: AdapterRules,
    pub(crate) format: VendorFormat,
}

impl NoticeReader {
    /// Returns the kind of the sender.
    pub fn kind(&self) -> AdapterKind {
        self.rules.kind
    }

    /// Reads a request. The caller has already authenticated it.
    ///
    /// # Errors
    /// Returns an error if the request cannot be read. In that case nothing of it counts.
    pub fn read(&self, request: &NoticeRequest<'_>, now: OffsetDateTime) -> Result<NoticeAnswer, ReadError> {
        if let Some(answer) = self.handshake(request)? {
            return Ok(answer);
        }
        let cx = ReadContext { rules: &self.rules, request, now };
        if let Some(answer) = vendor::answer_ping(self.rules.kind, request.body) {
            return Ok(answer);
        }
        let body = body::read_body(request, self.format.forms)?;
        if let Some(answer) = vendor::answer_greeting(self.rules.kind, &body) {
            return Ok(answer);
        }
        (self.format.notices)(cx, &JsonNode::root(&body)).map(NoticeAnswer::Notices)
    }

    /// Returns the attributes of the record of the person `key`, by the mapping of this adapter; for a fetched record.
    pub fn attributes(&self, record: &Value, key: &str, now: OffsetDateTime) -> MappedAttributes {
        self.rules.attributes(record, key, now)
    }

    fn handshake(&self, request: &NoticeRequest<'_>) -> Result<Option<NoticeAnswer>, ReadError> {
        let challenge = request.header("x-okta-verification-challenge");
        match request.method {
            "POST" => Ok(None),
            "GET" if self.rules.kind == AdapterKind::Okta && challenge.is_some() => {
                let challenge = challenge.unwrap_or_default();
                check_text("header:x-okta-verification-challenge", "the challenge", challenge)?;
                let body = Some(json!({ "verification": challenge }));
                Ok(Some(NoticeAnswer::Handshake { status: 200, headers: Vec::new(), body }))
            }
            "OPTIONS" => answer_options(request).map(Some),
            _ => Err(wrong_method()),
        }
    }
}

fn wrong_method() -> ReadError {
    ReadError::new(ErrorKind::Method, "", "this method is not accepted", "send notices with POST")
}

/// Answers the handshake of CloudEvents' webhooks, which is the same for every adapter.
///
/// # Errors
/// Returns an error if the OPTIONS request is not such a handshake.
pub fn answer_options(request: &NoticeRequest<'_>) -> Result<NoticeAnswer, ReadError> {
    let origin = request.header("webhook-request-origin").ok_or_else(wrong_method)?;
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '*');
    if origin.len() > ORIGIN_CHARS_MAX || !origin.chars().all(is_host) {
        let fix = "send the name of the sending system, such as events.example.com";
        return Err(ReadError::invalid(
            "header:webhook-request-origin",
            "this is not the name of a host",
            fix,
        ));
    }
    let mut headers = vec![
        ("allow".to_owned(), "POST".to_owned()),
        ("webhook-allowed-origin".to_owned(), origin.to_owned()),
    ];
    let rate = request.header("webhook-request-rate");
    if let Some(rate) = rate.filter(|rate| rate.parse::<u32>().is_ok_and(|rate| rate > 0)) {
        headers.push(("webhook-allowed-rate".to_owned(), rate.to_owned()));
    }
    Ok(NoticeAnswer::Handshake { status: 200, headers, body: None })
}

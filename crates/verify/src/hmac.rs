//! The custom scheme, which can express every preset.

use ring::signature::ED25519_PUBLIC_KEY_LEN;
use serde::{Deserialize, Serialize};
use subtle::{Choice, ConstantTimeEq};
use time::OffsetDateTime;

use crate::freshness::is_fresh;
use crate::headers::required_header;
use crate::keys::SigningKey;
use crate::mistake::{field_mistake, header_name};
use crate::signature::{SignatureEncoding, SignatureForm, candidate_signatures, too_many};
use crate::template::{SignatureTemplate, TemplatePiece};
use crate::{
    NoticeRefusal, SETTING_BYTES_MAX, SIGNATURE_BYTES_MAX, SecretEncoding, TEXT_BYTES_MAX, TOLERANCE_SECONDS,
    TOLERANCE_SECONDS_MAX, TimestampFormat, VendorSecret, VerifiedNotice, secret,
};

/// The length of a signature: two numbers of the length of a public key (RFC 8032, 5.1.6).
const ED25519_SIGNATURE_BYTES: usize = 2 * ED25519_PUBLIC_KEY_LEN;

/// The hash of the HMAC. SHA-1 and MD5 are not supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HmacAlgorithm {
    /// SHA-256: signatures of 32 bytes.
    Sha256,
    /// SHA-384: signatures of 48 bytes.
    Sha384,
    /// SHA-512: signatures of 64 bytes.
    Sha512,
}

impl HmacAlgorithm {
    fn ring(self) -> ring::hmac::Algorithm {
        match self {
            Self::Sha256 => ring::hmac::HMAC_SHA256,
            Self::Sha384 => ring::hmac::HMAC_SHA384,
            Self::Sha512 => ring::hmac::HMAC_SHA512,
        }
    }

    fn bytes(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// A signature of the body, and optionally of a time and an id in headers.
///
/// ```yaml
/// scheme: hmac
/// secrets: ["${ACME_WEBHOOK_SECRET}"]
/// signature_header: X-Acme-Signature
/// algorithm: sha256
/// encoding: hex
/// signed: "{timestamp}.{body}"
/// prefix: "sha256="
/// timestamp_header: X-Acme-Timestamp
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HmacCheck {
    /// The secrets. Any of them may have signed, so that one can be replaced by another without losing a notice.
    #[serde(default, deserialize_with = "secret::deserialize_list")]
    pub secrets: Vec<VendorSecret>,
    /// The header that carries the signature, or several signatures. One of them must match. They are separated by
    /// spaces, or by commas if no prefix contains one.
    pub signature_header: String,
    /// The hash of the HMAC.
    pub algorithm: HmacAlgorithm,
    /// The encoding of the signature.
    pub encoding: SignatureEncoding,
    /// The signed text: `{body}`, `{timestamp}`, `{id}` and literal text between them. The time and the id are inserted
    /// exactly as in their headers. An id must not contain the separators next to it.
    pub signed: String,
    /// The prefix of each signature in the header, such as `v1,` or `sha256=`. Signatures without it are skipped.
    #[serde(default)]
    pub prefix: String,
    /// The prefix of Ed25519 signatures, which are verified with the secrets that are public keys (`whpk_`).
    #[serde(default)]
    pub ed25519_prefix: Option<String>,
    /// The header with the time at which the notice was signed.
    #[serde(default)]
    pub timestamp_header: Option<String>,
    /// The format of that time.
    #[serde(default)]
    pub timestamp_format: TimestampFormat,
    /// The header that carries the id of the notice.
    #[serde(default)]
    pub id_header: Option<String>,
    /// The number of seconds by which the notice may be older or newer than the local clock. The default is [`TOLERANCE_SECONDS`].
    #[serde(default)]
    pub tolerance_seconds: Option<u64>,
    /// The encoding of the secrets.
    #[serde(default)]
    pub secret_encoding: SecretEncoding,
}

/// A valid [`HmacCheck`], with the names of its headers in lower case.
struct CheckedHmac<'c> {
    config: &'c HmacCheck,
    keys: Vec<SigningKey>,
    template: SignatureTemplate<'c>,
    signature_header: String,
    timestamp_header: Option<String>,
    id_header: Option<String>,
    tolerance_seconds: u64,
}

/// The content of the headers of one notice.
struct SignatureHeaders<'h> {
    signatures: CandidateSignatures,
    timestamp: &'h str,
    at: Option<OffsetDateTime>,
    id: Option<&'h str>,
}

/// The candidates for a signature by a shared secret, and those for a signature by a private key.
#[derive(Default)]
struct CandidateSignatures {
    shared: Vec<Vec<u8>>,
    public: Vec<Vec<u8>>,
}

impl HmacCheck {
    pub(crate) fn check(&self) -> Result<(), String> {
        self.ready().map(drop)
    }

    pub(crate) fn verify<'h>(
        &self,
        headers: impl Fn(&str) -> Option<&'h str>,
        body: &[u8],
        now: OffsetDateTime,
    ) -> Result<VerifiedNotice, NoticeRefusal> {
        let ready = self.ready().map_err(|_| NoticeRefusal::Misconfigured)?;
        let said = ready.said(headers)?;
        if !ready.signed_by_any(&said, body) {
            let candidates = said.signatures.shared.len() + said.signatures.public.len();
            let header = ready.signature_header;
            return Err(NoticeRefusal::WrongSignature { header, candidates, secrets: ready.keys.len() });
        }
        // This check is last, so that "stale" in the log means a notice whose signature is valid.
        if let Some(at) = said.at {
            is_fresh(at, now, ready.tolerance_seconds)?;
        }
        Ok(VerifiedNotice { id: said.id.map(str::to_owned), at: said.at })
    }

    fn ready(&self) -> Result<CheckedHmac<'_>, String> {
        secret::check_secrets(&self.secrets)?;
        let keys = self.secret_encoding.keys(&self.secrets, self.algorithm.ring())?;
        if self.ed25519_prefix.is_none() && keys.iter().any(|key| matches!(key, SigningKey::Public(_))) {
            let fix = "set it, to `v1a,` for Standard Webhooks";
            return Err(field_mistake(
                "ed25519_prefix",
                "is not set, and there is a public key in `secrets`",
                fix,
            ));
        }
        check_prefix("prefix", &self.prefix)?;
        check_prefix("ed25519_prefix", self.ed25519_prefix.as_deref().unwrap_or_default())?;
        let template = SignatureTemplate::parse(&self.signed)?;
        let name =
            |field, name: &Option<String>| name.as_deref().map(|name| header_name(field, name)).transpose();
        let timestamp_header = name("timestamp_header", &self.timestamp_header)?;
        let id_header = name("id_header", &self.id_header)?;
        check_signed(&template, &TemplatePiece::Timestamp, "timestamp", timestamp_header.is_some())?;
        check_signed(&template, &TemplatePiece::Id, "id", id_header.is_some())?;
        Ok(CheckedHmac {
            config: self,
            keys,
            template,
            signature_header: header_name("signature_header", &self.signature_header)?,
            tolerance_seconds: self.tolerance(timestamp_header.is_some())?,
            timestamp_header,
            id_header,
        })
    }

    fn tolerance(&self, has_timestamp: bool) -> Result<u64, String> {
        let field = "tolerance_seconds";
        match self.tolerance_seconds {
            Some(_) if !has_timestamp => {
                let fix = "take it out, or set `timestamp_header` if the sender signs a time";
                Err(field_mistake(field, "is set, and the scheme has no time that it could apply to", fix))
            }
            Some(0) => {
                Err(field_mistake(field, "is 0, which no notice can meet", "leave it out, or give seconds"))
            }
            Some(seconds) if seconds > TOLERANCE_SECONDS_MAX => {
                let what = format!("is more than {TOLERANCE_SECONDS_MAX}");
                Err(field_mistake(field, &what, "give seconds, or leave it out"))
            }
            Some(seconds) => Ok(seconds),
            None => Ok(TOLERANCE_SECONDS),
        }
    }
}

/// Checks that a prefix is short and has no spaces.
fn check_prefix(field: &str, prefix: &str) -> Result<(), String> {
    if prefix.len() > SETTING_BYTES_MAX || !prefix.bytes().all(|byte| byte.is_ascii_graphic()) {
        let what = "has a blank or something else that cannot stand before a signature";
        return Err(field_mistake(field, what, "write it as in `sha256=` or `v1,`"));
    }
    Ok(())
}

/// Checks that a header and its placeholder are configured together. A time or an id protects against a replay only if it is signed.
fn check_signed(
    template: &SignatureTemplate<'_>,
    piece: &TemplatePiece<'_>,
    name: &str,
    header: bool,
) -> Result<(), String> {
    match (template.has(piece), header) {
        (true, false) => {
            let what = format!("has {{{name}}}, and `{name}_header` is not set");
            Err(field_mistake("signed", &what, "set it to the header that carries it"))
        }
        (false, true) => {
            let what = format!("is set, and `signed` has no {{{name}}}: any sender could change it");
            let fix = "add it to `signed` if the sender signs it, or take the header out";
            Err(field_mistake(format!("{name}_header"), &what, fix))
        }
        _ => Ok(()),
    }
}

impl CheckedHmac<'_> {
    fn said<'h>(
        &self,
        headers: impl Fn(&str) -> Option<&'h str>,
    ) -> Result<SignatureHeaders<'h>, NoticeRefusal> {
        let signatures = required_header(&headers, &self.signature_header, SIGNATURE_BYTES_MAX)?;
        let mut said =
            SignatureHeaders { signatures: self.signatures(signatures)?, timestamp: "", at: None, id: None };
        if let Some(name) = &self.timestamp_header {
            let format = self.config.timestamp_format;
            said.timestamp = required_header(&headers, name, TEXT_BYTES_MAX)?;
            let malformed = || NoticeRefusal::MalformedTimestamp { header: name.clone(), format };
            said.at = Some(format.parse(said.timestamp).ok_or_else(malformed)?);
        }
        if let Some(name) = &self.id_header {
            let id = required_header(&headers, name, TEXT_BYTES_MAX)?;
            if !self.template.admits_id(id) {
                return Err(NoticeRefusal::MalformedId { header: name.clone() });
            }
            said.id = Some(id);
        }
        Ok(said)
    }

    fn signatures(&self, header: &str) -> Result<CandidateSignatures, NoticeRefusal> {
        let malformed =
            |what| NoticeRefusal::MalformedSignature { header: self.signature_header.clone(), what };
        let HmacCheck { prefix, ed25519_prefix, encoding, algorithm, .. } = self.config;
        let commas = !prefix.contains(',') && !ed25519_prefix.as_ref().is_some_and(|p| p.contains(','));
        if too_many(header, commas) {
            return Err(malformed("holds too many signatures"));
        }
        let of = |prefix, length_bytes| {
            candidate_signatures(header, commas, *encoding, SignatureForm { prefix, length_bytes })
        };
        let is_shared = |key: &SigningKey| matches!(key, SigningKey::Shared(_));
        let mut found = CandidateSignatures::default();
        if self.keys.iter().any(is_shared) {
            found.shared = of(prefix, algorithm.bytes());
        }
        if let Some(prefix) = ed25519_prefix.as_ref().filter(|_| !self.keys.iter().all(is_shared)) {
            found.public = of(prefix, ED25519_SIGNATURE_BYTES);
        }
        if found.shared.is_empty() && found.public.is_empty() {
            return Err(malformed("holds no signature with the prefix, encoding and length of the scheme"));
        }
        Ok(found)
    }

    /// Checks every signature against every key. The time that this takes depends only on their number and on the body's length.
    fn signed_by_any(&self, said: &SignatureHeaders<'_>, body: &[u8]) -> bool {
        let pieces = self.template.fill(said.id.unwrap_or_default(), said.timestamp, body);
        // Ed25519 needs the signed text in one piece. HMAC does not, and most sources have no public key.
        let whole = if said.signatures.public.is_empty() { Vec::new() } else { pieces.concat() };
        let mut matched = Choice::from(0);
        for key in &self.keys {
            match key {
                SigningKey::Shared(key) => {
                    let mut context = ring::hmac::Context::with_key(key);
                    pieces.iter().for_each(|piece| context.update(piece));
                    let tag = context.sign();
                    for signature in &said.signatures.shared {
                        matched |= tag.as_ref().ct_eq(signature);
                    }
                }
                SigningKey::Public(key) => {
                    for signature in &said.signatures.public {
                        matched |= Choice::from(u8::from(key.verify(&whole, signature).is_ok()));
                    }
                }
            }
        }
        matched.into()
    }
}

//! Webhooks of HR systems: admits, verifies and reads notices in the systems' own formats.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use axum::http::{HeaderMap, StatusCode};
use edge::{AccessRule, FieldErrors, Problem};
use lifecycle::SenderRights;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use sources::{ErrorKind, NoticeAdapter, NoticeAnswer, NoticeRequest, SourceNotice};
use time::OffsetDateTime;
use verify::NoticeVerifier;

use crate::intake::admission::AdmittedSource;
use crate::intake::headers::refuse_compressed;
use crate::intake::limits::EventLimits;
use crate::intake::notices::{NoticeReport, NoticeSource};
use crate::intake::source::{SubjectKind, sender_rights};
use crate::pull::fetch::FetchConfig;

/// An HR system that sends notices in its own format.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// The name in the path, in metrics and in logs.
    pub name: String,
    /// The verification of its notices: signature, token or none.
    pub verifier: NoticeVerifier,
    /// The adapter that reads its notices.
    pub adapter: NoticeAdapter,
    /// The settings for fetching the records that its notices only mention.
    #[serde(default)]
    pub fetch: Option<FetchConfig>,
    /// The kinds of subjects that it may send; every kind if left out.
    #[serde(default)]
    pub kinds: Option<Vec<SubjectKind>>,
    /// What it may say. If left out: everything for the first such sender, the least for others.
    #[serde(default)]
    pub may: Option<SenderRights>,
    /// The maximum number of events per second on average; unlimited if left out.
    #[serde(default)]
    pub events_per_second_max: Option<u32>,
    /// The addresses and certificates from which it may connect; any if left out.
    #[serde(default)]
    pub access: AccessRule,
}

/// A configured webhook, ready to read notices.
#[derive(Debug)]
pub(crate) struct WebhookSource {
    pub(crate) notices: Arc<NoticeSource>,
    verification: RwLock<Arc<NoticeVerification>>,
}

/// The verification of notices. It is replaced when secrets are read again.
#[derive(Debug)]
struct NoticeVerification {
    verifier: NoticeVerifier,
    /// The headers that are ignored because they are not signed: a replayed notice could carry other values in them.
    open_headers: Vec<&'static str>,
}

impl NoticeVerification {
    fn new(verifier: NoticeVerifier) -> Self {
        let open_headers =
            sources::NAMING_HEADERS.into_iter().filter(|header| verifier.leaves_open(header)).collect();
        Self { verifier, open_headers }
    }
}

/// Returns the problem of a notice that is not verified. Its text is always
/// the same, so that it does not reveal the cause, or which webhooks exist.
pub(crate) fn not_verified() -> Problem {
    Problem::unauthorised("the notice was refused")
}

/// The content of a request.
#[derive(Debug)]
pub(crate) enum WebhookReading {
    /// A handshake without events, and the response to it.
    Handshake { status: StatusCode, headers: Vec<(String, String)>, body: Option<serde_json::Value> },
    /// The notices of the request.
    Notices(NoticeReport),
}

impl WebhookConfig {
    /// Returns the first fault of the webhook, if any.
    pub(crate) fn fault(&self) -> Option<String> {
        let name = &self.name;
        if let Err(fault) = self.verifier.check() {
            return Some(format!("the verifier of the webhook {name}: {fault}"));
        }
        if let Err(wrong) = self.adapter.compile() {
            let snippet = wrong.snippet.as_deref().map(|snippet| format!("\n{snippet}")).unwrap_or_default();
            return Some(format!("the adapter of the webhook {name}: {wrong}{snippet}"));
        }
        if self.fetch.is_none() && self.adapter.employment != sources::EmploymentMapping::default() {
            return Some(format!(
                "the adapter of the webhook {name}: `employment` reads records that are fetched, and no `fetch` says where \
                 they are: its departures would not be read; add `fetch`, or map `types` and `effective_at` instead"
            ));
        }
        let fault = self.fetch.as_ref()?.fault()?;
        Some(format!("`fetch` of the webhook {name}: {fault}"))
    }
}

/// Opens all webhooks and returns them by name.
///
/// # Errors
/// Returns a description of the first invalid webhook.
pub(crate) fn open_webhooks(
    configs: Vec<WebhookConfig>,
    now: Instant,
) -> Result<HashMap<String, WebhookSource>, String> {
    let mut webhooks = HashMap::new();
    for config in configs {
        let reader = match config.adapter.compile() {
            Ok(reader) => reader,
            Err(_) => return Err(config.fault().unwrap_or_default()),
        };
        telemetry::metrics::register_source(&config.name);
        let rights = sender_rights(config.may.as_ref(), config.kinds.as_deref());
        let WebhookConfig { name, verifier, events_per_second_max, access, fetch, .. } = config;
        let source = AdmittedSource::of_webhook(name.clone(), rights, events_per_second_max, access, now);
        let fetches = fetch.is_some();
        let notices = Arc::new(NoticeSource { source, reader, fetches });
        let verification = RwLock::new(Arc::new(NoticeVerification::new(verifier)));
        webhooks.insert(name, WebhookSource { notices, verification });
    }
    Ok(webhooks)
}

impl WebhookSource {
    /// Verifies notices with `verifier` from now on.
    pub(crate) fn replace_verifier(&self, verifier: NoticeVerifier) {
        let fresh = Arc::new(NoticeVerification::new(verifier));
        *self.verification.write().unwrap_or_else(PoisonError::into_inner) = fresh;
    }

    fn verification(&self) -> Arc<NoticeVerification> {
        Arc::clone(&self.verification.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Verifies a request and reads its notices.
    ///
    /// # Errors
    /// 401 with the same text for every request that is not verified; otherwise the fault in the body.
    pub(crate) fn hear(
        &self,
        method: &str,
        headers: &HeaderMap,
        body: &[u8],
        limits: &EventLimits,
        now: OffsetDateTime,
    ) -> Result<WebhookReading, Problem> {
        let verification = self.verification();
        self.verify(&verification.verifier, headers, body, now)?;
        refuse_compressed(headers)?;
        let mut pairs = header_pairs(headers);
        pairs.retain(|(name, _)| !verification.open_headers.contains(name));
        let request = NoticeRequest { method, headers: &pairs, body };
        match self.notices.reader.read(&request, now).map_err(read_problem)? {
            NoticeAnswer::Handshake { status, headers, body } => {
                Ok(handshake_response(status, headers, body))
            }
            NoticeAnswer::Notices(notices) => {
                let named = name_notices(&verification.verifier, notices, body, now);
                self.notices.events(named, limits, now).map(WebhookReading::Notices)
            }
        }
    }

    /// Verifies the signature or token of a request, and counts and logs a failure.
    fn verify(
        &self,
        verifier: &NoticeVerifier,
        headers: &HeaderMap,
        body: &[u8],
        now: OffsetDateTime,
    ) -> Result<(), Problem> {
        let value = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
        match verifier.verify(value, body, now) {
            Ok(_) => Ok(()),
            Err(refusal) => {
                telemetry::metrics::caller_refused(refusal.kind());
                tracing::debug!(source = self.notices.source.name, why = %refusal, "a notice was not verified");
                Err(not_verified())
            }
        }
    }
}

/// Gives an id to notices that have neither an id nor a time.
fn name_notices(
    verifier: &NoticeVerifier,
    mut notices: Vec<SourceNotice>,
    body: &[u8],
    now: OffsetDateTime,
) -> Vec<SourceNotice> {
    for (index, notice) in notices.iter_mut().enumerate() {
        if let SourceNotice::Event(said) = notice
            && verifier.signs_no_time()
            && said.id.is_none()
            && said.at == now
        {
            said.id = Some(body_id(body, index));
        }
    }
    notices
}

/// Returns the id of a notice in a body that has neither an id nor a time, and whose
/// signature never expires: the same body is the same notice, whenever it arrives.
fn body_id(body: &[u8], index: usize) -> String {
    let hash = Sha256::digest(body);
    let digits = hex::encode(&hash[..16]);
    format!("sha256:{digits}#{index}")
}

fn header_pairs(headers: &HeaderMap) -> Vec<(&str, &str)> {
    headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect()
}

fn handshake_response(
    status: u16,
    headers: Vec<(String, String)>,
    body: Option<serde_json::Value>,
) -> WebhookReading {
    WebhookReading::Handshake {
        status: StatusCode::from_u16(status).unwrap_or(StatusCode::OK),
        headers,
        body,
    }
}

/// Answers the handshake of CloudEvents webhooks. The response is the
/// same for every name, so that it neither requires nor reveals anything.
///
/// # Errors
/// Returns an error if the request is not a handshake.
pub(crate) fn answer_options(headers: &HeaderMap) -> Result<WebhookReading, Problem> {
    let pairs = header_pairs(headers);
    match sources::answer_options(&NoticeRequest { method: "OPTIONS", headers: &pairs, body: b"" })
        .map_err(read_problem)?
    {
        NoticeAnswer::Handshake { status, headers, body } => Ok(handshake_response(status, headers, body)),
        NoticeAnswer::Notices(_) => Err(Problem::internal()),
    }
}

/// Converts an adapter's error to a problem.
fn read_problem(error: sources::ReadError) -> Problem {
    let words = error.to_string();
    let problem = match error.kind {
        ErrorKind::Method => Problem::method_not_allowed(words, "POST"),
        ErrorKind::MediaType => Problem::unsupported_media_type(words),
        ErrorKind::Unreadable => Problem::bad_request("malformed_notice", words),
        ErrorKind::TooMuch => Problem::too_large(words),
        ErrorKind::Invalid => {
            let mut errors = FieldErrors::default();
            errors.add(&error.at, words);
            return Problem::invalid("the notice", errors);
        }
    };
    if error.at.is_empty() { problem } else { problem.with_error(error.at, error.what) }
}

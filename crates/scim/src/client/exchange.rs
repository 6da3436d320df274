//! Sends one request and reads its answer.

use std::error::Error;
use std::time::{Duration, Instant};

use lifecycle::{AttemptClass, RequestExchange};
use outbound::encoding::encode_segment;
use outbound::{AuthorizationHeader, retry_after};
use reqwest::header::{CONTENT_TYPE, ETAG, HeaderValue, IF_MATCH, LOCATION};
use reqwest::{Method, Url};
use serde_json::Value;

use super::{ScimFailure, ScimReply, TargetConnection};
use crate::ScimKind;
use crate::classify::{RequestAction, TransportBreak, explain_status, of_break, of_status};
use crate::decode::TargetComplaint;
use crate::redact::Redactor;

/// A request to a target.
#[derive(Debug)]
pub(super) struct ScimRequest<'a> {
    pub action: RequestAction,
    pub kind: ScimKind,
    pub id: Option<&'a str>,
    pub filter: Option<(String, &'a [(&'a str, &'a str)])>,
    pub query: Vec<(&'static str, String)>,
    pub body: Option<Value>,
    /// The version of the resource that the request may change (`If-Match`).
    pub if_match: Option<&'a str>,
    /// The endpoint, if it is not that of the kind.
    pub document: Option<&'static str>,
}

impl ScimRequest<'_> {
    pub(super) fn new(action: RequestAction, kind: ScimKind) -> Self {
        Self {
            action,
            kind,
            id: None,
            filter: None,
            query: Vec::new(),
            body: None,
            if_match: None,
            document: None,
        }
    }
}

/// A response body, as far as it can be parsed.
#[derive(Debug)]
pub(super) enum AnswerBody {
    Json(Value),
    /// The body is empty, text, a web page, or broken.
    Opaque,
    /// The body is longer than the profile allows; it is not read to the end.
    TooLong,
}

/// An answer with a success status.
#[derive(Debug)]
pub(super) struct SuccessAnswer {
    pub status: u16,
    pub location: Option<String>,
    /// The `ETag` header.
    pub version: Option<String>,
    pub body: AnswerBody,
}

impl SuccessAnswer {
    /// Returns the failure for a read whose answer is neither a resource nor a list.
    pub(super) fn unreadable(&self) -> ScimFailure {
        let (class, message) = match self.body {
            AnswerBody::TooLong => (AttemptClass::Permanent, "the answer is longer than the profile allows"),
            _ => (AttemptClass::Transient, "the answer cannot be understood"),
        };
        ScimFailure { status: Some(self.status), ..ScimFailure::new(class, message) }
    }
}

/// The reply to one request with its successful answer.
pub(super) type ExchangeResult = ScimReply<SuccessAnswer>;

/// Returns the HTTP method of an action.
pub(super) fn http_method(action: RequestAction) -> Method {
    match action {
        RequestAction::List | RequestAction::Read => Method::GET,
        RequestAction::Create => Method::POST,
        RequestAction::Patch => Method::PATCH,
        RequestAction::Replace => Method::PUT,
        RequestAction::Delete => Method::DELETE,
    }
}

/// Sends `call` once.
pub(super) async fn send_request(
    http: &reqwest::Client,
    connection: &TargetConnection,
    pass: Result<AuthorizationHeader, ScimFailure>,
    call: ScimRequest<'_>,
) -> ExchangeResult {
    let secret = pass.as_ref().map_or("", |pass| pass.secret.as_str());
    let mut redactor = Redactor::new(call.kind, secret);
    let exchange = RequestExchange {
        method: http_method(call.action).to_string(),
        path: shown_path(
            call.document.unwrap_or(connection.profile.endpoint(call.kind)),
            &call,
            &mut redactor,
        ),
        request_body: call.body.as_ref().map(|body| redactor.request(body)),
        status: None,
        response_body: None,
    };
    if call.id.is_some_and(|id| matches!(id, "" | "." | "..")) {
        let failure = ScimFailure::new(
            of_break(call.action, TransportBreak::Building),
            "the remote id cannot be part of a URL",
        );
        return ScimReply {
            outcome: Err(failure),
            exchange,
            duration: Duration::ZERO,
            requests: 0,
            spent: None,
        };
    }
    let pass = match pass {
        Ok(pass) => pass,
        Err(failure) => {
            return ScimReply {
                outcome: Err(failure),
                exchange,
                duration: Duration::ZERO,
                requests: 0,
                spent: None,
            };
        }
    };
    let mut request = http.request(http_method(call.action), request_url(connection, &call));
    request = request.header(pass.name, pass.value);
    if let Some(body) = &call.body {
        // The header is only set with a body: some servers refuse a DELETE that announces JSON and has none.
        request = request.header(CONTENT_TYPE, "application/scim+json").body(body.to_string());
    }
    if let Some(version) = call.if_match.and_then(|version| HeaderValue::try_from(version).ok()) {
        request = request.header(IF_MATCH, version);
    }
    let started = Instant::now();
    let received = receive_answer(request, connection.profile.response_bytes_max).await;
    let duration = started.elapsed();
    tracing::debug!(
        method = exchange.method,
        endpoint = call.kind.endpoint(),
        status = received.as_ref().ok().map(|r| r.status),
        duration_ms = duration.as_millis() as u64,
        "target answered or failed to"
    );
    conclude_exchange(
        connection,
        &call,
        &redactor,
        received,
        ScimReply { outcome: Ok(()), exchange, duration, requests: 1, spent: None },
    )
}

/// Builds the URL of a request.
fn request_url(connection: &TargetConnection, call: &ScimRequest<'_>) -> Url {
    let mut url = connection.base_url.clone();
    let endpoint = call.document.unwrap_or(connection.profile.endpoint(call.kind));
    let mut path = format!("{}/{endpoint}", url.path().trim_end_matches('/'));
    if let Some(id) = call.id {
        path.push('/');
        path.push_str(&encode_segment(id));
    }
    url.set_path(&path);
    let filter = call.filter.iter().map(|(filter, _)| ("filter", filter.as_str()));
    let query: Vec<String> = filter
        .chain(call.query.iter().map(|(name, value)| (*name, value.as_str())))
        .map(|(name, value)| format!("{name}={}", encode_segment(value)))
        .collect();
    url.set_query((!query.is_empty()).then(|| query.join("&")).as_deref());
    url
}

/// Returns path and query for display: unencoded, with the values of filters masked.
fn shown_path(endpoint: &str, call: &ScimRequest<'_>, redactor: &mut Redactor) -> String {
    let mut path = format!("/{endpoint}");
    if let Some(id) = call.id {
        path.push('/');
        path.push_str(&encode_segment(id));
    }
    let terms = call.filter.iter().flat_map(|(_, terms)| terms.iter());
    let filter: Vec<String> =
        terms.map(|(name, value)| format!("{name} eq \"{}\"", redactor.filter_value(name, value))).collect();
    let filter = (!filter.is_empty()).then(|| format!("filter={}", filter.join(" or ")));
    let query: Vec<String> =
        filter.into_iter().chain(call.query.iter().map(|(name, value)| format!("{name}={value}"))).collect();
    if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
}

/// An answer as received.
struct RawAnswer {
    status: u16,
    location: Option<String>,
    headers: reqwest::header::HeaderMap,
    raw: Vec<u8>,
    too_long: bool,
    /// The error, if the body ended early.
    cut: Option<reqwest::Error>,
}

/// Sends the request and reads the answer, up to `limit` bytes of its body.
async fn receive_answer(request: reqwest::RequestBuilder, limit: usize) -> Result<RawAnswer, reqwest::Error> {
    let mut response = request.send().await?;
    let location = response.headers().get(LOCATION).and_then(|l| l.to_str().ok()).map(str::to_owned);
    let mut received = RawAnswer {
        status: response.status().as_u16(),
        location,
        headers: response.headers().clone(),
        raw: Vec::new(),
        too_long: false,
        cut: None,
    };
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if received.raw.len() + chunk.len() > limit => {
                received.raw.extend_from_slice(&chunk[..limit - received.raw.len()]);
                received.too_long = true;
                return Ok(received);
            }
            Ok(Some(chunk)) => received.raw.extend_from_slice(&chunk),
            Ok(None) => return Ok(received),
            Err(error) => {
                received.cut = Some(error);
                return Ok(received);
            }
        }
    }
}

/// Classifies the answer, and completes the reply with the redacted exchange.
fn conclude_exchange(
    connection: &TargetConnection,
    call: &ScimRequest<'_>,
    redactor: &Redactor,
    received: Result<RawAnswer, reqwest::Error>,
    reply: ScimReply<()>,
) -> ExchangeResult {
    let ScimReply { mut exchange, duration, requests, mut spent, .. } = reply;
    let outcome = match received {
        Err(error) => Err(broken_exchange(call.action, redactor, error)),
        Ok(received) => {
            let json = (!received.too_long && received.cut.is_none())
                .then(|| serde_json::from_slice::<Value>(&received.raw).ok())
                .flatten();
            let class = match connection.profile.is_done(&exchange.method, received.status) {
                true => AttemptClass::Success,
                false => of_status(call.action, received.status),
            };
            exchange.status = Some(received.status);
            let cap = Duration::from_secs(connection.profile.retry_after_cap_seconds);
            spent =
                retry_after::budget_pause(&received.headers, retry_after::remote_now(&received.headers), cap);
            exchange.response_body =
                redactor.response(class == AttemptClass::Success, &received.raw, json.as_ref());
            judge_answer(connection, call.action, redactor, class, received, json)
        }
    };
    ScimReply { outcome, exchange, duration, requests, spent }
}

/// Converts an answer to a result by its class.
fn judge_answer(
    connection: &TargetConnection,
    action: RequestAction,
    redactor: &Redactor,
    class: AttemptClass,
    received: RawAnswer,
    json: Option<Value>,
) -> Result<SuccessAnswer, ScimFailure> {
    let status = received.status;
    if class == AttemptClass::Success {
        if let Some(error) = received.cut {
            return Err(ScimFailure { status: Some(status), ..broken_exchange(action, redactor, error) });
        }
        let changes = !matches!(action, RequestAction::List | RequestAction::Read);
        if status == 200 && changes && json.is_none() && is_page(&received.raw) {
            let failure =
                ScimFailure::new(AttemptClass::OutcomeUnknown, "the answer is a web page, not one of SCIM");
            return Err(ScimFailure { status: Some(status), ..failure });
        }
        let body = match json {
            Some(json) => AnswerBody::Json(json),
            None if received.too_long => AnswerBody::TooLong,
            None => AnswerBody::Opaque,
        };
        let version = received.headers.get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        return Ok(SuccessAnswer { status, location: received.location, version, body });
    }
    let complaint = match &json {
        Some(json) => TargetComplaint::from_value(json),
        None => TargetComplaint::from_text(&String::from_utf8_lossy(&received.raw)),
    };
    let words = [explain_status(action, status), complaint.scim_type.as_deref(), complaint.detail.as_deref()];
    let words: Vec<&str> = words.into_iter().flatten().collect();
    let message =
        if words.is_empty() { status.to_string() } else { format!("{status}: {}", words.join(": ")) };
    let cap = Duration::from_secs(connection.profile.retry_after_cap_seconds);
    Err(ScimFailure {
        class,
        message: redactor.message(&message),
        retry_after: retry_after::requested_pause(
            &received.headers,
            retry_after::remote_now(&received.headers),
            cap,
        ),
        scim_type: complaint.scim_type.map(|scim_type| redactor.message(&scim_type)),
        status: Some(status),
    })
}

/// Returns `true` if the body is a sign-in page, or the page of a proxy that
/// answers everything with 200. Such a page does not come from the target.
fn is_page(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

/// Returns the failure for a request that got no complete answer.
fn broken_exchange(action: RequestAction, redactor: &Redactor, error: reqwest::Error) -> ScimFailure {
    let at = match &error {
        error if error.is_builder() => TransportBreak::Building,
        error if error.is_connect() => TransportBreak::Connecting,
        _ => TransportBreak::Exchanging,
    };
    let what = match at {
        TransportBreak::Building => "the request cannot be built",
        TransportBreak::Connecting => "the target cannot be reached",
        TransportBreak::Exchanging if error.is_timeout() => "no answer in time",
        TransportBreak::Exchanging => "the connection broke",
    };
    // The first error of the chain contains the URL, and with it the filter; the last one is the reason.
    let mut reason = error.source();
    while let Some(deeper) = reason.and_then(Error::source) {
        reason = Some(deeper);
    }
    let message = reason.map_or_else(|| what.to_owned(), |reason| format!("{what}: {reason}"));
    ScimFailure::new(of_break(action, at), redactor.message(&message))
}

//! Replies to requests.

use std::time::Duration;

use lifecycle::{AttemptClass, RequestExchange};
use outbound::PassError;

use super::exchange::http_method;
use crate::ScimKind;
use crate::classify::RequestAction;

/// The reply to a request: its outcome and the exchange.
#[derive(Debug, Clone)]
pub struct ScimReply<T> {
    /// The result, or the failure with its class.
    pub outcome: Result<T, ScimFailure>,
    /// The last request and its answer, redacted.
    pub exchange: RequestExchange,
    /// The time from the first byte sent to the last one read.
    pub duration: Duration,
    /// The number of requests sent: usually 1; 0 if no request
    /// could be sent; more for a lookup of several pages.
    pub requests: u32,
    /// The time for which the target allows no more requests (`RateLimit-Remaining: 0` and similar headers).
    pub spent: Option<Duration>,
}

impl<T> ScimReply<T> {
    pub(super) fn map<U>(self, f: impl FnOnce(T) -> Result<U, ScimFailure>) -> ScimReply<U> {
        let Self { outcome, exchange, duration, requests, spent } = self;
        ScimReply { outcome: outcome.and_then(f), exchange, duration, requests, spent }
    }

    /// Returns the class of the outcome, which determines the next step.
    pub fn class(&self) -> AttemptClass {
        self.outcome.as_ref().map_or_else(|failure| failure.class, |_| AttemptClass::Success)
    }
}

/// The failure of a request, with its class for the next step.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct ScimFailure {
    /// The class, which determines the next step.
    pub class: AttemptClass,
    /// A description, redacted, of at most 300 characters.
    pub message: String,
    /// The time that the target asks to wait, capped by the profile.
    pub retry_after: Option<Duration>,
    /// The target's error keyword (RFC 7644 table 9).
    pub scim_type: Option<String>,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
}

impl ScimFailure {
    pub(crate) fn new(class: AttemptClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), retry_after: None, scim_type: None, status: None }
    }
}

impl From<PassError> for ScimFailure {
    fn from(PassError { class, message }: PassError) -> Self {
        Self::new(class, message)
    }
}

/// Returns the reply to a request that was not sent.
pub(super) fn refused_reply<T>(action: RequestAction, kind: ScimKind, why: &str) -> ScimReply<T> {
    let exchange = RequestExchange {
        method: http_method(action).to_string(),
        path: format!("/{}", kind.endpoint()),
        request_body: None,
        status: None,
        response_body: None,
    };
    let outcome = Err(ScimFailure::new(AttemptClass::Permanent, why));
    ScimReply { outcome, exchange, duration: Duration::ZERO, requests: 0, spent: None }
}

//! The client that reads JSON from the API of a source.

use std::error::Error;
use std::time::Duration;

use lifecycle::AttemptClass;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LINK, USER_AGENT};
use reqwest::{StatusCode, Url};
use serde_json::Value;

use crate::{Authenticator, HttpClientOptions, PassError, SourceCredential, build_http_client, retry_after};

/// The maximum number of idle connections that are kept open.
const IDLE_CONNECTIONS_MAX: usize = 4;

/// The settings of a [`SourceClient`].
#[derive(Debug, Clone)]
pub struct AskerOptions {
    /// The credential for the API; `None` if the API needs none.
    pub credential: Option<SourceCredential>,
    /// The additional headers of each request.
    pub headers: Vec<(String, String)>,
    /// The timeout of one request in total.
    pub timeout: Duration,
    /// The maximum size of an answer, in bytes.
    pub answer_bytes_max: usize,
    /// The maximum pause that is observed, regardless of the pause that the API asks for.
    pub retry_after_max: Duration,
}

/// The reason that a client cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// A header cannot be sent.
    #[error("the header `{0}` cannot be sent: write a name and a value of ASCII characters")]
    Header(String),
    /// The credential cannot be sent.
    #[error("the credential is empty or has characters that no header can hold")]
    Credential,
    /// The HTTP client could not be set up.
    #[error("the HTTP client cannot be set up")]
    Http(#[source] reqwest::Error),
}

/// An answer with JSON in it.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonAnswer {
    /// The content.
    pub body: Value,
    /// The address of the next page, from the `Link` header (RFC 8288, `rel="next"`). It is not yet validated.
    pub next_link: Option<String>,
}

/// The reason that there is no answer, and its class.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AskFailure {
    /// The class, which decides the next step.
    pub class: AttemptClass,
    /// The reason in words. It contains nothing of the answer, the address or the credential.
    pub message: String,
    /// The pause that the API asks for.
    pub retry_after: Option<Duration>,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
}

impl AskFailure {
    fn new(class: AttemptClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), retry_after: None, status: None }
    }
}

impl From<PassError> for AskFailure {
    fn from(PassError { class, message }: PassError) -> Self {
        Self::new(class, message)
    }
}

/// The client for the API of one source.
#[derive(Debug)]
pub struct SourceClient {
    http: reqwest::Client,
    authenticator: Option<Authenticator>,
    answer_bytes_max: usize,
    retry_after_max: Duration,
}

impl SourceClient {
    /// Creates the client. Sends no request.
    ///
    /// # Errors
    /// Returns an error if a header or the credential cannot be sent.
    pub fn new(options: AskerOptions) -> Result<Self, AskError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static("usher"));
        for (name, value) in &options.headers {
            let pair = HeaderName::try_from(name).ok().zip(HeaderValue::try_from(value).ok());
            let (header, value) = pair.ok_or_else(|| AskError::Header(name.clone()))?;
            headers.insert(header, value);
        }
        let client = |headers| {
            let idle_connections_max = Some(IDLE_CONNECTIONS_MAX);
            let shared = HttpClientOptions::for_others(options.timeout);
            build_http_client(HttpClientOptions { headers, idle_connections_max, ..shared })
                .map_err(AskError::Http)
        };
        let authenticator = match options.credential {
            None => None,
            Some(credential) => Some(Authenticator::new(credential, client(HeaderMap::new())?)),
        };
        if authenticator.as_ref().is_some_and(|authenticator| !authenticator.check()) {
            return Err(AskError::Credential);
        }
        let (answer_bytes_max, retry_after_max) = (options.answer_bytes_max, options.retry_after_max);
        Ok(Self { http: client(headers)?, authenticator, answer_bytes_max, retry_after_max })
    }

    /// Requests `url` and returns its content.
    ///
    /// # Errors
    /// Returns an error for every answer except a success with JSON in it.
    pub async fn get(&self, url: Url) -> Result<JsonAnswer, AskFailure> {
        let mut request = self.http.get(url);
        if let Some(authenticator) = &self.authenticator {
            let pass = authenticator.pass().await?;
            request = request.header(pass.name, pass.value);
        }
        let answer = self.receive(request).await;
        if let (Err(AskFailure { class: AttemptClass::Unauthorised, .. }), Some(authenticator)) =
            (&answer, &self.authenticator)
        {
            authenticator.refused().await;
        }
        answer
    }

    async fn receive(&self, request: reqwest::RequestBuilder) -> Result<JsonAnswer, AskFailure> {
        let mut response = request.send().await.map_err(|error| broken_request(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        if !status.is_success() {
            return Err(self.refusal(status, &headers));
        }
        let of_answer = |failure: AskFailure| AskFailure { status: Some(status.as_u16()), ..failure };
        let mut raw = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| of_answer(broken_request(&error)))? {
            if raw.len() + chunk.len() > self.answer_bytes_max {
                let what = format!("the answer is longer than {} bytes", self.answer_bytes_max);
                return Err(of_answer(AskFailure::new(AttemptClass::Permanent, what)));
            }
            raw.extend_from_slice(&chunk);
        }
        let text = raw.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&raw);
        let body = serde_json::from_slice(text).map_err(|_| of_answer(unreadable_answer(text, &headers)))?;
        Ok(JsonAnswer { body, next_link: next_link(&headers) })
    }

    fn refusal(&self, status: StatusCode, headers: &HeaderMap) -> AskFailure {
        let retry_after =
            retry_after::requested_pause(headers, retry_after::remote_now(headers), self.retry_after_max);
        let (class, what) = match status.as_u16() {
            300..=399 => {
                (AttemptClass::Unavailable, "it redirects the request, and redirects are not followed")
            }
            401 | 403 | 407 => (AttemptClass::Unauthorised, "it refuses the credential"),
            404 | 410 => (AttemptClass::NotFound, "it has no such record"),
            429 => (AttemptClass::Throttled, "it gets too many requests"),
            503 if retry_after.is_some() => (AttemptClass::Throttled, "it asks for a pause"),
            502..=504 => (AttemptClass::Unavailable, "it is not available"),
            408 | 425 | 500..=599 => (AttemptClass::Transient, "it failed"),
            _ => (AttemptClass::Permanent, "it refuses the request"),
        };
        let message = format!("the API answers {}: {what}", status.as_u16());
        AskFailure { class, message, retry_after, status: Some(status.as_u16()) }
    }
}

/// Returns the failure for a successful answer without valid JSON.
fn unreadable_answer(text: &[u8], headers: &HeaderMap) -> AskFailure {
    let is_page = text.trim_ascii_start().starts_with(b"<");
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let what = match (text.is_empty(), is_page || media_type.starts_with("text/html")) {
        (true, _) => "the answer is empty",
        (_, true) => "the answer is a web page, not JSON",
        _ => "the answer is not JSON, or is incomplete",
    };
    AskFailure::new(AttemptClass::Transient, what)
}

/// Returns the address of the first link with `rel="next"`.
fn next_link(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    let links = values.flat_map(|value| value.split(",<").flat_map(|part| part.split(", <")));
    links.into_iter().find_map(|link| {
        let (address, parameters) = link.trim().trim_start_matches('<').split_once('>')?;
        let mut parameters = parameters.split(';').filter_map(|one| one.trim().split_once('='));
        let is_next = parameters.any(|(name, value)| {
            let value = value.trim().trim_matches('"');
            name.trim().eq_ignore_ascii_case("rel")
                && value.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("next"))
        });
        is_next.then(|| address.to_owned())
    })
}

/// Returns the failure for a request without a complete answer.
fn broken_request(error: &reqwest::Error) -> AskFailure {
    let (class, what) = match error {
        error if error.is_builder() => (AttemptClass::Permanent, "the request cannot be built"),
        error if error.is_connect() => (AttemptClass::Unavailable, "the API cannot be reached"),
        error if error.is_timeout() => (AttemptClass::Transient, "no answer in time"),
        _ => (AttemptClass::Transient, "the connection broke"),
    };
    // The first error of the chain contains the address, which may contain a key; the last error is the reason.
    let mut reason = error.source();
    while let Some(deeper) = reason.and_then(Error::source) {
        reason = Some(deeper);
    }
    AskFailure::new(class, reason.map_or_else(|| what.to_owned(), |reason| format!("{what}: {reason}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linked(values: &[&'static str]) -> Option<String> {
        let headers = values.iter().map(|value| (LINK, HeaderValue::from_static(value)));
        next_link(&headers.collect())
    }

    #[test]
    fn the_next_page_is_found_among_links() {
        assert_eq!(linked(&["<https://a/?p=2>; rel=\"next\""]).as_deref(), Some("https://a/?p=2"));
        assert_eq!(linked(&["<https://a/?p=1,2>; rel=prev, </?p=3>; rel=next"]).as_deref(), Some("/?p=3"));
        assert_eq!(linked(&["</1>; rel=first", "</9>; title=x; rel=\"last next\""]).as_deref(), Some("/9"));
        for none in ["</1>; rel=nextpage", "</1>", "", "rel=next", "</1; rel=next", "<>; rel"] {
            assert_eq!(linked(&[none]), None, "{none}");
        }
    }
}

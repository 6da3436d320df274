//! Problem documents (RFC 9457): the only form of an error answer.

use std::fmt;
use std::time::Duration;

use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::codes::{CODES, error_page_address};

/// The media type of a problem document.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// The maximum number of wrong fields that one problem lists.
pub const FIELD_ERRORS_MAX: usize = 100;

/// One wrong field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// JSON Pointer into the request body, or `header:<name>`.
    pub pointer: String,
    /// The fault, and the correct form.
    pub detail: String,
    /// The place of the fault, if the field is a text of several lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<TextPlace>,
}

/// A place in a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TextPlace {
    /// Line, from 1; 0 for the text as a whole.
    pub line: u64,
    /// Column, from 1; 0 for the text as a whole.
    pub column: u64,
    /// The wrong part of the expression or clause at this place, in bytes of its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<TextSpan>,
    /// The text to write instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The line with the fault underlined, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snippet: Option<String>,
}

/// A part of a text, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TextSpan {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// The wrong fields of one request, at most [`FIELD_ERRORS_MAX`] of them.
#[derive(Debug, Default)]
pub struct FieldErrors {
    list: Vec<FieldError>,
    unlisted: usize,
}

impl FieldErrors {
    /// Adds a wrong field. Beyond the limit it is only counted.
    pub fn add(&mut self, pointer: impl fmt::Display, detail: impl Into<String>) {
        if self.list.len() < FIELD_ERRORS_MAX {
            self.list.push(FieldError { pointer: pointer.to_string(), detail: detail.into(), place: None });
        } else {
            self.unlisted += 1;
        }
    }

    /// Adds a fault in a text of several lines.
    pub fn add_at(&mut self, pointer: impl fmt::Display, detail: impl Into<String>, place: TextPlace) {
        let listed = self.list.len();
        self.add(pointer, detail);
        if let Some(error) = self.list.get_mut(listed) {
            error.place = Some(place);
        }
    }

    /// Returns whether there are no wrong fields.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Returns the number of wrong fields, listed or not.
    pub fn len(&self) -> usize {
        self.list.len() + self.unlisted
    }

    /// Adds the errors to `problem`, whose detail then states their number.
    #[must_use]
    pub fn into_problem(self, mut problem: Problem) -> Problem {
        let count = self.len();
        let fields = if count == 1 { "field is" } else { "fields are" };
        problem.0.detail = format!("{}: {count} {fields} wrong", problem.0.detail);
        if self.unlisted > 0 {
            problem.0.detail.push_str(&format!(", the first {} are listed", self.list.len()));
        }
        problem.0.errors = self.list;
        problem
    }
}

/// A problem document and its headers. Cheap to move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem(Box<ProblemDocument>);

/// The content of a problem, before it is serialized.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ProblemDocument {
    status: StatusCode,
    code: &'static str,
    detail: String,
    errors: Vec<FieldError>,
    retry_after: Option<Duration>,
    allow: Option<&'static str>,
    request_id: Option<String>,
}

/// A problem document (RFC 9457).
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub(crate) struct ProblemBody<'a> {
    /// Address of the page that explains the code, relative to the server.
    #[serde(rename = "type")]
    kind: String,
    /// The HTTP status in words.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// The explanation, and the remedy.
    detail: &'a str,
    /// The stable code, for programs.
    code: &'a str,
    /// The request id, as in the header `x-request-id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    /// Each wrong field.
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    #[schema(value_type = Vec<FieldError>, required = false)]
    errors: &'a [FieldError],
}

impl Problem {
    /// Returns a problem with a stable `code` for programs and a `detail` for people.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        debug_assert!(
            CODES.iter().any(|(known, at, _)| *known == code && *at == status.as_u16()),
            "{code} with {status} is not in the table of codes"
        );
        Self(Box::new(ProblemDocument {
            status,
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            allow: None,
            request_id: None,
        }))
    }

    /// Returns a 400 problem with the given code.
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// Returns a 401 `unauthorised` problem. The response asks for a bearer token.
    pub fn unauthorised(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorised", detail)
    }

    /// Returns a 403 `forbidden` problem.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// Returns a 404 `not_found` problem.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// Returns a 413 `too_large` problem.
    pub fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
    }

    /// Returns a 415 `unsupported_media_type` problem.
    pub fn unsupported_media_type(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
    }

    /// Returns a 422 `invalid` problem with each wrong field.
    pub fn invalid(detail: impl Into<String>, errors: FieldErrors) -> Self {
        errors.into_problem(Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail))
    }

    /// Returns a 500 `internal` problem. It does not contain the cause, which is in the log under the request id.
    pub fn internal() -> Self {
        let detail = "Usher failed unexpectedly; the log has the cause under this request id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    /// Returns a 503 problem with the given code.
    pub fn unavailable(code: &'static str, detail: impl Into<String>, retry_after: Duration) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(retry_after)
    }

    /// Adds `Retry-After`, rounded up to whole seconds, at least one.
    #[must_use]
    pub fn retry_after(mut self, pause: Duration) -> Self {
        self.0.retry_after = Some(pause);
        self
    }

    /// Returns a 405 `method_not_allowed` problem. `allow` lists the accepted methods.
    pub fn method_not_allowed(detail: impl Into<String>, allow: &'static str) -> Self {
        let mut problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail);
        problem.0.allow = Some(allow);
        problem
    }

    /// Replaces the detail.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = detail.into();
        self
    }

    /// Adds one wrong field.
    #[must_use]
    pub fn with_error(mut self, pointer: impl fmt::Display, detail: impl Into<String>) -> Self {
        self.0.errors.push(FieldError { pointer: pointer.to_string(), detail: detail.into(), place: None });
        self
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// Returns the detail for people.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// Returns the wrong fields.
    pub fn errors(&self) -> &[FieldError] {
        &self.0.errors
    }

    /// Sets the request id that the document contains.
    pub(crate) fn set_request_id(&mut self, id: &str) {
        self.0.request_id = Some(id.to_owned());
    }

    /// Returns the document as JSON.
    pub(crate) fn body(&self) -> Vec<u8> {
        let document = &self.0;
        let wire = ProblemBody {
            kind: error_page_address(document.code),
            title: document.status.canonical_reason().unwrap_or("Error"),
            status: document.status.as_u16(),
            detail: &document.detail,
            code: document.code,
            request_id: document.request_id.as_deref(),
            errors: &document.errors,
        };
        serde_json::to_vec(&wire).expect("texts and numbers are always JSON")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.0.status.as_u16(), self.0.code, self.0.detail)
    }
}

impl std::error::Error for Problem {}

impl utoipa::PartialSchema for Problem {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        <ProblemBody<'_> as utoipa::PartialSchema>::schema()
    }
}

impl ToSchema for Problem {
    fn name() -> std::borrow::Cow<'static, str> {
        "Problem".into()
    }

    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>) {
        <ProblemBody<'_> as ToSchema>::schemas(schemas);
        schemas.push((FieldError::name().into(), <FieldError as utoipa::PartialSchema>::schema()));
    }
}

impl IntoResponse for Problem {
    /// Keeps the problem in the response's extensions: [`crate::protect`] reads it there to add the request id, and a
    /// metrics layer may read its code.
    fn into_response(self) -> Response {
        let mut response = (self.0.status, self.body()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(pause) = self.0.retry_after {
            let seconds = pause.as_secs() + u64::from(pause.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if self.0.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"usher\""));
        }
        if let Some(methods) = self.0.allow {
            headers.insert(ALLOW, HeaderValue::from_static(methods));
        }
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_limit_is_listed_but_all_are_counted() {
        let mut errors = FieldErrors::default();
        (0..150).for_each(|n| errors.add(format!("/{n}"), "wrong"));
        let problem = Problem::invalid("the events", errors);
        assert_eq!(problem.errors().len(), FIELD_ERRORS_MAX);
        assert_eq!(problem.detail(), "the events: 150 fields are wrong, the first 100 are listed");
    }

    #[test]
    fn a_pause_is_rounded_up_to_whole_seconds() {
        let after = |ms| {
            let problem = Problem::unavailable("overloaded", "later", Duration::from_millis(ms));
            problem.into_response().headers()[RETRY_AFTER].to_str().unwrap().to_owned()
        };
        assert_eq!([after(0), after(1000), after(1001)], ["1", "1", "2"]);
    }
}

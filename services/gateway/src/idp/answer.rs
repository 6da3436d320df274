//! Responses: SCIM documents, and SCIM errors for every kind of failure.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{ALLOW, CONTENT_TYPE, ETAG, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bus::PublishError;
use edge::Problem;
use scim_service::{ResourceTree, SCIM_JSON, ScimServiceError};
use serde_json::Value;
use store::StoreError;
use telemetry::chain;

/// The default delay of `Retry-After`.
const PAUSE: Duration = Duration::from_secs(2);

/// The reason why a request is refused, as a SCIM error with response headers.
#[derive(Debug)]
pub(super) struct ScimRefusal {
    error: ScimServiceError,
    /// The label in metrics.
    code: &'static str,
    retry_after: Option<Duration>,
    /// The methods that the path supports, for the `Allow` header.
    allow: Option<&'static str>,
}

/// The result of a SCIM request.
pub(super) type ScimOutcome<T> = Result<T, ScimRefusal>;

impl ScimRefusal {
    pub(super) fn error(&self) -> &ScimServiceError {
        &self.error
    }

    /// Returns a 401.
    pub(super) fn unauthorised(detail: &str) -> Self {
        Self {
            error: ScimServiceError::new(401, detail),
            code: "unauthorised",
            retry_after: None,
            allow: None,
        }
    }

    /// Returns a 405 that names the supported methods.
    pub(super) fn not_allowed(methods: &'static str) -> Self {
        let error = ScimServiceError::new(405, "this path does not take this method");
        Self { error, code: "method_not_allowed", retry_after: None, allow: Some(methods) }
    }
}

impl From<ScimServiceError> for ScimRefusal {
    fn from(error: ScimServiceError) -> Self {
        let code = error.scim_type.unwrap_or(match error.status {
            404 => "not_found",
            412 => "precondition_failed",
            413 => "too_large",
            415 => "unsupported_media_type",
            500 => "internal",
            _ => "refused",
        });
        Self { error, code, retry_after: None, allow: None }
    }
}

impl From<Problem> for ScimRefusal {
    fn from(problem: Problem) -> Self {
        let mut error = ScimServiceError::new(problem.status().as_u16(), problem.detail());
        if error.status == 400 || error.status == 422 {
            error = ScimServiceError::invalid_syntax(problem.detail());
        }
        let code = problem.code();
        let response = problem.into_response();
        let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        Self { error, code, retry_after: seconds.map(Duration::from_secs), allow: None }
    }
}

impl From<StoreError> for ScimRefusal {
    fn from(error: StoreError) -> Self {
        // The database's own message names constraints, but never the values that violate them.
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        tracing::error!(error = chain(&error), cause, "the database cannot be used");
        let detail = "the database cannot be used now; repeating the request later is safe";
        Self {
            error: ScimServiceError::new(503, detail),
            code: "not_stored",
            retry_after: Some(PAUSE),
            allow: None,
        }
    }
}

impl From<PublishError> for ScimRefusal {
    fn from(error: PublishError) -> Self {
        tracing::warn!(error = chain(&error), "a change is not known to be on the stream yet");
        let detail = "the change is not known to be durably stored; repeating the request is safe";
        Self {
            error: ScimServiceError::new(503, detail),
            code: "not_stored",
            retry_after: Some(PAUSE),
            allow: None,
        }
    }
}

impl IntoResponse for ScimRefusal {
    fn into_response(self) -> Response {
        telemetry::metrics::ingest_rejected(self.code);
        let status = StatusCode::from_u16(self.error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = scim_document(status, &self.error.body());
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(pause) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(pause.as_secs().max(1)));
        }
        if let Some(methods) = self.allow {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
        }
        response
    }
}

/// Builds a response with a SCIM document.
pub(super) fn scim_document(status: StatusCode, body: &Value) -> Response {
    let json = serde_json::to_vec(body).unwrap_or_default();
    let mut response = Response::new(Body::from(json));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(SCIM_JSON));
    response
}

/// Builds a response with a resource. `whole` is the resource before attributes were left out.
pub(super) fn resource_response(status: StatusCode, whole: &ResourceTree, shown: ResourceTree) -> Response {
    let mut response = scim_document(status, &Value::Object(shown));
    with_meta(&mut response, whole);
    response
}

/// Builds a response without a body, with the resource's location and version in the headers.
pub(super) fn empty_response(status: StatusCode, whole: &ResourceTree) -> Response {
    let mut response = status.into_response();
    with_meta(&mut response, whole);
    response
}

/// Adds the `Location` and `ETag` headers of a resource.
fn with_meta(response: &mut Response, whole: &ResourceTree) {
    for (name, field) in [(LOCATION, "location"), (ETAG, "version")] {
        let value = whole.get("meta").and_then(|meta| meta.get(field)?.as_str());
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
}

//! The layers around every HTTP server: request ids, panics as problems, and problems for unknown paths and methods.

use std::any::Any;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;

use crate::Problem;

/// The header that carries the request id in and out.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The maximum length of a request id that is accepted from a caller, in bytes.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// The id of one request, in the extensions of each request behind [`protect_router`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// Returns the caller's id if it is printable ASCII without spaces and short, or a new random one.
    fn of(request: &Request) -> Self {
        let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
        let usable = |id: &&str| {
            (1..=REQUEST_ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
        };
        Self(
            given
                .filter(usable)
                .map_or_else(|| format!("req_{}", uuid::Uuid::now_v7().simple()), str::to_owned),
        )
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Wraps a finished router. Request ids are read, returned and added to problems; a panic is a 500 problem; unknown paths and methods are
/// 404 and 405 problems. Add routes and layers that need the request id before, and nothing after.
pub fn protect_router(router: Router) -> Router {
    router
        .fallback(|| async { Problem::not_found("there is nothing at this path") })
        .method_not_allowed_fallback(|| async {
            let detail =
                "this path does not accept this method; the header `allow` lists the accepted methods";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
        })
        .layer(CatchPanicLayer::custom(answer_panic as fn(Box<dyn Any + Send>) -> Response))
        .layer(from_fn(identify_request))
}

/// Answers a panic with a 500 problem. The panic hook has logged the message and the place; the caller learns neither.
fn answer_panic(_: Box<dyn Any + Send>) -> Response {
    tracing::error!("a request handler panicked");
    Problem::internal().into_response()
}

/// Adds the request id to the request, to the response and to a problem in it.
async fn identify_request(mut request: Request, next: Next) -> Response {
    let id = RequestId::of(&request);
    request.extensions_mut().insert(id.clone());
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().get_mut::<Problem>() {
        problem.set_request_id(id.as_str());
        let body = problem.body();
        response.headers_mut().remove(axum::http::header::CONTENT_LENGTH);
        *response.body_mut() = body.into();
    }
    let value = HeaderValue::from_str(id.as_str()).expect("a request id is printable ASCII");
    response.headers_mut().insert(REQUEST_ID, value);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use axum::routing::get;
    use serde_json::Value;
    use tower::ServiceExt;

    async fn ask(method: &str, path: &str, id: &str) -> (Response, Value) {
        let router = Router::new().route("/fine", get(|| async { "fine" })).route(
            "/panics",
            get(|| async {
                if true {
                    panic!("the secret is 42")
                }
            }),
        );
        let request = Request::builder().method(method).uri(path).header(REQUEST_ID, id);
        let response = protect_router(router).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 10_000).await.unwrap();
        let value = serde_json::from_slice(&body).unwrap_or_default();
        (Response::from_parts(parts, Body::empty()), value)
    }

    #[tokio::test]
    async fn a_panic_is_a_problem_that_tells_nothing_but_its_request_id() {
        let (response, body) = ask("GET", "/panics", "abc").await;
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()[REQUEST_ID], "abc");
        assert_eq!((&body["code"], &body["requestId"]), (&"internal".into(), &"abc".into()));
        assert!(!body.to_string().contains("42"));
    }

    #[tokio::test]
    async fn unknown_paths_and_methods_are_problems() {
        let (response, body) = ask("GET", "/nowhere", "a").await;
        assert_eq!((response.status().as_u16(), &body["code"]), (404, &"not_found".into()));
        let (response, body) = ask("DELETE", "/fine", "a").await;
        assert_eq!((response.status().as_u16(), &body["code"]), (405, &"method_not_allowed".into()));
        assert_eq!(response.headers()["allow"], "GET,HEAD");
    }

    #[tokio::test]
    async fn a_request_id_that_is_too_long_is_replaced() {
        let (response, _) = ask("GET", "/fine", &"x".repeat(129)).await;
        let id = response.headers()[REQUEST_ID].to_str().unwrap();
        assert!(id.starts_with("req_"), "{id}");
        let (response, _) = ask("GET", "/fine", "x y").await;
        assert_ne!(response.headers()[REQUEST_ID], "x y");
    }
}

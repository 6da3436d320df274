//! The answer as it is sent, changed by a fault if there is one.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use telemetry::chain;

use crate::answer::SandboxAnswer;
use crate::connection::ConnectionHandle;
use crate::context::SandboxContext;
use crate::faults::InjectedFault;

const SCIM: &str = "application/scim+json";

/// The empty list that some proxies answer with.
const NOBODY: &str =
    r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0,"Resources":[]}"#;
const PAGE: &str = "<!doctype html><html><head><title>Service notice</title></head><body><h1>Please try again</h1></body></html>";

/// Returns the status that the client sees, or `None` if there is no answer at all.
pub(crate) fn shown_status(answer: &SandboxAnswer, fault: Option<&InjectedFault>) -> Option<u16> {
    match fault {
        None
        | Some(
            InjectedFault::Delay { .. }
            | InjectedFault::SlowDrip { .. }
            | InjectedFault::Pretend
            | InjectedFault::OtherIds,
        ) => Some(answer.status),
        Some(InjectedFault::HugeBody { .. } | InjectedFault::TruncatedBody) => {
            Some(if answer.body.is_empty() { 200 } else { answer.status })
        }
        Some(
            InjectedFault::Status { status, .. }
            | InjectedFault::HtmlBody { status }
            | InjectedFault::Redirect { status, .. },
        ) => Some(*status),
        Some(InjectedFault::EmptyBody | InjectedFault::EmptyList) => Some(200),
        Some(
            InjectedFault::ResetBeforeWork
            | InjectedFault::ResetAfterWork
            | InjectedFault::HangBeforeWork { .. }
            | InjectedFault::HangAfterWork { .. },
        ) => None,
    }
}

/// Returns an answer without a fault.
pub(crate) fn plain_response(answer: SandboxAnswer) -> Response {
    let body = Body::from(answer.body);
    build_response(answer.status, SCIM, answer.location, answer.retry_after, body)
}

/// Sends the answer as the fault requires.
pub(crate) async fn send_answer(
    world: &SandboxContext,
    line: &ConnectionHandle,
    mut answer: SandboxAnswer,
    fault: Option<InjectedFault>,
) -> Response {
    match fault {
        None | Some(InjectedFault::Delay { .. } | InjectedFault::Pretend) => plain_response(answer),
        Some(InjectedFault::Status { status, retry_after, scim_type, .. }) => {
            let error = SandboxAnswer::error(status, scim_type.as_deref(), "injected");
            plain_response(SandboxAnswer { retry_after, ..error })
        }
        Some(InjectedFault::ResetBeforeWork | InjectedFault::ResetAfterWork) => reset_connection(line),
        Some(InjectedFault::HangBeforeWork { millis } | InjectedFault::HangAfterWork { millis }) => {
            world.pause(Duration::from_millis(millis)).await;
            reset_connection(line)
        }
        Some(InjectedFault::TruncatedBody) => truncated_response(answer),
        Some(InjectedFault::HtmlBody { status }) => {
            build_response(status, "text/html", None, None, Body::from(PAGE))
        }
        Some(InjectedFault::SlowDrip { piece_bytes, millis }) => drip_response(answer, piece_bytes, millis),
        Some(InjectedFault::Redirect { status, location }) => {
            build_response(status, SCIM, Some(location), None, Body::empty())
        }
        Some(InjectedFault::HugeBody { bytes }) => {
            if answer.body.is_empty() {
                answer = SandboxAnswer::new(200, b"{}".to_vec());
            }
            pad_body(&mut answer.body, bytes);
            plain_response(answer)
        }
        Some(InjectedFault::EmptyBody) => build_response(200, SCIM, None, None, Body::empty()),
        Some(InjectedFault::OtherIds) => {
            give_other_ids(&mut answer.body);
            plain_response(answer)
        }
        Some(InjectedFault::EmptyList) => build_response(200, SCIM, None, None, Body::from(NOBODY)),
    }
}

/// Builds a response. If a fault is not valid HTTP, it is answered with 500.
fn build_response(
    status: u16,
    content_type: &'static str,
    location: Option<String>,
    retry_after: Option<String>,
    body: Body,
) -> Response {
    let mut builder = Response::builder().status(status);
    if status != 204 {
        builder = builder.header(header::CONTENT_TYPE, content_type);
    }
    if let Some(location) = location {
        builder = builder.header(header::LOCATION, location);
    }
    if let Some(wait) = retry_after {
        builder = builder.header(header::RETRY_AFTER, wait);
    }
    builder.body(body).unwrap_or_else(|error| {
        tracing::warn!(error = chain(&error), "a fault cannot be sent as it was injected");
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

fn reset_connection(line: &ConnectionHandle) -> Response {
    line.cut();
    Response::new(Body::empty())
}

/// Announces the whole body, sends half of it, and closes.
fn truncated_response(answer: SandboxAnswer) -> Response {
    let status = if answer.body.is_empty() { 200 } else { answer.status };
    let length = answer.body.len().max(2);
    let half = Bytes::from(answer.body).slice(..length.saturating_sub(1) / 2);
    let pieces = stream::unfold(Some(half), |piece| async move {
        if let Some(half) = piece {
            return Some((Ok(half), None));
        }
        // This gives the connection time to flush the first half.
        tokio::task::yield_now().await;
        Some((Err(io::Error::from(io::ErrorKind::UnexpectedEof)), None))
    });
    let mut response = build_response(status, SCIM, answer.location, None, Body::from_stream(pieces));
    response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    response
}

/// Sends the body in small pieces with pauses.
fn drip_response(answer: SandboxAnswer, piece_bytes: usize, millis: u64) -> Response {
    let body = Bytes::from(answer.body);
    let pieces = stream::unfold((body, true), move |(mut rest, first)| async move {
        if rest.is_empty() {
            return None;
        }
        if !first {
            tokio::time::sleep(Duration::from_millis(millis)).await;
        }
        let piece = rest.split_to(piece_bytes.clamp(1, rest.len()));
        Some((Ok::<_, Infallible>(piece), (rest, false)))
    });
    build_response(answer.status, SCIM, answer.location, answer.retry_after, Body::from_stream(pieces))
}

/// Gives each resource of a list a new random id.
fn give_other_ids(body: &mut Vec<u8>) {
    let Ok(mut list) = serde_json::from_slice::<serde_json::Value>(body) else { return };
    let resources = list.get_mut("Resources").and_then(serde_json::Value::as_array_mut);
    for resource in resources.into_iter().flatten() {
        resource["id"] = format!("other-{:x}", rand::random::<u64>()).into();
    }
    *body = list.to_string().into_bytes();
}

/// Adds padding to a JSON object, which stays valid.
fn pad_body(body: &mut Vec<u8>, bytes: usize) {
    body.pop();
    let comma = if body.len() > 1 { "," } else { "" };
    body.extend_from_slice(format!("{comma}\"padding\":\"").as_bytes());
    body.resize(body.len() + bytes, b'x');
    body.extend_from_slice(b"\"}");
}

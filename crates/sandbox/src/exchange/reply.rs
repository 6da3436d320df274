//! The answer on the wire, spoilt if a fault says so.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;

use crate::answer::Answer;
use crate::connection::Line;
use crate::faults::Fault;
use crate::sandbox::World;

const SCIM: &str = "application/scim+json";

/// What proxies say when they have nothing to say.
const NOBODY: &str =
    r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0,"Resources":[]}"#;
const PAGE: &str = "<!doctype html><html><head><title>Service notice</title></head><body><h1>Please try again</h1></body></html>";

/// The status that the client gets to see; `None`: no answer at all.
pub(crate) fn status(answer: &Answer, fault: Option<&Fault>) -> Option<u16> {
    match fault {
        None | Some(Fault::Delay { .. } | Fault::SlowDrip { .. } | Fault::Pretend | Fault::OtherIds) => {
            Some(answer.status)
        }
        Some(Fault::HugeBody { .. } | Fault::TruncatedBody) => {
            Some(if answer.body.is_empty() { 200 } else { answer.status })
        }
        Some(Fault::Status { status, .. } | Fault::HtmlBody { status } | Fault::Redirect { status, .. }) => {
            Some(*status)
        }
        Some(Fault::EmptyBody | Fault::EmptyList) => Some(200),
        Some(
            Fault::ResetBeforeWork
            | Fault::ResetAfterWork
            | Fault::HangBeforeWork { .. }
            | Fault::HangAfterWork { .. },
        ) => None,
    }
}

/// An answer that nothing happens to.
pub(crate) fn plain(answer: Answer) -> Response {
    let body = Body::from(answer.body);
    build(answer.status, SCIM, answer.location, answer.retry_after, body)
}

/// Sends the answer the way the fault wants it.
pub(crate) async fn send(world: &World, line: &Line, mut answer: Answer, fault: Option<Fault>) -> Response {
    match fault {
        None | Some(Fault::Delay { .. } | Fault::Pretend) => plain(answer),
        Some(Fault::Status { status, retry_after, scim_type, .. }) => {
            let error = Answer::error(status, scim_type.as_deref(), "injected");
            plain(Answer { retry_after, ..error })
        }
        Some(Fault::ResetBeforeWork | Fault::ResetAfterWork) => reset(line),
        Some(Fault::HangBeforeWork { millis } | Fault::HangAfterWork { millis }) => {
            world.pause(Duration::from_millis(millis)).await;
            reset(line)
        }
        Some(Fault::TruncatedBody) => truncated(answer),
        Some(Fault::HtmlBody { status }) => build(status, "text/html", None, None, Body::from(PAGE)),
        Some(Fault::SlowDrip { piece_bytes, millis }) => drip(answer, piece_bytes, millis),
        Some(Fault::Redirect { status, location }) => {
            build(status, SCIM, Some(location), None, Body::empty())
        }
        Some(Fault::HugeBody { bytes }) => {
            if answer.body.is_empty() {
                answer = Answer::new(200, b"{}".to_vec());
            }
            pad(&mut answer.body, bytes);
            plain(answer)
        }
        Some(Fault::EmptyBody) => build(200, SCIM, None, None, Body::empty()),
        Some(Fault::OtherIds) => {
            give_other_ids(&mut answer.body);
            plain(answer)
        }
        Some(Fault::EmptyList) => build(200, SCIM, None, None, Body::from(NOBODY)),
    }
}

fn build(
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
        tracing::warn!(%error, "a fault cannot be sent as it was injected");
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

fn reset(line: &Line) -> Response {
    line.cut();
    Response::new(Body::empty())
}

/// Announces the whole body, sends half of it, and closes.
fn truncated(answer: Answer) -> Response {
    let status = if answer.body.is_empty() { 200 } else { answer.status };
    let length = answer.body.len().max(2);
    let half = Bytes::from(answer.body).slice(..length.saturating_sub(1) / 2);
    let pieces = stream::unfold(Some(half), |piece| async move {
        if let Some(half) = piece {
            return Some((Ok(half), None));
        }
        // Gives the connection the chance to flush the first half.
        tokio::task::yield_now().await;
        Some((Err(io::Error::from(io::ErrorKind::UnexpectedEof)), None))
    });
    let mut response = build(status, SCIM, answer.location, None, Body::from_stream(pieces));
    response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    response
}

fn drip(answer: Answer, piece_bytes: usize, millis: u64) -> Response {
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
    build(answer.status, SCIM, answer.location, answer.retry_after, Body::from_stream(pieces))
}

/// Gives each resource of a list an id that it never had.
fn give_other_ids(body: &mut Vec<u8>) {
    let Ok(mut list) = serde_json::from_slice::<serde_json::Value>(body) else { return };
    let resources = list.get_mut("Resources").and_then(serde_json::Value::as_array_mut);
    for resource in resources.into_iter().flatten() {
        resource["id"] = format!("other-{:x}", rand::random::<u64>()).into();
    }
    *body = list.to_string().into_bytes();
}

/// Puts padding into a JSON object, which stays one.
fn pad(body: &mut Vec<u8>, bytes: usize) {
    body.pop();
    let comma = if body.len() > 1 { "," } else { "" };
    body.extend_from_slice(format!("{comma}\"padding\":\"").as_bytes());
    body.resize(body.len() + bytes, b'x');
    body.extend_from_slice(b"\"}");
}

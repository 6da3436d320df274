//! Request bodies: their size, time and depth are checked before anything is built from them.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use bytes::{Bytes, BytesMut};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Problem;
use crate::misfit::convert_body;
use crate::pace::BodyPace;

/// The maximum size of a body that [`JsonBody`] accepts, in bytes.
const JSON_BODY_BYTES_MAX: usize = 1024 * 1024;
/// The time that [`JsonBody`] waits for a body.
const JSON_BODY_TIME_MAX: Duration = Duration::from_secs(30);
/// The maximum nesting depth of values in [`JsonBody`].
const JSON_DEPTH_MAX: usize = 32;

/// Reads a body of at most `bytes_max` bytes within `time_max`.
///
/// # Errors
/// Returns 413 if the body is longer (announced or not), 408 if it does not arrive in time, 400 if it ends early.
pub async fn read_body(
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
    time_max: Duration,
) -> Result<Bytes, Problem> {
    read_paced_body(headers, body, bytes_max, time_max, BodyPace::new(time_max)).await
}

/// Reads a body as [`read_body`] does, which also has to arrive at `pace`.
///
/// # Errors
/// As [`read_body`]; 408 also if the body comes too slowly.
pub async fn read_paced_body(
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
    time_max: Duration,
    mut pace: BodyPace,
) -> Result<Bytes, Problem> {
    let too_large = || Problem::too_large(format!("a body may have at most {bytes_max} bytes"));
    let too_late = |detail: String| Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", detail);
    let announced = headers.get(axum::http::header::CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > bytes_max as u64) {
        return Err(too_large());
    }
    let mut stream = body.into_data_stream();
    let read = async {
        let mut all = BytesMut::new();
        loop {
            let chunk = pace.next(next_chunk(&mut stream), chunk_length).await;
            let Some(chunk) = chunk.map_err(|slow| too_late(slow.to_string()))? else { break };
            let chunk = chunk.map_err(|_| Problem::bad_request("body_broken", "the body broke off"))?;
            if all.len() + chunk.len() > bytes_max {
                return Err(too_large());
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    };
    let late = |_| too_late(format!("the body did not come within {} s", time_max.as_secs()));
    tokio::time::timeout(time_max, read).await.map_err(late)?
}

fn chunk_length(chunk: &Option<Result<Bytes, axum::Error>>) -> usize {
    chunk.as_ref().and_then(|chunk| chunk.as_ref().ok()).map_or(0, Bytes::len)
}

async fn next_chunk(stream: &mut axum::body::BodyDataStream) -> Option<Result<Bytes, axum::Error>> {
    use futures_util::StreamExt;
    stream.next().await
}

/// The reason that a body is not usable JSON. Positions count from one; the column is in bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The body is not UTF-8.
    #[error("the body is not UTF-8: byte {at} does not belong to a character")]
    NotUtf8 {
        /// The offset of the first wrong byte, from zero.
        at: usize,
    },
    /// The values nest too deep.
    #[error("line {line}, column {column}: values nest deeper than {max}")]
    TooDeep {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
        /// The limit.
        max: usize,
    },
    /// The body is not JSON.
    #[error("line {line}, column {column}: {reason}")]
    Malformed {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
        /// The expectation of the parser.
        reason: String,
    },
}

impl From<JsonError> for Problem {
    fn from(error: JsonError) -> Self {
        let detail = error.to_string();
        match error {
            JsonError::NotUtf8 { .. } => Self::bad_request("not_utf8", detail),
            JsonError::Malformed { .. } => Self::bad_request("malformed_json", detail),
            JsonError::TooDeep { .. } => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "too_deep", detail)
                .with_error("", "nests too deep"),
        }
    }
}

/// Parses JSON whose values nest at most `depth_max` deep (`[]` is one deep). A leading byte order mark is skipped, as
/// RFC 8259 allows.
///
/// # Errors
/// Returns the position of the error, without the content.
pub fn parse_json(body: &[u8], depth_max: usize) -> Result<Value, JsonError> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let text = std::str::from_utf8(body).map_err(|error| JsonError::NotUtf8 { at: error.valid_up_to() })?;
    // The check comes before the parser, which would build the tree first.
    if let Some(at) = too_deep_at(body, depth_max) {
        let (line, column) = position_of(body, at);
        return Err(JsonError::TooDeep { line, column, max: depth_max });
    }
    serde_json::from_str(text).map_err(malformed_json)
}

/// Returns the error with the position and the reason, without the parser's quotation of the content.
fn malformed_json(error: serde_json::Error) -> JsonError {
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or_default().to_owned();
    JsonError::Malformed { line: error.line(), column: error.column(), reason }
}

/// Returns the offset of the bracket that opens level `max + 1`. Brackets inside strings do not count.
fn too_deep_at(body: &[u8], max: usize) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (at, byte) in body.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' if depth == max => return Some(at),
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// Returns the line and the column of an offset, both from one.
fn position_of(body: &[u8], at: usize) -> (usize, usize) {
    let before = &body[..at];
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    (1 + before.iter().filter(|byte| **byte == b'\n').count(), at - line_start + 1)
}

/// The JSON body of a small request (at most 1 MiB). Failures are problems instead of axum's rejections.
#[derive(Debug, Clone, Copy, Default)]
pub struct JsonBody<T>(
    /// The value.
    pub T,
);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if !content_type.is_some_and(is_json) {
            return Err(Problem::unsupported_media_type("send the body as application/json"));
        }
        let body = read_body(&parts.headers, body, JSON_BODY_BYTES_MAX, JSON_BODY_TIME_MAX).await?;
        let value = parse_json(&body, JSON_DEPTH_MAX)?;
        convert_body(value).map(Self)
    }
}

/// Returns whether a content type is JSON.
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_counted_outside_strings_only() {
        assert!(parse_json(br#"[["[[[[\"[[["]]"#, 2).is_ok());
        assert!(parse_json(b"[[],[],[]]", 2).is_ok());
        assert!(parse_json(b"\xef\xbb\xbf[]", 2).is_ok(), "a byte order mark says nothing");
        assert!(parse_json(b"\xef\xbb\xbf\xef\xbb\xbf[]", 2).is_err());
        let error = parse_json(b"[\n [[]]]", 2).unwrap_err();
        assert_eq!(error, JsonError::TooDeep { line: 2, column: 3, max: 2 });
    }

    #[test]
    fn a_fault_is_named_by_its_place_without_the_content() {
        let error = parse_json(b"{\"salary\": 12,}", 8).unwrap_err();
        let JsonError::Malformed { line: 1, column: 15, reason } = &error else { panic!("{error}") };
        assert!(!reason.contains("salary") && !reason.contains("line"), "{reason}");
        assert_eq!(parse_json(b"\"\xff\"", 8).unwrap_err(), JsonError::NotUtf8 { at: 1 });
    }

    #[tokio::test]
    async fn a_body_that_is_too_long_is_refused_whether_it_says_so_or_not() {
        let none = HeaderMap::new();
        let wait = Duration::from_secs(5);
        assert_eq!(read_body(&none, Body::from("12345"), 5, wait).await.unwrap(), "12345");
        assert_eq!(read_body(&none, Body::from("123456"), 5, wait).await.unwrap_err().status(), 413);
        let announced = HeaderMap::from_iter([(axum::http::header::CONTENT_LENGTH, "6".parse().unwrap())]);
        assert_eq!(read_body(&announced, Body::empty(), 5, wait).await.unwrap_err().status(), 413);
    }
}

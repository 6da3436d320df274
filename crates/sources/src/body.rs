//! Decoding of a body to JSON.

use serde_json::Value;

use crate::error::{ErrorKind, ReadError};
use crate::request::NoticeRequest;
use crate::{DEPTH_MAX, form};

const FORM: &str = "application/x-www-form-urlencoded";

/// The support of a source for forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FormSupport {
    /// Only JSON is accepted.
    Refused,
    /// JSON and forms are accepted. The content type decides, or the first byte if there is none.
    Taken,
}

/// Returns the body as JSON. A form becomes an object.
pub(crate) fn read_body(request: &NoticeRequest<'_>, forms: FormSupport) -> Result<Value, ReadError> {
    let body = request.body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(request.body);
    let looks_like_json = matches!(body.trim_ascii_start().first(), Some(b'{' | b'[' | b'"') | None);
    let is_form = match request.essence().as_deref() {
        Some(FORM) => true,
        Some(_) => false,
        None => forms == FormSupport::Taken && !looks_like_json,
    };
    match (is_form, forms) {
        (false, _) => parse_json(body),
        (true, FormSupport::Taken) => form::read_form(body),
        (true, FormSupport::Refused) => {
            let what = "forms are not accepted from this source";
            Err(ReadError::new(ErrorKind::MediaType, "header:content-type", what, "send application/json"))
        }
    }
}

/// Parses the body as JSON with a limited depth.
fn parse_json(body: &[u8]) -> Result<Value, ReadError> {
    // The check comes before the parser, which would build the tree first.
    if is_too_deep(body) {
        let what = format!("the body nests deeper than {DEPTH_MAX}");
        return Err(ReadError::new(ErrorKind::TooMuch, "", what, "send flatter JSON"));
    }
    serde_json::from_slice(body).map_err(|error| {
        // The parser's own message could repeat the content.
        let place = format!("line {}, column {}", error.line(), error.column());
        let what = match error.classify() {
            serde_json::error::Category::Eof => format!("the body is not JSON: it ends too early ({place})"),
            _ => format!("the body is not JSON ({place})"),
        };
        ReadError::new(ErrorKind::Unreadable, "", what, "send one JSON value in UTF-8")
    })
}

/// Returns whether the body nests deeper than [`DEPTH_MAX`].
fn is_too_deep(body: &[u8]) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in body {
        match (in_text, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_text = !in_text,
            (false, b'{' | b'[') => depth += 1,
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return true;
        }
    }
    false
}

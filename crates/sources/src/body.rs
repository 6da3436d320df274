//! From bytes to JSON.

use serde_json::Value;

use crate::error::{Error, ErrorKind};
use crate::request::Request;
use crate::{DEPTH_MAX, form};

const FORM: &str = "application/x-www-form-urlencoded";

/// Whether a source may send forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forms {
    /// Only JSON.
    Refused,
    /// Both; the content type says which, or the first byte where there is none.
    Taken,
}

/// The body as JSON; a form becomes an object.
pub(crate) fn read(request: &Request<'_>, forms: Forms) -> Result<Value, Error> {
    let body = request.body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(request.body);
    let looks_like_json = matches!(body.trim_ascii_start().first(), Some(b'{' | b'[' | b'"') | None);
    let is_form = match request.essence().as_deref() {
        Some(FORM) => true,
        Some(_) => false,
        None => forms == Forms::Taken && !looks_like_json,
    };
    match (is_form, forms) {
        (false, _) => json(body),
        (true, Forms::Taken) => form::read(body),
        (true, Forms::Refused) => {
            let what = "forms are not taken from this source";
            Err(Error::new(ErrorKind::MediaType, "header:content-type", what, "send application/json"))
        }
    }
}

fn json(body: &[u8]) -> Result<Value, Error> {
    // Before the parser, which would build the tree first.
    if is_too_deep(body) {
        let what = format!("the body nests deeper than {DEPTH_MAX}");
        return Err(Error::new(ErrorKind::TooMuch, "", what, "send flatter JSON"));
    }
    serde_json::from_slice(body).map_err(|error| {
        // The parser's own words could repeat what is there.
        let place = format!("line {}, column {}", error.line(), error.column());
        let what = match error.classify() {
            serde_json::error::Category::Eof => format!("the body is no JSON: it ends too early ({place})"),
            _ => format!("the body is no JSON ({place})"),
        };
        Error::new(ErrorKind::Unreadable, "", what, "send one JSON value in UTF-8")
    })
}

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

//! The headers that every format shares: encoding, media type and trace context.

use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use edge::Problem;
use lifecycle::TraceContext;

/// Refuses a compressed body, because its length is known only after decompression.
pub(crate) fn refuse_compressed(headers: &HeaderMap) -> Result<(), Problem> {
    let identity = |encoding: &axum::http::HeaderValue| encoding.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(CONTENT_ENCODING).iter().all(identity) {
        return Ok(());
    }
    Err(Problem::unsupported_media_type("compressed bodies are not supported: send no content-encoding"))
}

/// Returns the content type without parameters, in lower case. Refuses a compressed body and a charset other than UTF-8.
pub(crate) fn media_type(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    refuse_compressed(headers)?;
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(None) };
    let text =
        value.to_str().map_err(|_| Problem::unsupported_media_type("the content-type is not ASCII"))?;
    let mut parts = text.split(';').map(|part| part.trim().to_ascii_lowercase());
    let essence = parts.next();
    let charset =
        parts.find_map(|part| part.strip_prefix("charset=").map(|name| name.trim_matches('"').to_owned()));
    match charset.as_deref() {
        None | Some("utf-8" | "utf8" | "us-ascii") => Ok(essence),
        Some(_) => Err(Problem::unsupported_media_type("only the charset utf-8 is supported")),
    }
}

/// Returns the W3C trace context of a request, if it has a valid one.
pub(crate) fn read_traceparent(headers: &HeaderMap) -> Option<TraceContext> {
    headers.get("traceparent")?.to_str().ok()?.parse().ok()
}

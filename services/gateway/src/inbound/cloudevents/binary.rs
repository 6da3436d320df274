//! CloudEvents attributes in HTTP headers.

use axum::http::{HeaderMap, HeaderValue};
use edge::FieldErrors;

use super::draft::{ATTRIBUTES, EventDraft};
use crate::intake::received::EventPlace;

/// Returns whether the request is in binary mode, judged by its headers.
pub(super) fn is_binary(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| name.as_str().starts_with("ce-"))
}

/// Reads the CloudEvents attributes from the headers.
pub(super) fn draft_from_headers(headers: &HeaderMap, errors: &mut FieldErrors) -> EventDraft {
    let mut draft = EventDraft::new(EventPlace::Headers);
    // The content type was checked already: binary data that is not JSON does not reach this function.
    for name in ATTRIBUTES.into_iter().filter(|name| *name != "datacontenttype") {
        let mut values = headers.get_all(format!("ce-{name}")).iter();
        let Some(value) = values.next() else { continue };
        if values.next().is_some() {
            draft.refuse(name, "is given more than once", errors);
            continue;
        }
        match decode_header(value) {
            Ok(text) => draft.set(name, text),
            Err(fault) => draft.refuse(name, fault, errors),
        }
    }
    draft
}

/// Reverses the encoding of the HTTP binding (§3.1.3.2): removes the quotes first, then decodes one round of percent-encoding.
fn decode_header(value: &HeaderValue) -> Result<String, &'static str> {
    let bytes = unquote_value(value.as_bytes())?;
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes.as_slice();
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        if *byte != b'%' {
            decoded.push(*byte);
            continue;
        }
        let digit = |at: usize| tail.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(0), digit(1)) else {
            return Err("has a % that two hexadecimal digits do not follow: write a percent sign as %25");
        };
        decoded.push(u8::try_from(high * 16 + low).expect("two hexadecimal digits are at most 255"));
        rest = &tail[2..];
    }
    String::from_utf8(decoded).map_err(|_| "is not UTF-8 after percent-decoding")
}

/// Removes the quotes and escapes of a quoted string. Any other value is returned unchanged.
fn unquote_value(bytes: &[u8]) -> Result<Vec<u8>, &'static str> {
    let Some(inner) = bytes.strip_prefix(b"\"") else { return Ok(bytes.to_vec()) };
    let mut unquoted = Vec::with_capacity(inner.len());
    let mut rest = inner.iter();
    loop {
        match rest.next() {
            Some(b'"') if rest.as_slice().is_empty() => return Ok(unquoted),
            Some(b'\\') => unquoted.extend(rest.next()),
            Some(b'"') | None => return Err("begins with a quote but is not a quoted string"),
            Some(byte) => unquoted.push(*byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_unquoted_and_then_percent_decoded_once() {
        let decoded = |bytes: &[u8]| decode_header(&HeaderValue::from_bytes(bytes).unwrap());
        assert_eq!(decoded(b"Euro%20%E2%82%AC%20%F0%9F%98%80").unwrap(), "Euro € 😀");
        assert_eq!(decoded(b"%2525").unwrap(), "%25");
        assert_eq!(decoded(br#""a \"b\" %41""#).unwrap(), "a \"b\" A");
        assert_eq!(decoded("Zoë".as_bytes()).unwrap(), "Zoë");
        assert_eq!(decoded(b"").unwrap(), "");
        for wrong in [&b"50%"[..], b"%4", b"%zz", b"%C3", b"\"open", b"\"a\"b", b"\"a\\"] {
            assert!(decoded(wrong).is_err(), "{wrong:?}");
        }
    }
}

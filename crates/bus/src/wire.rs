//! The wire format of messages: headers, and a versioned envelope around the body.

use async_nats::HeaderMap;
use lifecycle::{FactRecord, TraceContext};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::error::Category;

use crate::error::DecodeReason;

/// The version of every envelope.
pub(crate) const SCHEMA_VERSION: u64 = 1;
/// The header with [`SCHEMA_VERSION`], for routers that do not read bodies.
pub(crate) const SCHEMA_HEADER: &str = "Usher-Schema";
/// The header with a hash of what the sender of an event stated. It tells a reused id from a repeated request.
pub(crate) const CONTENT_HEADER: &str = "Usher-Content";
/// The header with the W3C trace context.
pub(crate) const TRACE_HEADER: &str = "traceparent";

/// The body of a message of [`crate::StreamName::Journal`]: facts of one kind from one service, oldest first.
#[derive(Debug, Clone, PartialEq, serde::Serialize, Deserialize)]
#[serde(transparent)]
pub struct FactBatch(pub Vec<FactRecord>);

impl IntoIterator for FactBatch {
    type Item = FactRecord;
    type IntoIter = std::vec::IntoIter<FactRecord>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// The names of the body in the envelope.
pub(crate) const EVENT: &str = "event";
pub(crate) const NOTICE: &str = "notice";
pub(crate) const COMMAND: &str = "command";
pub(crate) const DEAD_LETTER: &str = "deadLetter";

/// The envelope: `{"v": 1, "<name>": <body>}`.
struct WireEnvelope<'a, T> {
    name: &'static str,
    body: &'a T,
}

impl<T: Serialize> Serialize for WireEnvelope<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("v", &SCHEMA_VERSION)?;
        map.serialize_entry(self.name, self.body)?;
        map.end()
    }
}

/// Returns `body` in its envelope, as JSON.
pub(crate) fn wrap_body<T: Serialize>(name: &'static str, body: &T) -> String {
    serde_json::to_string(&WireEnvelope { name, body }).expect("domain types have only text as map keys")
}

/// Returns the envelope of facts that are already JSON.
pub(crate) fn wrap_facts(facts: &[String]) -> String {
    format!(r#"{{"v":{SCHEMA_VERSION},"facts":[{}]}}"#, facts.join(","))
}

/// An envelope with a body of any name.
#[derive(Deserialize)]
struct OpenedEnvelope<T> {
    v: u64,
    #[serde(alias = "event", alias = "notice", alias = "command", alias = "facts", alias = "deadLetter")]
    body: T,
}

/// The version of an envelope, read without its body.
#[derive(Deserialize)]
struct EnvelopeVersion {
    v: u64,
}

/// Returns the body inside the envelope.
pub(crate) fn unwrap_body<T: DeserializeOwned>(payload: &[u8]) -> Result<T, DecodeReason> {
    match serde_json::from_slice::<OpenedEnvelope<T>>(payload) {
        Ok(opened) if opened.v == SCHEMA_VERSION => Ok(opened.body),
        Ok(opened) => Err(DecodeReason::Version(opened.v)),
        Err(error) => Err(match serde_json::from_slice::<EnvelopeVersion>(payload) {
            Ok(EnvelopeVersion { v }) if v != SCHEMA_VERSION => DecodeReason::Version(v),
            _ => decode_reason(&error),
        }),
    }
}

/// Reads the payload of a message that was kept.
///
/// # Errors
/// Returns the reason that the payload cannot be read, without its content.
pub fn decode_payload<T: DeserializeOwned>(payload: &[u8]) -> Result<T, DecodeReason> {
    unwrap_body(payload)
}

/// Returns the payload of a message that carries `event`.
pub fn encode_event(event: &lifecycle::Event) -> String {
    wrap_body(EVENT, event)
}

/// Returns the position of the error without the parser's text, which quotes the content.
fn decode_reason(error: &serde_json::Error) -> DecodeReason {
    let (line, column) = (error.line(), error.column());
    match error.classify() {
        Category::Data => DecodeReason::Shape { line, column },
        Category::Io | Category::Syntax | Category::Eof => DecodeReason::Syntax { line, column },
    }
}

/// Returns the trace context in `headers`, if there is a valid one.
pub(crate) fn trace_of(headers: Option<&HeaderMap>) -> Option<TraceContext> {
    headers?.get(TRACE_HEADER)?.as_str().parse().ok()
}

/// Returns the hash of what a sender stated, from `headers`.
pub(crate) fn content_of(headers: Option<&HeaderMap>) -> Option<String> {
    Some(headers?.get(CONTENT_HEADER)?.as_str().to_owned())
}

/// Returns `id` as a header value. Anything but printable ASCII is percent-encoded, so different ids stay different.
pub(crate) fn header_safe(id: &str) -> String {
    let mut safe = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_graphic() && byte != b'%' {
            safe.push(char::from(byte));
        } else {
            safe.push_str(&format!("%{byte:02X}"));
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_survives_its_envelope() {
        let payload = wrap_body(EVENT, &vec![1, 2]);
        assert_eq!(payload, r#"{"v":1,"event":[1,2]}"#);
        assert_eq!(unwrap_body::<Vec<u8>>(payload.as_bytes()), Ok(vec![1, 2]));
        assert_eq!(unwrap_body::<Vec<u8>>(wrap_facts(&["7".to_owned()]).as_bytes()), Ok(vec![7]));
    }

    #[test]
    fn what_cannot_be_read_is_explained_without_its_content() {
        let shape = unwrap_body::<Vec<u8>>(br#"{"v":1,"event":"secret"}"#).unwrap_err();
        assert!(!shape.to_string().contains("secret"));
        assert!(matches!(shape, DecodeReason::Shape { line: 1, .. }));
        assert!(matches!(unwrap_body::<Vec<u8>>(b"secret").unwrap_err(), DecodeReason::Syntax { .. }));
        assert_eq!(unwrap_body::<Vec<u8>>(br#"{"v":2,"other":0}"#), Err(DecodeReason::Version(2)));
        assert_eq!(unwrap_body::<Vec<u8>>(br#"{"v":2,"event":[]}"#), Err(DecodeReason::Version(2)));
    }

    #[test]
    fn ids_stay_different_as_header_values() {
        assert_eq!(header_safe("t/user/Zoë\r\n%0/1"), "t/user/Zo%C3%AB%0D%0A%250/1");
    }
}

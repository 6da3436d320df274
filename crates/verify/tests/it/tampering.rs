//! A request with any byte changed is refused.

use proptest::prelude::*;
use serde_json::json;
use verify::NoticeRefusal;

use crate::request::{Request, vectors};

/// The parts of a request that are signed or carry a signature.
#[derive(Debug, Clone, Copy)]
enum Part {
    Body,
    Signature,
    Time,
    Id,
    Secret,
}

const PARTS: [Part; 5] = [Part::Body, Part::Signature, Part::Time, Part::Id, Part::Secret];

impl Part {
    fn header(self, request: &Request) -> Option<String> {
        let named = |word: &str| request.headers.keys().find(|name| name.contains(word)).cloned();
        match self {
            Self::Signature => Some(request.signature_header.clone()),
            Self::Time => named("time"),
            Self::Id => request.id.as_ref().and_then(|_| named("-id")),
            Self::Body | Self::Secret => None,
        }
    }

    /// Returns the bytes of the part; empty if the scheme has no such part.
    fn of(self, request: &Request) -> Vec<u8> {
        match self {
            Self::Body => request.body.clone(),
            Self::Secret => request.verifier["secrets"][0].as_str().unwrap().as_bytes().to_vec(),
            _ => self
                .header(request)
                .map(|name| request.headers[&name].clone().into_bytes())
                .unwrap_or_default(),
        }
    }

    /// Returns the request with the part replaced; `None` if the result cannot be sent or configured.
    fn exchanged(self, request: &Request, bytes: Vec<u8>) -> Option<Request> {
        let mut changed = request.clone();
        match self {
            Self::Body => changed.body = bytes,
            Self::Secret => changed.verifier["secrets"] = json!([String::from_utf8(bytes).ok()?]),
            _ => {
                changed.headers.insert(self.header(request)?, String::from_utf8(bytes).ok()?);
            }
        }
        Some(changed)
    }

    /// Returns whether a change is only another spelling of the same value: the case of hex, padding, and zero bytes at
    /// the end of a key, which HMAC adds to short keys anyway (RFC 2104, 2).
    fn only_spelling(self, request: &Request, at: usize, before: u8, after: u8) -> bool {
        match self {
            Self::Secret => before == b'=' && after == b'A',
            Self::Signature => {
                let hex =
                    request.verifier["encoding"] == "hex" || ["bamboohr", "gusto"].contains(&&*request.name);
                let digits_from =
                    if request.signature().starts_with("sha256=") { "sha256=".len() } else { 0 };
                let padding = before == b'=' && request.signature()[at..].bytes().all(|byte| byte == b'=');
                let blank = after == b',' || after.is_ascii_whitespace();
                if hex { at >= digits_from && before.eq_ignore_ascii_case(&after) } else { padding && blank }
            }
            Self::Body | Self::Time | Self::Id => false,
        }
    }
}

fn refused(request: &Request, part: Part, at: usize, byte: u8) {
    let mut bytes = part.of(request);
    let before = std::mem::replace(&mut bytes[at], byte);
    if before == byte || part.only_spelling(request, at, before, byte) {
        return;
    }
    if let Some(changed) = part.exchanged(request, bytes) {
        let answer = changed.verify();
        assert!(answer.is_err(), "{}: {part:?}[{at}] from {before} to {byte}", request.name);
        let stale = matches!(answer, Err(NoticeRefusal::Stale { .. } | NoticeRefusal::FromTheFuture { .. }));
        assert!(!stale, "{}: {part:?}: a changed notice is never called genuine", request.name);
    }
}

#[test]
fn every_other_byte_in_every_place_of_the_headers_and_the_secret_is_refused() {
    for request in vectors() {
        assert!(request.verify().is_ok(), "{}", request.name);
        for part in [Part::Signature, Part::Time, Part::Id, Part::Secret] {
            for at in 0..part.of(request).len() {
                (0..=127).for_each(|byte| refused(request, part, at, byte));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    #[test]
    fn a_request_with_one_other_byte_is_refused(
        which in any::<prop::sample::Index>(),
        part in prop::sample::select(&PARTS[..]),
        at in any::<prop::sample::Index>(),
        byte: u8,
    ) {
        let request = which.get(vectors());
        let length = part.of(request).len();
        if length > 0 {
            refused(request, part, at.index(length), byte);
        }
    }

    #[test]
    fn a_request_with_a_byte_more_or_less_is_refused(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        byte: u8,
        more: bool,
    ) {
        let mut request = which.get(vectors()).clone();
        let at = at.index(request.body.len());
        let until = if more { at } else { at + 1 };
        request.body.splice(at..until, more.then_some(byte));
        let refused = matches!(request.verify(), Err(NoticeRefusal::WrongSignature { .. }));
        prop_assert!(refused);
    }
}

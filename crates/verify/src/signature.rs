//! Parsing of the signatures in a header.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Serialize};

use crate::SIGNATURES_MAX;

/// Padding is optional, because senders disagree. Bits that belong to no byte must be zero, so that there is one spelling.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
pub(crate) const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// The encoding of a signature in its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignatureEncoding {
    /// Hexadecimal, in lower or upper case.
    Hex,
    /// Base64 with `+` and `/` (RFC 4648, 4), with or without padding.
    Base64,
    /// Base64 with `-` and `_` (RFC 4648, 5), with or without padding.
    Base64url,
}

/// One kind of signature: its prefix and its length.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SignatureForm<'a> {
    pub(crate) prefix: &'a str,
    pub(crate) length_bytes: usize,
}

/// Returns the signatures in `header` that have the form, decoded. Several signatures are separated by spaces or, if no
/// prefix contains a comma, by commas.
pub(crate) fn candidate_signatures<'h>(
    header: &'h str,
    commas_separate: bool,
    encoding: SignatureEncoding,
    form: SignatureForm<'h>,
) -> Vec<Vec<u8>> {
    header_words(header, commas_separate)
        .filter_map(|word| word.strip_prefix(form.prefix))
        .filter_map(|text| decode_signature(encoding, text))
        .filter(|bytes| bytes.len() == form.length_bytes)
        .collect()
}

/// Returns whether a header contains more signatures than are checked.
pub(crate) fn too_many(header: &str, commas_separate: bool) -> bool {
    header_words(header, commas_separate).nth(SIGNATURES_MAX).is_some()
}

/// Returns the non-empty words of a header.
fn header_words(header: &str, commas_separate: bool) -> impl Iterator<Item = &str> {
    let separates = move |c: char| c.is_ascii_whitespace() || (commas_separate && c == ',');
    // A header that was sent twice may have been joined with ", ".
    header.split(separates).map(|word| word.trim_matches(',')).filter(|word| !word.is_empty())
}

/// Decodes one signature.
fn decode_signature(encoding: SignatureEncoding, text: &str) -> Option<Vec<u8>> {
    match encoding {
        SignatureEncoding::Hex => hex::decode(text).ok(),
        SignatureEncoding::Base64 => BASE64.decode(text).ok(),
        SignatureEncoding::Base64url => BASE64_URL.decode(text).ok(),
    }
}

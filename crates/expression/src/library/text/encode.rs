//! Converts between text and bytes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The size of the header of a SID in bytes: revision, count, authority.
const SID_HEAD_BYTES: usize = 8;
/// The maximum number of sub-authorities in a SID.
const MAX_SUB_AUTHORITIES: usize = 15;

/// Returns the UTF-16 (little-endian) bytes of a text in base64.
pub(crate) fn utf16_base64(text: &str) -> String {
    STANDARD.encode(text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>())
}

/// Reads base64 whose bytes are text in `encoding`: `Unicode` (UTF-16, little-endian), `UTF8` or `ASCII`.
pub(crate) fn base64_decode(text: &str, encoding: &str) -> Result<String, String> {
    let bytes = STANDARD.decode(text.trim()).map_err(|_| "the text is not base64".to_owned())?;
    let decoded = match encoding.to_ascii_lowercase().as_str() {
        "unicode" | "utf16" | "utf-16" => {
            let (units, rest) = bytes.as_chunks::<2>();
            let units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
            String::from_utf16(&units).ok().filter(|_| rest.is_empty())
        }
        "utf8" | "utf-8" => String::from_utf8(bytes).ok(),
        "ascii" => String::from_utf8(bytes).ok().filter(|text| text.is_ascii()),
        _ => return Err("the encoding is none of Unicode, UTF8, ASCII".to_owned()),
    };
    decoded.ok_or_else(|| "the bytes are not text in this encoding".to_owned())
}

/// Returns the UTF-8 bytes of a text in upper-case hexadecimal.
pub(crate) fn utf8_hex(text: &str) -> String {
    hex::encode_upper(text)
}

/// Returns the text form (`S-1-5-...`) of a binary security identifier in base64. A SID in text form is returned unchanged.
pub(crate) fn string_from_sid(sid: &str) -> Result<String, String> {
    let sid = sid.trim();
    if sid.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("S-1-")) {
        return Ok(sid.to_owned());
    }
    let wrong = || "the value is not a security identifier in base64".to_owned();
    let bytes = STANDARD.decode(sid).map_err(|_| wrong())?;
    let (head, tail) = bytes.split_at_checked(SID_HEAD_BYTES).ok_or_else(wrong)?;
    let (parts, rest) = tail.as_chunks::<4>();
    let [revision, count, authority @ ..] = head else { return Err(wrong()) };
    if *revision != 1
        || !rest.is_empty()
        || parts.len() != usize::from(*count)
        || parts.len() > MAX_SUB_AUTHORITIES
    {
        return Err(wrong());
    }
    let authority = authority.iter().fold(0u64, |sum, byte| (sum << 8) | u64::from(*byte));
    let parts = parts.iter().map(|part| format!("-{}", u32::from_le_bytes(*part)));
    Ok(std::iter::once(format!("S-{revision}-{authority}")).chain(parts).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_encodings_come_out() {
        assert_eq!(utf16_base64("Hello world!"), "SABlAGwAbABvACAAdwBvAHIAbABkACEA");
        assert_eq!(base64_decode("SGVsbG8gd29ybGQh", "UTF8").as_deref(), Ok("Hello world!"));
        assert_eq!(utf8_hex("Hello world!"), "48656C6C6F20776F726C6421");
        assert!(base64_decode("/w==", "ASCII").is_err() && base64_decode("/w==", "Unicode").is_err());
        assert!(base64_decode("SGVs", "EBCDIC").is_err());
    }

    #[test]
    fn a_binary_sid_becomes_text() {
        let bytes = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0];
        assert_eq!(string_from_sid(&STANDARD.encode(bytes)).as_deref(), Ok("S-1-5-32-544"));
        assert_eq!(string_from_sid("S-1-5-18").as_deref(), Ok("S-1-5-18"));
        assert!(string_from_sid("AQ==").is_err() && string_from_sid("?").is_err());
    }
}

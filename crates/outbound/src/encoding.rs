//! Percent-encoding of path segments and query values (RFC 3986). Everything except unreserved characters is encoded,
//! so that every server reads `+`, `&`, `/` and spaces literally.

/// Encodes one path segment or query value.
pub fn encode_segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => {
                out.push('%');
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
    out
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Decodes one path segment. Invalid escapes stay as they are. Returns `None` if the result is not UTF-8.
pub fn decode_segment(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = (first == b'%').then(|| tail.get(..2)).flatten();
        match escaped.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = &tail[2..];
            }
            None => {
                out.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plus_ampersand_slash_and_space_are_escaped() {
        assert_eq!(encode_segment("a+b &c/d%"), "a%2Bb%20%26c%2Fd%25");
    }

    proptest! {
        #[test]
        fn any_text_is_decoded_to_what_was_encoded(text in ".*") {
            prop_assert_eq!(decode_segment(&encode_segment(&text)), Some(text));
        }
    }
}

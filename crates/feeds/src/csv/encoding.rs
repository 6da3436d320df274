//! Detection of the encoding of a file.

use serde::{Deserialize, Serialize};

/// The encoding of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum FileEncoding {
    /// The encoding is detected. A byte order mark decides it. Without one it is UTF-8, unless the first text beyond
    /// ASCII is not UTF-8; then it is Windows-1252.
    #[default]
    Detect,
    /// The given encoding, regardless of the content.
    Is(&'static encoding_rs::Encoding),
}

/// The error for a name that is not the name of an encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown encoding: write `detect`, `utf-8`, `utf-16le`, `utf-16be`, `windows-1252` or another name of the WHATWG"
)]
pub struct UnknownEncoding;

impl TryFrom<String> for FileEncoding {
    type Error = UnknownEncoding;

    fn try_from(name: String) -> Result<Self, UnknownEncoding> {
        let name = name.trim();
        // Only the byte order mark can tell which byte order `utf-16` has.
        if name.eq_ignore_ascii_case("detect") || name.eq_ignore_ascii_case("utf-16") {
            return Ok(Self::Detect);
        }
        encoding_rs::Encoding::for_label_no_replacement(name.as_bytes()).map(Self::Is).ok_or(UnknownEncoding)
    }
}

impl From<FileEncoding> for String {
    fn from(encoding: FileEncoding) -> Self {
        match encoding {
            FileEncoding::Detect => "detect".to_owned(),
            FileEncoding::Is(encoding) => encoding.name().to_ascii_lowercase(),
        }
    }
}

/// The likely encoding of bytes without a byte order mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DetectedEncoding {
    /// All of the bytes fit both encodings.
    Ascii,
    /// The first `ascii` bytes fit both encodings. The bytes after them may become a character of UTF-8.
    Ambiguous { ascii: usize },
    /// UTF-8.
    Utf8,
    /// Not UTF-8.
    Legacy,
}

/// Decides by all characters beyond ASCII in the chunk. If it has at least as many valid UTF-8 characters as invalid
/// bytes, the file is damaged UTF-8, and its bad rows are reported; otherwise each name would be read wrongly. Text in
/// Windows-1252 hardly ever looks like UTF-8.
pub(super) fn detect_encoding(chunk: &[u8], last: bool) -> DetectedEncoding {
    let (mut good, mut bad, mut rest) = (0usize, 0usize, chunk);
    loop {
        let (valid, fault) = match std::str::from_utf8(rest) {
            Ok(_) => (rest.len(), None),
            Err(error) => (error.valid_up_to(), Some(error.error_len())),
        };
        good += rest[..valid].iter().filter(|byte| **byte >= 0xC0).count();
        match fault {
            None => break,
            Some(Some(bytes)) => {
                bad += 1;
                rest = &rest[valid + bytes..];
            }
            Some(None) if !last && good == 0 && bad == 0 => {
                return DetectedEncoding::Ambiguous { ascii: valid };
            }
            Some(None) => {
                // A UTF-8 character at the end of the file is cut off.
                bad += usize::from(good == 0);
                break;
            }
        }
    }
    match (good, bad) {
        (0, 0) => DetectedEncoding::Ascii,
        _ if good >= bad => DetectedEncoding::Utf8,
        _ => DetectedEncoding::Legacy,
    }
}

/// Returns whether the last UTF-8 character is incomplete.
pub(super) fn is_broken_off(tail: &[u8]) -> bool {
    let lead = tail.iter().rposition(|byte| *byte >= 0xC0);
    let error = lead.and_then(|lead| std::str::from_utf8(&tail[lead..]).err());
    error.is_some_and(|error| error.error_len().is_none())
}

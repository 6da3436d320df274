//! The end of a file, and the parts that were missing.

use crate::ROWS_MAX;

/// The end of a file.
#[derive(Debug)]
pub struct FileEnd {
    /// The completeness of the file.
    pub completeness: FileCompleteness,
    /// The number of rows, good and bad, without header, trailer and empty rows.
    pub rows: u64,
    /// The count in the trailer.
    pub trailer_count: Option<u64>,
    /// The SHA-256 hash of all bytes, as received.
    pub sha256: [u8; 32],
    /// The number of bytes that were received.
    pub bytes: u64,
}

impl FileEnd {
    /// Returns the hash as hexadecimal digits.
    pub fn sha256_hex(&self) -> String {
        hex::encode(self.sha256)
    }

    /// Returns whether the hash is the given one: hexadecimal digits, optionally followed by the name of the file, as
    /// `sha256sum` writes it.
    pub fn has_sha256(&self, given: &str) -> bool {
        let digits = given.split_whitespace().next().unwrap_or_default();
        digits.trim_start_matches('\\').eq_ignore_ascii_case(&self.sha256_hex())
    }
}

/// The completeness of a file.
#[derive(Debug)]
pub enum FileCompleteness {
    /// Complete, as far as the file itself shows.
    Complete,
    /// Incomplete: a person who is not in the file may still be employed.
    Incomplete(MissingFilePart),
}

impl FileCompleteness {
    /// Returns whether the file is complete.
    pub fn is_complete(&self) -> bool {
        matches!(self, Self::Complete)
    }
}

/// The part that is missing from a file.
#[derive(Debug, thiserror::Error)]
pub enum MissingFilePart {
    /// The caller stopped before the end.
    #[error("the file was not read to its end")]
    NotReadToEnd,
    /// Reading the bytes failed.
    #[error("reading the file failed")]
    ReadFailed(#[source] std::io::Error),
    /// The file ends inside of quotes.
    #[error("the file ends inside of a quoted field of the row that begins in line {line}")]
    InQuotes {
        /// The line in which the row begins.
        line: u64,
    },
    /// The file ends in the middle of a character.
    #[error("the file ends inside of a character")]
    InCharacter,
    /// The file has more than [`ROWS_MAX`] rows.
    #[error("the file has more than {ROWS_MAX} rows")]
    TooManyRows,
    /// The trailer row is missing.
    #[error("the file has no trailer, a last row that begins with `{marker}`")]
    TrailerMissing {
        /// The text with which the trailer begins.
        marker: String,
    },
    /// The trailer does not contain the number of rows.
    #[error("the trailer in line {line} has no number after its marker")]
    TrailerWithoutCount {
        /// The line of the trailer.
        line: u64,
    },
    /// The trailer is not the last row.
    #[error("there are rows after the trailer, the first in line {line}")]
    RowsAfterTrailer {
        /// The line in which the first of these rows begins.
        line: u64,
    },
}

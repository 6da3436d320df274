//! How a file ended, and what was missing from it.

use crate::ROWS_MAX;

/// How a file ended.
#[derive(Debug)]
pub struct FileEnd {
    /// Whether all of it was there.
    pub completeness: FileCompleteness,
    /// Rows, good and bad; without header, trailer and empty ones.
    pub rows: u64,
    /// What the trailer says.
    pub trailer_count: Option<u64>,
    /// The hash of all bytes, as they came.
    pub sha256: [u8; 32],
    /// How many bytes came.
    pub bytes: u64,
}

impl FileEnd {
    /// The hash as hexadecimal digits.
    pub fn sha256_hex(&self) -> String {
        self.sha256.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether the hash is the given one: hexadecimal digits, perhaps with the name of the file after them, as
    /// `sha256sum` writes it.
    pub fn has_sha256(&self, given: &str) -> bool {
        let digits = given.split_whitespace().next().unwrap_or_default();
        digits.trim_start_matches('\\').eq_ignore_ascii_case(&self.sha256_hex())
    }
}

/// Whether all of a file was there.
#[derive(Debug)]
pub enum FileCompleteness {
    /// As far as the file itself can tell.
    Complete,
    /// Who is not in it may still be employed.
    Incomplete(MissingFilePart),
}

impl FileCompleteness {
    /// Whether all of it was there.
    pub fn is_complete(&self) -> bool {
        matches!(self, Self::Complete)
    }
}

/// What is missing from a file.
#[derive(Debug, thiserror::Error)]
pub enum MissingFilePart {
    /// The caller stopped before the end.
    #[error("the file was not read to its end")]
    NotReadToEnd,
    /// The bytes stopped coming.
    #[error("reading the file failed")]
    ReadFailed(#[source] std::io::Error),
    /// The file ends inside of quotes.
    #[error("the file ends inside of a quoted field of the row that begins in line {line}")]
    InQuotes {
        /// Where the row begins.
        line: u64,
    },
    /// The file ends in the middle of a character.
    #[error("the file ends inside of a character")]
    InCharacter,
    /// More than [`ROWS_MAX`].
    #[error("the file has more than {ROWS_MAX} rows")]
    TooManyRows,
    /// The row that ends the file is not there.
    #[error("the file has no trailer, a last row that begins with `{marker}`")]
    TrailerMissing {
        /// What it begins with.
        marker: String,
    },
    /// The trailer does not say how many rows there are.
    #[error("the trailer in line {line} has no number after its marker")]
    TrailerWithoutCount {
        /// Where it stands.
        line: u64,
    },
    /// The trailer is not the last row.
    #[error("there are rows after the trailer, the first in line {line}")]
    RowsAfterTrailer {
        /// Where the first of them begins.
        line: u64,
    },
}

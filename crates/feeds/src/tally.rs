//! Counts a feed while it is read.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::csv::end::End;
use crate::error::RowError;
use crate::guard::FeedSeen;
use crate::mapping::RowSaid;

/// Counts rows and people. Of a person it keeps eight bytes, a hash of the key; [`crate::ROWS_MAX`] bounds their number.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    rows: u64,
    bad_rows: u64,
    keys: HashSet<u64>,
}

impl Tally {
    /// Counts a row, good or bad; whether it is the first good one with its key.
    pub fn count(&mut self, row: &Result<RowSaid, RowError>) -> bool {
        self.rows += 1;
        match row {
            Ok(said) => self.keys.insert(hash(&said.key)),
            Err(_) => {
                self.bad_rows += 1;
                false
            }
        }
    }

    /// What was seen, with how the file ended and the checksum it should have (hexadecimal digits), if one was given.
    pub fn seen(&self, end: &End, sha256: Option<&str>) -> FeedSeen {
        FeedSeen {
            rows: self.rows,
            bad_rows: self.bad_rows,
            keys_distinct: self.keys.len() as u64,
            // Whoever passes over a row has not seen all of the file either.
            complete: end.completeness.is_complete() && end.rows == self.rows,
            trailer_count: end.trailer_count,
            checksum_ok: sha256.map(|given| end.has_sha256(given)),
        }
    }
}

/// Among [`crate::ROWS_MAX`] keys two share one in fewer than one of a million files.
fn hash(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

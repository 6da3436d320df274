//! Counting of a feed while it is read.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::csv::end::FileEnd;
use crate::error::RowError;
use crate::guard::FeedSeen;
use crate::mapping::RowStatements;

/// A counter of rows and people. It keeps eight bytes per person, a hash of the key; [`crate::ROWS_MAX`] bounds their number.
#[derive(Debug, Clone, Default)]
pub struct RowTally {
    rows: u64,
    bad_rows: u64,
    keys: HashSet<u64>,
    people: KeySet,
}

/// A fingerprint of a set of people, which distinguishes it from other sets: their number, and a sum over the hashes of
/// their keys. The order of additions does not matter; each person may be added only once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySet {
    /// The number of people.
    pub count: u64,
    /// The sum of the hashes.
    pub sum: u64,
}

impl KeySet {
    /// Adds a person who is not yet in the set.
    pub fn add(&mut self, key: &str) {
        self.add_hash(hash_key(key));
    }

    fn add_hash(&mut self, hash: u64) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(hash);
    }
}

impl RowTally {
    /// Counts a row, good or bad. Returns whether it is the first good one with its key.
    pub fn count(&mut self, row: &Result<RowStatements, RowError>) -> bool {
        self.count_key(row.as_ref().ok().map(|said| said.key.as_str()))
    }

    /// Counts a row by its key; a bad row has none. Returns whether it is the first good one with its key.
    pub fn count_key(&mut self, key: Option<&str>) -> bool {
        self.rows += 1;
        let Some(key) = key else {
            self.bad_rows += 1;
            return false;
        };
        let hash = hash_key(key);
        let is_first = self.keys.insert(hash);
        if is_first {
            self.people.add_hash(hash);
        }
        is_first
    }

    /// Counts a row with an unreadable part but a readable key: its person is in the file. Returns whether it is the
    /// first row with its key.
    pub fn count_bad_key(&mut self, key: &str) -> bool {
        self.bad_rows += 1;
        self.count_key(Some(key))
    }

    /// Returns the people in the feed.
    pub fn people(&self) -> KeySet {
        self.people
    }

    /// Returns the counts, combined with the end of the file and the expected checksum (hexadecimal digits), if one was given.
    pub fn seen(&self, end: &FileEnd, sha256: Option<&str>) -> FeedSeen {
        FeedSeen {
            rows: self.rows,
            bad_rows: self.bad_rows,
            keys_distinct: self.keys.len() as u64,
            // If the caller skipped a row, the file was not seen completely either.
            complete: end.completeness.is_complete() && end.rows == self.rows,
            trailer_count: end.trailer_count,
            checksum_ok: sha256.map(|given| end.has_sha256(given)),
        }
    }
}

/// Returns the hash of a key. Among [`crate::ROWS_MAX`] keys, two share a hash in fewer than one of a million files. It
/// must be the same in every version of every service, which the standard library's hash does not promise.
fn hash_key(key: &str) -> u64 {
    let digest = Sha256::digest(key.as_bytes());
    u64::from_be_bytes(digest[..8].try_into().expect("a SHA-256 has 32 bytes"))
}

//! Digests of desired states by key range. Two services find their differences without sending one another
//! everything. Each key falls into one of [`BUCKETS`] buckets by a hash that is the same in every build.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// The number of ranges into which keys are divided.
pub const BUCKETS: u16 = 1_024;

/// One service's desired state of one account, group or membership at a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DesiredEntry {
    /// The key of the person or group.
    pub subject: String,
    /// For a membership, the key of the member; the subject is the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// The revision of the desired state.
    pub revision: i64,
    /// The hash of the desired state, by [`content_hash`]; 0 for a membership, which its revision describes
    /// completely.
    pub content: u64,
    /// `true` if the entry grants access: an active account, a group that exists, a member.
    pub gives: bool,
}

impl DesiredEntry {
    /// Returns the range that the entry's key falls into.
    pub fn bucket(&self) -> u16 {
        bucket_of(&self.subject, self.member.as_deref())
    }

    /// Returns whether both entries have the same desired state of the same key.
    pub fn agrees_with(&self, other: &Self) -> bool {
        (self.revision, self.content) == (other.revision, other.content)
    }

    /// Returns the hash of the key, the revision and the content.
    fn hash(&self) -> u64 {
        let mut hash = hash_key(&self.subject, self.member.as_deref());
        hash = fnv_hash(hash, &self.revision.to_be_bytes());
        mix_hash(fnv_hash(hash, &self.content.to_be_bytes()))
    }
}

/// Returns the range that a key falls into.
pub fn bucket_of(subject: &str, member: Option<&str>) -> u16 {
    let hash = mix_hash(hash_key(subject, member)) % u64::from(BUCKETS);
    u16::try_from(hash).expect("a remainder of a u16 fits into one")
}

/// Returns a hash of a desired state in its stored form.
pub fn content_hash(desired: &str) -> u64 {
    mix_hash(fnv_hash(FNV_OFFSET, desired.as_bytes()))
}

/// The digest of a range: the number of entries and the sum of their hashes. The order in which entries are added
/// does not matter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeDigest {
    /// The number of entries.
    pub count: u64,
    /// The wrapping sum of their hashes.
    pub sum: u64,
}

/// The digest of each range that is not empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RangeDigests(BTreeMap<u16, RangeDigest>);

impl RangeDigests {
    /// Adds one entry.
    pub fn add(&mut self, entry: &DesiredEntry) {
        let digest = self.0.entry(entry.bucket()).or_default();
        digest.count += 1;
        digest.sum = digest.sum.wrapping_add(entry.hash());
    }

    /// Adds the entries of other digests, which must not overlap with these.
    pub fn merge(&mut self, others: &Self) {
        for (bucket, other) in &others.0 {
            let digest = self.0.entry(*bucket).or_default();
            digest.count += other.count;
            digest.sum = digest.sum.wrapping_add(other.sum);
        }
    }

    /// Returns the ranges in which the two differ.
    pub fn differing(&self, other: &Self) -> BTreeSet<u16> {
        let buckets = self.0.keys().chain(other.0.keys()).copied();
        buckets.filter(|bucket| self.0.get(bucket) != other.0.get(bucket)).collect()
    }

    /// Returns the number of all entries.
    pub fn count(&self) -> u64 {
        self.0.values().map(|digest| digest.count).sum()
    }
}

/// The offset basis of 64-bit FNV-1a.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
/// Separates the parts of a key. It does not occur in UTF-8 text.
const SEPARATOR: &[u8] = &[0xff];

/// Hashes the key of an entry.
fn hash_key(subject: &str, member: Option<&str>) -> u64 {
    let hash = fnv_hash(fnv_hash(FNV_OFFSET, subject.as_bytes()), SEPARATOR);
    fnv_hash(hash, member.unwrap_or_default().as_bytes())
}

/// Continues an FNV-1a hash.
fn fnv_hash(start: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// Spreads the entropy that FNV leaves in the low bits (the finalizer of splitmix64).
fn mix_hash(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: usize, revision: i64) -> DesiredEntry {
        let content = content_hash(&format!("{{\"state\":\"active\",\"n\":{revision}}}"));
        DesiredEntry { subject: format!("E-{key}"), member: None, revision, content, gives: true }
    }

    fn digests(entries: impl IntoIterator<Item = DesiredEntry>) -> RangeDigests {
        let mut digests = RangeDigests::default();
        entries.into_iter().for_each(|entry| digests.add(&entry));
        digests
    }

    #[test]
    fn the_same_entries_in_another_order_and_in_parts_agree() {
        let all = digests((0..5_000).map(|key| entry(key, 7)));
        let mut parts = digests((2_500..5_000).rev().map(|key| entry(key, 7)));
        parts.merge(&digests((0..2_500).map(|key| entry(key, 7))));
        assert_eq!(all.differing(&parts), BTreeSet::new());
        assert_eq!(all.count(), 5_000);
    }

    #[test]
    fn each_kind_of_difference_shows_in_its_range_and_nowhere_else() {
        let all = |change: Option<DesiredEntry>| {
            digests((0..5_000).filter(|key| *key != 17).map(|key| entry(key, 7)).chain(change))
        };
        let same = all(Some(entry(17, 7)));
        let other_content = DesiredEntry { content: 1, ..entry(17, 7) };
        for changed in [Some(entry(17, 8)), Some(other_content), None] {
            let differing = same.differing(&all(changed));
            assert_eq!(differing.into_iter().collect::<Vec<_>>(), [bucket_of("E-17", None)]);
        }
    }

    #[test]
    fn the_range_of_a_key_never_changes_and_ranges_are_filled_evenly() {
        assert_eq!((bucket_of("E-1", None), bucket_of("G-1", Some("E-1"))), (294, 997));
        let all = digests((0..102_400).map(|key| entry(key, 1)));
        assert!(all.0.len() == usize::from(BUCKETS) && all.0.values().all(|digest| digest.count < 200));
    }
}

//! The writer's side of a verification, requested part by part.

use std::collections::{BTreeMap, BTreeSet};

use bus::{Bus, ControlFailure};
use lifecycle::digest::{DesiredEntry, RangeDigests};
use lifecycle::{DigestsRequest, EntriesRequest, ResourceKind, verbs};

use super::ANSWER_TIMEOUT;
use super::compare::EntryKey;

/// The merged answers of the writer.
pub(super) struct WriterReport {
    /// The writer's time before it read anything.
    pub(super) at: i64,
    pub(super) digests: RangeDigests,
    /// Version of the policy whose rules for orphans the writer has.
    pub(super) rules: i64,
    /// The time at which the writer found the target's state to be restored.
    pub(super) restored_at: Option<i64>,
}

/// Requests the writer's digests of all entries of a kind.
pub(super) async fn writer_digests(
    bus: &Bus,
    target: &str,
    kind: ResourceKind,
) -> Result<WriterReport, ControlFailure> {
    let mut told: Option<WriterReport> = None;
    let mut after = None;
    loop {
        let request = DigestsRequest { target: target.to_owned(), kind, after };
        let part = bus.ask::<verbs::DigestsVerb>(&request, ANSWER_TIMEOUT).await?;
        let first = WriterReport {
            at: part.at,
            digests: RangeDigests::default(),
            rules: part.rules,
            restored_at: part.restored_at,
        };
        let so_far = told.get_or_insert(first);
        so_far.digests.merge(&part.digests);
        match part.next {
            Some(next) => after = Some(next),
            None => return Ok(told.expect("set above")),
        }
    }
}

/// Requests the writer's entries in some ranges.
pub(super) async fn writer_entries(
    bus: &Bus,
    target: &str,
    kind: ResourceKind,
    buckets: &BTreeSet<u16>,
) -> Result<BTreeMap<EntryKey, DesiredEntry>, ControlFailure> {
    let mut found = BTreeMap::new();
    let mut after = None;
    loop {
        let request = EntriesRequest { target: target.to_owned(), kind, buckets: buckets.clone(), after };
        let part = bus.ask::<verbs::EntriesVerb>(&request, ANSWER_TIMEOUT).await?;
        let entries = part.entries.into_iter();
        found.extend(entries.map(|entry| ((entry.subject.clone(), entry.member.clone()), entry)));
        match part.next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}

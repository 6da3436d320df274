//! The problems of sources that the gateway found, stored beside the streams: they survive restarts, and all replicas share them.

use async_nats::jetstream::Context;
use async_nats::jetstream::kv::{Entry, Operation};
use bytes::Bytes;
use lifecycle::{SourceProblem, SourceProblemKind};
use serde::{Deserialize, Serialize};
use telemetry::chain;

use crate::BusError;
use crate::mark::{mark_failed, open_bucket};

/// The key of the value that holds all problems. They are few, and they are counted and limited together.
pub(crate) const KEY: &str = "source_problems";
/// The maximum number of problems that are stored. Further problems are only counted.
const KEPT_MAX: usize = 300;
/// The number of attempts to write a change while other replicas write theirs.
const TRIES_MAX: usize = 8;
/// The time after which a problem that did not occur again is forgotten, in microseconds.
const FORGOTTEN_AFTER: i64 = 7 * 86_400 * 1_000_000;

/// The problems of all sources.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceProblems {
    /// The problems, one for each source and kind, in their order.
    pub problems: Vec<SourceProblem>,
    /// The number of occurrences of problems that are not stored because the list is full.
    #[serde(default)]
    pub unlisted: u64,
    /// The time of the last of them, in microseconds since the Unix epoch.
    #[serde(default)]
    pub unlisted_last: i64,
}

/// A change of the problem of a source. The end is applied before the new occurrences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceProblemChange {
    /// The source, as in [`SourceProblem`].
    pub source: String,
    /// The kind, as in [`SourceProblem`].
    pub kind: SourceProblemKind,
    /// The time at which the same operation succeeded, in microseconds since the Unix epoch.
    pub ended: Option<i64>,
    /// The occurrences since then.
    pub seen: Option<SourceProblem>,
}

impl SourceProblems {
    /// Forgets problems that have not occurred again for a long time. `now` is in microseconds since the Unix epoch.
    pub fn forget_old(&mut self, now: i64) {
        let is_old = |last: i64| now.saturating_sub(last) > FORGOTTEN_AFTER;
        self.problems.retain(|problem| !is_old(problem.last));
        if is_old(self.unlisted_last) {
            self.unlisted = 0;
        }
    }

    /// Applies a change.
    pub fn apply(&mut self, change: &SourceProblemChange) {
        let wanted = (change.source.as_str(), change.kind);
        let mut found =
            self.problems.binary_search_by(|problem| (problem.source.as_str(), problem.kind).cmp(&wanted));
        if let (Ok(index), Some(ended)) = (found, change.ended)
            && self.problems[index].last <= ended
        {
            self.problems.remove(index);
            found = Err(index);
        }
        let Some(seen) = &change.seen else { return };
        match found {
            Ok(index) => self.problems[index].add(seen),
            Err(index) if self.problems.len() < KEPT_MAX => self.problems.insert(index, seen.clone()),
            Err(_) => {
                self.unlisted = self.unlisted.saturating_add(seen.count);
                self.unlisted_last = self.unlisted_last.max(seen.last);
            }
        }
    }
}

/// Decodes the stored problems. Unreadable data is logged and counts as no problems.
fn read(value: &Bytes) -> SourceProblems {
    serde_json::from_slice(value).unwrap_or_else(|error| {
        let error = chain(&error);
        tracing::error!(error, "the problems of sources cannot be read: taken for none");
        SourceProblems::default()
    })
}

/// Loads the stored problems. `now` is in microseconds since the Unix epoch.
pub(crate) async fn load(jetstream: &Context, replicas: usize, now: i64) -> Result<SourceProblems, BusError> {
    let value = open_bucket(jetstream, replicas).await?.get(KEY).await.map_err(mark_failed)?;
    let mut problems = value.as_ref().map(read).unwrap_or_default();
    problems.forget_old(now);
    Ok(problems)
}

/// Merges `changes` into the stored problems, also while another gateway writes. Returns the merged problems.
pub(crate) async fn merge(
    jetstream: &Context,
    replicas: usize,
    changes: &[SourceProblemChange],
    now: i64,
) -> Result<SourceProblems, BusError> {
    let bucket = open_bucket(jetstream, replicas).await?;
    let mut tries = 0;
    loop {
        let entry = bucket.entry(KEY).await.map_err(mark_failed)?;
        let before = entry.as_ref().filter(|entry| entry.operation == Operation::Put);
        let before = before.map(|entry| read(&entry.value)).unwrap_or_default();
        let mut after = before.clone();
        after.forget_old(now);
        for change in changes {
            after.apply(change);
        }
        if after == before {
            return Ok(after);
        }
        let value: Bytes = serde_json::to_vec(&after).map_err(mark_failed)?.into();
        // A key that was never written has revision 0.
        let revision = entry.as_ref().map_or(0, |Entry { revision, .. }| *revision);
        match bucket.update(KEY, value, revision).await {
            Ok(_) => return Ok(after),
            Err(error) => {
                tries += 1;
                if tries >= TRIES_MAX {
                    return Err(mark_failed(error));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(source: &str, kind: SourceProblemKind, at: i64) -> SourceProblemChange {
        let seen = Some(SourceProblem::new(source, kind, 1, at, "404"));
        SourceProblemChange { source: source.to_owned(), kind, ended: None, seen }
    }

    fn ended(source: &str, kind: SourceProblemKind, at: i64) -> SourceProblemChange {
        SourceProblemChange { ended: Some(at), seen: None, ..seen(source, kind, at) }
    }

    #[test]
    fn a_success_ends_what_was_seen_before_it_and_nothing_else() {
        let (list, rows) = (SourceProblemKind::UnreadableList, SourceProblemKind::BadRows);
        let mut all = SourceProblems::default();
        for change in [seen("polls/a", list, 1), seen("polls/a", list, 5), seen("polls/a", rows, 5)] {
            all.apply(&change);
        }
        assert_eq!((all.problems.len(), all.problems[0].count, all.problems[0].first), (2, 2, 1));
        all.apply(&ended("polls/a", list, 4));
        assert_eq!(all.problems.len(), 2, "what came after the success stays");
        all.apply(&ended("polls/a", list, 6));
        assert_eq!(all.problems.iter().map(|one| one.kind).collect::<Vec<_>>(), [rows]);
    }

    #[test]
    fn what_does_not_happen_again_for_seven_days_is_forgotten() {
        let mut all = SourceProblems::default();
        all.apply(&seen("hr", SourceProblemKind::RefusedRequests, 1_000_000));
        all.forget_old(FORGOTTEN_AFTER + 1_000_000);
        assert_eq!(all.problems.len(), 1);
        all.forget_old(FORGOTTEN_AFTER + 1_000_001);
        assert!(all.problems.is_empty());
    }

    #[test]
    fn what_has_no_room_is_counted() {
        let mut all = SourceProblems::default();
        for number in 0..KEPT_MAX + 3 {
            all.apply(&seen(&format!("s{number:04}"), SourceProblemKind::BadRows, 1));
        }
        assert_eq!((all.problems.len(), all.unlisted), (KEPT_MAX, 3));
    }
}

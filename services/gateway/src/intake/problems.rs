//! Problems of sources: recorded as they happen, and kept beside the streams for the status of all replicas.
//!
//! A source name comes only from the configuration, so that no caller can fill the list.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bus::{Bus, SourceProblemChange, SourceProblems};
use edge::Problem;
use lifecycle::{SourceProblem, SourceProblemKind};
use telemetry::chain;
use time::OffsetDateTime;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// The minimum interval between writes.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// The interval between reads of other replicas' entries, in ticks of [`WRITE_EVERY`].
const READ_EVERY_TICKS: u32 = 10;
/// The maximum time of the last write.
const ENDING_MAX: Duration = Duration::from_secs(5);

/// A source, and the kind of its problem.
type ProblemPlace = (String, SourceProblemKind);

/// The problems that are not written yet, and the places of the known ones.
#[derive(Debug, Default)]
pub(crate) struct ProblemLog(Mutex<NotedProblems>);

/// The pending changes, and the problems that are known beside the streams.
#[derive(Debug, Default)]
struct NotedProblems {
    pending: BTreeMap<ProblemPlace, PendingProblem>,
    /// The places with problems as of the last read.
    known: HashSet<ProblemPlace>,
}

/// A change of a problem that is not written yet.
#[derive(Debug, Default)]
struct PendingProblem {
    /// The time of the last success, in microseconds since the Unix epoch.
    ended: Option<i64>,
    /// The problem since that success.
    seen: Option<SourceProblem>,
}

/// Returns the current time in microseconds since the Unix epoch.
fn now() -> i64 {
    i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}

impl ProblemLog {
    fn noted(&self) -> MutexGuard<'_, NotedProblems> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that something of `source` was refused or unreadable, `count` times. `detail` contains no value of a person.
    pub(crate) fn note(&self, source: &str, kind: SourceProblemKind, count: u64, detail: &str) {
        if count == 0 {
            return;
        }
        let seen = SourceProblem::new(source, kind, count, now(), detail);
        let mut noted = self.noted();
        let pending = noted.pending.entry((source.to_owned(), kind)).or_default();
        match &mut pending.seen {
            Some(before) => before.add(&seen),
            none => *none = Some(seen),
        }
    }

    /// Records a success, which ends all earlier problems of this kind.
    pub(crate) fn end(&self, source: &str, kind: SourceProblemKind) {
        let ended = PendingProblem { ended: Some(now()), seen: None };
        self.noted().pending.insert((source.to_owned(), kind), ended);
    }

    /// Like [`Self::end`], for frequent successes: writes only if a problem is known or pending.
    pub(crate) fn end_known(&self, source: &str, kind: SourceProblemKind) {
        let place = (source.to_owned(), kind);
        let is_known = {
            let noted = self.noted();
            noted.known.contains(&place) || noted.pending.contains_key(&place)
        };
        if is_known {
            self.end(source, kind);
        }
    }

    /// Records that a known sender was refused. Failures that a retry resolves, and our own failures, do not count.
    pub(crate) fn note_refusal(&self, source: &str, problem: &Problem) {
        let status = problem.status().as_u16();
        if (400..500).contains(&status) && !matches!(status, 401 | 408 | 429) {
            let place = problem.errors().first().map(|error| format!(" at {}", error.pointer));
            let detail = format!("{status} {}{}", problem.code(), place.unwrap_or_default());
            self.note(source, SourceProblemKind::RefusedRequests, 1, &detail);
        }
    }

    /// Writes pending problems until `stop`, and then once more.
    pub(crate) async fn keep(&self, bus: &Bus, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(WRITE_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut since_read = READ_EVERY_TICKS;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = ticks.tick() => {}
            }
            since_read += 1;
            if since_read >= READ_EVERY_TICKS || !self.noted().pending.is_empty() {
                since_read = 0;
                self.write(bus).await;
            }
        }
        if tokio::time::timeout(ENDING_MAX, self.write(bus)).await.is_err() {
            tracing::warn!("what could not be taken of sources in the last second is not kept");
        }
    }

    /// Writes pending problems, or reads those of other replicas. A failed write is retried later.
    async fn write(&self, bus: &Bus) {
        if !bus.connected() {
            return;
        }
        let pending = std::mem::take(&mut self.noted().pending);
        let change = |((source, kind), pending): (ProblemPlace, PendingProblem)| {
            let PendingProblem { ended, seen } = pending;
            SourceProblemChange { source, kind, ended, seen }
        };
        let changes: Vec<_> = pending.into_iter().map(change).collect();
        let written = if changes.is_empty() {
            bus.source_problems(now()).await
        } else {
            bus.change_source_problems(&changes, now()).await
        };
        match written {
            Ok(problems) => self.look(&problems),
            Err(error) => {
                let error = chain(&error);
                tracing::warn!(error, "what could not be taken of sources cannot be kept yet");
                self.put_back(changes);
            }
        }
    }

    /// Updates the metrics and the known problems.
    fn look(&self, problems: &SourceProblems) {
        let each = problems.problems.iter();
        telemetry::metrics::source_problems(
            each.clone().map(|one| (one.source.as_str(), one.kind.as_str(), one.count)),
        );
        self.noted().known = each.map(|one| (one.source.clone(), one.kind)).collect();
    }

    /// Puts changes back before those that were recorded meanwhile.
    fn put_back(&self, changes: Vec<SourceProblemChange>) {
        let mut noted = self.noted();
        for SourceProblemChange { source, kind, ended, seen } in changes {
            let later = noted.pending.entry((source, kind)).or_default();
            if later.ended.is_some() {
                continue;
            }
            later.ended = ended;
            later.seen = match (seen, later.seen.take()) {
                (Some(mut before), Some(after)) => {
                    before.add(&after);
                    Some(before)
                }
                (before, after) => before.or(after),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_written_is_added_to_what_comes_later() {
        let log = ProblemLog::default();
        let kind = SourceProblemKind::BadRows;
        log.note("feeds/people", kind, 2, "line 3");
        let taken = std::mem::take(&mut log.noted().pending);
        log.note("feeds/people", kind, 1, "line 9");
        let change = |((source, kind), PendingProblem { ended, seen }): (ProblemPlace, PendingProblem)| {
            SourceProblemChange { source, kind, ended, seen }
        };
        log.put_back(taken.into_iter().map(change).collect());
        let noted = log.noted();
        let seen = noted.pending.values().next().unwrap().seen.as_ref().unwrap();
        assert_eq!((seen.count, seen.detail.as_str()), (3, "line 9"));
    }

    #[test]
    fn only_refusals_that_sending_again_does_not_help_are_noted() {
        let log = ProblemLog::default();
        for problem in [
            Problem::unauthorised("no"),
            Problem::new(axum::http::StatusCode::TOO_MANY_REQUESTS, "too_fast", "slower"),
            Problem::internal(),
        ] {
            log.note_refusal("hr", &problem);
        }
        assert!(log.noted().pending.is_empty());
        log.note_refusal("hr", &Problem::bad_request("malformed_notice", "secret words"));
        let noted = log.noted();
        let seen = noted.pending.values().next().unwrap().seen.as_ref().unwrap();
        assert_eq!(seen.detail, "400 malformed_notice");
    }
}

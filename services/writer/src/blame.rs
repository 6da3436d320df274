//! Whose fault a failure is: the target's, of which nothing counts against anybody, or the resource's own.
//!
//! A target that answers 502 to everybody and one that cannot stand a single account look the same in one answer. What
//! tells them apart is what it did for others in the meantime. Where there were none, the target is suspected for a good
//! while: a leaver who waits through an outage must not end in a dead letter, and what can never work must not be tried
//! for ever.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use lifecycle::AttemptClass;
use tokio::time::Instant;

use crate::rows::ResourceKey;

/// Resources that are remembered to have failed. Whoever is forgotten is given one more try.
const FAILED_MAX: usize = 10_000;

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultVerdict {
    /// The target's, as far as is known: this resource has failed so often in a row without counting.
    Target { times: u32 },
    /// Its own: others were served meanwhile.
    Resource,
}

/// What kind of request it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestSort {
    Read,
    Write,
}

/// What a target did for whom.
#[derive(Debug)]
pub(crate) struct FailureAttribution {
    /// How long a target is suspected that was asked nothing else meanwhile.
    suspected_for: Duration,
    state: Mutex<AttributionState>,
}

#[derive(Debug, Default)]
struct AttributionState {
    all: RequestTally,
    failed: HashMap<ResourceKey, FailingResource>,
}

/// Requests that worked, and that failed for a reason that may be the target's.
#[derive(Debug, Clone, Copy, Default)]
struct RequestTally {
    read: u64,
    written: u64,
    not_read: u64,
    not_written: u64,
}

/// A resource that fails.
#[derive(Debug)]
struct FailingResource {
    since: Instant,
    times: u32,
    /// What there was of all requests when it last failed.
    then: RequestTally,
    /// What there was of its own since.
    own: RequestTally,
}

impl RequestTally {
    fn note(&mut self, sort: RequestSort, worked: bool) {
        match (sort, worked) {
            (RequestSort::Read, true) => self.read += 1,
            (RequestSort::Write, true) => self.written += 1,
            (RequestSort::Read, false) => self.not_read += 1,
            (RequestSort::Write, false) => self.not_written += 1,
        }
    }
}

impl FailingResource {
    /// How many requests of others worked since, and how many failed; of those that say something about `sort`: that a
    /// target can be read does not mean that it can be written.
    fn others(&self, all: &RequestTally, sort: RequestSort) -> (u64, u64) {
        let others = |of: fn(&RequestTally) -> u64| of(all) - of(&self.then) - of(&self.own);
        let (read, written) = (others(|tally| tally.read), others(|tally| tally.written));
        let (not_read, not_written) = (others(|tally| tally.not_read), others(|tally| tally.not_written));
        match sort {
            RequestSort::Write => (written, not_written),
            RequestSort::Read => (read + written, not_read + not_written),
        }
    }
}

impl FailureAttribution {
    pub(crate) fn new(suspected_for: Duration) -> Self {
        Self { suspected_for, state: Mutex::default() }
    }

    /// A request about `key` worked.
    pub(crate) fn worked(&self, key: &ResourceKey, sort: RequestSort) {
        let mut state = self.state();
        state.all.note(sort, true);
        if sort == RequestSort::Write {
            state.failed.remove(key);
        } else if let Some(failing) = state.failed.get_mut(key) {
            failing.own.note(sort, true);
        }
    }

    /// A request about `key` failed in a way that may be the target's or its own fault.
    pub(crate) fn failed(&self, key: &ResourceKey, sort: RequestSort, class: AttemptClass) -> FaultVerdict {
        let now = Instant::now();
        let mut guard = self.state();
        let AttributionState { all, failed } = &mut *guard;
        if failed.len() >= FAILED_MAX && !failed.contains_key(key) {
            failed.clear();
        }
        let failing = failed.entry(key.clone()).or_insert_with(|| FailingResource {
            since: now,
            times: 0,
            then: *all,
            own: RequestTally::default(),
        });
        let (worked, not) = failing.others(all, sort);
        all.note(sort, false);
        failing.then = *all;
        failing.own = RequestTally::default();
        // A credential that may read and not write is the target's business, and so is what it calls so itself (503),
        // however long it is so.
        let is_ambiguous = matches!(class, AttemptClass::Transient | AttemptClass::OutcomeUnknown);
        let long_enough = is_ambiguous && now - failing.since >= self.suspected_for;
        if worked > 0 || (not == 0 && long_enough) {
            return FaultVerdict::Resource;
        }
        failing.times += 1;
        FaultVerdict::Target { times: failing.times }
    }

    fn state(&self) -> MutexGuard<'_, AttributionState> {
        self.state.lock().expect("nothing panics while holding it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifecycle::ResourceKind;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn key(name: &str) -> ResourceKey {
        (ResourceKind::User, name.to_owned())
    }

    fn fails(blame: &FailureAttribution, name: &str) -> FaultVerdict {
        blame.failed(&key(name), RequestSort::Write, AttemptClass::Transient)
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_fails_while_others_are_served_is_to_blame_and_nobody_is_while_all_fail() {
        let blame = FailureAttribution::new(HOUR);
        assert_eq!(fails(&blame, "a"), FaultVerdict::Target { times: 1 }, "nothing is known yet");
        for times in 1..50 {
            assert_eq!(fails(&blame, "b"), FaultVerdict::Target { times });
            assert_eq!(
                fails(&blame, "a"),
                FaultVerdict::Target { times: times + 1 },
                "an outage of any length"
            );
        }
        blame.worked(&key("c"), RequestSort::Read);
        assert!(matches!(fails(&blame, "a"), FaultVerdict::Target { .. }), "it can be read, and not written");
        blame.worked(&key("a"), RequestSort::Read);
        assert!(matches!(fails(&blame, "a"), FaultVerdict::Target { .. }), "its own requests say nothing");
        blame.worked(&key("c"), RequestSort::Write);
        assert_eq!(fails(&blame, "a"), FaultVerdict::Resource);
        assert!(matches!(fails(&blame, "a"), FaultVerdict::Target { .. }), "nobody was served since then");
        blame.worked(&key("a"), RequestSort::Write);
        assert_eq!(fails(&blame, "a"), FaultVerdict::Target { times: 1 }, "it begins anew");
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_all_alone_counts_after_a_while_unless_the_credential_is_refused() {
        let blame = FailureAttribution::new(HOUR);
        let refused = |blame: &FailureAttribution| {
            blame.failed(&key("r"), RequestSort::Write, AttemptClass::Unauthorised)
        };
        assert_eq!(fails(&blame, "a"), FaultVerdict::Target { times: 1 });
        assert_eq!(fails(&blame, "a"), FaultVerdict::Target { times: 2 });
        tokio::time::advance(HOUR).await;
        assert_eq!(fails(&blame, "a"), FaultVerdict::Resource);
        assert!(matches!(refused(&blame), FaultVerdict::Target { .. }));
        tokio::time::advance(HOUR).await;
        assert!(matches!(refused(&blame), FaultVerdict::Target { .. }));
        blame.worked(&key("b"), RequestSort::Write);
        assert_eq!(refused(&blame), FaultVerdict::Resource, "it is taken for others");
        let impatient = FailureAttribution::new(Duration::ZERO);
        assert_eq!(fails(&impatient, "a"), FaultVerdict::Resource);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_are_remembered_than_so_many() {
        let blame = FailureAttribution::new(HOUR);
        for n in 0..=FAILED_MAX {
            fails(&blame, &n.to_string());
        }
        assert!(blame.state().failed.len() <= FAILED_MAX);
    }
}

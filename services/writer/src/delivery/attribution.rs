//! Failure attribution: decides whether the target or the resource is at fault. A failure of the target does not count
//! against a resource.
//!
//! A target that answers 502 to every request and a target that fails for a single account look the same in one answer.
//! The results of other resources in the meantime tell them apart. If there were none, the target stays suspected for a
//! long time: a leaver who waits through an outage must not end in a dead letter, and a request that can never work must
//! not be retried for ever.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use lifecycle::AttemptClass;
use tokio::time::Instant;

use crate::rows::ResourceKey;

/// The number of failing resources that are remembered. A resource that is forgotten gets one more try.
const FAILED_MAX: usize = 10_000;

/// The party at fault for a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultVerdict {
    /// The target is at fault, as far as is known. This resource has failed `times` times in a row without counting.
    Target { times: u32 },
    /// The resource itself is at fault: other resources succeeded in the meantime.
    Resource,
}

/// The kind of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestSort {
    Read,
    Write,
}

/// Tracks the successes and failures of a target by resource, and attributes each failure.
#[derive(Debug)]
pub(crate) struct FailureAttribution {
    /// The time for which a target stays suspected if it received no other request in the meantime.
    suspected_for: Duration,
    state: Mutex<AttributionState>,
}

/// The tallies of a target and of its failing resources.
#[derive(Debug, Default)]
struct AttributionState {
    all: RequestTally,
    failed: HashMap<ResourceKey, FailingResource>,
}

/// The number of requests that worked, and that failed for a reason that may be the target's.
#[derive(Debug, Clone, Copy, Default)]
struct RequestTally {
    read: u64,
    written: u64,
    not_read: u64,
    not_written: u64,
}

/// A resource whose requests fail.
#[derive(Debug)]
struct FailingResource {
    since: Instant,
    times: u32,
    /// The tally of all requests when the resource last failed.
    then: RequestTally,
    /// The tally of the resource's own requests since then.
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
    /// Returns how many requests of other resources worked since the last failure, and how many failed. Only requests
    /// that say something about `sort` count: a target that can be read cannot always be written.
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

    /// Notes that a request about `key` worked.
    pub(crate) fn worked(&self, key: &ResourceKey, sort: RequestSort) {
        let mut state = self.state();
        state.all.note(sort, true);
        if sort == RequestSort::Write {
            state.failed.remove(key);
        } else if let Some(failing) = state.failed.get_mut(key) {
            failing.own.note(sort, true);
        }
    }

    /// Notes that a request about `key` failed, and attributes the failure to the target or to the resource.
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
        // A credential that may read but not write is the target's problem, and so is a 503. Neither counts against the
        // resource, however long it lasts.
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

    fn fails(attribution: &FailureAttribution, name: &str) -> FaultVerdict {
        attribution.failed(&key(name), RequestSort::Write, AttemptClass::Transient)
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_fails_while_others_are_served_is_to_blame_and_nobody_is_while_all_fail() {
        let attribution = FailureAttribution::new(HOUR);
        assert_eq!(fails(&attribution, "a"), FaultVerdict::Target { times: 1 }, "nothing is known yet");
        for times in 1..50 {
            assert_eq!(fails(&attribution, "b"), FaultVerdict::Target { times });
            assert_eq!(
                fails(&attribution, "a"),
                FaultVerdict::Target { times: times + 1 },
                "an outage of any length"
            );
        }
        attribution.worked(&key("c"), RequestSort::Read);
        assert!(
            matches!(fails(&attribution, "a"), FaultVerdict::Target { .. }),
            "it can be read, and not written"
        );
        attribution.worked(&key("a"), RequestSort::Read);
        assert!(
            matches!(fails(&attribution, "a"), FaultVerdict::Target { .. }),
            "its own requests say nothing"
        );
        attribution.worked(&key("c"), RequestSort::Write);
        assert_eq!(fails(&attribution, "a"), FaultVerdict::Resource);
        assert!(
            matches!(fails(&attribution, "a"), FaultVerdict::Target { .. }),
            "no other success since then"
        );
        attribution.worked(&key("a"), RequestSort::Write);
        assert_eq!(fails(&attribution, "a"), FaultVerdict::Target { times: 1 }, "it begins again");
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_all_alone_counts_after_a_while_unless_the_credential_is_refused() {
        let attribution = FailureAttribution::new(HOUR);
        let refused = |attribution: &FailureAttribution| {
            attribution.failed(&key("r"), RequestSort::Write, AttemptClass::Unauthorised)
        };
        assert_eq!(fails(&attribution, "a"), FaultVerdict::Target { times: 1 });
        assert_eq!(fails(&attribution, "a"), FaultVerdict::Target { times: 2 });
        tokio::time::advance(HOUR).await;
        assert_eq!(fails(&attribution, "a"), FaultVerdict::Resource);
        assert!(matches!(refused(&attribution), FaultVerdict::Target { .. }));
        tokio::time::advance(HOUR).await;
        assert!(matches!(refused(&attribution), FaultVerdict::Target { .. }));
        attribution.worked(&key("b"), RequestSort::Write);
        assert_eq!(refused(&attribution), FaultVerdict::Resource, "it is taken for others");
        let impatient = FailureAttribution::new(Duration::ZERO);
        assert_eq!(fails(&impatient, "a"), FaultVerdict::Resource);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_are_remembered_than_so_many() {
        let attribution = FailureAttribution::new(HOUR);
        for n in 0..=FAILED_MAX {
            fails(&attribution, &n.to_string());
        }
        assert!(attribution.state().failed.len() <= FAILED_MAX);
    }
}

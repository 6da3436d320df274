//! Whether a source can be asked at all, and who is to blame when it fails: the source or one record.
//!
//! While the source is to blame nothing counts against a record. A record that stops everything, and after which others can
//! be fetched, is to blame itself when it fails again: one person must not keep the others waiting.

use std::collections::HashSet;

use lifecycle::AttemptClass;
use tokio::time::{Duration, Instant};

use super::pace::retry_delay;

/// So many failures in a row that may be anybody's are the source's.
const STRIKES_MAX: u32 = 5;
/// So many records are remembered that stopped everything.
const SUSPECTS_MAX: usize = 1_000;

/// Whether requests may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
enum CircuitState {
    Closed,
    /// Not before then; and then one.
    Open {
        until: Instant,
    },
    /// One is under way that finds out.
    Probing,
}

/// Who is to blame for a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SourceFailureAttribution {
    /// The source: it counts against nobody.
    Source,
    /// The record.
    Record,
}

/// What a request may do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestPermission {
    /// Go.
    Granted,
    /// Not before then.
    At(Instant),
    /// Not before that which is under way ends.
    AfterProbe,
}

/// Of one source.
#[derive(Debug)]
pub(super) struct SourceCircuit {
    state: CircuitState,
    strikes: u32,
    /// How often it was opened without a success in between.
    openings: u32,
    /// Whose failure opened it.
    opened_by: Option<String>,
    suspects: HashSet<String>,
    initial: Duration,
    max: Duration,
}

/// What a failure did to the circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CircuitEffect {
    pub(super) blame: SourceFailureAttribution,
    /// It is open until then because of it.
    pub(super) open_until: Option<Instant>,
}

impl SourceCircuit {
    pub(super) fn new(initial: Duration, max: Duration) -> Self {
        let suspects = HashSet::new();
        Self { state: CircuitState::Closed, strikes: 0, openings: 0, opened_by: None, suspects, initial, max }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state == CircuitState::Closed
    }

    /// 0 closed, 1 finding out, 2 open: for the metric.
    pub(super) fn level(&self) -> i64 {
        match self.state {
            CircuitState::Closed => 0,
            CircuitState::Probing => 1,
            CircuitState::Open { .. } => 2,
        }
    }

    pub(super) fn leave(&self, now: Instant) -> RequestPermission {
        match self.state {
            CircuitState::Closed => RequestPermission::Granted,
            CircuitState::Open { until } if until > now => RequestPermission::At(until),
            CircuitState::Open { .. } => RequestPermission::Granted,
            CircuitState::Probing => RequestPermission::AfterProbe,
        }
    }

    /// A request is sent.
    pub(super) fn sent(&mut self) {
        if !self.is_closed() {
            self.state = CircuitState::Probing;
        }
    }

    /// The source answered as it should, about `key`. Whether it was not closed before.
    pub(super) fn answered(&mut self, key: &str) -> bool {
        self.suspects.remove(key);
        if let Some(by) = self.opened_by.take().filter(|by| by != key)
            && self.suspects.len() < SUSPECTS_MAX
        {
            self.suspects.insert(by);
        }
        (self.strikes, self.openings) = (0, 0);
        std::mem::replace(&mut self.state, CircuitState::Closed) != CircuitState::Closed
    }

    /// A request about `key` failed. `chance` lies between 0 and 1.
    pub(super) fn failed(
        &mut self,
        class: AttemptClass,
        key: &str,
        now: Instant,
        chance: f64,
    ) -> CircuitEffect {
        let record = CircuitEffect { blame: SourceFailureAttribution::Record, open_until: None };
        match class {
            // It answered, and about this one.
            AttemptClass::NotFound | AttemptClass::Permanent => {
                self.answered(key);
                record
            }
            AttemptClass::Throttled => {
                // Whether it works was not found out.
                if self.state == CircuitState::Probing {
                    self.state = CircuitState::Open { until: now };
                }
                CircuitEffect { blame: SourceFailureAttribution::Source, open_until: None }
            }
            _ if self.suspects.contains(key) => {
                if self.state == CircuitState::Probing {
                    self.state = CircuitState::Open { until: now };
                }
                record
            }
            AttemptClass::Unauthorised | AttemptClass::Unavailable => self.open(key, now, chance),
            _ => {
                self.strikes += 1;
                if self.is_closed() && self.strikes < STRIKES_MAX {
                    record
                } else {
                    self.open(key, now, chance)
                }
            }
        }
    }

    fn open(&mut self, key: &str, now: Instant, chance: f64) -> CircuitEffect {
        // What was under way when it was opened says nothing new.
        if let CircuitState::Open { until } = self.state {
            return CircuitEffect { blame: SourceFailureAttribution::Source, open_until: Some(until) };
        }
        self.openings += 1;
        let until = now + retry_delay(self.openings, self.initial, self.max, chance);
        self.state = CircuitState::Open { until };
        self.opened_by = Some(key.to_owned());
        CircuitEffect { blame: SourceFailureAttribution::Source, open_until: Some(until) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use AttemptClass::{NotFound, Throttled, Transient, Unauthorised, Unavailable};

    fn circuit() -> SourceCircuit {
        SourceCircuit::new(Duration::from_secs(1), Duration::from_secs(60))
    }

    fn at(seconds: u64, start: Instant) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_is_down_is_left_alone_longer_each_time_and_one_request_finds_out() {
        let (mut circuit, start) = (circuit(), Instant::now());
        let judged = circuit.failed(Unavailable, "a", start, 0.5);
        assert_eq!(
            judged,
            CircuitEffect { blame: SourceFailureAttribution::Source, open_until: Some(at(1, start)) }
        );
        assert_eq!(circuit.leave(start), RequestPermission::At(at(1, start)));
        assert_eq!(circuit.leave(at(1, start)), RequestPermission::Granted);
        circuit.sent();
        assert_eq!(circuit.leave(at(1, start)), RequestPermission::AfterProbe, "one at a time");
        let judged = circuit.failed(Unavailable, "b", at(1, start), 0.5);
        assert_eq!(judged.open_until, Some(at(3, start)), "twice as long");
        circuit.sent();
        assert!(circuit.answered("b"));
        assert!(circuit.is_closed() && !circuit.answered("b"));
        let judged = circuit.failed(Unavailable, "a", start, 0.5);
        assert_eq!(judged.blame, SourceFailureAttribution::Source, "others failed as well");
        assert_eq!(judged.open_until, Some(at(1, start)), "and it begins anew");
    }

    #[tokio::test(start_paused = true)]
    async fn failures_that_may_be_anybodys_are_the_sources_when_they_do_not_end() {
        let (mut circuit, start) = (circuit(), Instant::now());
        for key in ["a", "b", "c", "d"] {
            assert_eq!(
                circuit.failed(Transient, key, start, 0.5).blame,
                SourceFailureAttribution::Record,
                "{key}"
            );
        }
        assert_eq!(circuit.failed(Transient, "e", start, 0.5).blame, SourceFailureAttribution::Source);
        assert_eq!(
            circuit.failed(Transient, "f", start, 0.5).blame,
            SourceFailureAttribution::Source,
            "it was under way"
        );
        assert_eq!(circuit.level(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn one_record_that_is_refused_keeps_nobody_waiting() {
        let (mut circuit, start) = (circuit(), Instant::now());
        assert_eq!(
            circuit.failed(Unauthorised, "secret", start, 0.5).blame,
            SourceFailureAttribution::Source
        );
        circuit.sent();
        circuit.answered("other");
        assert_eq!(
            circuit.failed(Unauthorised, "secret", start, 0.5).blame,
            SourceFailureAttribution::Record
        );
        assert!(circuit.is_closed());
        circuit.answered("secret");
        assert_eq!(
            circuit.failed(Unauthorised, "secret", start, 0.5).blame,
            SourceFailureAttribution::Source
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_record_that_is_not_there_shows_that_the_source_is() {
        let (mut circuit, start) = (circuit(), Instant::now());
        circuit.failed(Unavailable, "a", start, 0.5);
        circuit.sent();
        assert_eq!(circuit.failed(NotFound, "b", start, 0.5).blame, SourceFailureAttribution::Record);
        assert!(circuit.is_closed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_asks_for_a_pause_is_not_down() {
        let (mut circuit, start) = (circuit(), Instant::now());
        let judged = circuit.failed(Throttled, "a", start, 0.5);
        assert_eq!(judged, CircuitEffect { blame: SourceFailureAttribution::Source, open_until: None });
        assert!(circuit.is_closed());
        circuit.failed(Unavailable, "a", start, 0.5);
        circuit.sent();
        circuit.failed(Throttled, "b", at(1, start), 0.5);
        assert_eq!(circuit.leave(at(1, start)), RequestPermission::Granted, "the next one finds out");
    }
}

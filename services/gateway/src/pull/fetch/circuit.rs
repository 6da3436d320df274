//! The circuit breaker of a source, and failure attribution: whether the source or one record is at fault.
//!
//! A failure of the source counts against no record. A record that opened the circuit, and after which other
//! records can be fetched, is itself at fault when it fails again: one person must not block the others.

use std::collections::HashSet;

use lifecycle::AttemptClass;
use retry::retry_delay;
use tokio::time::{Duration, Instant};

/// The number of consecutive failures without a clear cause after which the source is at fault.
const STRIKES_MAX: u32 = 5;
/// The maximum number of remembered records that opened the circuit.
const SUSPECTS_MAX: usize = 1_000;

/// The state of the circuit: whether requests may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
enum CircuitState {
    /// Requests may be sent.
    Closed,
    /// No request before `until`; then a single probe.
    Open { until: Instant },
    /// A probe is in flight.
    Probing,
}

/// The failure attribution: the source or the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SourceFailureAttribution {
    /// The source is at fault; the failure counts against no record.
    Source,
    /// The record is at fault.
    Record,
}

/// The permission for the next request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestPermission {
    /// The request may be sent now.
    Granted,
    /// No request before this time.
    At(Instant),
    /// No request before the probe in flight ends.
    AfterProbe,
}

/// The circuit breaker of one source.
#[derive(Debug)]
pub(super) struct SourceCircuit {
    state: CircuitState,
    /// The number of consecutive failures without a clear cause.
    strikes: u32,
    /// The number of times that the circuit opened without a success in between.
    openings: u32,
    /// The key of the record whose failure opened the circuit.
    opened_by: Option<String>,
    /// The keys of records that opened the circuit before others could be fetched.
    suspects: HashSet<String>,
    /// The first pause.
    initial: Duration,
    /// The maximum pause.
    max: Duration,
}

/// The effect of a failure on the circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CircuitEffect {
    pub(super) blame: SourceFailureAttribution,
    /// The time until which the circuit is open because of the failure.
    pub(super) open_until: Option<Instant>,
}

impl SourceCircuit {
    /// Creates a closed circuit whose pauses grow from `initial` to at most `max`.
    pub(super) fn new(initial: Duration, max: Duration) -> Self {
        let suspects = HashSet::new();
        Self { state: CircuitState::Closed, strikes: 0, openings: 0, opened_by: None, suspects, initial, max }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state == CircuitState::Closed
    }

    /// Returns the value of the metric: 0 closed, 1 probing, 2 open.
    pub(super) fn level(&self) -> i64 {
        match self.state {
            CircuitState::Closed => 0,
            CircuitState::Probing => 1,
            CircuitState::Open { .. } => 2,
        }
    }

    /// Returns whether a request may be sent at `now`.
    pub(super) fn leave(&self, now: Instant) -> RequestPermission {
        match self.state {
            CircuitState::Closed => RequestPermission::Granted,
            CircuitState::Open { until } if until > now => RequestPermission::At(until),
            CircuitState::Open { .. } => RequestPermission::Granted,
            CircuitState::Probing => RequestPermission::AfterProbe,
        }
    }

    /// Records that a request was sent.
    pub(super) fn sent(&mut self) {
        if !self.is_closed() {
            self.state = CircuitState::Probing;
        }
    }

    /// Records that the source answered as expected about `key`. Returns whether the circuit was not closed before.
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

    /// Records that a request about `key` failed.
    pub(super) fn failed(&mut self, class: AttemptClass, key: &str, now: Instant) -> CircuitEffect {
        let record = CircuitEffect { blame: SourceFailureAttribution::Record, open_until: None };
        match class {
            // The source answered, and its answer concerns this record only.
            AttemptClass::NotFound | AttemptClass::Permanent => {
                self.answered(key);
                record
            }
            AttemptClass::Throttled => {
                // A throttled probe does not show whether the source works.
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
            AttemptClass::Unauthorised | AttemptClass::Unavailable => self.open(key, now),
            _ => {
                self.strikes += 1;
                if self.is_closed() && self.strikes < STRIKES_MAX { record } else { self.open(key, now) }
            }
        }
    }

    /// Opens the circuit because of a failure about `key`, and attributes the failure to the source.
    fn open(&mut self, key: &str, now: Instant) -> CircuitEffect {
        // The result of a request that was in flight when the circuit opened adds nothing.
        if let CircuitState::Open { until } = self.state {
            return CircuitEffect { blame: SourceFailureAttribution::Source, open_until: Some(until) };
        }
        self.openings += 1;
        let until = now + retry_delay(self.openings, self.initial, self.max);
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

    /// The jitter is up to 30 % to either side.
    fn is_about(seconds: u64, delay: Duration) -> bool {
        let exact = Duration::from_secs(seconds);
        (exact.mul_f64(0.69)..=exact.mul_f64(1.31)).contains(&delay)
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_is_down_is_left_alone_longer_each_time_and_one_request_finds_out() {
        let (mut circuit, start) = (circuit(), Instant::now());
        let judged = circuit.failed(Unavailable, "a", start);
        assert_eq!(judged.blame, SourceFailureAttribution::Source);
        let first = judged.open_until.unwrap();
        assert!(is_about(1, first - start), "{first:?}");
        assert_eq!(circuit.leave(start), RequestPermission::At(first));
        assert_eq!(circuit.leave(first), RequestPermission::Granted);
        circuit.sent();
        assert_eq!(circuit.leave(first), RequestPermission::AfterProbe, "one at a time");
        let judged = circuit.failed(Unavailable, "b", first);
        assert!(is_about(2, judged.open_until.unwrap() - first), "twice as long");
        circuit.sent();
        assert!(circuit.answered("b"));
        assert!(circuit.is_closed() && !circuit.answered("b"));
        let judged = circuit.failed(Unavailable, "a", start);
        assert_eq!(judged.blame, SourceFailureAttribution::Source, "others failed as well");
        assert!(is_about(1, judged.open_until.unwrap() - start), "and it starts again");
    }

    #[tokio::test(start_paused = true)]
    async fn failures_that_may_be_anybodys_are_the_sources_when_they_do_not_end() {
        let (mut circuit, start) = (circuit(), Instant::now());
        for key in ["a", "b", "c", "d"] {
            assert_eq!(
                circuit.failed(Transient, key, start).blame,
                SourceFailureAttribution::Record,
                "{key}"
            );
        }
        assert_eq!(circuit.failed(Transient, "e", start).blame, SourceFailureAttribution::Source);
        assert_eq!(
            circuit.failed(Transient, "f", start).blame,
            SourceFailureAttribution::Source,
            "it was under way"
        );
        assert_eq!(circuit.level(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn one_record_that_is_refused_keeps_nobody_waiting() {
        let (mut circuit, start) = (circuit(), Instant::now());
        assert_eq!(circuit.failed(Unauthorised, "secret", start).blame, SourceFailureAttribution::Source);
        circuit.sent();
        circuit.answered("other");
        assert_eq!(circuit.failed(Unauthorised, "secret", start).blame, SourceFailureAttribution::Record);
        assert!(circuit.is_closed());
        circuit.answered("secret");
        assert_eq!(circuit.failed(Unauthorised, "secret", start).blame, SourceFailureAttribution::Source);
    }

    #[tokio::test(start_paused = true)]
    async fn a_record_that_is_not_there_shows_that_the_source_is() {
        let (mut circuit, start) = (circuit(), Instant::now());
        circuit.failed(Unavailable, "a", start);
        circuit.sent();
        assert_eq!(circuit.failed(NotFound, "b", start).blame, SourceFailureAttribution::Record);
        assert!(circuit.is_closed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_asks_for_a_pause_is_not_down() {
        let (mut circuit, start) = (circuit(), Instant::now());
        let judged = circuit.failed(Throttled, "a", start);
        assert_eq!(judged, CircuitEffect { blame: SourceFailureAttribution::Source, open_until: None });
        assert!(circuit.is_closed());
        let until = circuit.failed(Unavailable, "a", start).open_until.unwrap();
        circuit.sent();
        circuit.failed(Throttled, "b", until);
        assert_eq!(circuit.leave(until), RequestPermission::Granted, "the next one finds out");
    }
}

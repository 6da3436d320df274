//! Last-writer-wins registers that know the future.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// What decides between two statements about the same thing: effective time, then the time the source said it,
/// then the ingest sequence. Microseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    /// From when on the statement holds.
    pub effective_at: i64,
    /// When the source said it.
    pub said_at: i64,
    /// Position in the EVENTS stream: breaks ties, and is the same however often the event is delivered.
    pub sequence: u64,
}

impl Version {
    /// The version of a statement that `event` makes at `sequence` of its stream.
    pub fn of(event: &crate::Event, sequence: u64) -> Self {
        Self { effective_at: micros(event.effective_at), said_at: micros(event.time), sequence }
    }
}

/// Microseconds since the Unix epoch; saturates outside the years that an `i64` can hold.
pub(crate) fn micros(at: OffsetDateTime) -> i64 {
    let micros = at.unix_timestamp_nanos() / 1_000;
    i64::try_from(micros).unwrap_or(if micros < 0 { i64::MIN } else { i64::MAX })
}

/// One statement: from `version.effective_at` on the value is `value`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statement<T> {
    /// Decides between statements.
    pub version: Version,
    /// What is said.
    pub value: T,
}

/// How many future statements one register keeps; the farthest are refused beyond it.
pub const FUTURE_STATEMENTS_MAX: usize = 16;

/// The statements about one thing: the one in force and those that take effect later, oldest first.
///
/// Merging is commutative, associative and idempotent as long as no more than
/// [`FUTURE_STATEMENTS_MAX`] statements lie in the future.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Register<T>(Vec<Statement<T>>);

impl<T> Default for Register<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Clone + PartialEq> Register<T> {
    /// Adds a statement; `now` (microseconds) tells which older ones can be forgotten.
    pub fn say(&mut self, version: Version, value: T, now: i64) {
        match self.0.binary_search_by(|s| s.version.cmp(&version)) {
            Ok(_) => return,
            Err(at) => self.0.insert(at, Statement { version, value }),
        }
        let in_force = self.0.iter().rposition(|s| s.version.effective_at <= now).unwrap_or(0);
        self.0.drain(..in_force);
        self.0.truncate(FUTURE_STATEMENTS_MAX + 1);
    }

    /// The statement in force at `now`.
    pub fn at(&self, now: i64) -> Option<&Statement<T>> {
        self.0.iter().rev().find(|s| s.version.effective_at <= now)
    }

    /// When the next statement takes effect after `now`.
    pub fn next_due(&self, now: i64) -> Option<i64> {
        self.0.iter().map(|s| s.version.effective_at).find(|at| *at > now)
    }
}

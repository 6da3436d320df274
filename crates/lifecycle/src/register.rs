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

/// For how long what a plan replaced is kept: a clock that was ahead, and is put right, must find what holds until then.
const CLOCK_ERROR_MICROS_MAX: i64 = 48 * 3_600 * 1_000_000;

/// Whether it was said of the future, and that came only just now.
fn came_into_force_lately(version: Version, now: i64) -> bool {
    version.effective_at > version.said_at
        && version.effective_at > now.saturating_sub(CLOCK_ERROR_MICROS_MAX)
}

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
        let mut first = in_force;
        while first > 0 && came_into_force_lately(self.0[first].version, now) {
            first -= 1;
        }
        self.0.truncate(in_force + FUTURE_STATEMENTS_MAX + 1);
        self.0.drain(..first);
    }

    /// The statement in force at `now`.
    pub fn at(&self, now: i64) -> Option<&Statement<T>> {
        self.0.iter().rev().find(|s| s.version.effective_at <= now)
    }

    /// What will be in force at some moment after `now`: of several statements for one moment the one that wins.
    pub(crate) fn after(&self, now: i64) -> impl Iterator<Item = &Statement<T>> {
        self.0.iter().enumerate().filter_map(move |(at, statement)| {
            let effective_at = statement.version.effective_at;
            let is_last = self.0.get(at + 1).is_none_or(|next| next.version.effective_at > effective_at);
            (effective_at > now && is_last).then_some(statement)
        })
    }

    /// Forgets what was said until `said_at` of exactly the moment `effective_at`.
    pub(crate) fn withdraw(&mut self, effective_at: i64, said_at: i64) {
        self.0.retain(|s| s.version.effective_at != effective_at || s.version.said_at > said_at);
    }

    /// Adds everything that another one says; nothing is forgotten.
    pub(crate) fn absorb(&mut self, other: &Self) {
        for statement in &other.0 {
            if let Err(at) = self.0.binary_search_by(|s| s.version.cmp(&statement.version)) {
                self.0.insert(at, statement.clone());
            }
        }
    }

    /// Whether nothing is said.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// When the next statement takes effect after `now`.
    pub fn next_due(&self, now: i64) -> Option<i64> {
        self.0.iter().map(|s| s.version.effective_at).find(|at| *at > now)
    }
}

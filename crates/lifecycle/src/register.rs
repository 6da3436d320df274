//! Last-writer-wins registers that also keep future statements.

use serde::{Deserialize, Serialize};

use crate::version::{StatementVersion, unix_micros_of};
use crate::{Event, StatementDating};

impl StatementVersion {
    /// Returns the version of a statement that `event` makes at `sequence` of its stream.
    pub fn of(event: &Event, sequence: u64) -> Self {
        Self {
            effective_at: unix_micros_of(event.effective_at),
            said_at: unix_micros_of(event.time),
            sequence,
        }
    }
}

/// The provenance of a statement. Besides the values, it decides between two statements about the same thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementProvenance {
    /// The times from which the statement holds and at which it was made.
    pub version: StatementVersion,
    /// `true` if the source named the day.
    pub is_explicit: bool,
    sender: SenderTag,
}

impl StatementProvenance {
    /// Returns the provenance of the statements in `event` at `sequence` of its stream.
    pub fn of(event: &Event, sequence: u64) -> Self {
        let version = StatementVersion::of(event, sequence);
        let is_ahead = version.effective_at > version.said_at;
        Self {
            version,
            is_explicit: is_ahead || event.dating() == StatementDating::Explicit,
            sender: SenderTag::of(event.sender()),
        }
    }
}

/// A short tag that tells senders apart in stored statements. Two senders with the same tag are treated as one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct SenderTag(u32);

impl SenderTag {
    /// The tag of statements that were stored before senders were recorded.
    const UNKNOWN: Self = Self(0);

    /// Hashes the sender with FNV-1a.
    fn of(sender: &str) -> Self {
        let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        Self(sender.bytes().fold(0x811c_9dc5, step).max(1))
    }

    /// Returns whether both tags may belong to one sender.
    fn may_be(self, other: Self) -> bool {
        self == other || self == Self::UNKNOWN || other == Self::UNKNOWN
    }

    /// Returns whether the sender was not recorded.
    fn is_unknown(&self) -> bool {
        *self == Self::UNKNOWN
    }
}

/// One statement: from `version.effective_at` on the value is `value`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RegisterStatement<T> {
    /// The version, which decides between statements.
    pub version: StatementVersion,
    /// The stated value.
    pub value: T,
    /// `true` if the source named the day. It is omitted if the version already implies it, as it did before this
    /// field existed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dated: Option<bool>,
    #[serde(default, skip_serializing_if = "SenderTag::is_unknown")]
    sender: SenderTag,
}

impl<T> RegisterStatement<T> {
    /// Creates a statement with its provenance.
    fn new(from: StatementProvenance, value: T) -> Self {
        let StatementProvenance { version, is_explicit, sender } = from;
        let looks_explicit = version.effective_at != version.said_at;
        Self { version, value, dated: (is_explicit != looks_explicit).then_some(is_explicit), sender }
    }

    /// Returns whether the source named the day.
    fn is_explicit(&self) -> bool {
        self.dated.unwrap_or(self.version.effective_at != self.version.said_at)
    }

    /// Returns whether the statement overrules another one. A day that a sender names outweighs earlier statements of
    /// the same sender without a day, even if the day is an earlier one.
    fn overrules<U>(&self, other: &RegisterStatement<U>) -> bool {
        self.is_explicit()
            && !other.is_explicit()
            && self.sender.may_be(other.sender)
            && self.version.said_at > other.version.said_at
            && self.version.effective_at < other.version.effective_at
    }

    /// Returns whether the statement still counts beside a whole record that does not contain it.
    pub(crate) fn counts_beside(&self, whole: &RegisterStatement<()>) -> bool {
        if self.version >= whole.version { !whole.overrules(self) } else { self.overrules(whole) }
    }
}

/// The maximum number of future statements of one sender in one register.
pub const FUTURE_STATEMENTS_MAX: usize = 16;

/// The time for which statements are kept that a plan replaced, in microseconds. After a clock that was ahead is
/// corrected, the state until then must still be known.
const CLOCK_ERROR_MICROS_MAX: i64 = 48 * 3_600 * 1_000_000;

/// Returns whether a statement about the future came into force only recently.
fn came_into_force_lately(version: StatementVersion, now: i64) -> bool {
    version.effective_at > version.said_at
        && version.effective_at > now.saturating_sub(CLOCK_ERROR_MICROS_MAX)
}

/// The result of adding a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum StatementIntake {
    /// The statement counts, or others outweigh it.
    Taken,
    /// The sender has already made too many statements about the future.
    Refused,
}

/// The statements about one thing, oldest first: the one in force and those that take effect later. Also kept are
/// statements that may be in force again if a day that is named later overrules a statement without a day.
///
/// Merging is commutative, associative and idempotent as long as no sender has more than [`FUTURE_STATEMENTS_MAX`]
/// statements in the future.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Register<T>(Vec<RegisterStatement<T>>);

impl<T> Default for Register<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Clone + PartialEq> Register<T> {
    /// Adds a statement; `now` (microseconds) decides which older ones can be forgotten.
    pub fn say(&mut self, from: StatementProvenance, value: T, now: i64) -> StatementIntake {
        self.take(RegisterStatement::new(from, value), now, true)
    }

    /// Adds a statement without a limit, for statements that revoke something.
    pub(crate) fn say_unlimited(&mut self, from: StatementProvenance, value: T, now: i64) {
        let _ = self.take(RegisterStatement::new(from, value), now, false);
    }

    /// Inserts a statement, unless it is known, overruled or beyond the limit, and forgets the statements that it replaces.
    fn take(&mut self, said: RegisterStatement<T>, now: i64, is_limited: bool) -> StatementIntake {
        let at = match self.0.binary_search_by(|known| known.version.cmp(&said.version)) {
            Ok(_) => return StatementIntake::Taken,
            Err(at) => at,
        };
        if self.0.iter().any(|known| known.overrules(&said)) {
            return StatementIntake::Taken;
        }
        if said.version.effective_at > now && self.is_full(said.sender, now) && is_limited {
            return StatementIntake::Refused;
        }
        self.0.insert(at, said.clone());
        self.0.retain(|known| !said.overrules(known));
        self.forget(now);
        StatementIntake::Taken
    }

    /// Returns whether the sender has made too many statements about the future. Statements that repeat the one
    /// before are forgotten first.
    fn is_full(&mut self, sender: SenderTag, now: i64) -> bool {
        let of_sender =
            |known: &&RegisterStatement<T>| known.sender == sender && known.version.effective_at > now;
        if self.0.iter().filter(of_sender).count() >= FUTURE_STATEMENTS_MAX {
            self.0.dedup_by(|next, before| next.version.effective_at > now && next.value == before.value);
        }
        self.0.iter().filter(of_sender).count() >= FUTURE_STATEMENTS_MAX
    }

    /// Forgets statements that can never be in force again.
    fn forget(&mut self, now: i64) {
        let Some(in_force) = self.0.iter().rposition(|s| s.version.effective_at <= now) else { return };
        let mut first = in_force;
        while first > 0 && came_into_force_lately(self.0[first].version, now) {
            first -= 1;
        }
        let mut kept = vec![false; first];
        let mut senders = vec![self.0[first].sender];
        let mut floor = first;
        for index in (0..first).rev() {
            if self.0[floor].is_explicit() {
                break;
            }
            let known = &self.0[index];
            if known.is_explicit() || !senders.contains(&known.sender) {
                kept[index] = true;
                senders.push(known.sender);
                floor = index;
            }
        }
        // What lies below an explicit statement is never in force again, but it can still overrule a statement above it
        // that arrives late. Of each sender, a later one that was said later does the same.
        let mut last_said = vec![];
        for index in (0..floor).rev() {
            let known = &self.0[index];
            let of_sender = |(sender, _): &&mut (SenderTag, i64)| *sender == known.sender;
            let said_at = known.version.said_at;
            if !known.is_explicit() || said_at <= self.0[floor].version.effective_at {
                continue;
            }
            match last_said.iter_mut().find(of_sender) {
                Some((_, last)) if *last >= said_at => continue,
                Some((_, last)) => *last = said_at,
                None => last_said.push((known.sender, said_at)),
            }
            kept[index] = true;
        }
        let mut index = 0;
        self.0.retain(|_| {
            index += 1;
            kept.get(index - 1).copied().unwrap_or(true)
        });
    }

    /// Returns the statement in force at `now`.
    pub fn at(&self, now: i64) -> Option<&RegisterStatement<T>> {
        self.0.iter().rev().find(|s| s.version.effective_at <= now)
    }

    /// Returns the statement in force at `now` beside a whole record. Senders can overrule each other in a circle:
    /// one names a day before its own whole record, and another's statement lies between the two. Statements that do
    /// not count beside the whole record are skipped in favour of those that do.
    pub(crate) fn at_beside(
        &self,
        whole: Option<&RegisterStatement<()>>,
        now: i64,
    ) -> Option<&RegisterStatement<T>> {
        let in_force = self.0.iter().rev().filter(|s| s.version.effective_at <= now);
        in_force.into_iter().find(|s| whole.is_none_or(|whole| s.counts_beside(whole)))
    }

    /// Returns the statements that will be in force at some moment after `now`: of several statements for one moment,
    /// the one that wins.
    pub(crate) fn after(&self, now: i64) -> impl Iterator<Item = &RegisterStatement<T>> {
        self.0.iter().enumerate().filter_map(move |(at, statement)| {
            let effective_at = statement.version.effective_at;
            let is_last = self.0.get(at + 1).is_none_or(|next| next.version.effective_at > effective_at);
            (effective_at > now && is_last).then_some(statement)
        })
    }

    /// Forgets the statements that were made until `said_at` about exactly the moment `effective_at`.
    pub(crate) fn withdraw(&mut self, effective_at: i64, said_at: i64) {
        self.0.retain(|s| s.version.effective_at != effective_at || s.version.said_at > said_at);
    }

    /// Adds every statement of another register; nothing is forgotten.
    pub(crate) fn absorb(&mut self, other: &Self) {
        for statement in &other.0 {
            if let Err(at) = self.0.binary_search_by(|s| s.version.cmp(&statement.version)) {
                self.0.insert(at, statement.clone());
            }
        }
        let all = self.0.clone();
        self.0.retain(|known| !all.iter().any(|other| other.overrules(known)));
    }

    /// Returns whether the sender made any of the statements.
    pub(crate) fn is_said_by(&self, sender: &str) -> bool {
        let tag = SenderTag::of(sender);
        self.0.iter().any(|statement| statement.sender == tag)
    }

    /// Returns the earliest time from which a statement holds.
    pub(crate) fn first_effective(&self) -> Option<i64> {
        self.0.first().map(|statement| statement.version.effective_at)
    }

    /// Returns whether there are no statements.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the time after `now` at which the next statement takes effect.
    pub fn next_due(&self, now: i64) -> Option<i64> {
        self.0.iter().map(|s| s.version.effective_at).find(|at| *at > now)
    }
}

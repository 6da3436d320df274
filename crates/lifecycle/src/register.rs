//! Last-writer-wins registers that know the future.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// What decides between two statements about the same thing: effective time, then the time the source said it,
/// then the ingest sequence. Microseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StatementVersion {
    /// From when on the statement holds.
    pub effective_at: i64,
    /// When the source said it.
    pub said_at: i64,
    /// Position in the EVENTS stream: breaks ties, and is the same however often the event is delivered.
    pub sequence: u64,
}

impl StatementVersion {
    /// The version of a statement that `event` makes at `sequence` of its stream.
    pub fn of(event: &crate::Event, sequence: u64) -> Self {
        Self {
            effective_at: unix_micros_of(event.effective_at),
            said_at: unix_micros_of(event.time),
            sequence,
        }
    }
}

/// Microseconds since the Unix epoch; saturates outside the years that an `i64` can hold.
pub(crate) fn unix_micros_of(at: OffsetDateTime) -> i64 {
    let micros = at.unix_timestamp_nanos() / 1_000;
    i64::try_from(micros).unwrap_or(if micros < 0 { i64::MIN } else { i64::MAX })
}

/// Where a statement comes from: what decides between two about the same thing, besides their values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementProvenance {
    /// When it holds and when it was said.
    pub version: StatementVersion,
    /// The source named the day.
    pub is_explicit: bool,
    sender: SenderTag,
}

impl StatementProvenance {
    /// The provenance of what `event` says at `sequence` of its stream.
    pub fn of(event: &crate::Event, sequence: u64) -> Self {
        let version = StatementVersion::of(event, sequence);
        let is_ahead = version.effective_at > version.said_at;
        Self {
            version,
            is_explicit: is_ahead || event.dating() == crate::StatementDating::Explicit,
            sender: SenderTag::of(event.sender()),
        }
    }
}

/// Tells senders apart in stored statements, in little room; two senders of one tag are taken for one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct SenderTag(u32);

impl SenderTag {
    /// Of what was stored before senders were recorded.
    const UNKNOWN: Self = Self(0);

    /// FNV-1a.
    fn of(sender: &str) -> Self {
        let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        Self(sender.bytes().fold(0x811c_9dc5, step).max(1))
    }

    fn may_be(self, other: Self) -> bool {
        self == other || self == Self::UNKNOWN || other == Self::UNKNOWN
    }

    fn is_unknown(&self) -> bool {
        *self == Self::UNKNOWN
    }
}

/// One statement: from `version.effective_at` on the value is `value`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RegisterStatement<T> {
    /// Decides between statements.
    pub version: StatementVersion,
    /// What is said.
    pub value: T,
    /// Whether the source named the day; left out where it looks so, as it did before this was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dated: Option<bool>,
    #[serde(default, skip_serializing_if = "SenderTag::is_unknown")]
    sender: SenderTag,
}

impl<T> RegisterStatement<T> {
    fn new(from: StatementProvenance, value: T) -> Self {
        let StatementProvenance { version, is_explicit, sender } = from;
        let looks_explicit = version.effective_at != version.said_at;
        Self { version, value, dated: (is_explicit != looks_explicit).then_some(is_explicit), sender }
    }

    fn is_explicit(&self) -> bool {
        self.dated.unwrap_or(self.version.effective_at != self.version.said_at)
    }

    /// A day that a sender names counts more than what the same sender said before without a day, also if it is an earlier one.
    fn overrules<U>(&self, other: &RegisterStatement<U>) -> bool {
        self.is_explicit()
            && !other.is_explicit()
            && self.sender.may_be(other.sender)
            && self.version.said_at > other.version.said_at
            && self.version.effective_at < other.version.effective_at
    }

    /// Whether it still counts beside the statement of a whole, in which it is not.
    pub(crate) fn counts_beside(&self, whole: &RegisterStatement<()>) -> bool {
        if self.version >= whole.version { !whole.overrules(self) } else { self.overrules(whole) }
    }
}

/// How many future statements of one sender one register keeps.
pub const FUTURE_STATEMENTS_MAX: usize = 16;

/// For how long what a plan replaced is kept: a clock that was ahead, and is put right, must find what holds until then.
const CLOCK_ERROR_MICROS_MAX: i64 = 48 * 3_600 * 1_000_000;

/// Whether it was said of the future, and that came only just now.
fn came_into_force_lately(version: StatementVersion, now: i64) -> bool {
    version.effective_at > version.said_at
        && version.effective_at > now.saturating_sub(CLOCK_ERROR_MICROS_MAX)
}

/// What became of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum StatementIntake {
    /// It counts, or others count more.
    Taken,
    /// Its sender said too much of the future already.
    Refused,
}

/// The statements about one thing: the one in force and those that take effect later, oldest first; and what may be in
/// force again when a day that is named later overrules what was said without one.
///
/// Merging is commutative, associative and idempotent as long as no sender has more than
/// [`FUTURE_STATEMENTS_MAX`] statements in the future.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Register<T>(Vec<RegisterStatement<T>>);

impl<T> Default for Register<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Clone + PartialEq> Register<T> {
    /// Adds a statement; `now` (microseconds) tells which older ones can be forgotten.
    pub fn say(&mut self, from: StatementProvenance, value: T, now: i64) -> StatementIntake {
        self.take(RegisterStatement::new(from, value), now, true)
    }

    /// The same without a limit: of what takes something away.
    pub(crate) fn say_unlimited(&mut self, from: StatementProvenance, value: T, now: i64) {
        let _ = self.take(RegisterStatement::new(from, value), now, false);
    }

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

    /// Whether the sender said too much of the future; what repeats the statement before it is forgotten first.
    fn is_full(&mut self, sender: SenderTag, now: i64) -> bool {
        let of_sender =
            |known: &&RegisterStatement<T>| known.sender == sender && known.version.effective_at > now;
        if self.0.iter().filter(of_sender).count() >= FUTURE_STATEMENTS_MAX {
            self.0.dedup_by(|next, before| next.version.effective_at > now && next.value == before.value);
        }
        self.0.iter().filter(of_sender).count() >= FUTURE_STATEMENTS_MAX
    }

    fn forget(&mut self, now: i64) {
        let Some(in_force) = self.0.iter().rposition(|s| s.version.effective_at <= now) else { return };
        let mut first = in_force;
        while first > 0 && came_into_force_lately(self.0[first].version, now) {
            first -= 1;
        }
        let overrides = |known: &RegisterStatement<T>| {
            known.is_explicit() && known.version.said_at > self.0[first].version.effective_at
        };
        let mut kept: Vec<bool> = self.0[..first].iter().map(overrides).collect();
        let mut senders = vec![self.0[first].sender];
        let mut is_final = self.0[first].is_explicit();
        for index in (0..first).rev() {
            let known = &self.0[index];
            if is_final {
                break;
            }
            is_final = known.is_explicit();
            if is_final || !senders.contains(&known.sender) {
                kept[index] = true;
                senders.push(known.sender);
            }
        }
        let mut index = 0;
        self.0.retain(|_| {
            index += 1;
            kept.get(index - 1).copied().unwrap_or(true)
        });
    }

    /// The statement in force at `now`.
    pub fn at(&self, now: i64) -> Option<&RegisterStatement<T>> {
        self.0.iter().rev().find(|s| s.version.effective_at <= now)
    }

    /// The statement in force at `now` beside the one of a whole in which it is or is not. Senders can stand in a circle: one names a
    /// day before its own whole, and the other's word lies between the two. What does not count beside the whole makes way for what
    /// does.
    pub(crate) fn at_beside(
        &self,
        whole: Option<&RegisterStatement<()>>,
        now: i64,
    ) -> Option<&RegisterStatement<T>> {
        let in_force = self.0.iter().rev().filter(|s| s.version.effective_at <= now);
        in_force.into_iter().find(|s| whole.is_none_or(|whole| s.counts_beside(whole)))
    }

    /// What will be in force at some moment after `now`: of several statements for one moment the one that wins.
    pub(crate) fn after(&self, now: i64) -> impl Iterator<Item = &RegisterStatement<T>> {
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
        let all = self.0.clone();
        self.0.retain(|known| !all.iter().any(|other| other.overrules(known)));
    }

    /// Whether anything of it is said by the sender.
    pub(crate) fn is_said_by(&self, sender: &str) -> bool {
        let tag = SenderTag::of(sender);
        self.0.iter().any(|statement| statement.sender == tag)
    }

    /// From when on anything is said.
    pub(crate) fn first_effective(&self) -> Option<i64> {
        self.0.first().map(|statement| statement.version.effective_at)
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

//! Voices: senders whose statements are combined, and the resulting decision at one moment.

use super::combine::{CombinedEmployment, combine_statements};
use super::contradiction::{Contradiction, ContradictionCode};
use super::periods::EmploymentPeriod;
use super::statement::{EmploymentStatement, EmploymentWord};
use super::{Employment, EmploymentCancellation, EmploymentDecision, EmploymentKind};
use crate::StatementVersion;

/// The statements of one source, and the days of its records without statements about employment.
pub(crate) type SourceStatements<'a> = (Vec<&'a EmploymentStatement>, Vec<i64>);

/// The combined statements of one voice, for every moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SourceVoice {
    combined: CombinedEmployment,
    /// The moment from which records exist, if the voice has no other statements.
    record_from: Option<i64>,
}

/// A moment at which a statement about employment takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EmploymentTurn {
    /// The moment, in microseconds since the Unix epoch.
    pub(crate) at: i64,
    /// The statement.
    pub(crate) by: StatementVersion,
    /// The state of employment that it asserts.
    pub(crate) kind: EmploymentKind,
}

impl SourceVoice {
    /// Combines statements into a voice. `records` are the days of whole records without statements about employment.
    pub(crate) fn new(
        mut statements: Vec<&EmploymentStatement>,
        records: &[i64],
        cancellations: &[EmploymentCancellation],
    ) -> Self {
        let is_record = |said: &&&EmploymentStatement| said.word == EmploymentWord::Record;
        let own = statements.iter().filter(is_record).map(|said| said.version.effective_at);
        let record_from = own.chain(records.iter().copied()).min();
        statements.retain(|said| said.word != EmploymentWord::Record);
        statements.sort_by(|a, b| a.order().cmp(&b.order()).then_with(|| a.cmp(b)));
        statements.dedup();
        let record_from = record_from.filter(|_| statements.is_empty());
        Self { combined: combine_statements(statements, cancellations), record_from }
    }

    /// Creates a voice for each of `named`, together with the statements made `before` senders were told apart. If
    /// none of them made a statement, returns one voice of only the earlier statements.
    pub(crate) fn each<'a>(
        named: impl Iterator<Item = SourceStatements<'a>>,
        (before, records_before): &SourceStatements<'a>,
        cancellations: &[EmploymentCancellation],
    ) -> Vec<Self> {
        let with_before = |(own, records): SourceStatements<'a>| {
            let records: Vec<i64> = records_before.iter().copied().chain(records).collect();
            Self::new(before.iter().copied().chain(own).collect(), &records, cancellations)
        };
        let says_something = |(own, records): &SourceStatements<'_>| !own.is_empty() || !records.is_empty();
        let said: Vec<Self> = named.filter(says_something).map(with_before).collect();
        if said.is_empty() { vec![with_before(SourceStatements::default())] } else { said }
    }

    /// Returns the next moment after `now` at which anything takes effect.
    pub(crate) fn next_due(&self, now: i64) -> Option<i64> {
        let moments = self.periods().iter().flat_map(|period| {
            let begin = period.begins_at().filter(|_| !period.is_cancelled);
            let kept = period.kept_end().map(|kept| kept.at);
            [begin, period.end.as_ref().map(|end| end.at), kept, period.erased.map(|erased| erased.at)]
        });
        moments.flatten().filter(|at| *at > now).min()
    }

    /// Returns the employments in the order of time.
    fn periods(&self) -> &[EmploymentPeriod] {
        &self.combined.periods.0
    }

    /// Returns the end of the employment at `index`.
    fn end_of(&self, index: usize) -> i64 {
        self.combined.periods.end_of(index)
    }

    /// Returns the last employment that is not cancelled and has begun.
    fn current(&self, now: i64) -> Option<usize> {
        (0..self.periods().len()).rev().find(|index| {
            let period = &self.periods()[*index];
            let begins_at = period.begins_at().unwrap_or_else(|| self.end_of(*index));
            !period.is_cancelled && begins_at <= now
        })
    }

    /// Returns the decision at `now`.
    pub(crate) fn decide(&self, now: i64) -> EmploymentDecision {
        let current = self.current(now);
        let (employment, known_since, is_carried) = match current {
            Some(index) => self.state_of(index, now),
            None => self.without_current(now),
        };
        let mut contradictions = self.contradictions(current, now);
        if let Some(carried) = is_carried {
            contradictions.push(carried);
        }
        contradictions.sort();
        contradictions.dedup();
        EmploymentDecision {
            employment,
            known_since,
            planned_departure: self.planned_departure(now),
            contradictions,
        }
    }

    /// Decides if no employment has begun.
    fn without_current(&self, now: i64) -> (Employment, Option<i64>, Option<Contradiction>) {
        if self.record_from.is_some_and(|from| from <= now) {
            return (Employment::Active, None, None);
        }
        let ended = |period: &&EmploymentPeriod| {
            period.is_cancelled && period.end.as_ref().is_some_and(|end| end.at <= now)
        };
        let Some(last) = self.periods().iter().rev().find(ended) else {
            return (Employment::Unknown, None, None);
        };
        let Some(end) = &last.end else { return (Employment::Unknown, None, None) };
        let employment = match last.erased.filter(|erased| erased.at <= now) {
            Some(erased) => Employment::Deleted { since: end.at.min(erased.at) },
            None => Employment::Left { since: end.at },
        };
        (employment, Some(end.by.said_at), None)
    }

    /// Decides from the employment at `index`.
    fn state_of(&self, index: usize, now: i64) -> (Employment, Option<i64>, Option<Contradiction>) {
        let (period, end) = (&self.periods()[index], self.end_of(index));
        let known_since = period.end.as_ref().map(|end| end.by.said_at);
        if let Some(erased) = period.erased.filter(|erased| erased.at <= now) {
            let since = end.min(erased.at);
            return (Employment::Deleted { since }, known_since.or(Some(erased.by.said_at)), None);
        }
        if end > now {
            return (Employment::Active, None, None);
        }
        if let Some(carried) = self.carried_elsewhere(period) {
            return match period.kept_end().filter(|kept| kept.at <= now) {
                Some(kept) => (Employment::Left { since: kept.at }, Some(kept.by.said_at), None),
                None => (Employment::Active, None, Some(carried)),
            };
        }
        (Employment::Left { since: end }, known_since, None)
    }

    /// Returns a contradiction if another full list still has the person. Absence from a list ends only employments
    /// that no other list carries.
    fn carried_elsewhere(&self, period: &EmploymentPeriod) -> Option<Contradiction> {
        let end = period.end.as_ref()?;
        let absent_from = end.absent_from.as_ref().filter(|_| !end.is_said)?;
        let carries = |(list, has): (&String, &bool)| *has && list != absent_from;
        self.combined.lists.iter().any(carries).then(|| Contradiction {
            code: ContradictionCode::ListedElsewhere,
            sender: end.sender.clone(),
            said_at: end.by.said_at,
        })
    }

    /// Returns the contradictions from the current employment on.
    fn contradictions(&self, current: Option<usize>, now: i64) -> Vec<Contradiction> {
        let is_listed = |period: &EmploymentPeriod, known: &Contradiction| {
            known.code != ContradictionCode::FirstDayMovedAhead
                || period.begins_at().is_some_and(|begin| begin > now)
        };
        let listed = |period: &EmploymentPeriod| {
            let listed = period.contradictions.iter().filter(|known| is_listed(period, known));
            listed.cloned().collect::<Vec<_>>()
        };
        self.periods()[current.unwrap_or(0)..].iter().flat_map(listed).collect()
    }

    /// Returns the next stated departure after `now`.
    fn planned_departure(&self, now: i64) -> Option<i64> {
        let counts = |period: &&EmploymentPeriod| !period.is_cancelled && !period.is_of_unknown_begin();
        let ends = self.periods().iter().filter(counts).filter_map(|period| period.end.as_ref());
        ends.filter(|end| end.is_said && end.at > now).map(|end| end.at).min()
    }

    /// Returns the statements that take effect after `now`, in the order of time.
    pub(crate) fn turns(&self, now: i64) -> Vec<EmploymentTurn> {
        let mut turns = Vec::new();
        for period in self.periods() {
            if let (super::periods::PeriodBegin::Known { day: at, by, .. }, false) =
                (&period.begin, period.is_cancelled)
            {
                turns.push(EmploymentTurn { at: *at, by: *by, kind: EmploymentKind::Active });
            }
            if let Some(end) = &period.end {
                let is_erasure = period.erased.is_some_and(|erased| erased.at == end.at);
                let kind = if is_erasure { EmploymentKind::Deleted } else { EmploymentKind::Left };
                turns.push(EmploymentTurn { at: end.at, by: end.by, kind });
            }
            if let Some(erased) =
                period.erased.filter(|erased| period.end.as_ref().is_none_or(|end| end.at != erased.at))
            {
                turns.push(EmploymentTurn { at: erased.at, by: erased.by, kind: EmploymentKind::Deleted });
            }
        }
        turns.retain(|turn| turn.at > now);
        turns.sort();
        turns
    }
}

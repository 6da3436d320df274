//! The employments of a voice, in the order of time.

use super::contradiction::{Contradiction, ContradictionCode};
use crate::StatementVersion;

/// The beginning of an employment, with the precision that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PeriodBegin {
    /// Only the departure was stated.
    Unknown,
    /// The employment began at `latest` or earlier.
    Undated {
        latest: i64,
        /// `true` if an arrival was stated; `false` if the person was only seen.
        is_said: bool,
        by: StatementVersion,
        sender: String,
    },
    /// The employment began on `day`, as `sender` stated.
    Known { day: i64, by: StatementVersion, sender: String },
}

/// The end of an employment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PeriodEnd {
    pub(super) at: i64,
    /// `true` if a departure was stated; `false` if the person was only not seen any more.
    pub(super) is_said: bool,
    /// `true` if the end was stored before datings were recorded. A later legacy statement that shows the person
    /// undoes it, as it did in those versions.
    pub(super) is_legacy: bool,
    /// The full list that dropped the person.
    pub(super) absent_from: Option<String>,
    pub(super) by: StatementVersion,
    pub(super) sender: String,
}

/// An erasure at the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ErasureAtSource {
    pub(super) at: i64,
    pub(super) by: StatementVersion,
}

/// The end and the erasure that an arrival removed from the employment before it. A withdrawal of the arrival
/// restores them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ReplacedPeriod {
    pub(super) end: Option<PeriodEnd>,
    pub(super) erased: Option<ErasureAtSource>,
}

/// One employment of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EmploymentPeriod {
    pub(super) begin: PeriodBegin,
    pub(super) end: Option<PeriodEnd>,
    /// The stated end that lay in the future when the person was not seen any more.
    pub(super) kept: Option<PeriodEnd>,
    pub(super) erased: Option<ErasureAtSource>,
    pub(super) replaced: Option<ReplacedPeriod>,
    pub(super) is_rehire: bool,
    pub(super) is_cancelled: bool,
    /// The time at which an undated return was stated during the employment.
    pub(super) returned_at: Option<i64>,
    pub(super) contradictions: Vec<Contradiction>,
}

impl EmploymentPeriod {
    /// Creates an employment without an end.
    pub(super) fn new(begin: PeriodBegin) -> Self {
        Self {
            begin,
            end: None,
            kept: None,
            erased: None,
            replaced: None,
            is_rehire: false,
            is_cancelled: false,
            returned_at: None,
            contradictions: Vec::new(),
        }
    }

    /// Creates an employment with an unknown beginning and a known end.
    pub(super) fn ending(end: PeriodEnd) -> Self {
        Self { end: Some(end), ..Self::new(PeriodBegin::Unknown) }
    }

    /// Returns whether only the end of the employment is known.
    pub(super) fn is_of_unknown_begin(&self) -> bool {
        self.begin == PeriodBegin::Unknown
    }

    /// Returns the first day, or the latest day that it can be.
    pub(super) fn begins_at(&self) -> Option<i64> {
        match self.begin {
            PeriodBegin::Unknown => None,
            PeriodBegin::Undated { latest: at, .. } | PeriodBegin::Known { day: at, .. } => Some(at),
        }
    }

    /// Returns the first day if a sender stated it.
    pub(super) fn known_day(&self) -> Option<i64> {
        if let PeriodBegin::Known { day, .. } = self.begin { Some(day) } else { None }
    }

    /// Returns the position in the order of time.
    fn place(&self) -> i64 {
        let ended = || self.end.as_ref().map_or(i64::MAX, |end| end.at);
        if self.is_cancelled { ended() } else { self.begins_at().unwrap_or_else(ended) }
    }

    /// Returns the sort key. Of employments in the same position, those that are placed by their end come before
    /// those that begin then. After that, the order is: the earlier end, not cancelled, the earlier beginning, the
    /// earlier statement of the beginning.
    fn order(&self) -> impl Ord + use<> {
        let begins = !self.is_cancelled && !self.is_of_unknown_begin();
        let ends_at = self.end.as_ref().map_or(i64::MAX, |end| end.at);
        let begun_by = match &self.begin {
            PeriodBegin::Unknown => None,
            PeriodBegin::Undated { by, .. } | PeriodBegin::Known { by, .. } => {
                Some((by.said_at, by.sequence))
            }
        };
        (self.place(), begins, ends_at, self.is_cancelled, self.begins_at(), begun_by)
    }

    /// Removes the end and the erasure.
    pub(super) fn open(&mut self) {
        (self.end, self.kept, self.erased) = (None, None, None);
        self.contradictions.clear();
    }

    /// Opens an employment that ended because the person was not seen any more. A stated departure that lay in the
    /// future is in force again, unless another employment begins before it, at `next`.
    pub(super) fn see_again(&mut self, next: i64) {
        let kept = self.kept.take().filter(|kept| kept.at <= next);
        if let (true, Some(kept)) = (self.is_observed_to_end(), kept) {
            self.end = Some(kept);
            self.contradictions.clear();
        } else if self.is_observed_to_end() {
            self.open();
        }
    }

    /// Returns whether the employment ended because the person was not seen any more.
    fn is_observed_to_end(&self) -> bool {
        self.end.as_ref().is_some_and(|end| !end.is_said)
    }

    /// Returns the stated end that lay after the observed one.
    pub(super) fn kept_end(&self) -> Option<&PeriodEnd> {
        self.kept.as_ref().filter(|_| self.is_observed_to_end())
    }

    /// Undoes a cancellation.
    pub(super) fn revive(&mut self) {
        if self.is_cancelled {
            self.is_cancelled = false;
            self.contradictions.clear();
        }
    }

    /// Adds a contradiction. It replaces an earlier one of the same code.
    pub(super) fn note(&mut self, contradiction: Contradiction) {
        self.contradictions.retain(|known| known.code != contradiction.code);
        self.contradictions.push(contradiction);
    }

    /// Removes contradictions that a new departure settles: observations and statements before the departure do not
    /// contradict it.
    pub(super) fn settle(&mut self) {
        self.contradictions.retain(|known| {
            !matches!(
                known.code,
                ContradictionCode::PresentAfterDeparture | ContradictionCode::RehireBeforeDeparture
            )
        });
    }
}

/// The employments of one voice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct EmploymentPeriods(pub(super) Vec<EmploymentPeriod>);

impl EmploymentPeriods {
    /// Inserts an employment in the order of time.
    pub(super) fn insert(&mut self, period: EmploymentPeriod) {
        self.0.push(period);
        self.sort();
    }

    /// Restores the order of time.
    pub(super) fn sort(&mut self) {
        self.0.sort_by_key(EmploymentPeriod::order);
    }

    /// Inserts an employment that begins at `at`. A stated departure of the last employment that lies in the future
    /// applies to it.
    pub(super) fn insert_seen_again(&mut self, mut new: EmploymentPeriod, at: i64) {
        if let Some(last) = self.0.iter_mut().rfind(|period| !period.is_cancelled)
            && last.kept_end().is_some_and(|kept| kept.at > at)
        {
            new.end = last.kept.take();
            new.erased = last.erased.take_if(|erased| erased.at > at);
        }
        self.insert(new);
    }

    /// Returns the end of an employment. An open employment ends when the next one begins.
    pub(super) fn end_of(&self, index: usize) -> i64 {
        let period = &self.0[index];
        if let Some(end) = &period.end {
            return end.at;
        }
        self.next_after(index)
    }

    /// Returns the beginning of the next employment.
    pub(super) fn next_after(&self, index: usize) -> i64 {
        let next = self.0[index + 1..].iter().find(|next| !next.is_cancelled);
        next.map_or(i64::MAX, EmploymentPeriod::place)
    }

    /// Returns the employment in force at `at`.
    pub(super) fn in_force(&self, at: i64) -> Option<usize> {
        (0..self.0.len()).find(|index| {
            let period = &self.0[*index];
            !period.is_cancelled
                && period.begins_at().is_some_and(|begin| begin <= at)
                && self.end_of(*index) > at
        })
    }

    /// Returns the earliest employment that ends after `at`, including cancelled ones.
    pub(super) fn ends_after(&self, at: i64) -> Option<usize> {
        (0..self.0.len()).find(|index| self.end_of(*index) > at)
    }

    /// Returns an employment with unknown beginning that ends after `at`.
    pub(super) fn of_unknown_begin(&self, at: i64) -> Option<usize> {
        (0..self.0.len()).find(|index| {
            let period = &self.0[*index];
            !period.is_cancelled && period.is_of_unknown_begin() && self.end_of(*index) > at
        })
    }

    /// Returns the last employment that is not cancelled and ended at or before `at`.
    pub(super) fn ended_by(&self, at: i64) -> Option<usize> {
        (0..self.0.len()).rev().find(|index| !self.0[*index].is_cancelled && self.end_of(*index) <= at)
    }

    /// Returns the earliest employment that is not cancelled and has a known first day at or after `day`.
    pub(super) fn known_from(&self, day: i64) -> Option<usize> {
        self.0
            .iter()
            .position(|period| !period.is_cancelled && period.known_day().is_some_and(|known| known >= day))
    }
}

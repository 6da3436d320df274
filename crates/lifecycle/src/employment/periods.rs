//! Employments in the order of time.

use super::contradiction::{Contradiction, ContradictionCode};
use crate::StatementVersion;

/// How the beginning of an employment is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PeriodBegin {
    /// Only its departure was said.
    Unknown,
    /// At `latest`, or before.
    Undated {
        latest: i64,
        /// An arrival was said; otherwise the person was seen.
        is_said: bool,
        by: StatementVersion,
        sender: String,
    },
    /// At `day`, as `sender` said.
    Known { day: i64, by: StatementVersion, sender: String },
}

/// How the end of an employment is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PeriodEnd {
    pub(super) at: i64,
    /// A departure was said; otherwise the person was not seen any more.
    pub(super) is_said: bool,
    /// It was stored before datings were: what was stored as well and shows the person later brings them back, as it did.
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

/// What an arrival took away from the employment before: a withdrawal of it gives that back.
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
    /// The said end that lay ahead when the person was not seen any more.
    pub(super) kept: Option<PeriodEnd>,
    pub(super) erased: Option<ErasureAtSource>,
    pub(super) replaced: Option<ReplacedPeriod>,
    pub(super) is_rehire: bool,
    pub(super) is_cancelled: bool,
    /// When an undated return was said during it.
    pub(super) returned_at: Option<i64>,
    pub(super) contradictions: Vec<Contradiction>,
}

impl EmploymentPeriod {
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

    pub(super) fn ending(end: PeriodEnd) -> Self {
        Self { end: Some(end), ..Self::new(PeriodBegin::Unknown) }
    }

    pub(super) fn is_of_unknown_begin(&self) -> bool {
        self.begin == PeriodBegin::Unknown
    }

    /// The first day, or the latest that it can be.
    pub(super) fn begins_at(&self) -> Option<i64> {
        match self.begin {
            PeriodBegin::Unknown => None,
            PeriodBegin::Undated { latest: at, .. } | PeriodBegin::Known { day: at, .. } => Some(at),
        }
    }

    pub(super) fn known_day(&self) -> Option<i64> {
        if let PeriodBegin::Known { day, .. } = self.begin { Some(day) } else { None }
    }

    /// Its place in the order of time.
    fn place(&self) -> i64 {
        let ended = || self.end.as_ref().map_or(i64::MAX, |end| end.at);
        if self.is_cancelled { ended() } else { self.begins_at().unwrap_or_else(ended) }
    }

    /// Among those of the same place what stands by its end comes before what begins then, then what ends first, then what is
    /// not cancelled, then what begins first, then what was begun by the earlier statement.
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

    pub(super) fn open(&mut self) {
        (self.end, self.kept, self.erased) = (None, None, None);
        self.contradictions.clear();
    }

    /// Opens what ended because the person was not seen; a departure that was said and lay ahead holds again, unless
    /// another employment begins before, at `next`.
    pub(super) fn see_again(&mut self, next: i64) {
        let kept = self.kept.take().filter(|kept| kept.at <= next);
        if let (true, Some(kept)) = (self.is_observed_to_end(), kept) {
            self.end = Some(kept);
            self.contradictions.clear();
        } else if self.is_observed_to_end() {
            self.open();
        }
    }

    fn is_observed_to_end(&self) -> bool {
        self.end.as_ref().is_some_and(|end| !end.is_said)
    }

    /// The said end that lay ahead of the observed one.
    pub(super) fn kept_end(&self) -> Option<&PeriodEnd> {
        self.kept.as_ref().filter(|_| self.is_observed_to_end())
    }

    pub(super) fn revive(&mut self) {
        if self.is_cancelled {
            self.is_cancelled = false;
            self.contradictions.clear();
        }
    }

    pub(super) fn note(&mut self, contradiction: Contradiction) {
        self.contradictions.retain(|known| known.code != contradiction.code);
        self.contradictions.push(contradiction);
    }

    /// What was observed or said before a departure does not contradict it.
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
    pub(super) fn insert(&mut self, period: EmploymentPeriod) {
        self.0.push(period);
        self.sort();
    }

    pub(super) fn sort(&mut self) {
        self.0.sort_by_key(EmploymentPeriod::order);
    }

    /// Inserts what begins at `at`; a departure of the last one that was said and lies ahead holds for it.
    pub(super) fn insert_seen_again(&mut self, mut new: EmploymentPeriod, at: i64) {
        if let Some(last) = self.0.iter_mut().rfind(|period| !period.is_cancelled)
            && last.kept_end().is_some_and(|kept| kept.at > at)
        {
            new.end = last.kept.take();
            new.erased = last.erased.take_if(|erased| erased.at > at);
        }
        self.insert(new);
    }

    /// When an employment ends: an open one that another one follows, when that begins.
    pub(super) fn end_of(&self, index: usize) -> i64 {
        let period = &self.0[index];
        if let Some(end) = &period.end {
            return end.at;
        }
        self.next_after(index)
    }

    /// When the next employment begins.
    pub(super) fn next_after(&self, index: usize) -> i64 {
        let next = self.0[index + 1..].iter().find(|next| !next.is_cancelled);
        next.map_or(i64::MAX, EmploymentPeriod::place)
    }

    pub(super) fn in_force(&self, at: i64) -> Option<usize> {
        (0..self.0.len()).find(|index| {
            let period = &self.0[*index];
            !period.is_cancelled
                && period.begins_at().is_some_and(|begin| begin <= at)
                && self.end_of(*index) > at
        })
    }

    /// The earliest that ends after `at`, cancelled ones included.
    pub(super) fn ends_after(&self, at: i64) -> Option<usize> {
        (0..self.0.len()).find(|index| self.end_of(*index) > at)
    }

    /// One of unknown beginning that ends after `at`.
    pub(super) fn of_unknown_begin(&self, at: i64) -> Option<usize> {
        (0..self.0.len()).find(|index| {
            let period = &self.0[*index];
            !period.is_cancelled && period.is_of_unknown_begin() && self.end_of(*index) > at
        })
    }

    /// The last that is not cancelled and ended at or before `at`.
    pub(super) fn ended_by(&self, at: i64) -> Option<usize> {
        (0..self.0.len()).rev().find(|index| !self.0[*index].is_cancelled && self.end_of(*index) <= at)
    }

    /// The earliest that is not cancelled and has a known first day at or after `day`.
    pub(super) fn known_from(&self, day: i64) -> Option<usize> {
        self.0
            .iter()
            .position(|period| !period.is_cancelled && period.known_day().is_some_and(|known| known >= day))
    }
}

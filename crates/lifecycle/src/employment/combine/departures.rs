//! The rules of departures and erasures.

use super::super::contradiction::ContradictionCode;
use super::super::periods::{EmploymentPeriod, ErasureAtSource, PeriodBegin};
use super::super::statement::EmploymentStatement;
use super::{CombinedEmployment, make_contradiction, period_end};

/// The employment that a departure concerns.
enum ConcernedEmployment {
    /// The employment whose end must be set.
    Candidate(usize),
    /// The employment never began.
    Cancelled(usize),
    /// Nothing is left to set.
    Other(usize),
}

impl CombinedEmployment {
    /// Applies `leaves` with a day.
    pub(super) fn leave(&mut self, said: &EmploymentStatement) {
        let day = said.at();
        let mut is_repeated = false;
        for period in &mut self.periods.0 {
            if let Some(known) = period.end.as_mut().filter(|end| end.is_said && end.at == day) {
                known.is_legacy &= said.is_legacy;
                period.settle();
                is_repeated = true;
            }
        }
        if is_repeated {
            return;
        }
        match self.end_at(said) {
            ConcernedEmployment::Candidate(index) if self.periods.end_of(index) == day => {
                self.keep_end(index, said)
            }
            ConcernedEmployment::Candidate(index) => self.periods.0[index].end = Some(period_end(said, day)),
            ConcernedEmployment::Cancelled(_) | ConcernedEmployment::Other(_) => {}
        }
    }

    /// Applies rules 2 to 5 of `leaves` with a day, except for setting the end of a candidate.
    fn end_at(&mut self, said: &EmploymentStatement) -> ConcernedEmployment {
        let day = said.at();
        let next = self.periods.known_from(day);
        let until = next.unwrap_or(self.periods.0.len());
        let candidates: Vec<usize> =
            (0..until).filter(|index| !self.periods.0[*index].is_cancelled).collect();
        if let Some(next) = next.filter(|next| self.periods.0[*next].known_day() == Some(day)) {
            let last = candidates.last().copied();
            let is_said = |index: &usize| self.periods.0[*index].end.as_ref().is_some_and(|end| end.is_said);
            if let Some(last) = last.filter(|last| !is_said(last)) {
                self.keep_end(last, said);
            }
            self.cancel_arrival(next, said);
            return last.map_or(ConcernedEmployment::Cancelled(next), ConcernedEmployment::Other);
        }
        let Some(last) = candidates.last().copied() else {
            return self.leave_before(next, said);
        };
        let reaches = |index: &&usize| self.periods.end_of(**index) >= day;
        let ended = candidates.iter().find(reaches).copied().unwrap_or(last);
        let is_overruled = |index: usize| {
            let period = &self.periods.0[index];
            let is_undated =
                matches!(period.begin, PeriodBegin::Undated { is_said: true, by, .. } if by.said_at > day);
            is_undated && index != candidates[0]
        };
        let overrules = candidates.iter().any(|index| *index >= ended && is_overruled(*index))
            || self.periods.0[ended].returned_at.is_some_and(|at| at > day);
        let mut index = 0;
        self.periods.0.retain(|_| {
            index += 1;
            index - 1 <= ended || !candidates.contains(&(index - 1))
        });
        let period = &mut self.periods.0[ended];
        period.settle();
        if let PeriodBegin::Undated { latest, .. } = &mut period.begin {
            *latest = (*latest).min(day);
        }
        if overrules {
            period.note(make_contradiction(ContradictionCode::UndatedArrivalOverruled, said));
        }
        ConcernedEmployment::Candidate(ended)
    }

    /// Applies a departure before the first known employment.
    fn leave_before(&mut self, next: Option<usize>, said: &EmploymentStatement) -> ConcernedEmployment {
        match next {
            Some(next) if !self.periods.0[next].is_rehire => {
                self.cancel_arrival(next, said);
                ConcernedEmployment::Cancelled(next)
            }
            _ => {
                self.periods.insert(EmploymentPeriod::ending(period_end(said, said.at())));
                let by = said.version;
                let index =
                    self.periods.0.iter().position(|p| p.end.as_ref().is_some_and(|end| end.by == by));
                ConcernedEmployment::Other(index.unwrap_or_default())
            }
        }
    }

    /// Cancels an arrival: the person never came. Later employments that began without a day do not outweigh the
    /// departure.
    fn cancel_arrival(&mut self, index: usize, said: &EmploymentStatement) {
        let after = self.periods.0[index + 1..].iter();
        let next = after.clone().position(|next| !next.is_cancelled && next.known_day().is_some());
        let until = next.map_or(self.periods.0.len(), |next| index + 1 + next);
        let overrules = after.take(until - index - 1).any(|removed| {
            matches!(removed.begin, PeriodBegin::Undated { is_said: true, by, .. } if !removed.is_cancelled && by.said_at > said.at())
        });
        let mut at = 0;
        self.periods.0.retain(|period| {
            at += 1;
            at - 1 <= index || at > until || period.is_cancelled
        });
        if overrules {
            self.periods.0[index].note(make_contradiction(ContradictionCode::UndatedArrivalOverruled, said));
        }
        let period = &mut self.periods.0[index];
        period.is_cancelled = true;
        period.settle();
        match &mut period.end {
            Some(known) if known.at == said.at() => (known.is_said, known.absent_from) = (true, None),
            _ => period.end = Some(period_end(said, said.at())),
        }
        period.note(make_contradiction(ContradictionCode::NoShow, said));
    }

    /// Applies `leaves` without a day. Returns the index of the employment that it concerns.
    pub(super) fn leave_undated(&mut self, said: &EmploymentStatement) -> usize {
        let now = said.version.said_at;
        if let Some(index) = self.periods.in_force(now).or_else(|| self.periods.of_unknown_begin(now)) {
            let period = &mut self.periods.0[index];
            period.settle();
            period.end = Some(period_end(said, now));
            return index;
        }
        if let Some(index) = self.periods.ended_by(now) {
            self.keep_end(index, said);
            return index;
        }
        let next = self.periods.0.iter().position(|period| !period.is_cancelled);
        match self.leave_before(next, said) {
            ConcernedEmployment::Candidate(index)
            | ConcernedEmployment::Cancelled(index)
            | ConcernedEmployment::Other(index) => index,
        }
    }

    /// Keeps the day of the end. An end that was only observed counts as stated from now on.
    fn keep_end(&mut self, index: usize, said: &EmploymentStatement) {
        let at = self.periods.end_of(index);
        let period = &mut self.periods.0[index];
        period.settle();
        match &mut period.end {
            Some(known) => {
                known.is_said = true;
                known.is_legacy &= said.is_legacy;
                known.absent_from = None;
            }
            None => period.end = Some(period_end(said, at)),
        }
    }

    /// Applies an erasure at the source.
    pub(super) fn erase(&mut self, said: &EmploymentStatement, is_explicit: bool) {
        let at = said.at();
        let is_repeated = |period: &EmploymentPeriod| period.erased.is_some_and(|erased| erased.at == at);
        if self.periods.0.iter().any(is_repeated) {
            return self
                .periods
                .0
                .iter_mut()
                .filter(|period| is_repeated(period))
                .for_each(EmploymentPeriod::settle);
        }
        let erasure = ErasureAtSource { at, by: said.version };
        if !is_explicit {
            let index = self.leave_undated(said);
            self.periods.0[index].erased.get_or_insert(erasure);
            return;
        }
        let index = match self.end_at(said) {
            ConcernedEmployment::Cancelled(index) | ConcernedEmployment::Other(index) => index,
            ConcernedEmployment::Candidate(index) => {
                if self.periods.end_of(index) > at {
                    self.periods.0[index].end = Some(period_end(said, at));
                } else {
                    self.keep_end(index, said);
                }
                index
            }
        };
        self.periods.0[index].erased = Some(erasure);
    }
}

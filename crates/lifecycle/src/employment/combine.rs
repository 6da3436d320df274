//! Combines the statements of one voice into employments, by the rules of docs/employment.md and in the order of that
//! page.

use std::collections::{BTreeMap, BTreeSet};

use super::contradiction::{Contradiction, ContradictionCode};
use super::periods::{
    EmploymentPeriod, EmploymentPeriods, ErasureAtSource, PeriodBegin, PeriodEnd, ReplacedPeriod,
};
use super::statement::{EmploymentStatement, EmploymentWord};
use super::{EmploymentCancellation, EmploymentKind};
use crate::StatementDating;

/// The result of combining the statements of one voice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct CombinedEmployment {
    pub(super) periods: EmploymentPeriods,
    /// For each full list, `true` if its last statement is that it has the person.
    pub(super) lists: BTreeMap<String, bool>,
    /// The first days of arrivals that a sender withdrew, by sender, until it states another one.
    pub(super) taken_back: BTreeSet<(String, i64)>,
}

/// The meaning of an arrival.
#[derive(Clone, Copy)]
struct ArrivalMeaning {
    /// `true` if the arrival withdraws a planned departure.
    withdraws: bool,
    is_rehire: bool,
}

/// Combines statements and cancellations. Both must be sorted.
pub(super) fn combine_statements<'a>(
    statements: impl IntoIterator<Item = &'a EmploymentStatement>,
    cancellations: &[EmploymentCancellation],
) -> CombinedEmployment {
    let mut combined = CombinedEmployment::default();
    let mut cancellations = cancellations.iter().peekable();
    for statement in statements {
        while let Some(cancelled) = cancellations.next_if(|next| next.said_at < statement.version.said_at) {
            combined.cancel(cancelled);
        }
        combined.take(statement);
    }
    cancellations.for_each(|cancelled| combined.cancel(cancelled));
    combined
}

impl CombinedEmployment {
    /// Applies one statement.
    fn take(&mut self, statement: &EmploymentStatement) {
        use EmploymentWord::{
            Absent, Erased, Here, Inactive, Joins, Leaves, Listed, Record, Rejoins, Stays, Unhires,
        };
        let is_explicit = statement.dated == StatementDating::Explicit;
        match statement.word {
            Joins | Rejoins => {
                self.taken_back.retain(|(sender, _)| *sender != statement.sender);
                let is_rehire = statement.word == Rejoins;
                // Statements that were stored by older versions do not tell the two apart.
                let arrival = ArrivalMeaning { withdraws: is_rehire || statement.is_legacy, is_rehire };
                if is_explicit {
                    self.arrive(statement, arrival)
                } else {
                    self.arrive_undated(statement, arrival)
                }
            }
            Leaves if is_explicit => self.leave(statement),
            Leaves => drop(self.leave_undated(statement)),
            Erased => self.erase(statement, is_explicit),
            Unhires => self.unhire(statement),
            Here | Listed | Stays => self.see(statement),
            Inactive | Absent => self.miss(statement),
            Record => {}
        }
        if let (Some(list), Listed | Stays | Here | Inactive | Absent) = (&statement.list, statement.word) {
            self.lists.insert(list.clone(), statement.word.kind() == EmploymentKind::Active);
        }
        self.periods.sort();
    }

    /// Applies `joins` or `rejoins` with a day.
    fn arrive(&mut self, said: &EmploymentStatement, arrival: ArrivalMeaning) {
        let (day, now) = (said.at(), said.version.said_at);
        let is_known = |period: &&mut EmploymentPeriod| {
            period.known_day() == Some(day) && !(arrival.is_rehire && period.is_cancelled)
        };
        if let Some(known) = self.periods.0.iter_mut().find(is_known) {
            known.is_rehire |= arrival.is_rehire;
            return;
        }
        let begin = PeriodBegin::Known { day, by: said.version, sender: said.sender.clone() };
        let Some(index) = self.periods.ends_after(day) else {
            return self.begin_after_all(begin, day, arrival);
        };
        let was_in_force = self.periods.in_force(now) == Some(index);
        let next = self.periods.next_after(index);
        let period = &mut self.periods.0[index];
        let has_begun = !period.is_cancelled && period.begins_at().is_some_and(|begin| begin <= now);
        if arrival.withdraws && has_begun {
            return self.come_back(index, said, begin, arrival);
        }
        let is_own = matches!(&period.begin, PeriodBegin::Known { sender, .. } if *sender == said.sender);
        if was_in_force && day > now && !is_own {
            let follows = EmploymentPeriod {
                end: period.end.take(),
                erased: period.erased.take(),
                ..EmploymentPeriod::new(begin)
            };
            return self.periods.insert(follows);
        }
        period.begin = begin;
        period.revive();
        period.is_rehire |= arrival.is_rehire;
        if !arrival.withdraws {
            period.see_again(next);
        } else if period.end.as_ref().is_some_and(|end| !end.is_said) {
            period.open();
        }
        if was_in_force && day > now {
            period.note(make_contradiction(ContradictionCode::FirstDayMovedAhead, said));
        }
    }

    /// Adds a new employment after all others.
    fn begin_after_all(&mut self, begin: PeriodBegin, at: i64, arrival: ArrivalMeaning) {
        let new = EmploymentPeriod { is_rehire: arrival.is_rehire, ..EmploymentPeriod::new(begin) };
        if arrival.withdraws {
            self.periods.insert(new);
        } else {
            self.periods.insert_seen_again(new, at);
        }
    }

    /// Applies a return on a day within an employment that has begun.
    fn come_back(
        &mut self,
        index: usize,
        said: &EmploymentStatement,
        begin: PeriodBegin,
        arrival: ArrivalMeaning,
    ) {
        let (day, now) = (said.at(), said.version.said_at);
        let period = &mut self.periods.0[index];
        if period.end.as_ref().is_some_and(|end| end.is_said && end.at <= now) {
            return period.note(make_contradiction(ContradictionCode::RehireBeforeDeparture, said));
        }
        let replaced =
            ReplacedPeriod { end: period.end.take_if(|end| end.is_said), erased: period.erased.take() };
        period.open();
        if period.begins_at().is_some_and(|first| first < day) {
            let replaced = Some(replaced);
            let new =
                EmploymentPeriod { is_rehire: arrival.is_rehire, replaced, ..EmploymentPeriod::new(begin) };
            self.periods.insert(new);
        } else {
            period.begin = begin;
            period.is_rehire |= arrival.is_rehire;
        }
    }

    /// Applies `joins` or `rejoins` without a day.
    fn arrive_undated(&mut self, said: &EmploymentStatement, arrival: ArrivalMeaning) {
        let now = said.version.said_at;
        if let Some(index) = self.periods.in_force(now) {
            let period = &mut self.periods.0[index];
            if arrival.withdraws {
                if period.end.is_some() {
                    period.open();
                }
                period.returned_at = arrival.is_rehire.then_some(now).or(period.returned_at);
            }
            return;
        }
        let begin = PeriodBegin::Undated {
            latest: now,
            is_said: true,
            by: said.version,
            sender: said.sender.clone(),
        };
        let Some(index) = self.periods.ends_after(now) else {
            return self.begin_after_all(begin, now, arrival);
        };
        let period = &mut self.periods.0[index];
        if arrival.withdraws && (period.is_cancelled || period.is_of_unknown_begin()) {
            period.open();
        }
        period.begin = begin;
        period.revive();
        period.is_rehire |= arrival.is_rehire;
    }

    /// Applies `leaves` with a day.
    fn leave(&mut self, said: &EmploymentStatement) {
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
    fn leave_undated(&mut self, said: &EmploymentStatement) -> usize {
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
    fn erase(&mut self, said: &EmploymentStatement, is_explicit: bool) {
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

    /// Applies `here`, `listed` or `stays`.
    fn see(&mut self, said: &EmploymentStatement) {
        let now = said.version.said_at;
        let in_force = self.periods.in_force(now);
        let unknown = self.periods.of_unknown_begin(now);
        if let Some(index) = in_force.or(unknown).filter(|_| said.word == EmploymentWord::Stays) {
            let period = &mut self.periods.0[index];
            let is_own = |end: &PeriodEnd| end.is_said && end.at > now && end.sender == said.sender;
            if period.end.as_ref().is_some_and(is_own) {
                period.open();
            }
        }
        if in_force.is_some() {
            return;
        }
        if let Some(last) = self.periods.0.last_mut().filter(|_| said.word == EmploymentWord::Stays)
            && last.kept_end().is_some_and(|kept| kept.at > now && kept.sender == said.sender)
        {
            (last.kept, last.erased) = (None, None);
        }
        let begin = PeriodBegin::Undated {
            latest: now,
            is_said: false,
            by: said.version,
            sender: said.sender.clone(),
        };
        if let Some(index) = unknown {
            self.periods.0[index].begin = begin;
            return;
        }
        let lies_ahead = |period: &EmploymentPeriod| match period.is_cancelled {
            true => period.end.as_ref().is_some_and(|end| end.at > now),
            false => period.known_day().is_some_and(|day| day > now),
        };
        if self.periods.0.iter().any(lies_ahead) {
            return;
        }
        match self.periods.0.last_mut() {
            Some(last)
                if last.end.as_ref().is_some_and(|end| end.is_said && !(end.is_legacy && said.is_legacy)) =>
            {
                last.note(make_contradiction(ContradictionCode::PresentAfterDeparture, said));
            }
            Some(last) if last.kept_end().is_some_and(|kept| kept.at <= now) => {
                last.note(make_contradiction(ContradictionCode::PresentAfterDeparture, said));
            }
            _ => self.periods.insert_seen_again(EmploymentPeriod::new(begin), now),
        }
    }

    /// Applies `inactive` or `absent`.
    fn miss(&mut self, said: &EmploymentStatement) {
        let now = said.version.said_at;
        let absent_from = said.list.clone().filter(|_| said.word == EmploymentWord::Absent);
        let observed = PeriodEnd { is_said: false, absent_from, ..period_end(said, now) };
        if let Some(index) = self.periods.in_force(now) {
            let period = &mut self.periods.0[index];
            period.kept = period.end.replace(observed);
        } else if self.periods.0.is_empty() {
            self.periods.insert(EmploymentPeriod::ending(observed));
        }
    }

    /// Applies an operator's cancellation of a planned arrival or departure.
    fn cancel(&mut self, cancelled: &EmploymentCancellation) {
        let day = cancelled.day;
        if cancelled.kind == EmploymentKind::Active {
            self.periods.0.retain(|period| {
                period.is_cancelled || period.known_day() != Some(day) || day <= cancelled.said_at
            });
            return;
        }
        for period in &mut self.periods.0 {
            if period.erased.is_some_and(|erased| erased.at == day) {
                period.erased = None;
            }
            period.kept.take_if(|kept| kept.at == day);
            if let Some(replaced) = &mut period.replaced {
                replaced.end.take_if(|end| end.at == day);
                replaced.erased.take_if(|erased| erased.at == day);
            }
            if period.end.as_ref().is_some_and(|end| end.is_said && end.at == day) {
                period.end = None;
                period.is_cancelled = false;
                period.contradictions.clear();
            }
        }
        self.periods.0.retain(|period| period.end.is_some() || !period.is_of_unknown_begin());
        self.periods.sort();
    }
}

/// The employment that a departure concerns.
enum ConcernedEmployment {
    /// The employment whose end must be set.
    Candidate(usize),
    /// The employment never began.
    Cancelled(usize),
    /// Nothing is left to set.
    Other(usize),
}

/// Returns the stated end of an employment.
pub(super) fn period_end(said: &EmploymentStatement, at: i64) -> PeriodEnd {
    PeriodEnd {
        at,
        is_said: true,
        is_legacy: said.is_legacy,
        absent_from: None,
        by: said.version,
        sender: said.sender.clone(),
    }
}

/// Returns a contradiction caused by a statement.
pub(super) fn make_contradiction(code: ContradictionCode, said: &EmploymentStatement) -> Contradiction {
    Contradiction { code, sender: said.sender.clone(), said_at: said.version.said_at }
}

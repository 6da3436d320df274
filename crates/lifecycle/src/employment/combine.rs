//! Combines the statements of one voice into employments, by the rules of docs/employment.md and in the order of that
//! page.

mod arrivals;
mod departures;

use std::collections::{BTreeMap, BTreeSet};

use super::contradiction::{Contradiction, ContradictionCode};
use super::periods::{EmploymentPeriod, EmploymentPeriods, PeriodBegin, PeriodEnd};
use super::statement::{EmploymentStatement, EmploymentWord};
use super::{EmploymentCancellation, EmploymentKind};
use crate::StatementDating;
use arrivals::ArrivalMeaning;

/// The result of combining the statements of one voice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct CombinedEmployment {
    pub(super) periods: EmploymentPeriods,
    /// For each full list, `true` if its last statement is that it has the person.
    pub(super) lists: BTreeMap<String, bool>,
    /// The first days of arrivals that a sender withdrew, by sender, until it states another one.
    pub(super) taken_back: BTreeSet<(String, i64)>,
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

//! Arrivals that their sender withdraws.

use lifecycle::ContradictionCode as Code;

use super::{Beginning, Combined, End, Period, TakenAway};
use crate::{
    mutation::Mutation,
    statements::{Dated, Said},
};

impl Combined {
    /// Returns whether the sender of the statement began the employment.
    fn is_of(&self, period: &Period, statement: &Said) -> bool {
        let is_said = period.beginning != Beginning::Unknown && !period.is_cancelled;
        let any = self.mutated(Mutation::UnhiresOfAnySender);
        is_said && (any || period.begun_by == statement.sender || period.begun_by.is_empty())
    }

    fn of_sender(&self, statement: &Said, is_it: impl Fn(&Period) -> bool) -> Vec<usize> {
        let is_it = |index: &usize| {
            let period = &self.periods[*index];
            self.is_of(period, statement) && is_it(period)
        };
        (0..self.periods.len()).filter(is_it).collect()
    }

    pub(super) fn unhires(&mut self, statement: &Said, dated: Dated, day: i64) {
        let names_day = dated == Dated::Explicit;
        let moment = statement.said;
        if names_day && let [index, ..] = self.of_sender(statement, |period| period.known() == Some(day))[..]
        {
            return self.unhires_known(statement, index, day);
        }
        let before = self.taken_back.get(&statement.sender);
        let is_repeated = before.is_some_and(|days| !names_day || days.contains(&day));
        if is_repeated && !self.mutated(Mutation::UnhiresTwice) {
            return self.hit("unhires 2");
        }
        let ahead = self.of_sender(statement, |period| period.known().is_some_and(|day| day > moment));
        if !ahead.is_empty() && !self.mutated(Mutation::UnhiresEndsTheCurrentOne) {
            return self.unhires_ahead(statement, names_day, ahead.len());
        }
        if let Some(index) = self.in_force(moment)
            && self.is_of(&self.periods[index], statement)
            && (!names_day
                || matches!(self.periods[index].beginning, Beginning::Undated(begin) if begin >= day))
        {
            self.hit(if names_day { "unhires 4, undated" } else { "unhires 4" });
            return self.unhires_in_force(statement, index);
        }
        let own = self.of_sender(statement, |_| true);
        let ended = own.into_iter().rfind(|index| self.ends(*index) <= moment);
        if let (false, Some(index)) = (names_day, ended) {
            self.hit("unhires 5");
            return self.periods[index].say_the_observed_end(statement);
        }
        if self.periods.is_empty() {
            self.hit("unhires 6, none");
            self.add(statement, Beginning::Unknown, End::Said(moment));
        } else if let Some(last) = self.periods.iter_mut().rfind(|period| !period.is_cancelled) {
            last.list(Code::WithdrawalUnmatched, statement);
            self.hit("unhires 6");
        }
    }

    /// Withdraws the employment of the sender whose known first day the statement names.
    fn unhires_known(&mut self, statement: &Said, index: usize, day: i64) {
        if day > statement.said {
            self.hit("unhires 1, withdrawn");
            self.withdraw(statement, index);
        } else if self.in_force(statement.said) == Some(index) {
            self.hit("unhires 1, in force");
            self.unhires_in_force(statement, index);
        } else {
            self.hit("unhires 1, ended");
            self.periods[index].say_the_observed_end(statement);
        }
    }

    fn unhires_ahead(&mut self, statement: &Said, names_day: bool, count: usize) {
        let moment = statement.said;
        loop {
            let ahead = self.of_sender(statement, |period| period.known().is_some_and(|day| day > moment));
            let [earliest, ..] = ahead[..] else { break };
            self.withdraw(statement, earliest);
        }
        self.hit(if names_day { "unhires 3, another day" } else { "unhires 3" });
        if names_day || count > 1 {
            if count > 1 {
                self.hit("unhires 3, several");
            }
            self.periods.sort_by_key(Period::order);
            self.periods.last_mut().unwrap().list(Code::NoShow, statement);
        }
    }

    fn unhires_in_force(&mut self, statement: &Said, index: usize) {
        let begun = self.periods[index].known().unwrap_or(statement.said);
        self.taken_back.entry(statement.sender.clone()).or_default().push(begun);
        self.settle(index);
        let period = &mut self.periods[index];
        period.set_end(End::Said(statement.said), statement);
        period.list(Code::NoShow, statement);
    }

    fn withdraw(&mut self, statement: &Said, index: usize) {
        let day = self.periods[index].known().unwrap();
        self.taken_back.entry(statement.sender.clone()).or_default().push(day);
        let is_other = |other: usize| other != index && !self.periods[other].is_cancelled;
        if !(0..self.periods.len()).any(is_other) {
            self.hit("unhires, cancelled");
            self.periods.remove(index);
            let period = self.add(statement, Beginning::Unknown, End::Said(statement.said));
            period.is_cancelled = true;
            return;
        }
        self.hit("unhires, removed");
        let removed = self.periods.remove(index);
        let before = self.periods[..index].iter().rposition(|period| !period.is_cancelled);
        if let Some(before) = before
            && self.periods[before].end == End::Open
            && !self.mutated(Mutation::UnhiresForgetsThePlan)
        {
            self.hold_what_was_planned(before, removed);
        }
    }

    /// Applies the end of the removed employment, or the end that its arrival had replaced, to the open employment
    /// before it.
    fn hold_what_was_planned(&mut self, index: usize, removed: Period) {
        let TakenAway { end, erasure } = removed.taken_away.unwrap_or_default();
        let own = match removed.end {
            End::Said(day) => Some((day, removed.end_known, removed.end_by)),
            End::Open | End::Observed(_) => None,
        };
        let erasure = erasure.or(removed.erasure.map(|erased| (erased, removed.erasure_known)));
        let earlier = match (end, own) {
            (Some(taken), Some(own)) if own.0 < taken.0 => Some(own),
            (taken, own) => taken.or(own),
        };
        let period = &mut self.periods[index];
        if let Some((erased, known)) = erasure {
            (period.erasure, period.erasure_known) = (Some(erased), known);
        }
        if let Some((day, known, by)) = earlier {
            (period.end, period.end_known, period.end_by) = (End::Said(day), known, by);
            self.hit("unhires, the plan holds again");
        }
    }
}

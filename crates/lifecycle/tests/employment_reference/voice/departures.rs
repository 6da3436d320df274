//! Departures and erasures, with a day and without.

use lifecycle::ContradictionCode as Code;

use super::{Beginning, Combined, End};
use crate::{mutation::Mutation, statements::Said};

impl Combined {
    pub(super) fn leaves(&mut self, statement: &Said, day: i64) {
        let repeated: Vec<usize> =
            (0..self.periods.len()).filter(|&index| self.periods[index].end == End::Said(day)).collect();
        if repeated.is_empty() {
            self.leaves_or_is_erased(statement, day, false);
            return;
        }
        self.hit("leaves 1");
        for index in repeated {
            self.settle(index);
        }
    }

    /// Applies rules 2 to 5 of an explicit departure.
    fn leaves_or_is_erased(&mut self, statement: &Said, day: i64, is_erasure: bool) {
        let strictly = self.mutated(Mutation::LeavesOnTheFirstDayIsNoNoShow);
        let next = self.earliest(|period| {
            let is_later = |known: i64| if strictly { known > day } else { known >= day };
            !period.is_cancelled && period.known().is_some_and(is_later)
        });
        let before = next.unwrap_or(self.periods.len());
        let candidates: Vec<usize> = (0..before).filter(|&index| !self.periods[index].is_cancelled).collect();
        match (next, candidates.last()) {
            (Some(next), last) if self.periods[next].known() == Some(day) => {
                self.leaves_on_the_first_day(statement, day, is_erasure, next, last.copied());
            }
            (next, None) => self.leaves_before_any(statement, day, is_erasure, next),
            (_, Some(_)) => self.leaves_a_candidate(statement, day, is_erasure, &candidates),
        }
    }

    /// Cancels an arrival. Employments that began after it without a day, up to the next known first day, are removed
    /// with it.
    fn cancel(&mut self, statement: &Said, index: usize, day: i64) {
        let mut later = index + 1;
        while later < self.periods.len() && !self.mutated(Mutation::ANoShowKeepsWhatFollows) {
            let period = &self.periods[later];
            if period.is_cancelled {
                later += 1;
                continue;
            }
            if period.known().is_some() {
                break;
            }
            let is_overruled = period.undated_said.is_some_and(|arrived| arrived > day);
            self.periods.remove(later);
            self.hit("leaves 3 and 4, removed");
            if is_overruled {
                self.periods[index].list(Code::UndatedArrivalOverruled, statement);
            }
        }
        let period = &mut self.periods[index];
        period.is_cancelled = true;
        period.set_end(End::Said(day), statement);
        period.list(Code::NoShow, statement);
        self.settle(index);
    }

    fn leaves_on_the_first_day(
        &mut self,
        statement: &Said,
        day: i64,
        is_erasure: bool,
        next: usize,
        last: Option<usize>,
    ) {
        self.hit(if is_erasure { "erased, leaves 3" } else { "leaves 3" });
        self.cancel(statement, next, day);
        if let Some(last) = last
            && !self.mutated(Mutation::LeavesForgetsTheCandidateBeforeANoShow)
        {
            match self.periods[last].end {
                End::Open => {
                    self.hit("leaves 3, an open one before");
                    self.periods[last].set_end(End::Said(day), statement);
                    self.settle(last);
                }
                End::Observed(_) => {
                    self.hit("leaves 3, an observed end before");
                    self.periods[last].say_the_observed_end(statement);
                    self.settle(last);
                }
                End::Said(_) => self.hit("leaves 3, a said end before"),
            }
        }
        if is_erasure {
            self.periods[last.unwrap_or(next)].erase(day, statement);
        }
    }

    fn leaves_before_any(&mut self, statement: &Said, day: i64, is_erasure: bool, next: Option<usize>) {
        let stands =
            |index: usize| self.periods[index].is_rehire && !self.mutated(Mutation::LeavesCancelsARehire);
        let concerned = match next {
            Some(next) if !stands(next) => {
                self.hit(if is_erasure { "erased, leaves 4a" } else { "leaves 4a" });
                self.cancel(statement, next, day);
                &mut self.periods[next]
            }
            _ => {
                self.hit(if is_erasure { "erased, leaves 4b" } else { "leaves 4b" });
                self.add(statement, Beginning::Unknown, End::Said(day))
            }
        };
        if is_erasure {
            concerned.erase(day, statement);
        }
    }

    fn leaves_a_candidate(&mut self, statement: &Said, day: i64, is_erasure: bool, candidates: &[usize]) {
        let at = candidates.iter().position(|&index| self.ends(index) >= day);
        let all_end_before = at.is_none();
        let last = candidates.len() - 1;
        let ends_last = self.mutated(Mutation::LeavesEndsTheLastCandidate);
        let at = if ends_last { last } else { at.unwrap_or(last) };
        let index = candidates[at];
        self.hit(match (is_erasure, all_end_before) {
            (false, false) => "leaves 5",
            (false, true) => "leaves 5, all end before",
            (true, false) => "erased, leaves 5",
            (true, true) => "erased, leaves 5, all end before",
        });
        let is_overruled = (at..=last).any(|at| {
            at > 0 && self.periods[candidates[at]].undated_said.is_some_and(|arrived| arrived > day)
        });
        let returned = self.periods[index].returns.iter().any(|&returned| returned > day);
        let moves_end = !is_erasure || !all_end_before || self.mutated(Mutation::ErasedMovesTheEnd);
        let period = &mut self.periods[index];
        if moves_end {
            period.set_end(End::Said(day), statement);
            if matches!(period.beginning, Beginning::Undated(began) if began > day) {
                period.beginning = Beginning::Undated(day);
            }
        } else {
            period.say_the_observed_end(statement);
        }
        if is_erasure {
            period.erase(day, statement);
        }
        if is_overruled || returned {
            period.list(Code::UndatedArrivalOverruled, statement);
            self.hit("leaves 5, listed");
        }
        self.settle(index);
        if !self.mutated(Mutation::LeavesKeepsLaterCandidates) {
            for &removed in candidates[at + 1..].iter().rev() {
                self.periods.remove(removed);
                self.hit("leaves 5, removed");
            }
        }
    }

    /// Applies a departure without a day. Returns the index of the employment that it concerns.
    pub(super) fn leaves_undated(&mut self, statement: &Said) -> usize {
        let moment = statement.said;
        let all = 0..self.periods.len();
        let unknown = all.clone().find(|&index| {
            let period = &self.periods[index];
            !period.is_cancelled && period.beginning == Beginning::Unknown && self.ends(index) > moment
        });
        let ended =
            all.clone().rfind(|&index| !self.periods[index].is_cancelled && self.ends(index) <= moment);
        let index = if let Some(index) = self.in_force(moment) {
            self.hit("leaves undated 1");
            self.periods[index].set_end(End::Said(moment), statement);
            index
        } else if let Some(index) = unknown {
            self.hit("leaves undated 2");
            self.periods[index].set_end(End::Said(moment), statement);
            index
        } else if let Some(index) = ended {
            self.hit("leaves undated 3");
            if self.mutated(Mutation::ImpliedLeavesMovesTheEnd) {
                self.periods[index].set_end(End::Said(moment), statement);
            }
            self.periods[index].say_the_observed_end(statement);
            index
        } else {
            return self.leaves_undated_before_any(statement);
        };
        self.settle(index);
        index
    }

    fn leaves_undated_before_any(&mut self, statement: &Said) -> usize {
        match self.earliest(|period| !period.is_cancelled) {
            Some(next) if !self.periods[next].is_rehire || self.mutated(Mutation::LeavesCancelsARehire) => {
                self.hit("leaves undated 4a");
                self.cancel(statement, next, statement.said);
                next
            }
            _ => {
                self.hit("leaves undated 4b");
                self.add(statement, Beginning::Unknown, End::Said(statement.said));
                self.periods.len() - 1
            }
        }
    }

    pub(super) fn erased(&mut self, statement: &Said, day: i64, is_explicit: bool) {
        let repeated: Vec<usize> =
            (0..self.periods.len()).filter(|&index| self.periods[index].erasure == Some(day)).collect();
        if !repeated.is_empty() {
            self.hit("erased 1");
            for index in repeated {
                self.settle(index);
            }
        } else if is_explicit {
            self.leaves_or_is_erased(statement, day, true);
        } else {
            self.hit("erased 2");
            let index = self.leaves_undated(statement);
            let only_leaves = self.mutated(Mutation::ImpliedErasedOnlyLeaves);
            if self.periods[index].erasure.is_none() && !only_leaves {
                self.periods[index].erase(day, statement);
            }
        }
    }
}

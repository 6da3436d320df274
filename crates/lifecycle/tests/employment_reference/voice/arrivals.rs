//! Arrivals: `joins` and `rejoins`, with a day and without.

use lifecycle::ContradictionCode as Code;

use super::{Beginning, Combined, End, Period, TakenAway};
use crate::{mutation::Mutation, statements::Said};

impl Combined {
    pub(super) fn joins(&mut self, statement: &Said, day: i64) {
        if self.earliest(|period| period.known() == Some(day)).is_some() {
            return self.hit("joins 1");
        }
        let found = if self.mutated(Mutation::JoinsPassesOverCancelled) {
            (0..self.periods.len()).find(|&at| !self.periods[at].is_cancelled && self.ends(at) > day)
        } else {
            self.earliest_that_ends_after(day)
        };
        let Some(index) = found else {
            self.hit("joins 3");
            self.add_seen_again(statement, Beginning::Known(day), day);
            return;
        };
        let is_moved_ahead = self.in_force(statement.said) == Some(index) && day > statement.said;
        let period = self.periods[index].clone();
        let of_another =
            period.begun_by != statement.sender && !self.mutated(Mutation::JoinsMovesTheDayOfAnotherSender);
        if is_moved_ahead && (matches!(period.beginning, Beginning::Undated(_)) || of_another) {
            self.hit("joins 2a");
            self.periods[index].take_end_away();
            self.periods[index].contradictions.clone_from(&period.contradictions);
            let new = self.add(statement, Beginning::Known(day), period.end);
            new.erasure = period.erasure;
            new.erasure_known = period.erasure_known;
            new.erasure_known = period.erasure_known;
            new.end_by = period.end_by;
            new.end_known = period.end_known;
            return;
        }
        self.hit("joins 2b");
        let keeps_end = self.mutated(Mutation::JoinsKeepsAnObservedEnd);
        let keeps_cancelled = self.mutated(Mutation::JoinsKeepsACancellation);
        let is_listed = is_moved_ahead && !self.mutated(Mutation::AMovedFirstDayIsNotListed);
        let next = self.periods[index + 1..].iter().find(|period| !period.is_cancelled);
        let next = next.map_or(i64::MAX, Period::place);
        let period = &mut self.periods[index];
        period.begin_known(day, statement);
        if !keeps_cancelled {
            period.cancel_not();
        }
        let kept = period.kept_end().cloned().filter(|kept| kept.day <= next && !keeps_end);
        if let Some(kept) = kept {
            period.kept = None;
            period.hold_again(kept);
            period.contradictions.clear();
            self.hit("kept end holds again");
        } else if !keeps_end {
            period.open_an_observed_end();
        }
        let period = &mut self.periods[index];
        if is_listed {
            period.list(Code::FirstDayMovedAhead, statement);
            self.hit("joins 2b, listed");
        }
    }

    pub(super) fn rejoins(&mut self, statement: &Said, day: i64) {
        if let Some(index) = self.earliest(|period| !period.is_cancelled && period.known() == Some(day)) {
            self.periods[index].is_rehire = true;
            return self.hit("rejoins 1");
        }
        let Some(index) = self.earliest_that_ends_after(day) else {
            self.hit("rejoins 3");
            self.add(statement, Beginning::Known(day), End::Open).is_rehire = true;
            return;
        };
        let period = &self.periods[index];
        let (began, is_ahead) = match period.beginning {
            Beginning::Known(began) | Beginning::Undated(began) => (began, began > statement.said),
            Beginning::Unknown => (i64::MIN, true),
        };
        let is_over = matches!(period.end, End::Said(end) if end <= statement.said);
        if period.is_cancelled || is_ahead {
            self.hit("rejoins 2a");
            let period = &mut self.periods[index];
            period.begin_known(day, statement);
            period.is_rehire = true;
            period.cancel_not();
            period.open_an_observed_end();
        } else if is_over && !self.mutated(Mutation::RejoinsUndoesADepartureInEffect) {
            self.hit("rejoins 2b");
            self.periods[index].list(Code::RehireBeforeDeparture, statement);
        } else {
            let period = &mut self.periods[index];
            let taken_away = TakenAway {
                end: match period.end {
                    End::Said(day) => Some((day, period.end_known, period.end_by.clone())),
                    End::Open | End::Observed(_) => None,
                },
                erasure: period.erasure.map(|erased| (erased, period.erasure_known)),
            };
            if !self.mutated(Mutation::RejoinsKeepsAPlannedEnd) {
                self.periods[index].take_end_away();
            }
            if began < day {
                self.hit("rejoins 2c, new");
                let new = self.add(statement, Beginning::Known(day), End::Open);
                new.is_rehire = true;
                new.taken_away = Some(taken_away);
            } else {
                self.hit("rejoins 2c, begins");
                self.periods[index].begin_known(day, statement);
                self.periods[index].is_rehire = true;
            }
        }
    }

    pub(super) fn arrives_undated(&mut self, statement: &Said, is_rehire: bool) {
        let moment = statement.said;
        if let Some(index) = self.in_force(moment) {
            if !is_rehire {
                if self.mutated(Mutation::ImpliedJoinsWithdrawsADeparture) {
                    self.periods[index].take_end_away();
                }
                return self.hit("arrives undated 1, joins");
            }
            self.hit("arrives undated 1, rejoins");
            let forgets = self.mutated(Mutation::ImpliedRejoinsForgetsTheReturn);
            let period = &mut self.periods[index];
            if period.end != End::Open {
                period.take_end_away();
            }
            if !forgets {
                period.returns.push(moment);
            }
        } else if let Some(index) = self.earliest_that_ends_after(moment) {
            self.hit(if is_rehire { "arrives undated 2, rejoins" } else { "arrives undated 2, joins" });
            let period = &mut self.periods[index];
            let is_of_no_first_day = period.is_cancelled || period.beginning == Beginning::Unknown;
            period.begin_undated(moment, statement, Some(moment));
            period.cancel_not();
            if is_rehire {
                period.is_rehire = true;
                if is_of_no_first_day {
                    period.take_end_away();
                }
            }
        } else {
            self.hit("arrives undated 3");
            let new = if is_rehire {
                self.add(statement, Beginning::Undated(moment), End::Open)
            } else {
                self.add_seen_again(statement, Beginning::Undated(moment), moment)
            };
            new.undated_said = Some(moment);
            new.is_rehire = is_rehire;
        }
    }
}

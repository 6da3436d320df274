//! Observations, and cancellations by an operator.

use lifecycle::{ContradictionCode as Code, EmploymentWord as Word};

use super::{Beginning, Combined, End, Kept, Period};
use crate::{
    mutation::Mutation,
    statements::{Cancelled, Said},
};

impl Combined {
    pub(super) fn here(&mut self, statement: &Said, word: Word) {
        let moment = statement.said;
        if word == Word::Stays && !self.mutated(Mutation::StaysIsHere) {
            self.stays(statement);
        }
        let all = 0..self.periods.len();
        let unknown = all.clone().find(|&index| {
            let period = &self.periods[index];
            let lasts = self.ends(index) > moment || period.end == End::Open;
            !period.is_cancelled && period.beginning == Beginning::Unknown && lasts
        });
        let cancelled =
            all.clone().any(|index| self.periods[index].is_cancelled && self.ends(index) > moment);
        let ahead = |period: &Period| !period.is_cancelled && period.known().is_some_and(|day| day > moment);
        let undoes = self.mutated(Mutation::HereUndoesADeparture);
        if word == Word::Stays && self.in_force(moment).is_none() && !self.mutated(Mutation::StaysIsHere) {
            self.withdraw_a_kept_end(statement);
        }
        if self.in_force(moment).is_some() {
            self.hit("here 2");
        } else if let Some(index) = unknown {
            self.hit("here 3");
            self.periods[index].begin_undated(moment, statement, None);
        } else if self.earliest(ahead).is_some() {
            self.hit("here 4");
        } else if cancelled {
            self.hit("here 5");
        } else if let Some(last) = self.periods.last_mut()
            && matches!(last.end, End::Said(_))
            && !undoes
        {
            last.list(Code::PresentAfterDeparture, statement);
            self.hit("here 6, listed");
        } else if let Some(last) = self.periods.last_mut()
            && last.kept_end().is_some_and(|kept| kept.day <= moment)
        {
            last.list(Code::PresentAfterDeparture, statement);
            self.hit("here 6, kept end is past, listed");
        } else {
            self.hit("here 6");
            self.add_seen_again(statement, Beginning::Undated(moment), moment);
        }
    }

    fn withdraw_a_kept_end(&mut self, statement: &Said) {
        if let Some(last) = self.periods.last_mut()
            && last.kept_end().is_some_and(|kept| kept.day > statement.said && kept.by == statement.sender)
        {
            last.kept = None;
            last.erasure = None;
            self.hit("kept end withdrawn");
        }
    }

    fn stays(&mut self, statement: &Said) {
        let moment = statement.said;
        let in_force = self.in_force(moment);
        let any_sender = self.mutated(Mutation::StaysUndoesThePlanOfAnotherSender);
        let unknown = (0..self.periods.len()).find(|&index| {
            let period = &self.periods[index];
            !period.is_cancelled && period.beginning == Beginning::Unknown && self.ends(index) > moment
        });
        if let Some(index) = in_force.or(unknown) {
            let period = &mut self.periods[index];
            let is_ahead = matches!(period.end, End::Said(end) if end > moment);
            if is_ahead && (period.end_by == statement.sender || any_sender) {
                period.take_end_away();
                self.hit("here 1");
            }
        }
    }

    pub(super) fn inactive(&mut self, statement: &Said, word: Word) {
        let end = if self.mutated(Mutation::InactiveIsSaid) {
            End::Said(statement.said)
        } else {
            End::Observed(statement.said)
        };
        if self.mutated(Mutation::InactiveTakesAwayAPlannedArrival) {
            let moment = statement.said;
            self.periods.retain(|period| period.known().is_none_or(|day| day <= moment));
        }
        let period = if let Some(index) = self.in_force(statement.said) {
            self.hit(if word == Word::Absent { "inactive 1, absent" } else { "inactive 1" });
            let keeps = !self.mutated(Mutation::ASaidEndAheadIsNotKept);
            if matches!(self.periods[index].end, End::Said(_)) {
                self.hit("inactive 1, keeps");
            }
            let period = &mut self.periods[index];
            period.kept = match period.end {
                End::Said(day) if keeps => {
                    Some(Kept { day, known: period.end_known, by: period.end_by.clone() })
                }
                _ => None,
            };
            period.set_end(end, statement);
            period
        } else if self.periods.is_empty() {
            self.hit("inactive 2");
            self.add(statement, Beginning::Unknown, end)
        } else {
            return self.hit("inactive 3");
        };
        if word == Word::Absent {
            period.absent_from.clone_from(&statement.list);
        }
    }

    pub(super) fn cancellation(&mut self, cancelled: &Cancelled) {
        let day = cancelled.day;
        let (keeps_erasure, past) = (
            self.mutated(Mutation::CancellationKeepsAnErasure),
            self.mutated(Mutation::CancellationOfAPastArrival),
        );
        if cancelled.is_arrival {
            let before = self.periods.len();
            self.periods.retain(|period| {
                period.is_cancelled || period.known() != Some(day) || (day <= cancelled.said && !past)
            });
            return self.hit(if before > self.periods.len() {
                "cancels arrival"
            } else {
                "cancels arrival, none"
            });
        }
        let is_it = |period: &Period| period.end == End::Said(day);
        if self.periods.iter().any(is_it) {
            self.hit("cancels departure");
        }
        if self.periods.iter().any(|period| period.erasure == Some(day)) {
            self.hit("cancels departure, erasure");
        }
        if self.periods.iter().any(|period| is_it(period) && period.is_cancelled) {
            self.hit("cancels departure, of a cancelled one");
        }
        let before = self.periods.len();
        self.periods.retain(|period| !(is_it(period) && period.beginning == Beginning::Unknown));
        if before > self.periods.len() {
            self.hit("cancels departure, of an unknown one");
        }
        for period in &mut self.periods {
            period.kept.take_if(|kept| kept.day == day);
            if let Some(taken_away) = &mut period.taken_away {
                taken_away.end.take_if(|(end, ..)| *end == day);
                taken_away.erasure.take_if(|(erased, _)| *erased == day);
            }
            if is_it(period) {
                let erasure = period.erasure;
                period.cancel_not();
                period.take_end_away();
                period.erasure = erasure;
            }
            if period.erasure == Some(day) && !keeps_erasure {
                period.erasure = None;
            }
        }
    }
}

//! How the statements of one voice combine: the rules of the page, each counted by its name.

use std::collections::BTreeMap;

use lifecycle::{ContradictionCode as Code, EmploymentWord as Word};

use crate::{
    mutation::Mutation,
    statements::{Cancelled, Dated, Said, Step},
};

/// The first day of an employment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    Known(i64),
    Undated(i64),
    Unknown,
}

/// The end of an employment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Open,
    Said(i64),
    Observed(i64),
}

impl End {
    pub fn day(self) -> Option<i64> {
        match self {
            Self::Open => None,
            Self::Said(day) | Self::Observed(day) => Some(day),
        }
    }
}

/// A said end that lay ahead when the person was not seen any more.
#[derive(Debug, Clone)]
pub struct Kept {
    pub day: i64,
    pub known: i64,
    by: String,
}

/// One employment of the list.
#[derive(Debug, Clone)]
pub struct Period {
    pub beginning: Beginning,
    pub begun_by: String,
    /// When an undated arrival that began it was said (not observed).
    pub undated_said: Option<i64>,
    pub end: End,
    pub end_by: String,
    /// When the statement was said that first set the end.
    pub end_known: i64,
    /// The full list whose absence set the end.
    pub absent_from: Option<String>,
    kept: Option<Kept>,
    pub erasure: Option<i64>,
    /// When the erasure was said.
    pub erasure_known: i64,
    pub is_rehire: bool,
    pub is_cancelled: bool,
    pub returns: Vec<i64>,
    pub contradictions: Vec<(Code, String, i64)>,
    begun_at: (i64, u64),
}

impl Period {
    /// Where it stands: by its beginning; unknown or cancelled, by its end.
    fn place(&self) -> i64 {
        match self.beginning {
            Beginning::Known(day) | Beginning::Undated(day) if !self.is_cancelled => day,
            _ => self.end.day().unwrap_or(i64::MAX),
        }
    }

    /// Among equals what stands by its end comes first, then what ends first, what is not cancelled, what begins first, what was
    /// begun by the earlier statement.
    fn order(&self) -> impl Ord + use<> {
        let begins = !self.is_cancelled && self.beginning != Beginning::Unknown;
        let first = match self.beginning {
            Beginning::Known(day) | Beginning::Undated(day) => day,
            Beginning::Unknown => i64::MIN,
        };
        let ends = self.end.day().unwrap_or(i64::MAX);
        (self.place(), begins, ends, self.is_cancelled, first, self.begun_at)
    }

    pub fn known(&self) -> Option<i64> {
        if let Beginning::Known(day) = self.beginning { Some(day) } else { None }
    }

    fn take_end_away(&mut self) {
        self.end = End::Open;
        self.erasure = None;
        self.absent_from = None;
        self.kept = None;
        self.contradictions.clear();
    }

    /// It counts while the end is observed.
    pub fn kept_end(&self) -> Option<&Kept> {
        self.kept.as_ref().filter(|_| matches!(self.end, End::Observed(_)))
    }

    fn hold_again(&mut self, kept: Kept) {
        self.end = End::Said(kept.day);
        self.end_known = kept.known;
        self.end_by = kept.by;
        self.absent_from = None;
    }

    fn open_an_observed_end(&mut self) {
        if matches!(self.end, End::Observed(_)) {
            self.take_end_away();
        }
    }

    fn cancel_not(&mut self) {
        if self.is_cancelled {
            self.is_cancelled = false;
            self.contradictions.clear();
        }
    }

    fn begin_known(&mut self, day: i64, statement: &Said) {
        self.beginning = Beginning::Known(day);
        self.begun_by = statement.sender.clone();
        self.begun_at = (statement.said, statement.position);
        self.undated_said = None;
    }

    fn begin_undated(&mut self, day: i64, statement: &Said, said: Option<i64>) {
        self.beginning = Beginning::Undated(day);
        self.begun_by = statement.sender.clone();
        self.begun_at = (statement.said, statement.position);
        self.undated_said = said;
    }

    fn set_end(&mut self, end: End, statement: &Said) {
        if self.end == end {
            return;
        }
        if self.end.day() != end.day() {
            self.end_known = statement.said;
        }
        self.end = end;
        self.end_by = statement.sender.clone();
        self.absent_from = None;
    }

    /// An observed end becomes a said one, with the same day.
    fn say_the_observed_end(&mut self, statement: &Said) {
        if let End::Observed(day) = self.end {
            self.set_end(End::Said(day), statement);
        }
    }

    fn erase(&mut self, day: i64, statement: &Said) {
        self.erasure = Some(day);
        self.erasure_known = statement.said;
    }

    /// An employment lists each code once, with the last statement that gave cause.
    fn list(&mut self, code: Code, statement: &Said) {
        self.contradictions.retain(|(known, _, _)| *known != code);
        self.contradictions.push((code, statement.sender.clone(), statement.said));
    }
}

/// The employments of one voice.
#[derive(Debug, Default)]
pub struct Combined {
    pub periods: Vec<Period>,
    pub hits: BTreeMap<&'static str, u64>,
    mutation: Option<Mutation>,
}

/// What the statements amount to.
pub fn combine(steps: &[Step], mutation: Option<Mutation>) -> Combined {
    let mut combined = Combined { mutation, ..Combined::default() };
    for step in steps {
        combined.take(step);
        combined.periods.sort_by_key(Period::order);
    }
    combined
}

impl Combined {
    fn hit(&mut self, rule: &'static str) {
        *self.hits.entry(rule).or_default() += 1;
    }

    fn mutated(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    fn take(&mut self, step: &Step) {
        let (said, word, dated, day) = match step {
            Step::Cancellation(cancelled) => return self.cancellation(cancelled),
            Step::Statement { said, word, dated, day } => (said, *word, *dated, *day),
        };
        match (word, dated) {
            (Word::Joins, Dated::Explicit) => self.joins(said, day),
            (Word::Rejoins, Dated::Explicit) => self.rejoins(said, day),
            (Word::Joins | Word::Rejoins, _) => self.arrives_undated(said, word == Word::Rejoins),
            (Word::Leaves, Dated::Explicit) => self.leaves(said, day),
            (Word::Leaves, _) => {
                self.leaves_undated(said);
            }
            (Word::Erased, _) => self.erased(said, day, dated == Dated::Explicit),
            (Word::Here | Word::Listed | Word::Stays, _) => self.here(said, word),
            (Word::Inactive | Word::Absent, _) => self.inactive(said, word),
            (Word::Record, _) => self.hit("record"),
        }
    }

    /// The end of the employment at `index`; an open one ends when the one that follows it begins.
    pub fn ends(&self, index: usize) -> i64 {
        let period = &self.periods[index];
        if let Some(day) = period.end.day() {
            return day;
        }
        let mut following = self.periods[index + 1..].iter().filter(|following| !following.is_cancelled);
        following.next().map_or(i64::MAX, Period::place)
    }

    fn in_force(&self, moment: i64) -> Option<usize> {
        (0..self.periods.len()).find(|&index| {
            let period = &self.periods[index];
            let begun = match period.beginning {
                Beginning::Known(day) | Beginning::Undated(day) => day <= moment,
                Beginning::Unknown => false,
            };
            let ends = self.ends(index);
            let lasts = ends > moment || (self.mutated(Mutation::EndIsInclusive) && ends == moment);
            !period.is_cancelled && begun && lasts
        })
    }

    fn earliest_that_ends_after(&self, moment: i64) -> Option<usize> {
        (0..self.periods.len()).find(|&index| self.ends(index) > moment)
    }

    fn earliest(&self, is_it: impl Fn(&Period) -> bool) -> Option<usize> {
        self.periods.iter().position(is_it)
    }

    fn add(&mut self, statement: &Said, beginning: Beginning, end: End) -> &mut Period {
        self.periods.push(Period {
            beginning,
            begun_by: statement.sender.clone(),
            undated_said: None,
            end,
            end_by: statement.sender.clone(),
            end_known: statement.said,
            absent_from: None,
            kept: None,
            erasure: None,
            erasure_known: statement.said,
            is_rehire: false,
            is_cancelled: false,
            returns: Vec::new(),
            contradictions: Vec::new(),
            begun_at: (statement.said, statement.position),
        });
        self.periods.last_mut().unwrap()
    }

    /// A new employment that begins at `at`; a kept end of the last one, and its erasure, hold for it if they lie ahead.
    fn add_seen_again(&mut self, statement: &Said, beginning: Beginning, at: i64) -> &mut Period {
        let last = self.periods.iter_mut().rfind(|period| !period.is_cancelled);
        let Some(last) = last.filter(|last| last.kept_end().is_some_and(|kept| kept.day > at)) else {
            return self.add(statement, beginning, End::Open);
        };
        let kept = last.kept.take().unwrap();
        let erasure = last.erasure.take_if(|erasure| *erasure > at);
        let erasure_known = last.erasure_known;
        self.hit("kept end holds for the next");
        let new = self.add(statement, beginning, End::Open);
        new.hold_again(kept);
        new.erasure = erasure;
        new.erasure_known = erasure_known;
        new
    }

    /// A departure or erasure settles what was said before of the employment whose end it sets, keeps or repeats.
    fn settle(&mut self, index: usize) {
        if self.mutated(Mutation::NothingSettles) {
            return;
        }
        let contradictions = &mut self.periods[index].contradictions;
        let before = contradictions.len();
        contradictions.retain(|(code, _, _)| {
            !matches!(code, Code::PresentAfterDeparture | Code::RehireBeforeDeparture)
        });
        if before > contradictions.len() {
            self.hit("listed, settled");
        }
    }

    fn joins(&mut self, statement: &Said, day: i64) {
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

    fn rejoins(&mut self, statement: &Said, day: i64) {
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
            if !self.mutated(Mutation::RejoinsKeepsAPlannedEnd) {
                self.periods[index].take_end_away();
            }
            if began < day {
                self.hit("rejoins 2c, new");
                self.add(statement, Beginning::Known(day), End::Open).is_rehire = true;
            } else {
                self.hit("rejoins 2c, begins");
                self.periods[index].begin_known(day, statement);
                self.periods[index].is_rehire = true;
            }
        }
    }

    fn arrives_undated(&mut self, statement: &Said, is_rehire: bool) {
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

    fn leaves(&mut self, statement: &Said, day: i64) {
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

    /// Rules 2 to 5 of an explicit departure.
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

    /// Cancels an arrival; what was begun after it without a day, up to the next known first day, goes with it.
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

    /// A departure without a day; the employment that it concerns.
    fn leaves_undated(&mut self, statement: &Said) -> usize {
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

    fn erased(&mut self, statement: &Said, day: i64, is_explicit: bool) {
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

    fn here(&mut self, statement: &Said, word: Word) {
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

    fn inactive(&mut self, statement: &Said, word: Word) {
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

    fn cancellation(&mut self, cancelled: &Cancelled) {
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

//! Combines the statements of one voice by the rules of the page. Each rule is counted by its name.

mod arrivals;
mod departures;
mod observations;
mod withdrawals;

use std::collections::BTreeMap;

use lifecycle::{ContradictionCode as Code, EmploymentWord as Word};

use crate::{
    mutation::Mutation,
    statements::{Dated, Said, Step},
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

/// A stated end that lay in the future when the person was not seen any more.
#[derive(Debug, Clone)]
pub struct Kept {
    pub day: i64,
    pub known: i64,
    by: String,
}

/// The end and the erasure that an arrival removed from the employment before it.
#[derive(Debug, Clone, Default)]
pub struct TakenAway {
    /// The day, the time of the statement, and the sender.
    end: Option<(i64, i64, String)>,
    /// The day, and the time of the statement.
    erasure: Option<(i64, i64)>,
}

/// One employment of the list.
#[derive(Debug, Clone)]
pub struct Period {
    pub beginning: Beginning,
    pub begun_by: String,
    /// The time of the undated arrival that began the employment; `None` if it was only observed.
    pub undated_said: Option<i64>,
    pub end: End,
    pub end_by: String,
    /// The time of the statement that first set the end.
    pub end_known: i64,
    /// The full list whose absence set the end.
    pub absent_from: Option<String>,
    kept: Option<Kept>,
    taken_away: Option<TakenAway>,
    pub erasure: Option<i64>,
    /// The time of the statement about the erasure.
    pub erasure_known: i64,
    pub is_rehire: bool,
    pub is_cancelled: bool,
    pub returns: Vec<i64>,
    pub contradictions: Vec<(Code, String, i64)>,
    begun_at: (i64, u64),
}

impl Period {
    /// Returns the position in the order of time: the beginning; the end if the beginning is unknown or the
    /// employment is cancelled.
    fn place(&self) -> i64 {
        match self.beginning {
            Beginning::Known(day) | Beginning::Undated(day) if !self.is_cancelled => day,
            _ => self.end.day().unwrap_or(i64::MAX),
        }
    }

    /// Returns the sort key. Among equal positions, employments that are placed by their end come first. After that,
    /// the order is: the earlier end, not cancelled, the earlier beginning, the earlier statement of the beginning.
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

    /// Returns the kept end. It counts while the end is observed.
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

    /// Turns an observed end into a stated one with the same day.
    fn say_the_observed_end(&mut self, statement: &Said) {
        if let End::Observed(day) = self.end {
            self.set_end(End::Said(day), statement);
        }
    }

    fn erase(&mut self, day: i64, statement: &Said) {
        self.erasure = Some(day);
        self.erasure_known = statement.said;
    }

    /// Lists a contradiction. An employment lists each code once, with the last statement that caused it.
    fn list(&mut self, code: Code, statement: &Said) {
        self.contradictions.retain(|(known, _, _)| *known != code);
        self.contradictions.push((code, statement.sender.clone(), statement.said));
    }
}

/// The employments of one voice.
#[derive(Debug, Default)]
pub struct Combined {
    pub periods: Vec<Period>,
    /// The first days that each sender withdrew, until it states another arrival.
    taken_back: BTreeMap<String, Vec<i64>>,
    pub hits: BTreeMap<&'static str, u64>,
    mutation: Option<Mutation>,
}

/// Combines statements into employments.
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
        if matches!(word, Word::Joins | Word::Rejoins) {
            self.taken_back.remove(&said.sender);
        }
        match (word, dated) {
            (Word::Joins, Dated::Explicit) => self.joins(said, day),
            (Word::Rejoins, Dated::Explicit) => self.rejoins(said, day),
            (Word::Joins | Word::Rejoins, _) => self.arrives_undated(said, word == Word::Rejoins),
            (Word::Leaves, Dated::Explicit) => self.leaves(said, day),
            (Word::Leaves, _) => {
                self.leaves_undated(said);
            }
            (Word::Unhires, dated) => self.unhires(said, dated, day),
            (Word::Erased, _) => self.erased(said, day, dated == Dated::Explicit),
            (Word::Here | Word::Listed | Word::Stays, _) => self.here(said, word),
            (Word::Inactive | Word::Absent, _) => self.inactive(said, word),
            (Word::Record, _) => self.hit("record"),
        }
    }

    /// Returns the end of the employment at `index`. An open one ends when the next one begins.
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
            taken_away: None,
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

    /// Adds an employment that begins at `at`. A kept end of the last one and its erasure apply to it if they lie in
    /// the future.
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

    /// Settles earlier contradictions of the employment whose end a departure or erasure sets, keeps or repeats.
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
}

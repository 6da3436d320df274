//! Random histories of one person, and the reduction of a failing history to its shortest form.

use std::fmt;

use lifecycle::{
    EmploymentAuthority, EmploymentCancellation, EmploymentDecision, EmploymentKind, EmploymentStatement,
    EmploymentWord as Word, decide_employment,
};

use crate::{
    mutation::Mutation,
    reference::Reference,
    statements::{Cancelled, Said},
};

/// A small random number generator (SplitMix64): the same seed gives the same histories everywhere.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    fn day(&mut self, from: i64, to: i64) -> i64 {
        from + i64::try_from(self.below(usize::try_from(to - from + 1).unwrap())).unwrap()
    }

    fn one_in(&mut self, chance: usize) -> bool {
        self.below(chance) == 0
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

/// All statements about one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    pub said: Vec<Said>,
    pub cancelled: Vec<Cancelled>,
    pub named: Option<Vec<String>>,
}

/// The last day of a history.
const LAST: i64 = 12;

const WORDS: [Word; 18] = [
    Word::Joins,
    Word::Joins,
    Word::Joins,
    Word::Rejoins,
    Word::Rejoins,
    Word::Leaves,
    Word::Leaves,
    Word::Leaves,
    Word::Erased,
    Word::Erased,
    Word::Unhires,
    Word::Unhires,
    Word::Here,
    Word::Listed,
    Word::Stays,
    Word::Inactive,
    Word::Absent,
    Word::Record,
];

/// The beginnings of some histories: sequences that seldom occur by chance.
const STORIES: &[&[Word]] = &[
    &[Word::Joins, Word::Leaves, Word::Here],
    &[Word::Joins, Word::Leaves, Word::Listed],
    &[Word::Joins, Word::Joins, Word::Leaves],
    &[Word::Joins, Word::Erased, Word::Joins],
    &[Word::Here, Word::Inactive, Word::Joins, Word::Leaves],
    &[Word::Here, Word::Inactive, Word::Rejoins, Word::Leaves],
    &[Word::Here, Word::Absent, Word::Joins, Word::Erased],
    &[Word::Joins, Word::Leaves, Word::Rejoins, Word::Leaves],
    &[Word::Joins, Word::Inactive, Word::Here, Word::Leaves],
    &[Word::Joins, Word::Inactive, Word::Here, Word::Leaves, Word::Leaves, Word::Leaves],
    &[Word::Joins, Word::Absent, Word::Stays, Word::Leaves, Word::Erased, Word::Leaves],
    &[Word::Joins, Word::Inactive, Word::Here, Word::Leaves, Word::Leaves],
    &[Word::Joins, Word::Inactive, Word::Joins, Word::Leaves, Word::Erased],
    &[Word::Joins, Word::Inactive, Word::Listed, Word::Erased, Word::Leaves],
    &[Word::Joins, Word::Absent, Word::Here, Word::Leaves, Word::Leaves],
    &[Word::Joins, Word::Absent, Word::Here, Word::Leaves, Word::Leaves, Word::Leaves],
    &[Word::Joins, Word::Inactive, Word::Joins, Word::Leaves, Word::Leaves],
    &[Word::Joins, Word::Inactive, Word::Joins, Word::Leaves],
    &[Word::Joins, Word::Inactive, Word::Joins, Word::Leaves, Word::Leaves],
    &[Word::Joins, Word::Inactive, Word::Rejoins, Word::Leaves],
    &[Word::Joins, Word::Leaves, Word::Inactive, Word::Here],
    &[Word::Joins, Word::Leaves, Word::Rejoins, Word::Erased],
    &[Word::Joins, Word::Erased],
    &[Word::Joins, Word::Erased],
    &[Word::Joins, Word::Record, Word::Joins],
    &[Word::Joins, Word::Erased],
    &[Word::Here, Word::Inactive, Word::Joins, Word::Leaves],
    &[Word::Here, Word::Leaves, Word::Rejoins, Word::Leaves, Word::Leaves],
    &[Word::Joins, Word::Joins],
    &[Word::Here, Word::Inactive, Word::Joins, Word::Erased],
    &[Word::Joins, Word::Leaves, Word::Joins, Word::Leaves],
    &[Word::Joins, Word::Erased, Word::Stays],
    &[Word::Joins, Word::Joins],
    &[Word::Joins, Word::Rejoins],
    &[Word::Leaves, Word::Leaves],
    &[Word::Leaves, Word::Leaves],
    &[Word::Here, Word::Absent, Word::Joins, Word::Leaves],
    &[Word::Leaves, Word::Erased, Word::Erased],
    &[Word::Joins, Word::Leaves, Word::Stays],
    &[Word::Joins, Word::Leaves, Word::Unhires],
    &[Word::Joins, Word::Leaves, Word::Unhires],
    &[Word::Joins, Word::Leaves, Word::Rejoins],
    &[Word::Here, Word::Leaves, Word::Joins, Word::Leaves],
    &[Word::Listed, Word::Listed, Word::Absent],
    &[Word::Listed, Word::Absent, Word::Listed],
    &[Word::Joins, Word::Leaves, Word::Inactive, Word::Stays],
    &[Word::Joins, Word::Leaves, Word::Inactive, Word::Joins],
    &[Word::Joins, Word::Leaves, Word::Absent, Word::Joins],
    &[Word::Joins, Word::Erased, Word::Inactive, Word::Listed],
    &[Word::Listed, Word::Listed, Word::Leaves, Word::Absent],
    &[Word::Listed, Word::Leaves, Word::Listed, Word::Absent],
];

/// Sequences in which an arrival is new or lies in the future, and is withdrawn.
const WITHDRAWALS: &[&[Word]] = &[
    &[Word::Joins, Word::Unhires],
    &[Word::Joins, Word::Leaves, Word::Rejoins, Word::Unhires],
    &[Word::Joins, Word::Leaves, Word::Rejoins, Word::Unhires],
    &[Word::Joins, Word::Leaves, Word::Joins, Word::Unhires],
    &[Word::Joins, Word::Joins, Word::Unhires, Word::Unhires],
    &[Word::Joins, Word::Leaves, Word::Rejoins, Word::Unhires, Word::Here],
    &[Word::Joins, Word::Erased, Word::Rejoins, Word::Unhires],
    &[Word::Here, Word::Joins, Word::Unhires],
    &[Word::Joins, Word::Inactive, Word::Unhires, Word::Here],
    &[Word::Unhires, Word::Here],
];

/// A sequence in which two hires lie in the future, with a departure between them.
const TWO_AHEAD: &[Word] = &[Word::Joins, Word::Leaves, Word::Joins, Word::Unhires];

/// A sequence in which a hire is withdrawn by its day after the employment has ended.
const OVER: &[Word] = &[Word::Joins, Word::Leaves, Word::Unhires];

/// Sequences in which a departure lies in the future and the person is not seen for a while before it.
const FLAPS: &[&[Word]] = &[
    &[Word::Joins, Word::Leaves, Word::Inactive, Word::Here],
    &[Word::Joins, Word::Leaves, Word::Absent, Word::Listed],
    &[Word::Joins, Word::Erased, Word::Inactive, Word::Here],
    &[Word::Joins, Word::Leaves, Word::Inactive, Word::Stays],
    &[Word::Joins, Word::Erased, Word::Absent, Word::Stays],
    &[Word::Joins, Word::Leaves, Word::Absent, Word::Stays],
    &[Word::Joins, Word::Leaves, Word::Inactive, Word::Joins],
    &[Word::Joins, Word::Erased, Word::Inactive, Word::Joins],
    &[Word::Listed, Word::Leaves, Word::Absent, Word::Rejoins],
];

impl History {
    /// Creates one to nine statements of two senders within a few days, and sometimes a cancellation.
    pub fn random(random: &mut Random) -> Self {
        let records_alone = random.one_in(30);
        let lags = random.one_in(3);
        let two_senders = random.one_in(2);
        let stored_before = random.one_in(8);
        let flaps = random.one_in(5);
        let withdraws = !flaps && random.one_in(4);
        let few_days = if !flaps && !withdraws && random.one_in(3) { 5 } else { LAST };
        let story = if flaps {
            random.of(FLAPS)
        } else if withdraws {
            match random.below(12) {
                0 | 1 => TWO_AHEAD,
                2 => OVER,
                _ => random.of(WITHDRAWALS),
            }
        } else if random.one_in(4) {
            &[]
        } else {
            random.of(STORIES)
        };
        let mut said: Vec<Said> = Vec::new();
        let most = if random.one_in(10) { 9 } else { 7 };
        let count = (1 + random.below(most)).max(story.len());
        let mut clock = random.day(1, 3);
        for position in 1..=count {
            clock = (clock + random.day(0, if withdraws { 1 } else { 3 })).min(few_days);
            let word = match story.get(position - 1) {
                _ if records_alone => Word::Record,
                Some(word) => *word,
                None => random.of(&WORDS),
            };
            let sender = match () {
                () if stored_before && position <= 2 => "",
                () if two_senders && random.one_in(if withdraws { 4 } else { 2 }) => "agency",
                () => "hr",
            };
            let is_list =
                matches!(word, Word::Listed | Word::Absent) || (word == Word::Inactive && random.one_in(2));
            said.push(Said {
                sender: sender.to_owned(),
                said: if lags && random.one_in(2) { random.day(1, clock) } else { clock },
                word,
                day: match word {
                    Word::Leaves | Word::Erased if flaps && position == 2 => {
                        Some(random.day(clock, few_days + 1))
                    }
                    Word::Joins | Word::Unhires if std::ptr::eq(story, OVER) && position != 2 => {
                        said.first().map_or(Some(clock - 1), |first| first.day)
                    }
                    Word::Leaves if std::ptr::eq(story, OVER) && position == 2 => Some(clock),
                    _ if std::ptr::eq(story, TWO_AHEAD) && position <= 3 => {
                        let last = said.last().and_then(|said| said.day).unwrap_or(clock + 1);
                        Some(last + random.day(1, 2))
                    }
                    Word::Joins if withdraws && position == 1 => {
                        random.one_in(2).then(|| clock + random.day(1, 3))
                    }
                    Word::Leaves | Word::Erased if withdraws && position == 2 => {
                        Some(random.day(clock + 1, LAST))
                    }
                    Word::Joins | Word::Rejoins if withdraws && position == 3 => {
                        Some(random.day(clock + 1, LAST + 1))
                    }
                    Word::Joins | Word::Rejoins if flaps && position == 1 => None,
                    Word::Joins if flaps && position == 4 && !random.one_in(3) => Some(random.day(1, clock)),
                    word => random_day(random, word, few_days, &said),
                },
                list: is_list.then(|| random.of(&["a", "a", "b", "b", "hr"]).to_owned()),
                position: u64::try_from(position).unwrap(),
            });
        }
        let mut cancelled = Vec::new();
        while random.one_in(3) {
            let is_arrival = random.one_in(2);
            let arrives = |said: &&Said| matches!(said.word, Word::Joins | Word::Rejoins);
            let of_its_kind = said.iter().filter(|said| arrives(said) == is_arrival);
            let mut days: Vec<i64> = of_its_kind.map(|said| said.day.unwrap_or(said.said)).collect();
            days.push(random.day(1, few_days));
            days.retain(|day| *day >= clock || random.one_in(2));
            if days.is_empty() {
                days.push(clock);
            }
            cancelled.push(Cancelled {
                said: if random.one_in(3) { clock } else { random.day(1, few_days) },
                day: random.of(&days),
                is_arrival,
            });
        }
        let named: Option<&[&str]> =
            random.of(&[None, None, Some(&["hr"]), Some(&["agency"]), Some(&["hr", "agency"])]);
        let named = named.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        Self { said, cancelled, named }
    }

    /// Returns the decision of the code, given the statements in another order and some of them twice.
    pub fn decided(&self, now: i64) -> EmploymentDecision {
        let mut statements: Vec<EmploymentStatement> = self.said.iter().rev().map(statement).collect();
        statements.extend(self.said.iter().step_by(2).map(statement));
        let cancellations: Vec<EmploymentCancellation> = self.cancelled.iter().map(cancellation).collect();
        let authority = match &self.named {
            None => EmploymentAuthority::Shared,
            Some(names) => EmploymentAuthority::Named(names.clone()),
        };
        decide_employment(&statements, &cancellations, &authority, now)
    }

    /// Returns the reference for the page, or for the page with a mistake.
    pub fn reference(&self, mutation: Option<Mutation>) -> Reference {
        Reference::new(&self.said, &self.cancelled, self.named.as_deref(), mutation)
    }

    /// Returns the moments at which a history is checked: its last statement, shortly after it, and after all days.
    pub fn moments(&self) -> [i64; 4] {
        let last = self.said.iter().map(|said| said.said).chain(self.cancelled.iter().map(|one| one.said));
        let last = last.max().unwrap_or(1);
        [last, last + 1, last + 3, LAST + 2]
    }

    /// Returns the first moment at which the page and `other` differ, if there is one.
    pub fn differs(&self, other: impl Fn(&Self, i64) -> EmploymentDecision) -> Option<i64> {
        let mut reference = self.reference(None);
        self.moments().into_iter().find(|now| plain(reference.decide(*now)) != plain(other(self, *now)))
    }

    /// Shortens the history as far as possible while `shows` holds.
    pub fn minimised(mut self, shows: impl Fn(&Self) -> bool) -> Self {
        while let Some(smaller) = self.smaller().into_iter().find(|smaller| shows(smaller)) {
            self = smaller;
        }
        self
    }

    fn smaller(&self) -> Vec<Self> {
        let mut all = Vec::new();
        for index in 0..self.said.len() {
            let mut without = self.clone();
            without.said.remove(index);
            all.push(without);
        }
        for index in 0..self.cancelled.len() {
            let mut without = self.clone();
            without.cancelled.remove(index);
            all.push(without);
        }
        if self.named.is_some() {
            all.push(Self { named: None, ..self.clone() });
        }
        for index in 0..self.said.len() {
            if self.said[index].sender != "hr" {
                let mut simpler = self.clone();
                "hr".clone_into(&mut simpler.said[index].sender);
                all.push(simpler);
            }
            if self.said[index].list.is_some()
                && !matches!(self.said[index].word, Word::Listed | Word::Absent)
            {
                let mut simpler = self.clone();
                simpler.said[index].list = None;
                all.push(simpler);
            }
        }
        all
    }
}

/// Reduces a decision to the compared parts. About `senders_disagree` the page says only that it is listed.
pub fn plain(mut decision: EmploymentDecision) -> EmploymentDecision {
    for contradiction in &mut decision.contradictions {
        if contradiction.code == lifecycle::ContradictionCode::SendersDisagree {
            contradiction.sender.clear();
            contradiction.said_at = 0;
        }
    }
    decision.contradictions.sort();
    decision.contradictions.dedup();
    decision
}

/// Returns a random day. It is often a day that was named before, because repetitions and corrections are the hard
/// cases.
fn random_day(random: &mut Random, word: Word, few_days: i64, before: &[Said]) -> Option<i64> {
    let is_named = match word {
        Word::Joins | Word::Rejoins | Word::Leaves | Word::Erased => !random.one_in(3),
        Word::Unhires => random.one_in(2),
        Word::Record => random.one_in(2),
        Word::Absent => false,
        _ => random.one_in(6),
    };
    let named: Vec<i64> = before.iter().filter_map(|said| said.day).collect();
    is_named.then(|| match named.is_empty() || random.one_in(2) {
        true => random.day(1, few_days + 1),
        false if random.one_in(3) => named[named.len() - 1],
        false => random.of(&named),
    })
}

fn statement(said: &Said) -> EmploymentStatement {
    let statement = EmploymentStatement::new(&said.sender, said.word, said.said, said.day, said.position);
    match &said.list {
        Some(list) => statement.in_list(list),
        None => statement,
    }
}

fn cancellation(cancelled: &Cancelled) -> EmploymentCancellation {
    let kind = if cancelled.is_arrival { EmploymentKind::Active } else { EmploymentKind::Left };
    EmploymentCancellation { said_at: cancelled.said, day: cancelled.day, kind }
}

impl fmt::Display for History {
    /// Writes the first and third columns of the table in the page.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        for Said { sender, said, word, day, list, position } in &self.said {
            let sender = if sender.is_empty() { "(none)" } else { sender };
            let list = list.as_ref().map(|list| format!("/{list}")).unwrap_or_default();
            let day = day.map(|day| format!(" {day}")).unwrap_or_default();
            parts.push(format!("{sender}{list} {said} {}{day} (#{position})", word.as_str()));
        }
        for Cancelled { said, day, is_arrival } in &self.cancelled {
            let what = if *is_arrival { "arrival" } else { "departure" };
            parts.push(format!("operator {said} cancels-{what} {day}"));
        }
        let named = self.named.as_ref().map_or("-".to_owned(), |names| names.join(", "));
        write!(formatter, "{} | {named}", parts.join("; "))
    }
}

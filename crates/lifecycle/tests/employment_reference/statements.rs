//! What was said, and the order in which it counts.

use lifecycle::EmploymentWord as Word;

use crate::mutation::Mutation;

/// A statement as the table of the page writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The sender; empty if it was stored before senders were recorded.
    pub sender: String,
    /// When it was said.
    pub said: i64,
    /// What it says.
    pub word: Word,
    /// The day that it names.
    pub day: Option<i64>,
    /// The full list that it is a row of.
    pub list: Option<String>,
    /// Its position in the stream.
    pub position: u64,
}

/// What an operator took back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancelled {
    /// When the operator said it.
    pub said: i64,
    /// The day that was planned.
    pub day: i64,
    /// Of an arrival, or of a departure.
    pub is_arrival: bool,
}

/// How a statement is dated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dated {
    Explicit,
    Implied,
    Observed,
}

/// One thing that is taken in its turn.
#[derive(Debug, Clone)]
pub enum Step {
    Statement { said: Said, word: Word, dated: Dated, day: i64 },
    Cancellation(Cancelled),
}

/// What a statement says once its day has been looked at.
fn step(said: &Said) -> Step {
    let observation =
        matches!(said.word, Word::Here | Word::Listed | Word::Stays | Word::Inactive | Word::Absent);
    let (word, dated, day) = match (said.word, said.day) {
        (Word::Record, _) => (Word::Record, Dated::Observed, said.said),
        (Word::Inactive | Word::Absent, Some(day)) if day > said.said => (Word::Leaves, Dated::Explicit, day),
        (_, Some(day)) if observation && day > said.said => (Word::Joins, Dated::Explicit, day),
        (word, _) if observation => (word, Dated::Observed, said.said),
        (word, Some(day)) => (word, Dated::Explicit, day),
        (word, None) => (word, Dated::Implied, said.said),
    };
    Step::Statement { said: said.clone(), word, dated, day }
}

/// When said; implied, explicit, observed, cancellations; day; arrivals, departures, erasures; position.
fn place(step: &Step, mutation: Option<Mutation>) -> (i64, i64, u8, i64, i64, u64) {
    let (said, class, day, kind, position) = match step {
        Step::Cancellation(cancelled) => {
            (cancelled.said, 3, cancelled.day, i64::from(!cancelled.is_arrival), 0)
        }
        Step::Statement { said, word, dated, day } => {
            let class = match dated {
                Dated::Implied => 0,
                Dated::Explicit => 1,
                Dated::Observed => 2,
            };
            let kind = match word {
                Word::Leaves | Word::Unhires | Word::Inactive | Word::Absent => 1,
                Word::Erased => 2,
                _ => 0,
            };
            (said.said, class, *day, kind, said.position)
        }
    };
    let class = match (mutation, class) {
        (Some(Mutation::ExplicitBeforeImplied), 0) => 1,
        (Some(Mutation::ExplicitBeforeImplied), 1) => 0,
        (Some(Mutation::ObservedFirst), 2) => -1,
        (Some(Mutation::CancellationsFirst), 3) => -1,
        (_, class) => class,
    };
    let kind = if mutation == Some(Mutation::DeparturesBeforeArrivals) { -kind } else { kind };
    let first = if mutation == Some(Mutation::OrderByDay) { day } else { said };
    let day_first = if mutation == Some(Mutation::DayBeforeClass) { day } else { 0 };
    (first, day_first, u8::try_from(class + 1).unwrap(), day, kind, position)
}

/// The statements of one voice, and the cancellations, in their order.
pub fn in_order(said: &[Said], cancelled: &[Cancelled], mutation: Option<Mutation>) -> Vec<Step> {
    let mut steps: Vec<Step> = said.iter().map(step).collect();
    steps.extend(cancelled.iter().cloned().map(Step::Cancellation));
    steps.sort_by_key(|step| place(step, mutation));
    steps
}

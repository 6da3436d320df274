//! Statements, and the order in which they count.

use lifecycle::EmploymentWord as Word;

use crate::mutation::Mutation;

/// A statement in the form of the page's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The sender; empty if the statement was stored before senders were recorded.
    pub sender: String,
    /// The time of the statement.
    pub said: i64,
    /// The content of the statement.
    pub word: Word,
    /// The day that the statement names.
    pub day: Option<i64>,
    /// The full list that the statement is a row of.
    pub list: Option<String>,
    /// The position in the stream.
    pub position: u64,
}

/// An operator's cancellation of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancelled {
    /// The time of the cancellation.
    pub said: i64,
    /// The planned day.
    pub day: i64,
    /// `true` for an arrival, `false` for a departure.
    pub is_arrival: bool,
}

/// The dating of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dated {
    Explicit,
    Implied,
    Observed,
}

/// One step that is applied in its order.
#[derive(Debug, Clone)]
pub enum Step {
    Statement { said: Said, word: Word, dated: Dated, day: i64 },
    Cancellation(Cancelled),
}

/// Returns the statement with its dating.
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

/// Returns the sort key: time of the statement; implied, explicit, observed, cancellations; day; arrivals,
/// departures, erasures; position.
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

/// Returns the statements of one voice and the cancellations, in their order.
pub fn in_order(said: &[Said], cancelled: &[Cancelled], mutation: Option<Mutation>) -> Vec<Step> {
    let mut steps: Vec<Step> = said.iter().map(step).collect();
    steps.extend(cancelled.iter().cloned().map(Step::Cancellation));
    steps.sort_by_key(|step| place(step, mutation));
    steps
}

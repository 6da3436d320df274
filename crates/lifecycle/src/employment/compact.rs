//! Forgets statements that decide nothing any more, so that no flood of them makes a person's row grow.

use super::combine::{CombinedEmployment, combine_statements};
use super::statement::EmploymentStatement;
use super::{EmploymentCancellation, EmploymentKind};

/// How many statements are kept as they are; of more, those go that change nothing.
const STATEMENTS_KEPT: usize = 32;
/// How many employments before the current one stay known.
const PAST_EMPLOYMENTS_KEPT: usize = 4;

/// Forgets what decides nothing, if there are many statements; the oldest go first. `now` is in microseconds.
pub(crate) fn compact_statements(
    statements: &mut Vec<EmploymentStatement>,
    cancellations: &[EmploymentCancellation],
    now: i64,
) {
    if statements.len() > STATEMENTS_KEPT {
        forget_superseded(statements, cancellations, now);
    }
}

/// How many arrivals that lie ahead are kept of one sender.
const FUTURE_ARRIVALS_MAX: usize = 16;

/// Whether `said` is an arrival that lies ahead, and its sender said too many of those already.
pub(crate) fn is_full(
    statements: &mut Vec<EmploymentStatement>,
    said: &EmploymentStatement,
    cancellations: &[EmploymentCancellation],
    now: i64,
) -> bool {
    let is_ahead = |known: &EmploymentStatement| {
        known.sender == said.sender && known.word.kind() == EmploymentKind::Active && known.at() > now
    };
    if !is_ahead(said) || statements.contains(said) {
        return false;
    }
    let are_many = |statements: &[EmploymentStatement]| {
        statements.iter().filter(|known| is_ahead(known)).count() >= FUTURE_ARRIVALS_MAX
    };
    if are_many(statements) {
        forget_superseded(statements, cancellations, now);
    }
    are_many(statements)
}

/// Forgets every statement without which everything from a few employments ago on is the same.
pub(crate) fn forget_superseded(
    statements: &mut Vec<EmploymentStatement>,
    cancellations: &[EmploymentCancellation],
    now: i64,
) {
    statements.sort_by(|a, b| a.order().cmp(&b.order()).then_with(|| a.cmp(b)));
    let mut kept: Vec<&EmploymentStatement> = statements.iter().collect();
    let whole = combine_statements(kept.iter().copied(), cancellations).recent(now);
    let mut index = 0;
    while index < kept.len() {
        let tried = kept.remove(index);
        if combine_statements(kept.iter().copied(), cancellations).recent(now) != whole {
            kept.insert(index, tried);
            index += 1;
        }
    }
    *statements = kept.into_iter().cloned().collect();
}

impl CombinedEmployment {
    /// The employments that can matter at `now` or later.
    fn recent(mut self, now: i64) -> Self {
        let begun = |index: &usize| {
            let period = &self.periods.0[*index];
            period.begins_at().unwrap_or_else(|| self.periods.end_of(*index)) <= now
        };
        let current = (0..self.periods.0.len()).rev().find(begun).unwrap_or(0);
        self.periods.0.drain(..current.saturating_sub(PAST_EMPLOYMENTS_KEPT));
        self
    }
}

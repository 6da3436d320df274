//! Forgets statements that decide nothing any more, so that a flood of statements does not make a person's row grow.

use super::combine::{CombinedEmployment, combine_statements};
use super::statement::EmploymentStatement;
use super::{EmploymentCancellation, EmploymentKind};

/// The number of statements that are always kept. If there are more, those that change nothing are forgotten.
const STATEMENTS_KEPT: usize = 32;
/// The number of employments before the current one that stay known.
const PAST_EMPLOYMENTS_KEPT: usize = 4;

/// Forgets statements that decide nothing if there are many, the oldest first. `now` is in microseconds.
pub(crate) fn compact_statements(
    statements: &mut Vec<EmploymentStatement>,
    cancellations: &[EmploymentCancellation],
    now: i64,
) {
    if statements.len() > STATEMENTS_KEPT {
        forget_superseded(statements, cancellations, now);
    }
}

/// The maximum number of arrivals in the future that are kept of one sender.
const FUTURE_ARRIVALS_MAX: usize = 16;

/// Returns whether `said` is an arrival in the future and its sender has already stated too many of those.
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

/// Forgets every statement without which the last few employments and the future are the same.
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
    /// Reduces the employments to those that can matter at `now` or later.
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

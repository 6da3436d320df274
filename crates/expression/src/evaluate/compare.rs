//! Comparisons.
//!
//! A comparison with an attribute that is null or empty is false for every operator. Only a comparison
//! with the constant `""` tests for exactly that. Two integers are compared as numbers, dates as
//! points in time, booleans without regard to case, and everything else character by character.

use super::{Evaluator, date_of, single_value};
use crate::outcome::EvaluationResult;
use crate::program::ProgramNode;
use crate::syntax::ComparisonOperator;
use crate::value::Value;
use std::cmp::Ordering;

impl<'a> Evaluator<'a, '_> {
    /// Evaluates a comparison by the rules of this module.
    pub(super) fn compare(
        &self,
        comparison: ComparisonOperator,
        sides: &'a [ProgramNode; 2],
    ) -> EvaluationResult<bool> {
        let [left_node, right_node] = sides;
        let left = single_value(self.value(left_node)?, left_node.span)?;
        let right = single_value(self.value(right_node)?, right_node.span)?;
        let (no_left, no_right) = (left.is_null_or_empty(), right.is_null_or_empty());
        if no_left || no_right {
            let asks_for_null = sides.iter().any(|side| side.constant() == Some(""));
            return Ok(asks_for_null
                && match comparison {
                    ComparisonOperator::Equal => no_left && no_right,
                    ComparisonOperator::NotEqual => no_left != no_right,
                    _ => false,
                });
        }
        if matches!((&left, &right), (Value::Date(_), _) | (_, Value::Date(_))) {
            let dates = (date_of(&left, left_node.span)?, date_of(&right, right_node.span)?);
            return Ok(comparison.holds(dates.0.cmp(&dates.1)));
        }
        Ok(comparison.holds(compare_values(comparison, &left, &right)))
    }
}

/// Orders two present values: booleans, integers, or text.
fn compare_values(comparison: ComparisonOperator, left: &Value<'_>, right: &Value<'_>) -> Ordering {
    if let (Some(left), Some(right)) = (as_boolean(left), as_boolean(right))
        && left.1 | right.1
    {
        return left.0.cmp(&right.0);
    }
    let by_equality = matches!(comparison, ComparisonOperator::Equal | ComparisonOperator::NotEqual);
    let typed = matches!((left, right), (Value::Integer(_), _) | (_, Value::Integer(_)));
    if (typed || !by_equality)
        && let (Some(left), Some(right)) = (as_number(left), as_number(right))
    {
        return left.cmp(&right);
    }
    left.to_text().cmp(&right.to_text())
}

/// Returns a value as a boolean, and `true` if it was of type boolean already.
fn as_boolean(value: &Value<'_>) -> Option<(bool, bool)> {
    match value {
        Value::Boolean(value) => Some((*value, true)),
        Value::Text(text) if text.eq_ignore_ascii_case("true") => Some((true, false)),
        Value::Text(text) if text.eq_ignore_ascii_case("false") => Some((false, false)),
        _ => None,
    }
}

fn as_number(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Integer(integer) => Some(*integer),
        Value::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

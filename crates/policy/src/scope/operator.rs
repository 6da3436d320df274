//! Comparison of attribute values.

use serde_json::Value;

use super::date::{DateOperand, DatePeriod, DateTest, FixedDate, PERIOD_DAYS_MAX};
use super::glob::Glob;
use super::pattern::ScopePattern;
use super::spelling::OperatorKind;
use crate::attributes::{as_text, has_value, same_char, same_text, single_values};

pub(crate) use print::QuotedText;

mod print;

/// The maximum number of operands of IN and NOT IN.
const OPERANDS_MAX: usize = 10_000;
/// The maximum length of an operand, in bytes.
const OPERAND_BYTES_MAX: usize = 4_096;

/// A comparison of an attribute, with its operands. An attribute without a value fulfils
/// only `IS NULL`. Of several values, one must match; for the NOT operators, none may match.
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeOperator {
    /// The attribute has no value.
    IsNull,
    /// The attribute has a value.
    IsNotNull,
    /// The attribute is true or false.
    Is(bool),
    /// The attribute is a text that passes a test, or, with a NOT operator, no value
    /// passes it. Not every test has a NOT operator: only this crate builds them.
    #[non_exhaustive]
    Text {
        /// The test.
        test: TextTest,
        /// `true` for a NOT operator.
        negated: bool,
    },
    /// The attribute is an integer that compares with the operand in this order.
    Integer {
        /// The order.
        order: IntegerOrder,
        /// The operand.
        operand: i64,
    },
    /// The attribute is a date that passes a test.
    Date(DateTest),
}

/// A test of a text value.
#[derive(Debug, Clone, PartialEq)]
pub enum TextTest {
    /// The text equals the operand.
    Equals(String),
    /// The text equals one of the operands.
    In(OneOf),
    /// The text begins with the operand.
    StartsWith(String),
    /// The text ends with the operand.
    EndsWith(String),
    /// The text contains the operand.
    Includes(String),
    /// The text matches the operand, with wildcards.
    Matches(Glob),
    /// The text matches a regular expression.
    Regex(ScopePattern),
}

/// A list of operands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneOf {
    operands: Vec<String>,
    /// The operands in sorted order, so that the lookup in a list of thousands is cheap.
    sorted: Vec<String>,
}

impl OneOf {
    fn new(operands: Vec<String>) -> Self {
        let mut sorted = operands.clone();
        sorted.sort_unstable();
        Self { operands, sorted }
    }

    /// Returns the operands as they are written.
    pub fn operands(&self) -> &[String] {
        &self.operands
    }

    fn has(&self, text: &str, ignore_case: bool) -> bool {
        match ignore_case {
            true => self.operands.iter().any(|operand| same_text(operand, text)),
            false => self.sorted.binary_search_by(|operand| operand.as_str().cmp(text)).is_ok(),
        }
    }
}

/// The order of an integer and an operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntegerOrder {
    /// Greater.
    Greater,
    /// Greater or equal.
    GreaterOrEqual,
    /// Less.
    Less,
    /// Less or equal.
    LessOrEqual,
}

/// Operands as they are written.
#[derive(Debug, Clone)]
pub(crate) enum WrittenOperands {
    None,
    One(String),
    Many(Vec<String>),
}

/// The reason why operands do not fit an operator, and a suggested fix.
#[derive(Debug)]
pub(crate) struct OperandError {
    pub(crate) what: String,
    pub(crate) fix: String,
}

fn unfit_operand<T>(what: impl Into<String>, fix: impl Into<String>) -> Result<T, OperandError> {
    Err(OperandError { what: what.into(), fix: fix.into() })
}

impl AttributeOperator {
    /// Builds an operator from its kind and operands.
    pub(crate) fn new(
        kind: OperatorKind,
        operands: WrittenOperands,
        ignore_case: bool,
    ) -> Result<Self, OperandError> {
        check_sizes(&operands)?;
        let operator = match (kind, operands) {
            (OperatorKind::IsNull, WrittenOperands::None) => Self::IsNull,
            (OperatorKind::IsNotNull, WrittenOperands::None) => Self::IsNotNull,
            (OperatorKind::IsTrue, WrittenOperands::None) => Self::Is(true),
            (OperatorKind::IsFalse, WrittenOperands::None) => Self::Is(false),
            (
                OperatorKind::IsNull | OperatorKind::IsNotNull | OperatorKind::IsTrue | OperatorKind::IsFalse,
                _,
            ) => {
                return unfit_operand(
                    format!("{} takes no operand", kind.name()),
                    "remove `value` and `values`",
                );
            }
            (OperatorKind::In | OperatorKind::NotIn, WrittenOperands::Many(values)) if !values.is_empty() => {
                Self::Text { test: TextTest::In(OneOf::new(values)), negated: kind == OperatorKind::NotIn }
            }
            (OperatorKind::In | OperatorKind::NotIn, _) => {
                let fix = "give it `values: [...]`, and no `value`";
                return unfit_operand(format!("{} compares with a list", kind.name()), fix);
            }
            (_, WrittenOperands::One(operand)) => Self::binary(kind, operand, ignore_case)?,
            (_, _) => {
                let fix = "give it `value`, and no `values`";
                return unfit_operand(format!("{} compares with one operand", kind.name()), fix);
            }
        };
        if ignore_case && !matches!(operator, Self::Text { .. }) {
            return unfit_operand(
                format!("{} does not distinguish upper and lower case", kind.name()),
                "remove `ignoreCase`",
            );
        }
        Ok(operator)
    }

    /// Builds an operator with one operand.
    fn binary(kind: OperatorKind, operand: String, ignore_case: bool) -> Result<Self, OperandError> {
        let text = |test| Ok(Self::Text { test, negated: false });
        let not = |test| Ok(Self::Text { test, negated: true });
        let number = |order| integer_operand(kind, &operand).map(|operand| Self::Integer { order, operand });
        let period =
            |test: fn(DatePeriod) -> DateTest| period_operand(kind, &operand).map(|p| Self::Date(test(p)));
        let moment =
            |test: fn(DateOperand) -> DateTest| moment_operand(kind, &operand).map(|m| Self::Date(test(m)));
        match kind {
            OperatorKind::Equals => text(TextTest::Equals(operand)),
            OperatorKind::NotEquals => not(TextTest::Equals(operand)),
            OperatorKind::StartsWith => text(TextTest::StartsWith(operand)),
            OperatorKind::EndsWith => text(TextTest::EndsWith(operand)),
            OperatorKind::Includes => text(TextTest::Includes(operand)),
            OperatorKind::NotIncludes => not(TextTest::Includes(operand)),
            OperatorKind::Matches => text(TextTest::Matches(Glob::new(&operand))),
            OperatorKind::NotMatches => not(TextTest::Matches(Glob::new(&operand))),
            OperatorKind::RegexMatch => text(TextTest::Regex(regex_operand(&operand, ignore_case)?)),
            OperatorKind::NotRegexMatch => not(TextTest::Regex(regex_operand(&operand, ignore_case)?)),
            OperatorKind::GreaterThan => number(IntegerOrder::Greater),
            OperatorKind::GreaterThanOrEquals => number(IntegerOrder::GreaterOrEqual),
            OperatorKind::LessThan => number(IntegerOrder::Less),
            OperatorKind::LessThanOrEquals => number(IntegerOrder::LessOrEqual),
            OperatorKind::Within => period(DateTest::Within),
            OperatorKind::WithinLast => period(DateTest::WithinLast),
            OperatorKind::Before => moment(DateTest::Before),
            OperatorKind::OnOrBefore => moment(DateTest::OnOrBefore),
            OperatorKind::After => moment(DateTest::After),
            OperatorKind::OnOrAfter => moment(DateTest::OnOrAfter),
            OperatorKind::In
            | OperatorKind::NotIn
            | OperatorKind::IsTrue
            | OperatorKind::IsFalse
            | OperatorKind::IsNull
            | OperatorKind::IsNotNull => {
                unfit_operand(format!("{} does not compare with one operand", kind.name()), "remove `value`")
            }
        }
    }

    /// Returns `true` if `value` fulfils the operator at `now` (microseconds).
    pub(crate) fn holds(&self, value: Option<&Value>, ignore_case: bool, now: i64) -> bool {
        let Some(value) = value.filter(|value| has_value(value)) else {
            return matches!(self, Self::IsNull);
        };
        match self {
            Self::IsNull => false,
            Self::IsNotNull => true,
            Self::Is(wanted) => single_values(value).any(|value| truth_value(value) == Some(*wanted)),
            Self::Text { test, negated } => {
                single_values(value).any(|value| test.fits(value, ignore_case)) != *negated
            }
            Self::Integer { order, operand } => single_values(value)
                .any(|value| integer_value(value).is_some_and(|value| order.holds(value, *operand))),
            Self::Date(test) => date_values(value).any(|date| test.holds(date, now)),
        }
    }

    /// Returns the name of the expected type if `value` is not of it, so that the operator cannot compare it.
    pub(crate) fn cannot_read(&self, value: Option<&Value>) -> Option<&'static str> {
        let value = value.filter(|value| has_value(value))?;
        let (can, what) = match self {
            Self::Date(_) => (date_values(value).next().is_some(), "date"),
            Self::Integer { .. } => {
                (single_values(value).any(|value| integer_value(value).is_some()), "whole number")
            }
            Self::Is(_) => (single_values(value).any(|value| truth_value(value).is_some()), "truth value"),
            Self::IsNull | Self::IsNotNull | Self::Text { .. } => return None,
        };
        (!can).then_some(what)
    }

    fn kind(&self) -> OperatorKind {
        match self {
            Self::IsNull => OperatorKind::IsNull,
            Self::IsNotNull => OperatorKind::IsNotNull,
            Self::Is(true) => OperatorKind::IsTrue,
            Self::Is(false) => OperatorKind::IsFalse,
            Self::Text { test, negated } => test.kind(*negated),
            Self::Integer { order: IntegerOrder::Greater, .. } => OperatorKind::GreaterThan,
            Self::Integer { order: IntegerOrder::GreaterOrEqual, .. } => OperatorKind::GreaterThanOrEquals,
            Self::Integer { order: IntegerOrder::Less, .. } => OperatorKind::LessThan,
            Self::Integer { order: IntegerOrder::LessOrEqual, .. } => OperatorKind::LessThanOrEquals,
            Self::Date(DateTest::Within(_)) => OperatorKind::Within,
            Self::Date(DateTest::WithinLast(_)) => OperatorKind::WithinLast,
            Self::Date(DateTest::Before(_)) => OperatorKind::Before,
            Self::Date(DateTest::OnOrBefore(_)) => OperatorKind::OnOrBefore,
            Self::Date(DateTest::After(_)) => OperatorKind::After,
            Self::Date(DateTest::OnOrAfter(_)) => OperatorKind::OnOrAfter,
        }
    }
}

impl TextTest {
    fn fits(&self, value: &Value, ignore_case: bool) -> bool {
        let text = as_text(value);
        // `true` is written in several ways (`True`, `TRUE`).
        let ignore_case = ignore_case || value.is_boolean();
        match self {
            Self::Equals(operand) if ignore_case => same_text(&text, operand),
            Self::Equals(operand) => text == *operand,
            Self::In(operands) => operands.has(&text, ignore_case),
            Self::StartsWith(operand) if ignore_case => begins_with(text.chars(), operand.chars()),
            Self::StartsWith(operand) => text.starts_with(operand),
            Self::EndsWith(operand) if ignore_case => begins_with(text.chars().rev(), operand.chars().rev()),
            Self::EndsWith(operand) => text.ends_with(operand),
            Self::Includes(operand) if ignore_case => {
                operand.is_empty()
                    || text.char_indices().any(|(at, _)| begins_with(text[at..].chars(), operand.chars()))
            }
            Self::Includes(operand) => text.contains(operand),
            Self::Matches(glob) => glob.matches(&text, ignore_case),
            Self::Regex(pattern) => pattern.matches(&text),
        }
    }

    fn kind(&self, negated: bool) -> OperatorKind {
        match (self, negated) {
            (Self::Equals(_), false) => OperatorKind::Equals,
            (Self::Equals(_), true) => OperatorKind::NotEquals,
            (Self::In(_), false) => OperatorKind::In,
            (Self::In(_), true) => OperatorKind::NotIn,
            (Self::StartsWith(_), _) => OperatorKind::StartsWith,
            (Self::EndsWith(_), _) => OperatorKind::EndsWith,
            (Self::Includes(_), false) => OperatorKind::Includes,
            (Self::Includes(_), true) => OperatorKind::NotIncludes,
            (Self::Matches(_), false) => OperatorKind::Matches,
            (Self::Matches(_), true) => OperatorKind::NotMatches,
            (Self::Regex(_), false) => OperatorKind::RegexMatch,
            (Self::Regex(_), true) => OperatorKind::NotRegexMatch,
        }
    }
}

impl IntegerOrder {
    fn holds(self, value: i64, operand: i64) -> bool {
        match self {
            Self::Greater => value > operand,
            Self::GreaterOrEqual => value >= operand,
            Self::Less => value < operand,
            Self::LessOrEqual => value <= operand,
        }
    }
}

/// Returns `true` if `text` begins with `prefix`, without regard to case.
fn begins_with(mut text: impl Iterator<Item = char>, prefix: impl Iterator<Item = char>) -> bool {
    prefix.into_iter().all(|letter| text.next().is_some_and(|other| same_char(letter, other)))
}

fn truth_value(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn integer_value(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Returns the values that can be read as dates.
pub(super) fn date_values(value: &Value) -> impl Iterator<Item = FixedDate> {
    single_values(value).filter_map(|value| value.as_str().and_then(FixedDate::parse))
}

/// Checks the number and the length of the operands.
fn check_sizes(operands: &WrittenOperands) -> Result<(), OperandError> {
    let operands = match operands {
        WrittenOperands::None => &[],
        WrittenOperands::One(operand) => std::slice::from_ref(operand),
        WrittenOperands::Many(operands) => operands.as_slice(),
    };
    if operands.len() > OPERANDS_MAX {
        let fix = format!("use at most {OPERANDS_MAX}, or a group");
        return unfit_operand(format!("{} operands are too many", operands.len()), fix);
    }
    if operands.iter().any(|operand| operand.len() > OPERAND_BYTES_MAX) {
        return unfit_operand("an operand is too long", format!("use at most {OPERAND_BYTES_MAX} bytes"));
    }
    Ok(())
}

fn integer_operand(kind: OperatorKind, operand: &str) -> Result<i64, OperandError> {
    let wrong = |_| OperandError {
        what: format!("{} compares integers, and `{operand}` is none", kind.name()),
        fix: "give it a whole number, or use BEFORE and AFTER for dates".to_owned(),
    };
    operand.trim().parse().map_err(wrong)
}

fn period_operand(kind: OperatorKind, operand: &str) -> Result<DatePeriod, OperandError> {
    DatePeriod::parse(operand).ok_or_else(|| OperandError {
        what: format!("{} needs a period, and `{operand}` is none", kind.name()),
        fix: format!("write `7 days`, `2 weeks` or `12 hours`, at most {PERIOD_DAYS_MAX} days"),
    })
}

fn moment_operand(kind: OperatorKind, operand: &str) -> Result<DateOperand, OperandError> {
    DateOperand::parse(operand).ok_or_else(|| OperandError {
        what: format!("{} compares dates, and `{operand}` is none", kind.name()),
        fix: "write `2026-01-31`, `2026-01-31T08:00:00Z`, `now`, `now + 7 days` or `now - 2 weeks`"
            .to_owned(),
    })
}

fn regex_operand(operand: &str, ignore_case: bool) -> Result<ScopePattern, OperandError> {
    ScopePattern::compile(operand, ignore_case)
        .map_err(|error| OperandError { what: format!("`{operand}`: {}", error.what), fix: error.fix })
}

#[cfg(test)]
mod tests;

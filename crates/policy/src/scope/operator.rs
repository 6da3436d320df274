//! How the value of an attribute is compared.

use serde_json::Value;

use super::date::{DateTest, Fixed, Moment, PERIOD_DAYS_MAX, Period};
use super::glob::Glob;
use super::pattern::Pattern;
use super::spelling::Kind;
use crate::attributes::{as_text, has_value, same_char, same_text, singles};

pub(crate) use print::Quoted;

mod print;

/// Most operands of IN and NOT IN.
const OPERANDS_MAX: usize = 10_000;
/// Longest operand, in bytes.
const OPERAND_BYTES_MAX: usize = 4_096;

/// How an attribute is compared, with the operands. An attribute without a value only ever fulfils `IS NULL`. Of
/// several values one must fit; for the NOT operators none may.
#[derive(Debug, Clone, PartialEq)]
pub enum Operator {
    /// Has no value.
    IsNull,
    /// Has a value.
    IsNotNull,
    /// Is true or false.
    Is(bool),
    /// Is a text that passes a test, or none that does. Not every test has a NOT operator: only this crate puts them
    /// together.
    #[non_exhaustive]
    Text {
        /// The test.
        test: TextTest,
        /// Whether it is a NOT operator.
        negated: bool,
    },
    /// Is an integer on that side of the operand.
    Integer {
        /// Which side.
        order: Order,
        /// The operand.
        operand: i64,
    },
    /// Is a date that passes a test.
    Date(DateTest),
}

/// A test of a text.
#[derive(Debug, Clone, PartialEq)]
pub enum TextTest {
    /// Is the operand.
    Equals(String),
    /// Is one of the operands.
    In(OneOf),
    /// Begins with the operand.
    StartsWith(String),
    /// Ends with the operand.
    EndsWith(String),
    /// Has the operand somewhere.
    Includes(String),
    /// Looks like the operand, with wildcards.
    Matches(Glob),
    /// Fits a regular expression.
    Regex(Pattern),
}

/// A list of operands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneOf {
    operands: Vec<String>,
    /// The same in order, so that a list of thousands costs nobody anything.
    sorted: Vec<String>,
}

impl OneOf {
    fn new(operands: Vec<String>) -> Self {
        let mut sorted = operands.clone();
        sorted.sort_unstable();
        Self { operands, sorted }
    }

    /// The operands as they are written.
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

/// Which side of an integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Greater.
    Greater,
    /// Greater or the same.
    GreaterOrEqual,
    /// Less.
    Less,
    /// Less or the same.
    LessOrEqual,
}

/// Operands as they are written.
#[derive(Debug, Clone)]
pub(crate) enum Operands {
    None,
    One(String),
    Many(Vec<String>),
}

/// Why operands do not fit an operator, and what to do about it.
#[derive(Debug)]
pub(crate) struct Unfit {
    pub(crate) what: String,
    pub(crate) fix: String,
}

fn unfit<T>(what: impl Into<String>, fix: impl Into<String>) -> Result<T, Unfit> {
    Err(Unfit { what: what.into(), fix: fix.into() })
}

impl Operator {
    /// Puts an operator together.
    pub(crate) fn new(kind: Kind, operands: Operands, ignore_case: bool) -> Result<Self, Unfit> {
        check_sizes(&operands)?;
        let operator = match (kind, operands) {
            (Kind::IsNull, Operands::None) => Self::IsNull,
            (Kind::IsNotNull, Operands::None) => Self::IsNotNull,
            (Kind::IsTrue, Operands::None) => Self::Is(true),
            (Kind::IsFalse, Operands::None) => Self::Is(false),
            (Kind::IsNull | Kind::IsNotNull | Kind::IsTrue | Kind::IsFalse, _) => {
                return unfit(format!("{} takes no operand", kind.name()), "remove `value` and `values`");
            }
            (Kind::In | Kind::NotIn, Operands::Many(values)) if !values.is_empty() => {
                Self::Text { test: TextTest::In(OneOf::new(values)), negated: kind == Kind::NotIn }
            }
            (Kind::In | Kind::NotIn, _) => {
                let fix = "give it `values: [...]`, and no `value`";
                return unfit(format!("{} compares with a list", kind.name()), fix);
            }
            (_, Operands::One(operand)) => Self::binary(kind, operand, ignore_case)?,
            (_, _) => {
                let fix = "give it `value`, and no `values`";
                return unfit(format!("{} compares with one operand", kind.name()), fix);
            }
        };
        if ignore_case && !matches!(operator, Self::Text { .. }) {
            return unfit(format!("{} knows no upper and lower case", kind.name()), "remove `ignoreCase`");
        }
        Ok(operator)
    }

    fn binary(kind: Kind, operand: String, ignore_case: bool) -> Result<Self, Unfit> {
        let text = |test| Ok(Self::Text { test, negated: false });
        let not = |test| Ok(Self::Text { test, negated: true });
        let number = |order| integer_operand(kind, &operand).map(|operand| Self::Integer { order, operand });
        let period =
            |test: fn(Period) -> DateTest| period_operand(kind, &operand).map(|p| Self::Date(test(p)));
        let moment =
            |test: fn(Moment) -> DateTest| moment_operand(kind, &operand).map(|m| Self::Date(test(m)));
        match kind {
            Kind::Equals => text(TextTest::Equals(operand)),
            Kind::NotEquals => not(TextTest::Equals(operand)),
            Kind::StartsWith => text(TextTest::StartsWith(operand)),
            Kind::EndsWith => text(TextTest::EndsWith(operand)),
            Kind::Includes => text(TextTest::Includes(operand)),
            Kind::NotIncludes => not(TextTest::Includes(operand)),
            Kind::Matches => text(TextTest::Matches(Glob::new(&operand))),
            Kind::NotMatches => not(TextTest::Matches(Glob::new(&operand))),
            Kind::RegexMatch => text(TextTest::Regex(regex_operand(&operand, ignore_case)?)),
            Kind::NotRegexMatch => not(TextTest::Regex(regex_operand(&operand, ignore_case)?)),
            Kind::GreaterThan => number(Order::Greater),
            Kind::GreaterThanOrEquals => number(Order::GreaterOrEqual),
            Kind::LessThan => number(Order::Less),
            Kind::LessThanOrEquals => number(Order::LessOrEqual),
            Kind::Within => period(DateTest::Within),
            Kind::WithinLast => period(DateTest::WithinLast),
            Kind::Before => moment(DateTest::Before),
            Kind::OnOrBefore => moment(DateTest::OnOrBefore),
            Kind::After => moment(DateTest::After),
            Kind::OnOrAfter => moment(DateTest::OnOrAfter),
            Kind::In | Kind::NotIn | Kind::IsTrue | Kind::IsFalse | Kind::IsNull | Kind::IsNotNull => {
                unfit(format!("{} does not compare with one operand", kind.name()), "remove `value`")
            }
        }
    }

    /// Whether `value` fulfils it at `now` (microseconds).
    pub(crate) fn holds(&self, value: Option<&Value>, ignore_case: bool, now: i64) -> bool {
        let Some(value) = value.filter(|value| has_value(value)) else {
            return matches!(self, Self::IsNull);
        };
        match self {
            Self::IsNull => false,
            Self::IsNotNull => true,
            Self::Is(wanted) => singles(value).any(|value| truth(value) == Some(*wanted)),
            Self::Text { test, negated } => {
                singles(value).any(|value| test.fits(value, ignore_case)) != *negated
            }
            Self::Integer { order, operand } => {
                singles(value).any(|value| integer(value).is_some_and(|value| order.holds(value, *operand)))
            }
            Self::Date(test) => dates(value).any(|date| test.holds(date, now)),
        }
    }

    /// What `value` is not, where the operator cannot compare it for that reason.
    pub(crate) fn cannot_read(&self, value: Option<&Value>) -> Option<&'static str> {
        let value = value.filter(|value| has_value(value))?;
        let (can, what) = match self {
            Self::Date(_) => (dates(value).next().is_some(), "date"),
            Self::Integer { .. } => (singles(value).any(|value| integer(value).is_some()), "whole number"),
            Self::Is(_) => (singles(value).any(|value| truth(value).is_some()), "truth value"),
            Self::IsNull | Self::IsNotNull | Self::Text { .. } => return None,
        };
        (!can).then_some(what)
    }

    fn kind(&self) -> Kind {
        match self {
            Self::IsNull => Kind::IsNull,
            Self::IsNotNull => Kind::IsNotNull,
            Self::Is(true) => Kind::IsTrue,
            Self::Is(false) => Kind::IsFalse,
            Self::Text { test, negated } => test.kind(*negated),
            Self::Integer { order: Order::Greater, .. } => Kind::GreaterThan,
            Self::Integer { order: Order::GreaterOrEqual, .. } => Kind::GreaterThanOrEquals,
            Self::Integer { order: Order::Less, .. } => Kind::LessThan,
            Self::Integer { order: Order::LessOrEqual, .. } => Kind::LessThanOrEquals,
            Self::Date(DateTest::Within(_)) => Kind::Within,
            Self::Date(DateTest::WithinLast(_)) => Kind::WithinLast,
            Self::Date(DateTest::Before(_)) => Kind::Before,
            Self::Date(DateTest::OnOrBefore(_)) => Kind::OnOrBefore,
            Self::Date(DateTest::After(_)) => Kind::After,
            Self::Date(DateTest::OnOrAfter(_)) => Kind::OnOrAfter,
        }
    }
}

impl TextTest {
    fn fits(&self, value: &Value, ignore_case: bool) -> bool {
        let text = as_text(value);
        // `true` is spelt in many ways.
        let ignore_case = ignore_case || value.is_boolean();
        match self {
            Self::Equals(operand) if ignore_case => same_text(&text, operand),
            Self::Equals(operand) => text == *operand,
            Self::In(operands) => operands.has(&text, ignore_case),
            Self::StartsWith(operand) if ignore_case => begins(text.chars(), operand.chars()),
            Self::StartsWith(operand) => text.starts_with(operand),
            Self::EndsWith(operand) if ignore_case => begins(text.chars().rev(), operand.chars().rev()),
            Self::EndsWith(operand) => text.ends_with(operand),
            Self::Includes(operand) if ignore_case => {
                operand.is_empty()
                    || text.char_indices().any(|(at, _)| begins(text[at..].chars(), operand.chars()))
            }
            Self::Includes(operand) => text.contains(operand),
            Self::Matches(glob) => glob.matches(&text, ignore_case),
            Self::Regex(pattern) => pattern.matches(&text),
        }
    }

    fn kind(&self, negated: bool) -> Kind {
        match (self, negated) {
            (Self::Equals(_), false) => Kind::Equals,
            (Self::Equals(_), true) => Kind::NotEquals,
            (Self::In(_), false) => Kind::In,
            (Self::In(_), true) => Kind::NotIn,
            (Self::StartsWith(_), _) => Kind::StartsWith,
            (Self::EndsWith(_), _) => Kind::EndsWith,
            (Self::Includes(_), false) => Kind::Includes,
            (Self::Includes(_), true) => Kind::NotIncludes,
            (Self::Matches(_), false) => Kind::Matches,
            (Self::Matches(_), true) => Kind::NotMatches,
            (Self::Regex(_), false) => Kind::RegexMatch,
            (Self::Regex(_), true) => Kind::NotRegexMatch,
        }
    }
}

impl Order {
    fn holds(self, value: i64, operand: i64) -> bool {
        match self {
            Self::Greater => value > operand,
            Self::GreaterOrEqual => value >= operand,
            Self::Less => value < operand,
            Self::LessOrEqual => value <= operand,
        }
    }
}

/// Whether `text` begins with `prefix`, without regard to case.
fn begins(mut text: impl Iterator<Item = char>, prefix: impl Iterator<Item = char>) -> bool {
    prefix.into_iter().all(|letter| text.next().is_some_and(|other| same_char(letter, other)))
}

fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

pub(super) fn dates(value: &Value) -> impl Iterator<Item = Fixed> {
    singles(value).filter_map(|value| value.as_str().and_then(Fixed::parse))
}

fn check_sizes(operands: &Operands) -> Result<(), Unfit> {
    let operands = match operands {
        Operands::None => &[],
        Operands::One(operand) => std::slice::from_ref(operand),
        Operands::Many(operands) => operands.as_slice(),
    };
    if operands.len() > OPERANDS_MAX {
        let fix = format!("use at most {OPERANDS_MAX}, or a group");
        return unfit(format!("{} operands are too many", operands.len()), fix);
    }
    if operands.iter().any(|operand| operand.len() > OPERAND_BYTES_MAX) {
        return unfit("an operand is too long", format!("use at most {OPERAND_BYTES_MAX} bytes"));
    }
    Ok(())
}

fn integer_operand(kind: Kind, operand: &str) -> Result<i64, Unfit> {
    let wrong = |_| Unfit {
        what: format!("{} compares integers, and `{operand}` is none", kind.name()),
        fix: "give it a whole number, or use BEFORE and AFTER for dates".to_owned(),
    };
    operand.trim().parse().map_err(wrong)
}

fn period_operand(kind: Kind, operand: &str) -> Result<Period, Unfit> {
    Period::parse(operand).ok_or_else(|| Unfit {
        what: format!("{} needs a period, and `{operand}` is none", kind.name()),
        fix: format!("write `7 days`, `2 weeks` or `12 hours`, at most {PERIOD_DAYS_MAX} days"),
    })
}

fn moment_operand(kind: Kind, operand: &str) -> Result<Moment, Unfit> {
    Moment::parse(operand).ok_or_else(|| Unfit {
        what: format!("{} compares dates, and `{operand}` is none", kind.name()),
        fix: "write `2026-01-31`, `2026-01-31T08:00:00Z`, `now`, `now + 7 days` or `now - 2 weeks`"
            .to_owned(),
    })
}

fn regex_operand(operand: &str, ignore_case: bool) -> Result<Pattern, Unfit> {
    Pattern::compile(operand, ignore_case)
        .map_err(|error| Unfit { what: format!("`{operand}`: {}", error.what), fix: error.fix })
}

#[cfg(test)]
mod tests;

//! Single conditions of a scope.

use std::fmt;

use serde_json::Value;

use super::ScopeInput;
use super::membership::GroupPattern;
use super::operator::{AttributeOperator, QuotedText, TextTest, date_values};
use super::text::{self, ClauseError};
use crate::attributes::{explain_value, show_value};

const OF_MANAGER: &str = "manager.";

/// One condition. Its `Display` output is the text form that [`ScopeClause::parse`] reads.
#[derive(Debug, Clone, PartialEq)]
pub enum ScopeClause {
    /// A condition on one attribute.
    Attribute {
        /// The name of the attribute.
        name: AttributeName,
        /// The operator, with its operands.
        operator: AttributeOperator,
        /// `true` if the comparison ignores case.
        ignore_case: bool,
    },
    /// The person or group is a member of a group.
    MemberOf {
        /// The groups that count.
        pattern: GroupPattern,
        /// `true` if membership in a group that is nested in one of them counts.
        nested: bool,
    },
    /// The negation of the inner clause.
    Not(Box<ScopeClause>),
}

/// The name of an attribute of the person or group, or of the manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeName {
    of_manager: bool,
    name: String,
}

impl AttributeName {
    /// Reads `department` or `manager.department`. Returns `None` if the name is missing, or refers to the manager's manager.
    pub fn parse(text: &str) -> Option<Self> {
        let (of_manager, name) = match text.strip_prefix(OF_MANAGER) {
            Some(name) => (true, name),
            None => (false, text),
        };
        let is_managers_manager = of_manager && name.starts_with(OF_MANAGER);
        let fits = !name.trim().is_empty() && !is_managers_manager;
        fits.then(|| Self { of_manager, name: name.to_owned() })
    }

    /// Returns `true` if it is an attribute of the manager.
    pub fn is_of_manager(&self) -> bool {
        self.of_manager
    }

    /// Returns the name, without `manager.`.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn value<'a>(&self, seen: &ScopeInput<'a>) -> Option<&'a Value> {
        let attributes = if self.of_manager { seen.manager? } else { seen.attributes };
        attributes.get(&self.name)
    }
}

impl ScopeClause {
    /// Reads the text form, such as `department EQUALS "Sales"`, `not memberOf "SEC-*"` or `startDate WITHIN 7 days`.
    ///
    /// # Errors
    /// Fails if the text is not a clause. The error describes the problem and its position.
    pub fn parse(text: &str) -> Result<Self, ClauseError> {
        text::parse_clause(text)
    }

    /// Returns `true` if the clause holds at `now` (microseconds).
    pub(crate) fn holds(&self, seen: &ScopeInput<'_>, now: i64) -> bool {
        match self {
            Self::Attribute { name, operator, ignore_case } => {
                operator.holds(name.value(seen), *ignore_case, now)
            }
            Self::MemberOf { pattern, nested } => pattern.first(seen.groups, *nested).is_some(),
            Self::Not(inner) => !inner.holds(seen, now),
        }
    }

    /// Returns the next time after `now` (microseconds) at which time alone can change the result.
    pub(crate) fn flips_at(&self, seen: &ScopeInput<'_>, now: i64) -> Option<i64> {
        match self.innermost() {
            Self::Attribute { name, operator, .. } => operator.flips_at(name, seen, now),
            _ => None,
        }
    }

    /// Returns the value that the clause saw, hidden if it must not be stored.
    pub(crate) fn saw(&self, seen: &ScopeInput<'_>) -> String {
        self.saw_with(seen, |name, value| show_value(&name.name, value, seen.impersonal))
    }

    /// Returns the value that the clause saw.
    pub(crate) fn saw_in_full(&self, seen: &ScopeInput<'_>) -> String {
        self.saw_with(seen, |_, value| explain_value(value))
    }

    fn saw_with(
        &self,
        seen: &ScopeInput<'_>,
        show: impl Fn(&AttributeName, Option<&Value>) -> String,
    ) -> String {
        match self.innermost() {
            Self::Attribute { name, .. } if name.of_manager && seen.manager.is_none() => {
                "no manager".to_owned()
            }
            Self::Attribute { name, operator, .. } => {
                let value = name.value(seen);
                match operator.cannot_read(value) {
                    Some(what) => format!("{}, which is no {what}", show(name, value)),
                    None => show(name, value),
                }
            }
            Self::MemberOf { pattern, nested } => match pattern.first(seen.groups, *nested) {
                Some(group) => group.shown(),
                None => "not a member".to_owned(),
            },
            Self::Not(_) => String::new(),
        }
    }

    /// Returns the size of its regular expression.
    pub(crate) fn pattern_weight(&self) -> u64 {
        match self.innermost() {
            Self::Attribute {
                operator: AttributeOperator::Text { test: TextTest::Regex(pattern), .. },
                ..
            } => pattern.weight(),
            _ => 0,
        }
    }

    /// Returns the clause inside all `not`s.
    pub(crate) fn innermost(&self) -> &Self {
        let mut clause = self;
        while let Self::Not(inner) = clause {
            clause = inner;
        }
        clause
    }
}

impl AttributeOperator {
    fn flips_at(&self, name: &AttributeName, seen: &ScopeInput<'_>, now: i64) -> Option<i64> {
        // Most operators do not use the clock, so their attribute is not looked up.
        let Self::Date(test) = self else { return None };
        date_values(name.value(seen)?).filter_map(|date| test.flips_at(date, now)).min()
    }
}

impl fmt::Display for AttributeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = format!("{}{}", if self.of_manager { OF_MANAGER } else { "" }, self.name);
        if text::is_bare_name(&name) { f.write_str(&name) } else { QuotedText(&name).fmt(f) }
    }
}

impl fmt::Display for ScopeClause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attribute { name, operator, ignore_case } => {
                write!(f, "{name} {operator}{}", if *ignore_case { " ignoring case" } else { "" })
            }
            Self::MemberOf { pattern, nested } => {
                write!(f, "memberOf {}{}", QuotedText(pattern.text()), if *nested { "" } else { " directly" })
            }
            Self::Not(inner) => write!(f, "not {inner}"),
        }
    }
}

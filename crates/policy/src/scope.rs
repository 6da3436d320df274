//! Scopes: groups of clauses, OR between the groups, AND inside each.

use std::fmt;

use lifecycle::Attributes;
use serde_json::Value;

use crate::attributes::{each, has_value, same_text, shown};

/// Who or what a policy is about. Without any group of clauses: everybody.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scope {
    /// Groups of clauses, at least one of which must hold.
    pub any: Vec<Vec<Clause>>,
}

/// One condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Clause {
    /// About one attribute.
    Attribute {
        /// Its name.
        name: String,
        /// How it is compared, with the operands.
        operator: Operator,
    },
    /// The person is a member of the group with this key.
    MemberOf(String),
}

/// How an attribute is compared. Text is compared without regard to upper and lower case; of several values one must
/// fit (for `NOT EQUALS`: none may be equal). An attribute without a value only ever fulfils `IS NULL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operator {
    /// Is the operand.
    Equals(String),
    /// Has a value that is not the operand.
    NotEquals(String),
    /// Is one of the operands.
    In(Vec<String>),
    /// Is true.
    IsTrue,
    /// Is false.
    IsFalse,
    /// Has no value.
    IsNull,
    /// Has a value.
    IsNotNull,
    /// Begins with the operand.
    StartsWith(String),
}

/// What a clause is evaluated against.
pub(crate) struct Seen<'a> {
    pub(crate) attributes: &'a Attributes,
    pub(crate) groups: &'a [String],
    /// Whether every attribute may be shown in a reason (groups, not people).
    pub(crate) impersonal: bool,
}

/// How a scope was evaluated: the clauses that decided.
pub(crate) enum Verdict<'a> {
    /// The first group that holds; `None` when there are no clauses at all.
    Inside(Option<&'a [Clause]>),
    /// The clause that failed in the group that came closest.
    Outside(&'a Clause),
}

impl Scope {
    pub(crate) fn uses_groups(&self) -> bool {
        self.any.iter().flatten().any(|clause| matches!(clause, Clause::MemberOf(_)))
    }

    pub(crate) fn judge<'a>(&'a self, seen: &Seen<'_>) -> Verdict<'a> {
        let mut closest: Option<(usize, &Clause)> = None;
        for group in &self.any {
            match group.iter().position(|clause| !clause.holds(seen)) {
                None => return Verdict::Inside(Some(group)),
                Some(at) if closest.is_none_or(|(best, _)| at > best) => closest = Some((at, &group[at])),
                Some(_) => {}
            }
        }
        closest.map_or(Verdict::Inside(None), |(_, clause)| Verdict::Outside(clause))
    }
}

impl Clause {
    fn holds(&self, seen: &Seen<'_>) -> bool {
        match self {
            Self::Attribute { name, operator } => operator.holds(seen.attributes.get(name)),
            Self::MemberOf(group) => seen.groups.iter().any(|key| key == group),
        }
    }

    /// The value that the clause saw, as far as it may be shown.
    pub(crate) fn seen(&self, seen: &Seen<'_>) -> String {
        match self {
            Self::Attribute { name, .. } => shown(name, seen.attributes.get(name), seen.impersonal),
            Self::MemberOf(_) => "not a member".to_owned(),
        }
    }
}

impl Operator {
    fn holds(&self, value: Option<&Value>) -> bool {
        let Some(value) = value.filter(|value| has_value(value)) else {
            return matches!(self, Self::IsNull);
        };
        match self {
            Self::Equals(operand) => each(value).any(|text| same_text(&text, operand)),
            Self::NotEquals(operand) => !each(value).any(|text| same_text(&text, operand)),
            Self::In(operands) => {
                each(value).any(|text| operands.iter().any(|operand| same_text(&text, operand)))
            }
            Self::IsTrue => each(value).any(|text| same_text(&text, "true")),
            Self::IsFalse => each(value).any(|text| same_text(&text, "false")),
            Self::IsNull => false,
            Self::IsNotNull => true,
            Self::StartsWith(prefix) => {
                let prefix = prefix.to_lowercase();
                each(value).any(|text| text.to_lowercase().starts_with(&prefix))
            }
        }
    }
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MemberOf(group) => write!(f, "memberOf {group:?}"),
            Self::Attribute { name, operator } => match operator {
                Operator::Equals(operand) => write!(f, "{name} EQUALS {operand:?}"),
                Operator::NotEquals(operand) => write!(f, "{name} NOT EQUALS {operand:?}"),
                Operator::In(operands) => write!(f, "{name} IN {operands:?}"),
                Operator::IsTrue => write!(f, "{name} IS TRUE"),
                Operator::IsFalse => write!(f, "{name} IS FALSE"),
                Operator::IsNull => write!(f, "{name} IS NULL"),
                Operator::IsNotNull => write!(f, "{name} IS NOT NULL"),
                Operator::StartsWith(operand) => write!(f, "{name} STARTS WITH {operand:?}"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn operators_hold_exactly_where_they_should() {
        let equals = |operand: &str| Operator::Equals(operand.to_owned());
        let not_equals = |operand: &str| Operator::NotEquals(operand.to_owned());
        let is_in = |operands: &[&str]| Operator::In(operands.iter().map(ToString::to_string).collect());
        let starts_with = |operand: &str| Operator::StartsWith(operand.to_owned());
        let table = [
            (equals("sales"), json!("Sales"), true),
            (equals("ÉCOLE"), json!("école"), true),
            (equals("7"), json!(7), true),
            (equals("Sales"), json!("Sales Ops"), false),
            (equals("b"), json!(["a", "B"]), true),
            (equals(""), json!(""), false),
            (not_equals("Sales"), json!("HR"), true),
            (not_equals("Sales"), json!("SALES"), false),
            (not_equals("Sales"), Value::Null, false),
            (not_equals("a"), json!(["a", "b"]), false),
            (is_in(&["Sales", "R&D"]), json!("r&d"), true),
            (is_in(&["Sales"]), json!("HR"), false),
            (Operator::IsTrue, json!(true), true),
            (Operator::IsTrue, json!("True"), true),
            (Operator::IsTrue, json!(false), false),
            (Operator::IsTrue, Value::Null, false),
            (Operator::IsFalse, json!("FALSE"), true),
            (Operator::IsFalse, Value::Null, false),
            (Operator::IsNull, Value::Null, true),
            (Operator::IsNull, json!("  "), true),
            (Operator::IsNull, json!([]), true),
            (Operator::IsNull, json!(0), false),
            (Operator::IsNotNull, json!("x"), true),
            (Operator::IsNotNull, json!([null]), false),
            (starts_with("SEC-"), json!("sec-vpn"), true),
            (starts_with("SEC-"), json!("x-SEC-"), false),
        ];
        for (operator, value, expected) in table {
            assert_eq!(operator.holds(Some(&value)), expected, "{operator:?} on {value}");
        }
        assert!(Operator::IsNull.holds(None));
        assert!(!Operator::IsNotNull.holds(None));
    }

    #[test]
    fn groups_of_clauses_are_alternatives_and_the_closest_one_explains() {
        let attribute = |name: &str, value: &str| Clause::Attribute {
            name: name.to_owned(),
            operator: Operator::Equals(value.to_owned()),
        };
        let scope = Scope {
            any: vec![
                vec![attribute("country", "CH")],
                vec![attribute("employeeType", "Employee"), attribute("department", "Sales")],
            ],
        };
        let judge = |attributes: Value| {
            let attributes: Attributes = serde_json::from_value(attributes).unwrap();
            let seen = Seen { attributes: &attributes, groups: &[], impersonal: false };
            match scope.judge(&seen) {
                Verdict::Inside(_) => "inside".to_owned(),
                Verdict::Outside(clause) => format!("{clause} ({})", clause.seen(&seen)),
            }
        };
        assert_eq!(judge(json!({ "country": "ch" })), "inside");
        assert_eq!(judge(json!({ "employeeType": "Employee", "department": "sales" })), "inside");
        assert_eq!(
            judge(json!({ "employeeType": "Employee", "department": "HR" })),
            r#"department EQUALS "Sales" ("HR")"#
        );
        assert_eq!(judge(json!({})), r#"country EQUALS "CH" (no value)"#);
    }
}

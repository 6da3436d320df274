//! Exports scopes as scoping filters. An alternative with a clause that Entra does not have is omitted as a whole.

use policy::{AttributeOperator, GlobPart, IntegerOrder, Scope, ScopeClause, TextTest};

use crate::graph::{FilterClause, FilterGroup, GraphFilter, GraphOperand};
use crate::import::PLACEHOLDER;
use crate::note::ConversionNote;

/// Returns the filter, or `None` if everyone is in scope.
pub(super) fn export_filter(
    scope: &Scope,
    what: &str,
    notes: &mut Vec<ConversionNote>,
) -> Option<GraphFilter> {
    if scope.any.is_empty() {
        return None;
    }
    let mut groups = Vec::new();
    for (number, clauses) in (1..).zip(&scope.any) {
        let name = format!("Alternative {number}");
        let taken: Result<Vec<FilterClause>, String> =
            clauses.iter().filter(|one| !is_entras_own(one)).map(export_clause).collect();
        match taken {
            // An alternative that contains only Entra's implicit condition admits everyone.
            Ok(clauses) if clauses.is_empty() => return None,
            Ok(clauses) => groups.push(FilterGroup { name: Some(name), clauses }),
            Err(why) => {
                notes.push(ConversionNote::left_out(format!("scope of {what}, alternative {number}"), why))
            }
        }
    }
    if groups.is_empty() {
        groups.push(empty_group());
    }
    Some(GraphFilter { groups, ..GraphFilter::default() })
}

/// Returns `true` if the scope is the placeholder that an import writes for an export without a rule for people.
pub(super) fn is_placeholder(scope: &Scope) -> bool {
    let stands_for_nothing = |clause: &ScopeClause| match clause {
        ScopeClause::Attribute { name, .. } => name.name() == PLACEHOLDER && !name.is_of_manager(),
        _ => false,
    };
    !scope.any.is_empty() && scope.any.iter().all(|clauses| clauses.iter().any(stands_for_nothing))
}

/// Returns `true` if every alternative requires that the account is enabled.
pub(super) fn always_asks_for_enabled(scope: &Scope) -> bool {
    !scope.any.is_empty() && scope.any.iter().all(|clauses| clauses.iter().any(is_entras_own))
}

/// Returns `true` for the condition that Entra applies without a clause: it switches off accounts that are not enabled.
fn is_entras_own(clause: &ScopeClause) -> bool {
    let ScopeClause::Not(inner) = clause else { return false };
    matches!(&**inner, ScopeClause::Attribute { name, operator: AttributeOperator::Is(false), .. }
        if name.name() == "accountEnabled" && !name.is_of_manager())
}

fn empty_group() -> FilterGroup {
    let clause = FilterClause {
        operator_name: "EQUALS".to_owned(),
        source_operand_name: "userPrincipalName".to_owned(),
        target_operand: Some(GraphOperand {
            values: vec!["nobody: the scope could not be exported".to_owned()],
        }),
    };
    FilterGroup { name: Some("Nobody".to_owned()), clauses: vec![clause] }
}

/// Converts a clause, or returns the reason why Entra cannot express it.
fn export_clause(clause: &ScopeClause) -> Result<FilterClause, String> {
    let ScopeClause::Attribute { name, operator, ignore_case } = clause else {
        return Err(format!("Entra has no `{clause}`"));
    };
    if name.is_of_manager() {
        return Err(format!("Entra does not look at attributes of the manager: `{clause}`"));
    }
    let (operator_name, values) =
        operator_words(operator, *ignore_case).ok_or(format!("Entra has no `{clause}`"))?;
    Ok(FilterClause {
        operator_name: operator_name.to_owned(),
        source_operand_name: name.name().to_owned(),
        target_operand: Some(GraphOperand { values }),
    })
}

/// Returns Entra's operator and its operands. Text tests without an equivalent become regular expressions.
fn operator_words(operator: &AttributeOperator, ignore_case: bool) -> Option<(&'static str, Vec<String>)> {
    let pattern = |negated: bool, pattern: String| {
        let name = if negated { "NOT REGEX MATCH" } else { "REGEX MATCH" };
        let prefix = if ignore_case { "(?i)" } else { "" };
        Some((name, vec![format!("{prefix}{pattern}")]))
    };
    match operator {
        AttributeOperator::IsNull => Some(("IS NULL", Vec::new())),
        AttributeOperator::IsNotNull => Some(("IS NOT NULL", Vec::new())),
        AttributeOperator::Is(true) => Some(("IS TRUE", Vec::new())),
        AttributeOperator::Is(false) => Some(("IS FALSE", Vec::new())),
        AttributeOperator::Integer { order: IntegerOrder::Greater, operand } => {
            Some(("Greater_Than", vec![operand.to_string()]))
        }
        AttributeOperator::Integer { order: IntegerOrder::GreaterOrEqual, operand } => {
            Some(("Greater_Than_OR_EQUALS", vec![operand.to_string()]))
        }
        AttributeOperator::Text { test, negated, .. } => match test {
            TextTest::Equals(text) if !ignore_case => {
                Some((if *negated { "NOT EQUALS" } else { "EQUALS" }, vec![text.clone()]))
            }
            TextTest::EndsWith(text) if !ignore_case && !negated => Some(("ENDS_WITH", vec![text.clone()])),
            TextTest::Includes(text) if !ignore_case && !negated => Some(("Includes", vec![text.clone()])),
            TextTest::Equals(text) => pattern(*negated, format!("^{}$", escape_regex(text))),
            TextTest::EndsWith(text) => pattern(*negated, format!(".*{}$", escape_regex(text))),
            TextTest::Includes(text) => pattern(*negated, format!(".*{}.*", escape_regex(text))),
            TextTest::StartsWith(text) => pattern(*negated, format!("^{}.*", escape_regex(text))),
            TextTest::In(list) => {
                let any: Vec<String> = list.operands().iter().map(|text| escape_regex(text)).collect();
                pattern(*negated, format!("^({})$", any.join("|")))
            }
            TextTest::Matches(glob) => {
                let parts = glob.parts().iter().map(|part| match part {
                    GlobPart::Literal(c) => escape_regex(c.encode_utf8(&mut [0; 4])),
                    GlobPart::One => ".".to_owned(),
                    GlobPart::Many => ".*".to_owned(),
                });
                pattern(*negated, format!("^{}$", parts.collect::<String>()))
            }
            TextTest::Regex(regex) => pattern(*negated, regex.text().to_owned()),
        },
        AttributeOperator::Integer { .. } | AttributeOperator::Date(_) => None,
    }
}

/// Returns a regular expression that matches exactly `text`.
fn escape_regex(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if !c.is_alphanumeric() && !matches!(c, ' ' | '_' | '@' | '-' | '/' | ',') && c.is_ascii() {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

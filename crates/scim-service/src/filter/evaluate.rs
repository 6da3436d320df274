//! Evaluates filters on resources. Text is compared without regard to case unless the schema says otherwise.

use std::cmp::Ordering;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{FilterComparison, FilterLiteral, FilterOperand, ScimFilter};
use crate::schema::{self, AttributeType, SchemaAttribute};
use crate::tree::{boolean_value, value_elements};
use crate::{ResourceTree, ResourceType, get_value};

/// The value in which attribute names are looked up.
enum EvaluationSubject<'a> {
    Resource(ResourceType, &'a ResourceTree),
    /// An element of a list, with the definition of the list.
    Element(Option<&'static SchemaAttribute>, &'a Value),
}

impl ScimFilter {
    /// Returns `true` if a whole resource (with `id` and `meta`) fulfils the filter.
    pub fn matches(&self, kind: ResourceType, tree: &ResourceTree) -> bool {
        filter_holds(self, &EvaluationSubject::Resource(kind, tree))
    }

    /// Returns `true` if an element of `list` fulfils the filter. An unknown list has no definition.
    pub(crate) fn matches_element(&self, list: Option<&'static SchemaAttribute>, element: &Value) -> bool {
        filter_holds(self, &EvaluationSubject::Element(list, element))
    }

    /// Returns `true` if a member of a group fulfils the filter.
    pub fn matches_member(&self, member: &ResourceTree) -> bool {
        let list = schema::find_attribute(ResourceType::Group, None, "members");
        filter_holds(self, &EvaluationSubject::Element(list, &Value::Object(member.clone())))
    }
}

/// Evaluates a filter.
fn filter_holds(filter: &ScimFilter, subject: &EvaluationSubject<'_>) -> bool {
    match filter {
        ScimFilter::Not(inner) => !filter_holds(inner, subject),
        ScimFilter::And(all) => all.iter().all(|one| filter_holds(one, subject)),
        ScimFilter::Or(any) => any.iter().any(|one| filter_holds(one, subject)),
        ScimFilter::Present(operand) => operand_values(operand, subject).into_iter().any(is_present),
        ScimFilter::Element(operand, inner) => {
            let list = operand_definition(operand, subject);
            let element = |element| filter_holds(inner, &EvaluationSubject::Element(list, element));
            value_elements(whole_value(operand, subject)).iter().any(element)
        }
        ScimFilter::Compare(operand, how, literal) => compare_operand(operand, *how, literal, subject),
    }
}

/// Returns the list or value at the beginning of the operand.
fn whole_value<'a>(operand: &FilterOperand, subject: &EvaluationSubject<'a>) -> Option<&'a Value> {
    match subject {
        EvaluationSubject::Resource(_, tree) => {
            let container = match &operand.extension {
                None => Some(*tree),
                Some(urn) => get_value(tree, urn).and_then(Value::as_object),
            };
            get_value(container?, &operand.name)
        }
        EvaluationSubject::Element(_, Value::Object(fields)) => get_value(fields, &operand.name),
        EvaluationSubject::Element(_, plain) => operand.name.eq_ignore_ascii_case("value").then_some(*plain),
    }
}

/// Returns all values that the operand denotes.
fn operand_values<'a>(operand: &FilterOperand, subject: &EvaluationSubject<'a>) -> Vec<&'a Value> {
    let part = |element: &'a Value| match (element, &operand.part) {
        (Value::Object(fields), Some(part)) => get_value(fields, part),
        // A complex value is represented by its `value`.
        (Value::Object(fields), None) => get_value(fields, "value").or(Some(element)),
        (plain, None) => Some(plain),
        (_, Some(_)) => None,
    };
    value_elements(whole_value(operand, subject))
        .iter()
        .filter_map(part)
        .filter(|value| !value.is_null())
        .collect()
}

fn is_present(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty(),
        value => !crate::tree::is_unassigned(value),
    }
}

/// Returns the attribute at the beginning of the operand.
fn operand_definition(
    operand: &FilterOperand,
    subject: &EvaluationSubject<'_>,
) -> Option<&'static SchemaAttribute> {
    match subject {
        EvaluationSubject::Resource(kind, _) => {
            schema::find_attribute(*kind, operand.extension.as_deref(), &operand.name)
        }
        EvaluationSubject::Element(list, _) => list.and_then(|list| list.part(&operand.name)),
    }
}

/// Evaluates a comparison. `ne` holds if no value is equal.
fn compare_operand(
    operand: &FilterOperand,
    how: FilterComparison,
    literal: &FilterLiteral,
    subject: &EvaluationSubject<'_>,
) -> bool {
    let values = operand_values(operand, subject);
    let known = match subject {
        EvaluationSubject::Resource(kind, _) => operand.attribute(*kind),
        EvaluationSubject::Element(..) => operand_definition(operand, subject),
    };
    let any = |how| values.iter().any(|value| fits_comparison(value, how, literal, known));
    match (how, literal) {
        (FilterComparison::Eq, FilterLiteral::Null) => values.is_empty(),
        (FilterComparison::Ne, FilterLiteral::Null) => !values.is_empty(),
        (FilterComparison::Ne, _) => !any(FilterComparison::Eq),
        (how, _) => any(how),
    }
}

/// Compares one value. Values of different types do not match.
fn fits_comparison(
    value: &Value,
    how: FilterComparison,
    literal: &FilterLiteral,
    known: Option<&SchemaAttribute>,
) -> bool {
    match (value, literal) {
        (Value::String(have), FilterLiteral::Text(want)) => texts_fit(have, how, want, known),
        // Entra writes booleans as text, in filters too.
        (Value::Bool(_), FilterLiteral::Text(_) | FilterLiteral::Boolean(_))
        | (Value::String(_), FilterLiteral::Boolean(_)) => {
            let want = boolean_value(&literal.value());
            how == FilterComparison::Eq && want.is_some() && boolean_value(value) == want
        }
        (Value::Number(have), FilterLiteral::Number(want)) => {
            let order = have.as_f64().zip(want.as_f64()).and_then(|(have, want)| have.partial_cmp(&want));
            order.is_some_and(|order| is_ordered(order, how))
        }
        _ => false,
    }
}

fn texts_fit(have: &str, how: FilterComparison, want: &str, known: Option<&SchemaAttribute>) -> bool {
    if known.is_some_and(|known| known.kind == AttributeType::DateTime)
        && let Some((have, want)) = parse_moment(have).zip(parse_moment(want))
    {
        return is_ordered(have.cmp(&want), how);
    }
    if known.is_some_and(|known| known.case_exact) {
        return exact_texts_fit(have, how, want);
    }
    exact_texts_fit(&have.to_lowercase(), how, &want.to_lowercase())
}

fn parse_moment(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

fn exact_texts_fit(have: &str, how: FilterComparison, want: &str) -> bool {
    match how {
        FilterComparison::Co => have.contains(want),
        FilterComparison::Sw => have.starts_with(want),
        FilterComparison::Ew => have.ends_with(want),
        how => is_ordered(have.cmp(want), how),
    }
}

fn is_ordered(order: Ordering, how: FilterComparison) -> bool {
    match how {
        FilterComparison::Eq => order.is_eq(),
        FilterComparison::Gt => order.is_gt(),
        FilterComparison::Ge => order.is_ge(),
        FilterComparison::Lt => order.is_lt(),
        FilterComparison::Le => order.is_le(),
        FilterComparison::Ne | FilterComparison::Co | FilterComparison::Sw | FilterComparison::Ew => false,
    }
}

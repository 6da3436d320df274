//! Filters: the support of a server for them, and their evaluation.

use std::borrow::Cow;
use std::cmp::Ordering;

use scim_v2::filter::{AttrExp, AttrPath, CompValue, CompareOp, Filter, ValFilter};
use serde_json::Value;

use crate::answer::SandboxRefusal;
use crate::attributes::{self, SandboxAttributes};
use crate::behaviour::{FilterGrammar, SandboxBehaviour};

/// A value with attributes.
pub(crate) trait FilterSubject {
    /// Returns the whole value of the attribute at the beginning of a path.
    fn attribute(&self, path: &AttrPath) -> Option<Cow<'_, Value>>;
}

impl FilterSubject for SandboxAttributes {
    fn attribute(&self, path: &AttrPath) -> Option<Cow<'_, Value>> {
        let value = match attributes::extension_container(path) {
            Some(_) if attributes::is_enterprise(path) => {
                attributes::get_attribute(self, crate::ENTERPRISE_SCHEMA)
            }
            Some(urn) => {
                let map = attributes::get_attribute(self, urn).and_then(Value::as_object)?;
                attributes::get_attribute(map, &path.name)
            }
            None => attributes::get_attribute(self, &path.name),
        };
        value.map(Cow::Borrowed)
    }
}

/// An element of a list, as seen by a filter in brackets.
struct ListElement<'a>(&'a Value);

impl FilterSubject for ListElement<'_> {
    fn attribute(&self, path: &AttrPath) -> Option<Cow<'_, Value>> {
        let value = match self.0 {
            Value::Object(map) => attributes::get_attribute(map, &path.name),
            plain => path.name.eq_ignore_ascii_case("value").then_some(plain),
        };
        value.map(Cow::Borrowed)
    }
}

fn value_elements(value: Option<&Value>) -> &[Value] {
    match value {
        None | Some(Value::Null) => &[],
        Some(Value::Array(list)) => list,
        Some(one) => std::slice::from_ref(one),
    }
}

/// Returns all values at a path, with lists flattened.
fn flatten_values<'a>(value: Option<&'a Value>, sub: Option<&str>) -> Vec<&'a Value> {
    let part = |element: &'a Value| match (element, sub) {
        (Value::Object(map), Some(sub)) => attributes::get_attribute(map, sub),
        // RFC 7644, 3.4.2.2: a complex element without a sub-attribute is compared by its value.
        (Value::Object(map), None) => attributes::get_attribute(map, "value").or(Some(element)),
        (plain, None) => Some(plain),
        (_, Some(_)) => None,
    };
    value_elements(value).iter().filter_map(part).filter(|value| !value.is_null()).collect()
}

/// Returns `true` if a subject fulfils a filter.
pub(crate) fn matches_filter(filter: &Filter, subject: &dyn FilterSubject) -> bool {
    match filter {
        Filter::Attr(expression) => attr_matches(expression, subject),
        Filter::ValuePath(path) => {
            let value = subject.attribute(&path.attr);
            value_elements(value.as_deref()).iter().any(|element| element_matches(&path.filter, element))
        }
        Filter::Not(inner) => !matches_filter(inner, subject),
        Filter::And(all) => all.iter().all(|one| matches_filter(one, subject)),
        Filter::Or(any) => any.iter().any(|one| matches_filter(one, subject)),
    }
}

/// Returns `true` if an element of a list fulfils the filter in brackets.
pub(crate) fn element_matches(filter: &ValFilter, element: &Value) -> bool {
    match filter {
        ValFilter::Attr(expression) => attr_matches(expression, &ListElement(element)),
        ValFilter::Not(inner) => !element_matches(inner, element),
        ValFilter::And(all) => all.iter().all(|one| element_matches(one, element)),
        ValFilter::Or(any) => any.iter().any(|one| element_matches(one, element)),
    }
}

/// Evaluates one comparison or presence test.
fn attr_matches(expression: &AttrExp, subject: &dyn FilterSubject) -> bool {
    let (AttrExp::Present(path) | AttrExp::Comparison(path, ..)) = expression;
    let value = subject.attribute(path);
    let values = flatten_values(value.as_deref(), path.sub_attr.as_deref());
    match expression {
        AttrExp::Present(_) => values.iter().any(|value| is_present(value)),
        AttrExp::Comparison(_, op, wanted) => {
            let exact = is_case_exact(path);
            let any = |op: &CompareOp| values.iter().any(|value| compare_value(value, op, wanted, exact));
            match (op, wanted) {
                (CompareOp::Eq, CompValue::Null) => values.is_empty(),
                (CompareOp::Ne, CompValue::Null) => !values.is_empty(),
                (CompareOp::Ne, _) => !any(&CompareOp::Eq),
                (op, _) => any(op),
            }
        }
    }
}

fn is_present(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => true,
    }
}

/// Returns `true` if an attribute is case-exact. RFC 7643: ids are, nearly all other texts are not.
fn is_case_exact(path: &AttrPath) -> bool {
    let name = path.sub_attr.as_deref().unwrap_or(&path.name);
    name.eq_ignore_ascii_case("id")
        || name.eq_ignore_ascii_case("externalId")
        || (path.name.eq_ignore_ascii_case("members") || path.name.eq_ignore_ascii_case("groups"))
}

fn compare_value(value: &Value, op: &CompareOp, wanted: &CompValue, exact: bool) -> bool {
    match (value, wanted) {
        (Value::String(have), CompValue::Str(want)) => compare_texts(have, op, want, exact),
        (Value::Bool(have), CompValue::True) => *op == CompareOp::Eq && *have,
        (Value::Bool(have), CompValue::False) => *op == CompareOp::Eq && !*have,
        (Value::Number(have), CompValue::Number(want)) => {
            let order = have.as_f64().zip(want.as_f64()).and_then(|(have, want)| have.partial_cmp(&want));
            order.is_some_and(|order| is_ordered(order, op))
        }
        _ => false,
    }
}

fn compare_texts(have: &str, op: &CompareOp, want: &str, exact: bool) -> bool {
    if !exact {
        return compare_texts(&have.to_lowercase(), op, &want.to_lowercase(), true);
    }
    match op {
        CompareOp::Co => have.contains(want),
        CompareOp::Sw => have.starts_with(want),
        CompareOp::Ew => have.ends_with(want),
        op => is_ordered(have.cmp(want), op),
    }
}

const fn is_ordered(order: Ordering, op: &CompareOp) -> bool {
    match op {
        CompareOp::Eq => order.is_eq(),
        CompareOp::Gt => order.is_gt(),
        CompareOp::Ge => order.is_ge(),
        CompareOp::Lt => order.is_lt(),
        CompareOp::Le => order.is_le(),
        _ => false,
    }
}

/// Parses a filter that this server supports.
pub(crate) fn parse_filter(text: &str, behaviour: &SandboxBehaviour) -> Result<Filter, SandboxRefusal> {
    let filter: Filter = match plain_equality(text) {
        Some(filter) => filter,
        None => text.parse().map_err(|_| SandboxRefusal::invalid_filter("the filter cannot be parsed"))?,
    };
    check_grammar(&filter, behaviour.filter_grammar)?;
    if let Some(names) = &behaviour.filterable_attributes {
        check_names(&filter, names)?;
    }
    Ok(filter)
}

/// Parses `attribute eq "text"` without escapes, without the general parser. Nearly all requests have this form.
fn plain_equality(text: &str) -> Option<Filter> {
    let (name, rest) = text.split_once(' ')?;
    let (op, value) = rest.split_once(' ')?;
    let value = value.strip_prefix('"')?.strip_suffix('"')?;
    let plain_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric());
    let plain_value = !value.contains(['"', '\\']) && !value.chars().any(char::is_control);
    (plain_name && op.eq_ignore_ascii_case("eq") && plain_value)
        .then(|| Filter::Attr(AttrExp::Comparison(AttrPath::with_name(name), CompareOp::Eq, value.into())))
}

/// Refuses filters that the server's grammar does not contain.
fn check_grammar(filter: &Filter, grammar: FilterGrammar) -> Result<(), SandboxRefusal> {
    let fits = match (filter, grammar) {
        (_, FilterGrammar::Full) => true,
        (Filter::Attr(AttrExp::Comparison(_, CompareOp::Eq, _)), _) => true,
        (Filter::And(all), FilterGrammar::EqAnd) => {
            return all.iter().try_for_each(|one| check_grammar(one, grammar));
        }
        _ => false,
    };
    if fits {
        Ok(())
    } else {
        Err(SandboxRefusal::invalid_filter("this server does not support such filters"))
    }
}

/// Refuses filters on attributes that the server cannot filter by.
fn check_names(filter: &Filter, names: &[String]) -> Result<(), SandboxRefusal> {
    let check = |path: &AttrPath| {
        let dotted = match &path.sub_attr {
            Some(sub) => format!("{}.{sub}", path.name),
            None => path.name.clone(),
        };
        let known = attributes::extension_container(path).is_none()
            && names.iter().any(|name| name.eq_ignore_ascii_case(&dotted));
        if known {
            Ok(())
        } else {
            Err(SandboxRefusal::invalid_filter(format!("{path} cannot be filtered by")))
        }
    };
    match filter {
        Filter::Attr(AttrExp::Present(path) | AttrExp::Comparison(path, ..)) => check(path),
        Filter::ValuePath(path) => check(&path.attr),
        Filter::Not(inner) => check_names(inner, names),
        Filter::And(all) | Filter::Or(all) => all.iter().try_for_each(|one| check_names(one, names)),
    }
}

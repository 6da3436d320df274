//! Whether a resource fulfils a filter. Texts are compared without regard to case unless the schema says otherwise.

use std::cmp::Ordering;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Comparison, Filter, Literal, Operand};
use crate::schema::{self, Attribute, Type};
use crate::tree::{boolean, elements};
use crate::{Kind, Path, Tree, get};

/// What a name is looked up in.
enum Subject<'a> {
    Resource(Kind, &'a Tree),
    /// An element of a list, and the definition of the list.
    Element(Option<&'static Attribute>, &'a Value),
}

impl Filter {
    /// Whether a whole resource (with `id` and `meta`) fulfils it.
    pub fn matches(&self, kind: Kind, tree: &Tree) -> bool {
        holds(self, &Subject::Resource(kind, tree))
    }

    /// Whether an element of the list that `path` names fulfils it.
    pub(crate) fn matches_element(&self, path: &Path, element: &Value) -> bool {
        let list = Kind::ALL.into_iter().find_map(|kind| path.attribute(kind));
        holds(self, &Subject::Element(list, element))
    }

    /// Whether a member of a group fulfils it.
    pub fn matches_member(&self, member: &Tree) -> bool {
        let list = schema::attribute(Kind::Group, None, "members");
        holds(self, &Subject::Element(list, &Value::Object(member.clone())))
    }
}

fn holds(filter: &Filter, subject: &Subject<'_>) -> bool {
    match filter {
        Filter::Not(inner) => !holds(inner, subject),
        Filter::And(all) => all.iter().all(|one| holds(one, subject)),
        Filter::Or(any) => any.iter().any(|one| holds(one, subject)),
        Filter::Present(operand) => values(operand, subject).into_iter().any(is_present),
        Filter::Element(operand, inner) => {
            let list = definition(operand, subject);
            let element = |element| holds(inner, &Subject::Element(list, element));
            elements(whole(operand, subject)).iter().any(element)
        }
        Filter::Compare(operand, how, literal) => compared(operand, *how, literal, subject),
    }
}

/// The list or value that the operand begins with.
fn whole<'a>(operand: &Operand, subject: &Subject<'a>) -> Option<&'a Value> {
    match subject {
        Subject::Resource(_, tree) => {
            let container = match &operand.extension {
                None => Some(*tree),
                Some(urn) => get(tree, urn).and_then(Value::as_object),
            };
            get(container?, &operand.name)
        }
        Subject::Element(_, Value::Object(fields)) => get(fields, &operand.name),
        Subject::Element(_, plain) => operand.name.eq_ignore_ascii_case("value").then_some(*plain),
    }
}

/// All values that the operand stands for.
fn values<'a>(operand: &Operand, subject: &Subject<'a>) -> Vec<&'a Value> {
    let part = |element: &'a Value| match (element, &operand.part) {
        (Value::Object(fields), Some(part)) => get(fields, part),
        // A complex value stands for its `value`.
        (Value::Object(fields), None) => get(fields, "value").or(Some(element)),
        (plain, None) => Some(plain),
        (_, Some(_)) => None,
    };
    elements(whole(operand, subject)).iter().filter_map(part).filter(|value| !value.is_null()).collect()
}

fn is_present(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty(),
        value => !crate::tree::is_unassigned(value),
    }
}

/// The attribute that the operand begins with.
fn definition(operand: &Operand, subject: &Subject<'_>) -> Option<&'static Attribute> {
    match subject {
        Subject::Resource(kind, _) => schema::attribute(*kind, operand.extension.as_deref(), &operand.name),
        Subject::Element(list, _) => list.and_then(|list| list.part(&operand.name)),
    }
}

fn compared(operand: &Operand, how: Comparison, literal: &Literal, subject: &Subject<'_>) -> bool {
    let values = values(operand, subject);
    let known = match subject {
        Subject::Resource(kind, _) => operand.attribute(*kind),
        Subject::Element(..) => definition(operand, subject),
    };
    let any = |how| values.iter().any(|value| fits(value, how, literal, known));
    match (how, literal) {
        (Comparison::Eq, Literal::Null) => values.is_empty(),
        (Comparison::Ne, Literal::Null) => !values.is_empty(),
        (Comparison::Ne, _) => !any(Comparison::Eq),
        (how, _) => any(how),
    }
}

fn fits(value: &Value, how: Comparison, literal: &Literal, known: Option<&Attribute>) -> bool {
    match (value, literal) {
        (Value::String(have), Literal::Text(want)) => texts_fit(have, how, want, known),
        // Entra writes booleans as texts, in filters too.
        (Value::Bool(_), Literal::Text(_) | Literal::Boolean(_))
        | (Value::String(_), Literal::Boolean(_)) => {
            let want = boolean(&literal.value());
            how == Comparison::Eq && want.is_some() && boolean(value) == want
        }
        (Value::Number(have), Literal::Number(want)) => {
            let order = have.as_f64().zip(want.as_f64()).and_then(|(have, want)| have.partial_cmp(&want));
            order.is_some_and(|order| ordered(order, how))
        }
        _ => false,
    }
}

fn texts_fit(have: &str, how: Comparison, want: &str, known: Option<&Attribute>) -> bool {
    if known.is_some_and(|known| known.kind == Type::DateTime)
        && let Some((have, want)) = moment(have).zip(moment(want))
    {
        return ordered(have.cmp(&want), how);
    }
    if known.is_some_and(|known| known.case_exact) {
        return exact_texts_fit(have, how, want);
    }
    exact_texts_fit(&have.to_lowercase(), how, &want.to_lowercase())
}

fn moment(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

fn exact_texts_fit(have: &str, how: Comparison, want: &str) -> bool {
    match how {
        Comparison::Co => have.contains(want),
        Comparison::Sw => have.starts_with(want),
        Comparison::Ew => have.ends_with(want),
        how => ordered(have.cmp(want), how),
    }
}

fn ordered(order: Ordering, how: Comparison) -> bool {
    match how {
        Comparison::Eq => order.is_eq(),
        Comparison::Gt => order.is_gt(),
        Comparison::Ge => order.is_ge(),
        Comparison::Lt => order.is_lt(),
        Comparison::Le => order.is_le(),
        Comparison::Ne | Comparison::Co | Comparison::Sw | Comparison::Ew => false,
    }
}

//! What the ledger says about a call: whom it is about, and what it asks for, in a few words.

use serde_json::Value;

use super::Call;
use crate::Kind;
use crate::attributes::{Attributes, get, text};
use crate::directory::Directory;

/// Operations that a summary spells out; the rest is counted.
const OPERATIONS_SHOWN: usize = 8;

/// Who and what.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub user_name: Option<Box<str>>,
    pub external_id: Option<Box<str>>,
    pub display_name: Option<Box<str>>,
    pub operation: Option<Box<str>>,
}

impl Summary {
    /// Looks at the body, and for what it does not say at the resource, as it is before the call is carried out.
    pub(crate) fn of(directory: &Directory, call: &Call) -> Self {
        let mut summary = Self { operation: operation(call), ..Self::default() };
        if let Some(Value::Object(body)) = &call.body {
            summary.take(body);
        }
        if let (Kind::User | Kind::Group, Some(id)) = (call.route.kind, &call.route.id)
            && let Some((_, record)) = directory.record(call.route.kind, id)
        {
            summary.take(&record.attributes);
        }
        summary
    }

    fn take(&mut self, attributes: &Attributes) {
        let fill = |field: &mut Option<Box<str>>, name: &str| {
            if field.is_none() {
                *field = text(attributes, name).map(Into::into);
            }
        };
        fill(&mut self.user_name, "userName");
        fill(&mut self.external_id, "externalId");
        fill(&mut self.display_name, "displayName");
    }
}

fn operation(call: &Call) -> Option<Box<str>> {
    let Some(Value::Object(body)) = &call.body else { return None };
    let Some(operations) = get(body, "Operations").and_then(Value::as_array) else {
        return get(body, "active").map(|active| format!("active={active}").into());
    };
    let mut words: Vec<String> = operations.iter().take(OPERATIONS_SHOWN).filter_map(one).collect();
    if operations.len() > OPERATIONS_SHOWN {
        words.push(format!("{} more", operations.len() - OPERATIONS_SHOWN));
    }
    Some(words.join("; ").into())
}

/// `replace active=false`, `add members x3`, `replace {active=false, title}`: values of truth are shown, texts are not.
fn one(operation: &Value) -> Option<String> {
    let operation = operation.as_object()?;
    let verb = text(operation, "op").unwrap_or("?").to_ascii_lowercase();
    let value = get(operation, "value");
    Some(match (text(operation, "path"), value) {
        (Some(path), Some(Value::Array(list))) => format!("{verb} {path} x{}", list.len()),
        (Some(path), value) => format!("{verb} {}", named(path, value)),
        (None, Some(Value::Object(parts))) => {
            let parts: Vec<String> = parts.iter().map(|(name, value)| named(name, Some(value))).collect();
            format!("{verb} {{{}}}", parts.join(", "))
        }
        (None, _) => verb,
    })
}

fn named(name: &str, value: Option<&Value>) -> String {
    match value {
        Some(Value::Bool(value)) => format!("{name}={value}"),
        _ => name.to_owned(),
    }
}

//! Summaries of calls for the ledger: the affected resource, and the requested change in a few words.

use serde_json::Value;

use crate::RequestKind;
use crate::attributes::{SandboxAttributes, attribute_text, get_attribute};
use crate::call::ScimCall;
use crate::directory::SandboxDirectory;

/// The maximum number of operations that a summary spells out; the rest is counted.
const OPERATIONS_SHOWN: usize = 8;

/// The summary of a request.
#[derive(Debug, Default)]
pub(crate) struct RequestSummary {
    pub user_name: Option<Box<str>>,
    pub external_id: Option<Box<str>>,
    pub display_name: Option<Box<str>>,
    pub operation: Option<Box<str>>,
}

impl RequestSummary {
    /// Builds the summary from the body. Names that it lacks come from the resource as it is before the call is carried out.
    pub(crate) fn of(directory: &SandboxDirectory, call: &ScimCall) -> Self {
        let mut summary = Self { operation: summarise_operation(call), ..Self::default() };
        if let Some(Value::Object(body)) = &call.body {
            summary.take(body);
        }
        if let (RequestKind::User | RequestKind::Group, Some(id)) = (call.route.kind, &call.route.id)
            && let Some((_, record)) = directory.record(call.route.kind, id)
        {
            summary.take(&record.attributes);
        }
        summary
    }

    fn take(&mut self, attributes: &SandboxAttributes) {
        let fill = |field: &mut Option<Box<str>>, name: &str| {
            if field.is_none() {
                *field = attribute_text(attributes, name).map(Into::into);
            }
        };
        fill(&mut self.user_name, "userName");
        fill(&mut self.external_id, "externalId");
        fill(&mut self.display_name, "displayName");
    }
}

fn summarise_operation(call: &ScimCall) -> Option<Box<str>> {
    let Some(Value::Object(body)) = &call.body else { return None };
    let Some(operations) = get_attribute(body, "Operations").and_then(Value::as_array) else {
        return get_attribute(body, "active").map(|active| format!("active={active}").into());
    };
    let mut words: Vec<String> = operations.iter().take(OPERATIONS_SHOWN).filter_map(summarise_one).collect();
    if operations.len() > OPERATIONS_SHOWN {
        words.push(format!("{} more", operations.len() - OPERATIONS_SHOWN));
    }
    Some(words.join("; ").into())
}

/// Summarises one operation: `replace active=false`, `add members x3`,
/// `replace {active=false, title}`. Booleans are shown, texts are not.
fn summarise_one(operation: &Value) -> Option<String> {
    let operation = operation.as_object()?;
    let verb = attribute_text(operation, "op").unwrap_or("?").to_ascii_lowercase();
    let value = get_attribute(operation, "value");
    Some(match (attribute_text(operation, "path"), value) {
        (Some(path), Some(Value::Array(list))) => format!("{verb} {path} x{}", list.len()),
        (Some(path), value) => format!("{verb} {}", summarise_named(path, value)),
        (None, Some(Value::Object(parts))) => {
            let parts: Vec<String> =
                parts.iter().map(|(name, value)| summarise_named(name, Some(value))).collect();
            format!("{verb} {{{}}}", parts.join(", "))
        }
        (None, _) => verb,
    })
}

fn summarise_named(name: &str, value: Option<&Value>) -> String {
    match value {
        Some(Value::Bool(value)) => format!("{name}={value}"),
        _ => name.to_owned(),
    }
}

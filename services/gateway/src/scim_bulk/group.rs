//! A SCIM group.

use edge::{FieldErrors, JsonPointer};
use lifecycle::AttributeMap;
use serde_json::{Map, Value};

use crate::EventLimits;

/// The attributes and, if the group has a list of them, the keys of its members. The externalId is the key.
pub(super) fn group_attributes(
    mut group: Map<String, Value>,
    at: &JsonPointer,
    limits: &EventLimits,
    errors: &mut FieldErrors,
) -> (AttributeMap, Option<Vec<String>>) {
    for name in ["schemas", "id", "meta"] {
        group.remove(name);
    }
    let list_at = at.key("members");
    let members = match group.remove("members") {
        // Says nothing about who is in it: an empty list would say that nobody is.
        None | Some(Value::Null) => None,
        Some(Value::Array(list)) => Some(member_keys(&list, &list_at, limits, errors)),
        Some(_) => {
            errors.add(list_at, "must be an array");
            None
        }
    };
    (group.into_iter().collect(), members)
}

fn member_keys(
    list: &[Value],
    at: &JsonPointer,
    limits: &EventLimits,
    errors: &mut FieldErrors,
) -> Vec<String> {
    let is_group = |member: &Value| {
        member.get("type").and_then(Value::as_str).is_some_and(|kind| kind.eq_ignore_ascii_case("group"))
    };
    let mut values = Vec::with_capacity(list.len().min(limits.members_max));
    for (index, member) in list.iter().enumerate() {
        if is_group(member) {
            errors.add(at.index(index).key("type"), "groups in groups are not understood: list the people");
        }
        values.push(member.get("value").cloned().unwrap_or_default());
    }
    limits.members(&values, |index| at.index(index).key("value"), at, errors)
}

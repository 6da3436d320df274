//! Maps a SCIM group to attributes and members.

use edge::{FieldErrors, JsonPointer};
use lifecycle::AttributeMap;
use serde_json::{Map, Value};

use crate::intake::limits::EventLimits;

/// Returns the attributes and, if the group has a list of members, their keys. The externalId is the group's key.
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
        // Without a list nothing is known about the members: an empty list would mean that there are none.
        None | Some(Value::Null) => None,
        Some(Value::Array(list)) => Some(member_keys(&list, &list_at, limits, errors)),
        Some(_) => {
            errors.add(list_at, "must be an array");
            None
        }
    };
    (group.into_iter().collect(), members)
}

/// Returns the keys of a list of members. Groups in groups are reported as faults.
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
            errors.add(at.index(index).key("type"), "nested groups are not supported: list the people");
        }
        values.push(member.get("value").cloned().unwrap_or_default());
    }
    limits.members(&values, |index| at.index(index).key("value"), at, errors)
}

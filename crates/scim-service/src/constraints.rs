//! The constraints on whole resources: required names, sizes and characters.

use serde_json::Value;

use crate::{ResourceTree, ResourceType, ScimServiceError, get_value};

/// The maximum size of a resource as JSON, in bytes, without members.
const RESOURCE_BYTES_MAX: usize = 256 * 1024;
/// The maximum length of `userName`, `displayName` of a group, `externalId` and attribute names, in characters.
const NAME_CHARS_MAX: usize = 512;

/// Checks the constraints on a resource as a whole.
pub(crate) fn check_resource(kind: ResourceType, attributes: &ResourceTree) -> Result<(), ScimServiceError> {
    let name = kind.name_attribute();
    let required = get_value(attributes, name).and_then(Value::as_str).unwrap_or_default();
    if required.trim().is_empty() {
        return Err(ScimServiceError::invalid_value(format!("`{name}` is required")));
    }
    for name in [name, "externalId"] {
        let text = get_value(attributes, name).and_then(Value::as_str).unwrap_or_default();
        if text.chars().nth(NAME_CHARS_MAX).is_some() || text.contains(char::is_control) {
            let detail = format!(
                "`{name}` may have at most {NAME_CHARS_MAX} characters, none of them a control character"
            );
            return Err(ScimServiceError::invalid_value(detail));
        }
    }
    let bytes = serde_json::to_vec(attributes).map_or(usize::MAX, |json| json.len());
    if bytes > RESOURCE_BYTES_MAX {
        let detail = format!("a resource may have at most {RESOURCE_BYTES_MAX} bytes as JSON");
        return Err(ScimServiceError::new(413, detail));
    }
    if attributes.iter().any(|(name, value)| is_unfit(name, value)) {
        let detail = format!("a text may not contain U+0000, and a name at most {NAME_CHARS_MAX} characters");
        return Err(ScimServiceError::invalid_value(detail));
    }
    Ok(())
}

/// Returns `true` if a text contains U+0000, which some databases cannot store, or if a name is too long.
fn is_unfit(name: &str, value: &Value) -> bool {
    if name.contains('\0') || name.chars().nth(NAME_CHARS_MAX).is_some() {
        return true;
    }
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(list) => list.iter().any(|element| is_unfit("", element)),
        Value::Object(fields) => fields.iter().any(|(name, value)| is_unfit(name, value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

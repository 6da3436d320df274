//! Managers: the person that a `manager` attribute names, and that person's attributes.

use std::collections::{BTreeSet, HashMap};

use lifecycle::{AttributeMap, PersonRecord, SubjectKey};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde_json::Value;
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use super::is_known;
use crate::rows::identity;
use crate::unreadable::{StateKind, UnreadableStates};

/// The attribute that names the manager.
const MANAGER: &str = "manager";

/// Returns the key of the manager: a text, an object with the key in `value` (as in SCIM), or a list whose first value is
/// either.
pub(crate) fn key_of_manager(attributes: &AttributeMap) -> Option<String> {
    let mut value = attributes.get(MANAGER)?;
    if let Value::Array(several) = value {
        value = several.first()?;
    }
    if let Value::Object(object) = value {
        value = object.get("value")?;
    }
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let key = SubjectKey::key_of(&text);
    (!key.is_empty()).then(|| key.to_owned())
}

/// Returns the attributes of those of `keys` who are known, as of `now` (microseconds). A manager whose state cannot be read is
/// added to `unreadable`.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn load_managers(
    connection: &impl ConnectionTrait,
    keys: &BTreeSet<String>,
    now: i64,
    unreadable: &mut UnreadableStates,
) -> Result<HashMap<String, AttributeMap>, StoreError> {
    let keys: Vec<&String> = keys.iter().collect();
    let mut found = HashMap::new();
    for chunk in keys.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows = identity::Entity::find()
            .filter(identity::Column::Key.is_in(chunk.iter().copied()))
            .all(connection)
            .await
            .map_err(StoreError::statement("read managers"))?;
        for row in rows {
            let state = unreadable.decode::<PersonRecord>(StateKind::Person, &row.state, &row.key);
            if let Some(state) = state.filter(is_known) {
                let attributes = state.view(&row.key, now).attributes;
                found.insert(row.key, attributes);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_manager_is_named_by_a_text_or_by_a_value_and_by_nothing_else() {
        let cases = [
            (json!("E-9"), Some("E-9")),
            (json!(" worker/E-9 "), Some("E-9")),
            (json!({ "value": "E-9", "displayName": "Nine" }), Some("E-9")),
            (json!([{ "value": "E-9" }, "E-8"]), Some("E-9")),
            (json!(9), Some("9")),
            (json!(""), None),
            (json!([]), None),
            (json!({}), None),
            (json!(true), None),
        ];
        for (value, key) in cases {
            let attributes = AttributeMap::from([(MANAGER.to_owned(), value.clone())]);
            assert_eq!(key_of_manager(&attributes).as_deref(), key, "{value}");
        }
        assert_eq!(key_of_manager(&AttributeMap::new()), None);
    }
}

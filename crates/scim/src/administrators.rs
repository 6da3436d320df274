//! Recognises administrators by the marks of the profile.

use lifecycle::matches_name_pattern;
use serde_json::{Map, Value};

use crate::TargetProfile;
use crate::resource::lookup_key;

/// The fields of a value of a multi-valued attribute that are compared.
const COMPARED: [&str; 3] = ["value", "display", "type"];

impl TargetProfile {
    /// Returns the attribute and value that mark the account as an administrator, or `None` if the profile knows none.
    pub fn administrator_mark(&self, account: &Map<String, Value>) -> Option<(String, String)> {
        self.administrators.iter().find_map(|mark| {
            let value = lookup_key(account, &mark.attribute)?;
            let is_marked =
                |text: &String| mark.values.iter().any(|pattern| matches_name_pattern(pattern, text));
            texts_of(value).into_iter().find(is_marked).map(|text| (mark.attribute.clone(), text))
        })
    }
}

/// Returns the texts of an attribute: of a simple value, of the fields of a complex value, or of each value of a list.
fn texts_of(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Bool(flag) => vec![flag.to_string()],
        Value::Number(number) => vec![number.to_string()],
        Value::Array(values) => values.iter().flat_map(texts_of).collect(),
        Value::Object(fields) => {
            let compared = COMPARED.iter().filter_map(|field| lookup_key(fields, field));
            compared.filter(|value| !value.is_object() && !value.is_array()).flat_map(texts_of).collect()
        }
        Value::Null => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::AdministratorMark;

    #[test]
    fn administrators_are_known_by_the_values_that_the_profile_names() {
        let mark = |attribute: &str, values: &[&str]| AdministratorMark {
            attribute: attribute.to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        let profile = TargetProfile {
            administrators: vec![
                mark("roles", &["admin*", "enterprise_owner"]),
                mark("userType", &["admin"]),
                mark("isAdmin", &["true"]),
            ],
            ..TargetProfile::default()
        };
        for (account, expected) in [
            (json!({ "roles": [{ "value": "user" }, { "value": "Administrator" }] }), Some("Administrator")),
            (json!({ "roles": [{ "value": "7", "display": "Enterprise_Owner" }] }), Some("Enterprise_Owner")),
            (json!({ "roles": ["admin"] }), Some("admin")),
            (json!({ "Roles": "admin" }), Some("admin")),
            (json!({ "usertype": "Admin" }), Some("Admin")),
            (json!({ "isAdmin": true }), Some("true")),
            (json!({ "roles": [{ "value": "user" }], "userType": "Employee", "isAdmin": false }), None),
            (json!({ "title": "admin" }), None),
        ] {
            let found = profile.administrator_mark(account.as_object().unwrap());
            assert_eq!(found.map(|(_, value)| value).as_deref(), expected, "{account}");
        }
        assert_eq!(TargetProfile::default().administrator_mark(&Map::new()), None);
    }
}

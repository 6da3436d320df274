//! Finds violations of a target's constraints before a request is sent.

use lifecycle::AttributeMap;
use serde_json::Value;

use crate::resource::missing_required;
use crate::{ScimKind, TargetProfile};

const USER_NAME: &str = "userName";

/// Returns the reason why the target would refuse a resource with `attributes`, with a suggested fix and without
/// personal values; `None` if no violation is known. Required attributes are only checked if the resource `is_new`.
pub fn profile_violation(
    profile: &TargetProfile,
    kind: ScimKind,
    attributes: &AttributeMap,
    is_new: bool,
) -> Option<String> {
    let missing = if is_new { missing_required(profile, kind, attributes) } else { Vec::new() };
    if !missing.is_empty() {
        return Some(format!(
            "the target requires {}, for which the policy gives no value: map it, with a default if some people have none",
            missing.join(", ")
        ));
    }
    too_long(profile, kind, attributes).or_else(|| foreign_domain(profile, kind, attributes))
}

fn too_long(profile: &TargetProfile, kind: ScimKind, attributes: &AttributeMap) -> Option<String> {
    profile.lengths_max.of(kind).iter().find_map(|(path, most)| {
        let (_, value) = attributes.iter().find(|(known, _)| known.eq_ignore_ascii_case(path))?;
        let length = value.as_str()?.chars().count();
        let is_too_long = u32::try_from(length).is_ok_and(|length| length > *most);
        is_too_long.then(|| {
            format!("{path} has {length} characters, and the target accepts {most}: shorten it at the source, or with Left(...) in the mapping")
        })
    })
}

fn foreign_domain(profile: &TargetProfile, kind: ScimKind, attributes: &AttributeMap) -> Option<String> {
    if profile.domains.is_empty() || kind != ScimKind::User {
        return None;
    }
    let name = attributes.get(USER_NAME).and_then(Value::as_str)?;
    let domain = name.rsplit_once('@').map_or("", |(_, domain)| domain);
    let is_known = profile.domains.iter().any(|known| known.eq_ignore_ascii_case(domain));
    (!is_known).then(|| {
        format!("the domain {domain:?} of userName is not registered at the target: register it there and add it to the target's `domains`, or change the mapping")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_target_would_refuse_is_said_with_the_remedy_and_without_values() {
        let mut profile = TargetProfile::builtin("zscaler-zia").unwrap();
        profile.domains = vec!["example.com".to_owned()];
        profile.lengths_max.user.insert("displayName".to_owned(), 5);
        let good = json!({
            "userName": "ada@EXAMPLE.com", "externalId": "1", "displayName": "Ada L",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department": "R&D",
        });
        let table = [
            (json!({}), true, None),
            (json!({ "displayName": "Ada Lovelace" }), true, Some("displayName has 12 characters")),
            (json!({ "displayName": "" }), true, Some("requires displayName")),
            (json!({ "displayName": "" }), false, None),
            (
                json!({ "userName": "ada@example.org" }),
                false,
                Some("\"example.org\" of userName is not registered"),
            ),
            (json!({ "userName": "ada" }), true, Some("not registered")),
        ];
        for (change, is_new, expected) in table {
            let mut attributes: AttributeMap = serde_json::from_value(good.clone()).unwrap();
            attributes.extend(serde_json::from_value::<AttributeMap>(change.clone()).unwrap());
            let found = profile_violation(&profile, ScimKind::User, &attributes, is_new);
            match (expected, &found) {
                (None, None) => {}
                (Some(expected), Some(found)) => {
                    assert!(found.contains(expected) && !found.contains("ada"), "{change}: {found}");
                }
                _ => panic!("{change}: {found:?}"),
            }
        }
    }
}

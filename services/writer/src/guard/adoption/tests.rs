use serde_json::json;

use super::*;

const MAIL: &str = "emails[type eq \"work\"].value";

/// Returns whether the match is linked without an operator.
fn is_linked(rule: AdoptionRule, kind: ScimKind, wanted: &Value, found: &Value) -> bool {
    let found: FoundResource = FoundResource {
        id: "101".to_owned(),
        external_id: None,
        active: Some(true),
        version: None,
        attributes: found.as_object().cloned().unwrap(),
    };
    let wanted: AttributeMap = serde_json::from_value(wanted.clone()).unwrap();
    let match_on = [if kind == ScimKind::User { "userName" } else { "displayName" }.to_owned()];
    let config = AdoptionConfig { users: rule.clone(), groups: rule };
    let pair = AdoptionMatch { kind, subject: "C-1", wanted: &wanted, match_on: &match_on, found: &found };
    pair.objection(&config).is_none()
}

fn by(paths: &[&str]) -> AdoptionRule {
    AdoptionRule::By(paths.iter().map(|path| (*path).to_owned()).collect())
}

#[test]
fn one_value_is_held_and_two_different_ones_that_agree_are_linked_where_the_target_says_automatic() {
    let there = json!({
        "userName": "admin@example.com", "displayName": "Break-glass",
        "emails": [{ "type": "work", "value": "ann.lee@example.com" }],
    });
    let one = json!({ "userName": "ADMIN@example.com", "displayName": "Mallory" });
    let two = json!({ "userName": "ADMIN@example.com", MAIL: "Ann.Lee@example.com" });
    let wrong = json!({ "userName": "ADMIN@example.com", MAIL: "mallory@example.com" });
    let user = ScimKind::User;
    for (rule, wanted, linked) in [
        (AdoptionRule::Confirm, &two, false),
        (AdoptionRule::Automatic, &one, false),
        (AdoptionRule::Automatic, &wrong, false),
        (AdoptionRule::Automatic, &two, true),
        (by(&["userName"]), &one, true),
        (by(&["userName", MAIL]), &one, false),
        (by(&["userName", MAIL]), &two, true),
        (by(&["title"]), &one, false),
    ] {
        assert_eq!(is_linked(rule.clone(), user, wanted, &there), linked, "{rule:?} {wanted}");
    }
    // The same value under two names is one value.
    let same =
        json!({ "userName": "a@example.com", "emails": [{ "type": "work", "value": "a@example.com" }] });
    let asks = json!({ "userName": "a@example.com", MAIL: "A@example.com" });
    assert!(!is_linked(AdoptionRule::Automatic, user, &asks, &same));
    // A group has no second value.
    let group = json!({ "displayName": "Tenant Admins" });
    let asks = json!({ "displayName": "tenant admins" });
    assert!(!is_linked(AdoptionRule::Automatic, ScimKind::Group, &asks, &group));
    assert!(is_linked(by(&["displayName"]), ScimKind::Group, &asks, &group));
}

#[test]
fn both_sides_are_described() {
    let wanted: AttributeMap =
        [("userName".to_owned(), json!("ADMIN@example.com")), ("displayName".to_owned(), json!("Mallory"))]
            .into();
    let attributes = json!({ "userName": "admin@example.com", "displayName": "Break-glass", "active": true });
    let attributes = attributes.as_object().cloned().unwrap();
    let found = FoundResource {
        id: "101".to_owned(),
        external_id: None,
        active: Some(true),
        version: None,
        attributes,
    };
    let pair =
        AdoptionMatch { kind: ScimKind::User, subject: "C-1", wanted: &wanted, match_on: &[], found: &found };
    let said = pair.objection(&AdoptionConfig::default()).unwrap();
    for part in ["101", "Break-glass", "admin@example.com", "C-1", "Mallory", "ADMIN@example.com"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

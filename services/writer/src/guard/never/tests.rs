use serde_json::json;

use super::*;

fn found(value: Value) -> FoundResource {
    let attributes = value.as_object().cloned().unwrap_or_default();
    let text = |name: &str| attributes.get(name).and_then(Value::as_str).map(str::to_owned);
    FoundResource {
        id: text("id").unwrap_or_default(),
        external_id: text("externalId"),
        active: Some(true),
        version: None,
        attributes,
    }
}

fn list() -> NeverList {
    NeverList::new(NeverConfig {
        ids: vec!["7".to_owned()],
        user_names: vec!["Admin@example.com".to_owned(), "svc-*".to_owned()],
        groups: vec!["Tenant Admins".to_owned(), "170".to_owned()],
        administrators: true,
    })
}

#[test]
fn names_are_compared_as_the_target_shows_them_and_case_does_not_matter() {
    let list = list();
    for (kind, id, name, listed) in [
        (ScimKind::User, "7", None, true),
        (ScimKind::Group, "7", None, true),
        (ScimKind::User, "8", Some("ADMIN@EXAMPLE.COM"), true),
        (ScimKind::User, "8", Some(" admin@example.com "), true),
        (ScimKind::User, "8", Some("\u{ff21}dmin@example.com"), true), // a full-width letter
        (ScimKind::User, "8", Some("SVC-backup@example.com"), true),
        (ScimKind::User, "8", Some("admin@example.com.example.net"), false),
        (ScimKind::User, "8", Some("Tenant Admins"), false),
        (ScimKind::Group, "8", Some("tenant admins"), true),
        (ScimKind::Group, "170", None, true),
        (ScimKind::User, "170", None, false),
        (ScimKind::Group, "8", Some("svc-readers"), false),
    ] {
        assert_eq!(list.concern(kind, id, name).is_some(), listed, "{kind:?} {id} {name:?}");
        assert_eq!(list.clear_change(kind, id, name).is_err(), listed, "{kind:?} {id} {name:?}");
    }
    assert!(list.clear_create(ScimKind::User, Some("admin@Example.com")).is_err());
    assert!(list.clear_create(ScimKind::User, Some("ann@example.com")).is_ok());
}

#[test]
fn what_the_target_shows_is_remembered_until_it_shows_something_else() {
    let list = list();
    let profile: TargetProfile = serde_json::from_value(json!({
        "name": "test", "administrators": [{ "attribute": "roles", "values": ["admin*"] }]
    }))
    .unwrap();
    let admin = found(json!({ "id": "9", "userName": "ann@example.com", "roles": [{ "value": "Admin" }] }));
    assert!(list.concern(ScimKind::User, "9", None).is_none());
    let why = list.judge(&profile, ScimKind::User, &admin).unwrap();
    assert!(why.contains("roles is \"Admin\""), "{why}");
    assert!(list.clear_change(ScimKind::User, "9", Some("ann@example.com")).is_err());
    let demoted = found(json!({ "id": "9", "userName": "ann@example.com", "roles": [{ "value": "user" }] }));
    assert_eq!(list.judge(&profile, ScimKind::User, &demoted), None);
    assert!(list.clear_change(ScimKind::User, "9", None).is_ok());
    let listed = found(json!({ "id": "7", "userName": "bob@example.com" }));
    assert!(list.judge(&profile, ScimKind::User, &listed).is_some(), "its id is listed");
}

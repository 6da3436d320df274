use super::*;

fn attributes(value: Value) -> AttributeMap {
    serde_json::from_value(value).unwrap()
}

fn profile(name: &str) -> TargetProfile {
    TargetProfile::builtin(name).unwrap()
}

const DEPARTMENT: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department";

#[test]
fn a_resource_has_its_tree_its_schemas_and_one_element_per_value_path() {
    let flat = attributes(json!({
        "active": true,
        "userName": "ada",
        "name.givenName": "Ada",
        "name.familyName": "Lovelace",
        "emails[type eq \"work\"].value": "ada@example.com",
        "phoneNumbers[type eq \"mobile\"].value": "+47 1",
        "addresses[type eq \"work\"].locality": "Oslo",
        "addresses[type eq \"work\"].country": "NO",
        DEPARTMENT: "R&D",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager": "42",
        "urn:ietf:params:scim:schemas:extension:acme:2.0:User:badge": 7,
        "title": null,
    }));
    let expected = json!({
        "schemas": [
            "urn:ietf:params:scim:schemas:core:2.0:User",
            "urn:ietf:params:scim:schemas:extension:acme:2.0:User",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        ],
        "active": true,
        "userName": "ada",
        "name": { "givenName": "Ada", "familyName": "Lovelace" },
        "emails": [{ "type": "work", "value": "ada@example.com", "primary": true }],
        "phoneNumbers": [{ "type": "mobile", "value": "+47 1" }],
        "addresses": [{ "type": "work", "locality": "Oslo", "country": "NO" }],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "R&D", "manager": { "value": "42" } },
        "urn:ietf:params:scim:schemas:extension:acme:2.0:User": { "badge": 7 },
    });
    assert_eq!(to_resource(&profile("generic"), ScimKind::User, &flat), expected);
}

#[test]
fn booleans_are_strings_where_the_profile_says_so() {
    let profile = TargetProfile { string_booleans: true, ..profile("generic") };
    let flat = attributes(json!({ "active": false, "emails[type eq \"work\"].value": "a@b" }));
    let resource = to_resource(&profile, ScimKind::User, &flat);
    assert_eq!(resource["active"], json!("false"));
    assert_eq!(resource["emails"][0]["primary"], json!("true"));
}

#[test]
fn a_required_attribute_is_missing_unless_given_or_defaulted() {
    let mut zia = profile("zscaler-zia");
    let flat = attributes(json!({ "userName": "a", "externalId": "1", "displayName": "" }));
    assert_eq!(missing_required(&zia, ScimKind::User, &flat), ["displayName", DEPARTMENT]);
    zia.required.user[3].default = Some(json!("Unknown"));
    assert_eq!(missing_required(&zia, ScimKind::User, &flat), ["displayName"]);
    let resource = to_resource(&zia, ScimKind::User, &flat);
    assert_eq!(
        resource["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]["department"],
        json!("Unknown")
    );
}

#[test]
fn what_was_sent_is_observed_again_whatever_the_case_and_form_of_the_answer() {
    let answer = json!({
        "USERNAME": "ada", "active": "False",
        "emails": [{ "type": "home", "value": "h@x" }, { "type": "Work", "value": "w@x" }],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "manager": "42" },
    });
    let desired = attributes(json!({
        "userName": "b", "active": true, "emails[type eq \"work\"].value": "b", "title": "x",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager": "7",
    }));
    let expected = attributes(json!({
        "userName": "ada", "active": false, "emails[type eq \"work\"].value": "w@x", "title": null,
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager": "42",
    }));
    assert_eq!(observe_resource(answer.as_object().unwrap(), desired.keys()), expected);
}

#[test]
fn a_put_keeps_what_others_own_and_drops_only_what_is_cleared() {
    let current = json!({
        "id": "1", "meta": {}, "groups": [], "userName": "a", "title": "old", "nickName": "theirs",
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:theirs"],
        "emails": [{ "type": "work", "value": "w@x" }, { "type": "home", "value": "theirs@x" }],
    });
    let clear = ["title".to_owned(), "emails[type eq \"work\"].value".to_owned()];
    let desired = attributes(json!({ "userName": "b", DEPARTMENT: "R&D" }));
    let put =
        overlay_resource(&profile("generic"), ScimKind::User, current.as_object().unwrap(), &desired, &clear);
    let expected = json!({
        "id": "1", "userName": "b", "nickName": "theirs", "emails": [{ "type": "home", "value": "theirs@x" }],
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:theirs",
                    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "R&D" },
    });
    assert_eq!(put, expected);
}

#[test]
fn a_put_gives_a_required_attribute_its_default_only_where_there_is_no_value() {
    let mut zia = profile("zscaler-zia");
    zia.required.user[3].default = Some(json!("None"));
    let department =
        |put: Value| put["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]["department"].clone();
    let current =
        json!({ "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "R&D" } });
    let put = |current: &Value, clear: &[String]| {
        overlay_resource(&zia, ScimKind::User, current.as_object().unwrap(), &AttributeMap::new(), clear)
    };
    assert_eq!(department(put(&current, &[])), json!("R&D"));
    assert_eq!(department(put(&current, &[DEPARTMENT.to_owned()])), json!("None"));
    assert_eq!(department(put(&json!({}), &[])), json!("None"));
}

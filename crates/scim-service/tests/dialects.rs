//! Request bodies that clients send in practice, and their expected results.

use scim_service::{
    ENTERPRISE_USER, MemberChange, ResourceTree, ResourceType, ScimServiceError, patch_resource,
    read_resource, replace_resource,
};
use serde_json::{Value, json};

const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

fn object(value: Value) -> ResourceTree {
    match value {
        Value::Object(tree) => tree,
        other => panic!("an object is needed: {other}"),
    }
}

fn user() -> ResourceTree {
    object(json!({
        "userName": "ann@example.com", "externalId": "0a21f0f2", "active": true, "displayName": "Ann",
        "name": {"givenName": "Ann", "familyName": "Archer", "formatted": "Ann Archer"},
        "emails": [{"type": "work", "value": "ann@example.com", "primary": true}],
        ENTERPRISE_USER: {"department": "R&D", "employeeNumber": "7"},
    }))
}

fn patched(operations: Value) -> Result<Value, ScimServiceError> {
    let body = json!({"schemas": [PATCH_OP], "Operations": operations});
    patch_resource(ResourceType::User, &user(), &body).map(|patched| Value::Object(patched.attributes))
}

/// Returns the operations, and the attributes that differ afterwards (null for a removed one).
fn table() -> Vec<(&'static str, Value, Value)> {
    vec![
        (
            "Entra disables, without the flag",
            json!([{"op": "Replace", "path": "active", "value": "False"}]),
            json!({"active": false}),
        ),
        (
            "Entra disables, with the flag",
            json!([{"op": "replace", "path": "active", "value": false}]),
            json!({"active": false}),
        ),
        (
            "a client disables below the name of the core schema",
            json!([{"op": "replace", "value": {"urn:ietf:params:scim:schemas:core:2.0:User": {"active": false}}}]),
            json!({"active": false}),
        ),
        (
            "a client disables with the name of the core schema as path, in its own case",
            json!([{"op": "Replace", "path": "URN:ietf:params:scim:schemas:core:2.0:User", "value": {"active": "False"}}]),
            json!({"active": false}),
        ),
        ("Okta disables", json!([{"op": "replace", "value": {"active": false}}]), json!({"active": false})),
        (
            "Entra changes a mail address and a name",
            json!([
                {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "new@example.com"},
                {"op": "Replace", "path": "name.familyName", "value": "Baker"},
            ]),
            json!({
                "emails": [{"type": "work", "value": "new@example.com", "primary": true}],
                "name": {"givenName": "Ann", "familyName": "Baker", "formatted": "Ann Archer"},
            }),
        ),
        (
            "Entra sets a telephone number that nobody had",
            json!([{"op": "Replace", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+49 1"}]),
            json!({"phoneNumbers": [{"type": "mobile", "value": "+49 1"}]}),
        ),
        (
            "Entra adds a second mail address by its type, in its own case",
            json!([{"op": "Add", "path": "emails[type eq \"other\"].Value", "value": "a@other.org"}]),
            json!({"emails": [
                {"type": "work", "value": "ann@example.com", "primary": true}, {"type": "other", "value": "a@other.org"},
            ]}),
        ),
        (
            "Entra sets an address part by part",
            json!([
                {"op": "Add", "path": "addresses[type eq \"work\"].postalCode", "value": "10115"},
                {"op": "Add", "path": "addresses[type eq \"work\"].locality", "value": "Berlin"},
            ]),
            json!({"addresses": [{"type": "work", "postalCode": "10115", "locality": "Berlin"}]}),
        ),
        (
            "Entra's dotted keys, with the flag",
            json!([{"op": "replace", "value": {
                "name.givenName": "Anna", "displayName": "Anna",
                format!("{ENTERPRISE_USER}:employeeNumber"): "8", format!("{ENTERPRISE_USER}:costCenter"): "C",
            }}]),
            json!({
                "name": {"givenName": "Anna", "familyName": "Archer", "formatted": "Ann Archer"}, "displayName": "Anna",
                ENTERPRISE_USER: {"department": "R&D", "employeeNumber": "8", "costCenter": "C"},
            }),
        ),
        (
            "an extension as a key",
            json!([{"op": "add", "value": {ENTERPRISE_USER: {"division": "V", "department": null}}}]),
            json!({ENTERPRISE_USER: {"employeeNumber": "7", "division": "V"}}),
        ),
        (
            "an extension as a path",
            json!([{"op": "add", "path": ENTERPRISE_USER, "value": {"division": "V"}}]),
            json!({ENTERPRISE_USER: {"department": "R&D", "employeeNumber": "7", "division": "V"}}),
        ),
        (
            "Entra's manager in a list",
            json!([{"op": "Add", "path": format!("{ENTERPRISE_USER}:manager"), "value": [{"$ref": "http://x/Users/m1", "value": "m1"}]}]),
            json!({ENTERPRISE_USER: {"department": "R&D", "employeeNumber": "7", "manager": {"$ref": "http://x/Users/m1", "value": "m1"}}}),
        ),
        (
            "a manager as a text",
            json!([{"op": "Replace", "path": format!("{ENTERPRISE_USER}:manager"), "value": "m1"}]),
            json!({ENTERPRISE_USER: {"department": "R&D", "employeeNumber": "7", "manager": {"value": "m1"}}}),
        ),
        (
            "a manager as an object, and taken away again",
            json!([
                {"op": "add", "path": format!("{ENTERPRISE_USER}:manager"), "value": {"value": "m1", "displayName": "M"}},
                {"op": "Remove", "path": format!("{ENTERPRISE_USER}:manager")},
            ]),
            json!({}),
        ),
        (
            "Entra's roles as JSON in a text",
            json!([{"op": "Add", "path": "roles", "value": [
                {"value": "{\"id\":\"r1\",\"value\":\"Admin\",\"displayName\":\"Administrator\"}"},
                "{\"value\":\"User\",\"displayName\":\"U\"}",
            ]}]),
            json!({"roles": [
                {"value": "Admin", "display": "Administrator"}, {"value": "User", "display": "U"},
            ]}),
        ),
        (
            "Entra's single role",
            json!([{"op": "Add", "path": "roles[primary eq \"True\"].value", "value": "Admin"}]),
            json!({"roles": [{"primary": true, "value": "Admin"}]}),
        ),
        (
            "what is there already is not doubled",
            json!([
                {"op": "add", "path": "emails", "value": [{"type": "work", "value": "ann@example.com"}]},
                {"op": "add", "path": "emails", "value": {"type": "work", "value": "ann@example.com", "display": "A"}},
            ]),
            json!({"emails": [{"type": "work", "value": "ann@example.com", "primary": true, "display": "A"}]}),
        ),
        (
            "a new primary address takes the place of the old one",
            json!([{"op": "add", "path": "emails", "value": [{"type": "home", "value": "h@x.org", "primary": "True"}]}]),
            json!({"emails": [
                {"type": "work", "value": "ann@example.com", "primary": false},
                {"type": "home", "value": "h@x.org", "primary": true},
            ]}),
        ),
        (
            "a value is taken away",
            json!([{"op": "Remove", "path": "displayName"}]),
            json!({"displayName": null}),
        ),
        (
            "null takes a value away",
            json!([{"op": "replace", "path": "displayName", "value": null}]),
            json!({"displayName": null}),
        ),
        (
            "an element is taken away",
            json!([{"op": "remove", "path": "emails[type eq \"work\"]"}]),
            json!({"emails": null}),
        ),
        (
            "an element is taken away by its part",
            json!([{"op": "remove", "path": "emails[type eq \"work\"].value"}]),
            json!({"emails": null}),
        ),
        (
            "an element is taken away by value",
            json!([{"op": "Remove", "path": "emails", "value": [{"value": "ann@example.com"}]}]),
            json!({"emails": null}),
        ),
        (
            "what nobody has can be taken away",
            json!([{"op": "remove", "path": "phoneNumbers[type eq \"fax\"]"}]),
            json!({}),
        ),
        (
            "read-only attributes in a piece of a resource are left out",
            json!([{"op": "replace", "value": {"id": "x", "meta": {"version": "1"}, "groups": [], "password": "p", "title": "T", "schemas": []}}]),
            json!({"title": "T"}),
        ),
        (
            "a number where a text belongs",
            json!([{"op": "replace", "path": format!("{ENTERPRISE_USER}:employeeNumber"), "value": 8}]),
            json!({ENTERPRISE_USER: {"department": "R&D", "employeeNumber": "8"}}),
        ),
        (
            "an extension of the customer's own",
            json!([{"op": "Add", "path": "urn:ietf:params:scim:schemas:extension:Acme:2.0:User:badge", "value": "B"}]),
            json!({"urn:ietf:params:scim:schemas:extension:Acme:2.0:User": {"badge": "B"}}),
        ),
        (
            "names in any case",
            json!([{"OP": "REPLACE", "Path": "DISPLAYNAME", "Value": "B"}]),
            json!({"displayName": "B"}),
        ),
    ]
}

#[test]
fn every_dialect_is_understood() {
    for (name, operations, differs) in table() {
        let mut expected = user();
        for (attribute, value) in object(differs) {
            if value.is_null() {
                expected.remove(&attribute);
            } else {
                expected.insert(attribute, value);
            }
        }
        let found = patched(operations).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(found, Value::Object(expected), "{name}");
    }
}

#[test]
fn what_cannot_be_done_is_refused_by_name_and_nothing_of_it_is_done() {
    let fine = json!({"op": "replace", "path": "title", "value": "T"});
    let table = [
        (json!({"op": "move", "path": "title"}), "invalidSyntax"),
        (json!("x"), "invalidSyntax"),
        (json!({"op": "replace", "path": "id", "value": "x"}), "mutability"),
        (json!({"op": "replace", "path": "meta.version", "value": "x"}), "mutability"),
        (json!({"op": "remove", "path": "userName"}), "mutability"),
        (json!({"op": "remove"}), "noTarget"),
        (json!({"op": "replace", "path": "emails[value co \"zzz\"].display", "value": "x"}), "noTarget"),
        (json!({"op": "replace", "path": "a.b.c", "value": "x"}), "invalidPath"),
        (json!({"op": "replace", "path": 7, "value": "x"}), "invalidPath"),
        (json!({"op": "replace", "path": "userName[type eq \"x\"]", "value": "x"}), "invalidPath"),
        (json!({"op": "replace", "path": "title.x", "value": "x"}), "invalidPath"),
        (json!({"op": "replace", "path": "active", "value": "maybe"}), "invalidValue"),
        (json!({"op": "replace", "path": "title", "value": {"secret": 1}}), "invalidValue"),
        (json!({"op": "replace", "path": "name", "value": "secret"}), "invalidValue"),
        (json!({"op": "replace", "path": "userName", "value": " "}), "invalidValue"),
        (json!({"op": "add", "path": "title"}), "invalidValue"),
        (json!({"op": "add", "value": "x"}), "invalidValue"),
        (json!({"op": "add", "path": "title", "value": "a\u{0}b"}), "invalidValue"),
    ];
    for (operation, scim_type) in table {
        let error = patched(json!([fine, operation])).expect_err(&operation.to_string());
        assert_eq!((error.status, error.scim_type), (400, Some(scim_type)), "{operation}: {error}");
        assert!(!error.detail.contains("secret"), "{error}");
    }
    assert_eq!(patched(json!([])).unwrap_err().scim_type, Some("invalidSyntax"));
    let body = json!({"schemas": ["urn:x"], "Operations": [fine]});
    assert!(patch_resource(ResourceType::User, &user(), &body).is_err());
}

#[test]
fn entras_post_is_read_with_its_nulls_and_empty_lists() {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0User"],
        "externalId": "0a21f0f2", "userName": "Test_User", "active": true, "addresses": null, "title": null,
        "emails": [{"primary": true, "type": "work", "value": "x@testuser.com"}], "meta": {"resourceType": "User"},
        "name": {"formatted": "givenName familyName", "familyName": "familyName", "givenName": "givenName"}, "roles": [],
        "password": "secret",
    });
    let read = read_resource(ResourceType::User, &body).unwrap().attributes;
    let expected = json!({
        "externalId": "0a21f0f2", "userName": "Test_User", "active": true,
        "emails": [{"primary": true, "type": "work", "value": "x@testuser.com"}],
        "name": {"formatted": "givenName familyName", "familyName": "familyName", "givenName": "givenName"},
    });
    assert_eq!(Value::Object(read), expected);
}

#[test]
fn a_user_is_active_unless_the_client_says_otherwise() {
    let active = |body: Value| read_resource(ResourceType::User, &body).unwrap().attributes["active"].clone();
    assert_eq!(active(json!({"userName": "a"})), true);
    assert_eq!(active(json!({"username": "a", "Active": "False"})), false);
    let mut left = user();
    left.insert("active".into(), false.into());
    let put = replace_resource(ResourceType::User, &left, &json!({"userName": "a"})).unwrap().attributes;
    assert_eq!(
        (&put["active"], put.contains_key("displayName")),
        (&json!(false), false),
        "nobody comes back by omission"
    );
}

#[test]
fn a_resource_without_its_name_is_refused() {
    for (kind, body) in [
        (ResourceType::User, json!({})),
        (ResourceType::User, json!({"userName": ""})),
        (ResourceType::User, json!({"userName": null})),
        (ResourceType::User, json!({"userName": ["a"], "displayName": ["a", "b"]})),
        (ResourceType::User, json!({"userName": "x".repeat(600)})),
        (ResourceType::Group, json!({"userName": "a"})),
        (ResourceType::Group, json!({"displayName": "a\nb"})),
    ] {
        assert_eq!(read_resource(kind, &body).unwrap_err().scim_type, Some("invalidValue"), "{body}");
    }
    assert_eq!(read_resource(ResourceType::User, &json!([])).unwrap_err().scim_type, Some("invalidSyntax"));
    let large = json!({"userName": "a", "notes": "x".repeat(300_000)});
    assert_eq!(read_resource(ResourceType::User, &large).unwrap_err().status, 413);
}

fn members(operation: Value) -> Result<Vec<MemberChange>, ScimServiceError> {
    let group = object(json!({"displayName": "G"}));
    patch_resource(ResourceType::Group, &group, &json!({"Operations": [operation]}))
        .map(|patched| patched.members)
}

#[test]
fn members_come_and_go_in_both_dialects() {
    let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    let of = |operation| members(operation).unwrap();
    let add = json!({"op": "Add", "path": "members", "value": [{"$ref": null, "value": "f648"}, {"value": "f648"}]});
    assert_eq!(of(add), [MemberChange::Add(ids(&["f648"]))]);
    let value = json!({"op": "Remove", "path": "members", "value": [{"$ref": null, "value": "f648"}]});
    assert_eq!(of(value), [MemberChange::Remove(ids(&["f648"]))]);
    let path = json!({"op": "remove", "path": "members[value eq \"f648\"]"});
    assert_eq!(of(path), [MemberChange::Remove(ids(&["f648"]))]);
    let several = json!({"op": "remove", "path": "members[value eq \"a\" or value eq \"b\"]"});
    assert_eq!(of(several), [MemberChange::Remove(ids(&["a", "b"]))]);
    assert_eq!(of(json!({"op": "remove", "path": "members"})), [MemberChange::Replace(vec![])]);
    let okta =
        json!({"op": "replace", "value": {"displayName": "H", "members": [{"value": "a", "display": "A"}]}});
    assert_eq!(of(okta), [MemberChange::Replace(ids(&["a"]))]);
    let plain = json!({"op": "add", "value": {"members": ["a", {"$ref": "https://x/Users/b"}]}});
    assert_eq!(of(plain), [MemberChange::Add(ids(&["a", "b"]))]);
    assert!(of(json!({"op": "replace", "value": {"members": null}})).is_empty(), "null says nothing");
    let matching = of(json!({"op": "remove", "path": "members[type eq \"Group\"]"}));
    assert!(matches!(matching.as_slice(), [MemberChange::RemoveMatching(_)]));
    for wrong in [
        json!({"op": "add", "path": "members", "value": [{"display": "x"}]}),
        json!({"op": "replace", "path": "members[value eq \"a\"].display", "value": "x"}),
        json!({"op": "add", "path": "members", "value": [{"value": ""}]}),
    ] {
        assert_eq!(members(wrong).unwrap_err().status, 400);
    }
}

#[test]
fn a_new_group_brings_its_members_beside_its_attributes() {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group", "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
        "externalId": "8aa1a0c0", "displayName": "displayName", "meta": {"resourceType": "Group"}, "members": [{"value": "u1"}],
    });
    let read = read_resource(ResourceType::Group, &body).unwrap();
    assert_eq!(
        Value::Object(read.attributes),
        json!({"externalId": "8aa1a0c0", "displayName": "displayName"})
    );
    assert_eq!(read.members, [MemberChange::Replace(vec!["u1".into()])]);
}

#[test]
fn a_whole_user_below_the_name_of_the_core_schema_is_read_like_one_at_the_top() {
    let core = "urn:ietf:params:scim:schemas:core:2.0:User";
    let body = json!({"userName": "ann@example.com", core: {"active": false, "title": "Engineer"}});
    let found = replace_resource(ResourceType::User, &user(), &body).unwrap().attributes;
    assert_eq!((&found["active"], &found["title"]), (&json!(false), &json!("Engineer")));
    assert!(!found.contains_key(core));
    assert_eq!(read_resource(ResourceType::User, &body).unwrap().attributes["active"], false);
}

use reqwest::StatusCode;
use sandbox::SandboxBehaviour;
use serde_json::{Value, json};

use crate::client::{ENTERPRISE, World, group, user};

fn rich() -> Value {
    let mut rich = user("ada");
    rich["title"] = "Lead".into();
    rich["name"] = json!({ "givenName": "Ada", "familyName": "King" });
    rich["emails"] =
        json!([{ "type": "work", "value": "w@x", "primary": true }, { "type": "old", "value": "o@x" }]);
    rich[ENTERPRISE] = json!({ "department": "Sales", "division": "North" });
    rich
}

/// Returns the attributes of a user after one operation, without those that the server adds.
async fn after(operation: &Value) -> Result<Value, (u16, String)> {
    let world = World::generic().await;
    let path = format!("/Users/{}", world.post("/Users", rich()).await.id());
    let answer = world.patch(&path, json!([operation])).await;
    let state = world.sandbox.state();
    let left = Value::Object(state.users.into_values().next().unwrap().attributes);
    if answer.status == StatusCode::OK {
        return Ok(left);
    }
    let mut before = rich();
    before.as_object_mut().unwrap().remove("schemas");
    assert_eq!(left, before, "a refused operation changed something: {operation}");
    Err((answer.status.as_u16(), answer.refusal().1.to_owned()))
}

#[tokio::test]
async fn operations_do_what_the_rfc_says() {
    let department = format!("{ENTERPRISE}:department");
    let work = r#"emails[type eq "work"].value"#;
    let cases = [
        (json!({ "op": "Replace", "path": "active", "value": false }), "/active", json!(false)),
        (json!({ "op": "replace", "path": "USERNAME", "value": "eve" }), "/userName", json!("eve")),
        (json!({ "op": "ADD", "path": "nickName", "value": "A" }), "/nickName", json!("A")),
        (json!({ "op": "replace", "path": "nickName", "value": "A" }), "/nickName", json!("A")),
        (json!({ "op": "remove", "path": "title" }), "/title", Value::Null),
        (json!({ "op": "remove", "path": "nickName" }), "/nickName", Value::Null),
        (json!({ "op": "replace", "path": "title", "value": null }), "/title", Value::Null),
        (
            json!({ "op": "replace", "path": "name.givenName", "value": "Eve" }),
            "/name",
            json!({ "givenName": "Eve", "familyName": "King" }),
        ),
        (
            json!({ "op": "replace", "path": "name", "value": { "givenName": "Eve" } }),
            "/name",
            json!({ "givenName": "Eve", "familyName": "King" }),
        ),
        (json!({ "op": "remove", "path": "name.givenName" }), "/name", json!({ "familyName": "King" })),
        (
            json!({ "op": "replace", "path": department, "value": "IT" }),
            "/E",
            json!({ "department": "IT", "division": "North" }),
        ),
        (json!({ "op": "remove", "path": department }), "/E", json!({ "division": "North" })),
        (json!({ "op": "remove", "path": ENTERPRISE }), "/E", Value::Null),
        (
            json!({ "op": "add", "path": ENTERPRISE, "value": { "division": "South" } }),
            "/E",
            json!({ "department": "Sales", "division": "South" }),
        ),
        (
            json!({ "op": "replace", "path": work, "value": "n@x" }),
            "/emails/0",
            json!({ "type": "work", "value": "n@x", "primary": true }),
        ),
        (json!({ "op": "add", "path": work, "value": "n@x" }), "/emails/0/value", json!("n@x")),
        (
            json!({ "op": "remove", "path": r#"emails[type eq "work"]"# }),
            "/emails",
            json!([{ "type": "old", "value": "o@x" }]),
        ),
        (json!({ "op": "remove", "path": r#"emails[type eq "gone"]"# }), "/emails/1/value", json!("o@x")),
        (json!({ "op": "remove", "path": "emails" }), "/emails", Value::Null),
        (
            json!({ "op": "add", "path": "emails", "value": [{ "type": "home", "value": "h@x", "primary": true }] }),
            "/emails/0/primary",
            json!(false),
        ),
        (
            json!({ "op": "add", "path": "emails", "value": { "type": "old", "value": "o@x" } }),
            "/emails/2",
            Value::Null,
        ),
        (
            json!({ "op": "replace", "path": "emails", "value": [{ "value": "only@x" }] }),
            "/emails",
            json!([{ "value": "only@x" }]),
        ),
        (json!({ "op": "replace", "value": { "active": false, "title": "Boss" } }), "/title", json!("Boss")),
        (json!({ "op": "add", "value": { "name.familyName": "Byron" } }), "/name/familyName", json!("Byron")),
        (
            json!({ "op": "replace", "value": { ENTERPRISE: { "department": "IT" } } }),
            "/E/department",
            json!("IT"),
        ),
        (json!({ "op": "replace", "value": { department: "IT" } }), "/E/department", json!("IT")),
    ];
    for (operation, pointer, expected) in cases {
        let mut left = after(&operation).await.unwrap_or_else(|refusal| panic!("{operation}: {refusal:?}"));
        left["E"] = left.get(ENTERPRISE).cloned().unwrap_or_default();
        let found = left.pointer(pointer).cloned().unwrap_or_default();
        assert_eq!(found, expected, "{operation}");
    }
}

#[tokio::test]
async fn wrong_operations_are_refused() {
    let cases = [
        (json!({ "op": "move", "path": "title", "value": "x" }), "invalidSyntax"),
        (json!({ "path": "title", "value": "x" }), "invalidSyntax"),
        (json!({ "op": "add", "path": r#"emails[type eq "home"].value"#, "value": "h@x" }), "noTarget"),
        (json!({ "op": "replace", "path": r#"emails[type eq "home"]"#, "value": {} }), "noTarget"),
        (json!({ "op": "replace", "path": "phoneNumbers.value", "value": "1" }), "noTarget"),
        (json!({ "op": "remove" }), "noTarget"),
        (json!({ "op": "add", "path": "title" }), "invalidValue"),
        (json!({ "op": "add", "value": "x" }), "invalidValue"),
        (json!({ "op": "replace", "path": "active", "value": "False" }), "invalidValue"),
        (json!({ "op": "replace", "path": "userName", "value": "" }), "invalidValue"),
        (json!({ "op": "replace", "path": "a b c", "value": "x" }), "invalidPath"),
        (json!({ "op": "replace", "path": 7, "value": "x" }), "invalidPath"),
        (json!({ "op": "replace", "path": "id", "value": "7" }), "mutability"),
        (json!({ "op": "add", "path": "groups", "value": [{ "value": "1" }] }), "mutability"),
        (json!({ "op": "remove", "path": "userName" }), "mutability"),
    ];
    for (operation, scim_type) in cases {
        assert_eq!(after(&operation).await, Err((400, scim_type.to_owned())), "{operation}");
    }
}

#[tokio::test]
async fn a_patch_is_done_as_a_whole_or_not_at_all() {
    let world = World::generic().await;
    let id = world.post("/Users", rich()).await.id();
    let team = world.post("/Groups", group("team", &[])).await.id();
    let before = world.sandbox.state();
    let add = json!({ "op": "add", "path": "members", "value": [{ "value": id }] });
    let rename = json!({ "op": "replace", "path": "displayName", "value": "crew" });
    let bad = json!({ "op": "add", "path": "members", "value": [{ "value": "99" }] });
    let refused = world.patch(&format!("/Groups/{team}"), json!([add, rename, bad])).await;
    assert_eq!(refused.refusal(), (400, "invalidValue"));
    let disable = json!({ "op": "replace", "path": "active", "value": false });
    let refused = world.patch(&format!("/Users/{id}"), json!([disable, { "op": "x" }])).await;
    assert_eq!(refused.refusal(), (400, "invalidSyntax"));
    assert_eq!(world.sandbox.state(), before);
}

#[tokio::test]
async fn members_are_a_set() {
    let world = World::generic().await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c"] {
        ids.push(world.post("/Users", user(name)).await.id());
    }
    let path = format!("/Groups/{}", world.post("/Groups", group("g", &[&ids[0]])).await.id());
    let value = |picked: &[usize]| -> Value { picked.iter().map(|n| json!({ "value": ids[*n] })).collect() };
    let steps = [
        (json!({ "op": "add", "path": "members", "value": value(&[0, 1]) }), vec!["a", "b"]),
        (json!({ "op": "add", "value": { "members": value(&[2]) } }), vec!["a", "b", "c"]),
        (json!({ "op": "remove", "path": format!(r#"members[value eq "{}"]"#, ids[1]) }), vec!["a", "c"]),
        (json!({ "op": "remove", "path": format!(r#"members[value eq "{}"]"#, ids[1]) }), vec!["a", "c"]),
        (json!({ "op": "remove", "path": "members", "value": value(&[0]) }), vec!["c"]),
        (json!({ "op": "replace", "path": "members", "value": value(&[0, 1]) }), vec!["a", "b"]),
        (json!({ "op": "add", "path": "members", "value": { "value": ids[2] } }), vec!["a", "b", "c"]),
        (json!({ "op": "remove", "path": "members" }), vec![]),
    ];
    for (operation, expected) in steps {
        assert_eq!(
            world.patch(&path, json!([operation])).await.status,
            StatusCode::NO_CONTENT,
            "{operation}"
        );
        let members: Vec<String> = world.sandbox.state().groups["g"].members.iter().cloned().collect();
        assert_eq!(members, expected, "{operation}");
    }
    let wrong = json!([{ "op": "add", "path": "members", "value": [ids[0]] }]);
    assert_eq!(world.patch(&path, wrong).await.refusal(), (400, "invalidValue"));
    let wrong = json!([{ "op": "remove", "path": r#"members[display eq "a"]"# }]);
    assert_eq!(world.patch(&path, wrong).await.refusal(), (400, "invalidFilter"));
}

#[tokio::test]
async fn a_server_may_answer_a_patch_without_the_user() {
    let world =
        World::start(SandboxBehaviour { patch_returns_user: false, ..SandboxBehaviour::default() }).await;
    let path = format!("/Users/{}", world.post("/Users", rich()).await.id());
    let off = json!([{ "op": "replace", "path": "active", "value": false }]);
    assert_eq!(world.patch(&path, off).await.status, StatusCode::NO_CONTENT);
    assert!(!world.sandbox.state().users["ada"].active);
    assert_eq!(world.patch("/Users/404", json!([])).await.status, StatusCode::NOT_FOUND);
}

use proptest::prelude::*;
use serde_json::json;

use super::*;

#[test]
fn a_new_account_shows_only_what_tells_who_it_is() {
    let body = json!({
        "schemas": ["urn:x"], "active": true, "userName": "ada", "externalId": "1", "displayName": "Ada L",
        "name": { "givenName": "Ada" }, "emails": [{ "type": "work", "primary": true, "value": "ada@x.no" }],
        "urn:ext": { "employeeNumber": 1815, "manager": { "value": "42", "displayName": "Boss" } },
    });
    let masked = Redactor::new(ScimKind::User, "token").request(&body);
    let expected = json!({
        "schemas": ["urn:x"], "active": true, "userName": "ada", "externalId": "1", "displayName": "<redacted 5 chars>",
        "name": { "givenName": "<redacted 3 chars>" },
        "emails": [{ "type": "work", "primary": true, "value": "<redacted 8 chars>" }],
        "urn:ext": { "employeeNumber": "<redacted 4 chars>", "manager": { "value": "42", "displayName": "<redacted 4 chars>" } },
    });
    assert_eq!(masked, expected);
}

#[test]
fn operations_show_paths_and_ids_but_no_values() {
    let op = |path: &str, value: Value| json!({ "op": "replace", "path": path, "value": value });
    let body = json!({ "schemas": ["s"], "Operations": [
        op("emails[type eq \"work\"].value", json!("ada@x.no")),
        op("userName", json!("ada")),
        op("name.givenName", json!("Ada")),
        op("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", json!({ "value": "42" })),
        op("emails", json!([{ "type": "home", "value": "x" }])),
        json!({ "op": "replace", "value": { "title": "Dr", "active": false } }),
    ] });
    let masked = Redactor::new(ScimKind::User, "token").request(&body);
    let expected = json!({ "schemas": ["s"], "Operations": [
        op("emails[type eq \"work\"].value", json!("<redacted 8 chars>")),
        op("userName", json!("ada")),
        op("name.givenName", json!("<redacted 3 chars>")),
        op("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", json!({ "value": "42" })),
        op("emails", json!([{ "type": "home", "value": "<redacted 1 chars>" }])),
        json!({ "op": "replace", "value": { "title": "<redacted 2 chars>", "active": false } }),
    ] });
    assert_eq!(masked, expected);
    let members = json!({ "Operations": [
        { "op": "add", "path": "members", "value": [{ "value": "7", "display": "Ada" }] },
        { "op": "remove", "path": "members[value eq \"8\"]" },
        { "op": "replace", "path": "displayName", "value": "Staff" },
    ] });
    let masked = Redactor::new(ScimKind::Group, "token").request(&members);
    assert_eq!(masked["Operations"][0]["value"], json!([{ "value": "7", "display": "<redacted 3 chars>" }]));
    assert_eq!(
        (&masked["Operations"][1], &masked["Operations"][2]),
        (&members["Operations"][1], &members["Operations"][2])
    );
}

#[test]
fn a_filter_shows_names_and_keys_but_no_address() {
    let mut redactor = Redactor::new(ScimKind::User, "token");
    assert_eq!(redactor.filter_value("userName", "ada"), "ada");
    assert_eq!(redactor.filter_value("emails.value", "ada@x.no"), "<redacted 8 chars>");
    assert_eq!(redactor.text("no ADA@X.NO here"), "no <redacted> here");
}

#[test]
fn an_answer_with_a_resource_is_masked_by_structure_and_an_error_by_value() {
    let mut redactor = Redactor::new(ScimKind::User, "s3cret-token");
    redactor.request(&json!({ "title": "Countess", "name": { "givenName": "Al" } }));
    let shown =
        |success, body: Value| redactor.response(success, body.to_string().as_bytes(), Some(&body)).unwrap();
    let found = shown(true, json!({ "totalResults": 1, "Resources": [{ "id": "1", "nickName": "theirs" }] }));
    assert_eq!(found, r#"{"Resources":[{"id":"1","nickName":"<redacted 6 chars>"}],"totalResults":1}"#);
    let error = shown(false, json!({ "detail": "countess is taken, s3cret-token, Al", "status": "409" }));
    assert_eq!(error, r#"{"detail":"<redacted> is taken, <redacted>, Al","status":"409"}"#);
    let broken = redactor.response(true, br#"{"nickName":"theirs"#, None).unwrap();
    assert_eq!(broken, "<19 bytes of broken JSON>");
    let long = redactor.response(false, "é".repeat(5000).as_bytes(), None).unwrap();
    assert_eq!(long.len(), RESPONSE_BYTES_MAX);
    assert_eq!(redactor.response(true, b"", None), None);
}

#[test]
fn a_message_is_one_short_line() {
    let redactor = Redactor::new(ScimKind::User, "token");
    assert_eq!(redactor.message("a\n\tb\u{1b} token"), "a b <redacted>");
    assert_eq!(redactor.message(&"x".repeat(1000)).len(), MESSAGE_CHARS_MAX);
}

fn some_json() -> impl Strategy<Value = Value> {
    // The values have no letter of the redaction marks, so that a hit is
    // a leak. They include both cases and characters that JSON escapes.
    let leaf = "[GHIJKLOQVWXYZghijkloqvwxyzæØ\"\\\\\n]{3,12}".prop_map(Value::String);
    leaf.prop_recursive(3, 24, 4, |inner| {
        let key = prop::sample::select(vec![
            "title",
            "name",
            "emails",
            "urn:x",
            "custom",
            "Operations",
            "value",
            "path",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(key, inner, 0..4).prop_map(|map| map
                .into_iter()
                .map(|(k, v)| (k.to_owned(), v))
                .collect::<Map<_, _>>()
                .into()),
        ]
    })
}

fn strings(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| strings(item, into)),
        Value::Object(map) => map.values().for_each(|item| strings(item, into)),
        _ => {}
    }
}

proptest! {
    #[test]
    fn no_masked_value_leaks_into_request_answer_or_message(title in "[GHIJKLOQVWXYZghijkloqvwxyzæØ\"\\\\]{3,12}", rest in some_json()) {
        let mut redactor = Redactor::new(ScimKind::User, "token");
        let body = json!({ "title": title, "nickName": rest });
        let masked = redactor.request(&body);
        let mut secret = Vec::new();
        strings(&body, &mut secret);
        // Strings at the path of an operation are shown on purpose.
        let mut shown = Vec::new();
        strings(&masked, &mut shown);
        for value in secret.iter().filter(|v| !shown.contains(v)) {
            let error = json!({ "detail": format!("bad {value}!"), "nested": [value.to_uppercase()], "raw": body });
            let raw = error.to_string();
            let answers = [
                masked.to_string(),
                redactor.response(false, raw.as_bytes(), Some(&error)).unwrap(),
                redactor.response(true, raw.as_bytes(), Some(&error)).unwrap(),
                redactor.response(false, format!("page: {value} {raw}").as_bytes(), None).unwrap(),
                redactor.message(&raw),
                redactor.message(&format!("refused {value}")),
            ];
            for answer in answers {
                prop_assert!(!answer.contains(value), "{value} in {answer}");
                prop_assert!(!answer.contains(&escape_json(value)), "{value} in {answer}");
            }
        }
    }
}

#[test]
fn an_operator_who_asks_sees_values_but_no_password_and_no_token() {
    let body = serde_json::json!({
        "userName": "ada", "password": "hunter2", "nickName": "has tok-1 in it",
        "Operations": [{ "op": "replace", "path": "password", "value": "hunter2" },
                       { "op": "replace", "path": "title", "value": "CTO" }],
    });
    let shown = without_secrets(&body, "tok-1").to_string();
    assert!(shown.contains("ada") && shown.contains("CTO"), "{shown}");
    assert!(!shown.contains("hunter2") && !shown.contains("tok-1"), "{shown}");
}

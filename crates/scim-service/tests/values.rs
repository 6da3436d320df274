//! Lists of values behave as sets under any additions and removals.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use proptest::prelude::*;
use scim_service::{
    ListQuery, ResourceTree, ResourceType, ScimAttributePath, SortKey, patch_resource, read_resource,
};
use serde_json::{Value, json};

fn operation() -> impl Strategy<Value = Value> {
    let element = ("[a-c]", prop_oneof![Just("work"), Just("home")])
        .prop_map(|(value, kind)| json!({"value": value, "type": kind}));
    (prop_oneof![Just("add"), Just("Remove")], element)
        .prop_map(|(op, element)| json!({"op": op, "path": "emails", "value": [element]}))
}

fn pairs(tree: &ResourceTree) -> Vec<(String, String)> {
    let list = tree.get("emails").and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |element: &Value, name: &str| element[name].as_str().unwrap().to_owned();
    let mut pairs: Vec<_> =
        list.iter().map(|element| (text(element, "value"), text(element, "type"))).collect();
    pairs.sort();
    pairs
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i32>().prop_map(Value::from),
        prop_oneof![
            Just("add"),
            Just("userName"),
            Just("emails[type eq \"work\"].value"),
            Just("{\"a\":1}"),
            Just("x")
        ]
        .prop_map(|text| Value::String(text.to_owned())),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let name = prop_oneof![
            Just("op"),
            Just("path"),
            Just("value"),
            Just("Operations"),
            Just("userName"),
            Just("emails"),
            Just("members"),
            Just("urn:x:1.0"),
            Just("name.givenName"),
            Just("active"),
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::btree_map(name, inner, 0..5).prop_map(|fields| {
                Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn adding_and_removing_values_is_that_of_a_set(operations in proptest::collection::vec(operation(), 1..12)) {
        let start = read_resource(ResourceType::User, &json!({"userName": "a"})).unwrap().attributes;
        let mut expected: std::collections::BTreeSet<(String, String)> = Default::default();
        for operation in &operations {
            let element = &operation["value"][0];
            let pair = (element["value"].as_str().unwrap().to_owned(), element["type"].as_str().unwrap().to_owned());
            if operation["op"] == "add" { expected.insert(pair); } else { expected.remove(&pair); }
        }
        let once = patch_resource(ResourceType::User, &start, &json!({"Operations": operations})).unwrap().attributes;
        prop_assert_eq!(pairs(&once), expected.into_iter().collect::<Vec<_>>());
        let mut step = start;
        for operation in &operations {
            step = patch_resource(ResourceType::User, &step, &json!({"Operations": [operation]})).unwrap().attributes;
        }
        prop_assert_eq!(&once, &step, "one request of several operations is several of one");
    }

    #[test]
    fn any_body_is_taken_or_refused(body in anything(), kind in prop_oneof![Just(ResourceType::User), Just(ResourceType::Group)]) {
        let start = read_resource(ResourceType::User, &json!({"userName": "a", "displayName": "b"})).unwrap().attributes;
        let _ = read_resource(kind, &body);
        let _ = patch_resource(kind, &start, &json!({"Operations": [body.clone()]}));
        let _ = patch_resource(kind, &start, &body);
        let _ = ListQuery::from_search(kind, &body);
        let _ = scim_service::ScimBulkRequest::parse(body);
    }

    #[test]
    fn what_was_read_is_read_again_unchanged(body in anything()) {
        let mut body = json!({"userName": "a", "title": body, "emails": [], "x": 1});
        body["title"] = json!("t");
        let once = read_resource(ResourceType::User, &body).unwrap().attributes;
        prop_assert_eq!(&read_resource(ResourceType::User, &Value::Object(once.clone())).unwrap().attributes, &once);
    }
}

#[test]
fn results_are_ordered_by_the_primary_value_without_regard_to_case() {
    let key = |path: &str, value: Value| {
        let Value::Object(tree) = value else { panic!("an object is needed") };
        SortKey::of(ResourceType::User, &ScimAttributePath::parse(ResourceType::User, path).unwrap(), &tree)
    };
    assert!(key("userName", json!({"userName": "B"})) > key("userName", json!({"userName": "a"})));
    let emails = json!({"emails": [{"value": "z"}, {"value": "A", "primary": true}]});
    assert_eq!(key("emails", emails.clone()), SortKey::Text("a".into()));
    assert_eq!(key("emails.value", emails), SortKey::Text("a".into()));
    assert!(key("title", json!({})) > key("title", json!({"title": "z"})), "what has no value comes last");
}

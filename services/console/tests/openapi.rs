//! The OpenAPI document of the operator API.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use console::console_openapi;
use serde_json::Value;

#[test]
fn the_openapi_document_in_docs_is_the_one_that_is_served() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi/console.json");
    let now = console_openapi();
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::create_dir_all(std::path::Path::new(path).parent().unwrap()).unwrap();
        std::fs::write(path, serde_json::to_string_pretty(&now).unwrap() + "\n").unwrap();
    }
    let then: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(then == now, "docs/openapi/console.json is out of date: UPDATE_OPENAPI=1 cargo test -p console");
}

fn operations(document: &Value) -> impl Iterator<Item = (String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (format!("{method} {path}"), operation))
    })
}

#[test]
fn every_operation_in_openapi_has_an_id_of_its_own_and_a_typed_success() {
    let document = console_openapi();
    let mut ids = BTreeSet::new();
    for (name, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id), "{name}: {id} is the id of two operations");
        let responses = operation["responses"].as_object().unwrap();
        let (_, success) = responses.iter().find(|(status, _)| status.starts_with('2')).unwrap();
        let content = &success["content"];
        let is_typed = content["application/json"]["schema"]["$ref"].is_string();
        assert!(is_typed || content["text/plain"].is_object(), "{name} answers with {content}");
    }
    assert!(ids.len() > 50, "{ids:?}");
}

/// Collects the names of properties and parameters.
fn collect_names<'a>(value: &'a Value, names: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(members) => {
            if let Some(properties) = value["properties"].as_object() {
                names.extend(properties.keys().map(String::as_str));
            }
            if let (true, Some(name)) = (value["in"].is_string(), value["name"].as_str()) {
                names.insert(name);
            }
            members.values().for_each(|member| collect_names(member, names));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_names(item, names)),
        _ => {}
    }
}

#[test]
fn every_name_in_openapi_is_in_camel_case() {
    let document = console_openapi();
    let mut names = BTreeSet::new();
    collect_names(&document, &mut names);
    let wrong: Vec<&&str> =
        names.iter().filter(|name| !name.chars().all(|c| c.is_ascii_alphanumeric())).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(names.contains("nextCursor") && names.contains("dryRun"), "{names:?}");
}

#[test]
fn every_list_in_openapi_has_items_and_a_cursor() {
    let document = console_openapi();
    for (name, operation) in operations(&document) {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let is_paged = parameters.into_iter().any(|parameter| parameter["name"] == "cursor");
        let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"];
        if is_paged {
            let pointer = schema.as_str().unwrap().trim_start_matches('#');
            let reply = document.pointer(pointer).unwrap();
            for property in ["items", "nextCursor"] {
                assert!(!reply["properties"][property].is_null(), "{name}: {reply}");
            }
        }
    }
}

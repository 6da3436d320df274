//! The OpenAPI document in the repository equals the served one.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use serde_json::Value;

#[test]
fn the_openapi_document_is_up_to_date() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi/gateway.json");
    let document = gateway::gateway_openapi().to_pretty_json().unwrap() + "\n";
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &document).unwrap();
    }
    let stored = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        stored == document,
        "docs/openapi/gateway.json is stale: run UPDATE_OPENAPI=1 cargo test -p gateway"
    );
}

#[test]
fn every_reference_in_the_openapi_document_leads_somewhere() {
    let document = serde_json::to_value(gateway::gateway_openapi()).unwrap();
    let mut open = vec![&document];
    let mut references = 0;
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    references += 1;
                    assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
                }
                open.extend(fields.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    assert!(references > 20, "{references}");
}

/// Returns the operations of the document with their method and path.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let methods = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (format!("{method} {path}"), operation))
    });
    methods.filter(|(_, operation)| operation.get("responses").is_some()).collect()
}

#[test]
fn every_operation_has_an_id_of_its_own() {
    let document = serde_json::to_value(gateway::gateway_openapi()).unwrap();
    let mut places = std::collections::BTreeMap::new();
    for (place, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{place} has no operationId"));
        let other = places.insert(id.to_owned(), place.clone());
        assert_eq!(other, None, "{place} has the operationId {id} of another operation");
    }
    assert!(places.len() >= 15, "{places:?}");
}

#[test]
fn every_success_has_a_typed_body_or_none() {
    let document = serde_json::to_value(gateway::gateway_openapi()).unwrap();
    for (place, operation) in operations(&document) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let Some(content) = response.get("content").filter(|_| status.starts_with('2')) else { continue };
            assert_ne!(status, "204", "{place}: a response without content has no body");
            for (kind, body) in content.as_object().unwrap() {
                let is_typed = body["schema"].get("$ref").is_some() || kind == "text/plain";
                assert!(is_typed, "{place} {status} {kind}: {body}");
            }
        }
    }
}

//! Any text as what an identity provider sends: filters, paths, lists, PATCH requests, bulk requests. Reading never panics; a filter
//! that can be read prints to one that is read as the same; and what a PATCH makes of a resource can be shown.

#![no_main]

use scim_service::{BulkRequest, Filter, Kind, ListQuery, Path, Projection, Tree, patch, replace};
use serde_json::{Value, json};

fn current(kind: Kind) -> Tree {
    let tree = match kind {
        Kind::User => json!({
            "userName": "ada@example.com", "active": true, "name": { "givenName": "Ada" },
            "emails": [{ "type": "work", "value": "ada@example.com", "primary": true }],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "Sales" },
        }),
        Kind::Group => json!({ "displayName": "Sales" }),
    };
    tree.as_object().cloned().unwrap_or_default()
}

libfuzzer_sys::fuzz_target!(|text: &str| {
    for kind in Kind::ALL {
        if let Ok(filter) = Filter::parse(kind, text) {
            let printed = filter.to_string();
            let again = Filter::parse(kind, &printed).expect("what was printed is read");
            assert_eq!(again.to_string(), printed, "printing is stable");
        }
        let _ = Path::parse(kind, text);
        let _ = Projection::parse(kind, Some(text), None);
        let _ = ListQuery::from_pairs(
            kind,
            [("filter", text), ("sortBy", text), ("count", text), ("startIndex", text)],
        );
        // The same text in the places where clients put filters and values.
        let before = current(kind);
        for op in ["Add", "replace", "remove"] {
            let body = json!({ "Operations": [{ "op": op, "path": text, "value": text }] });
            let _ = patch(kind, &before, &body);
        }
        let Ok(body) = serde_json::from_str::<Value>(text) else { continue };
        for made in [patch(kind, &before, &body), replace(kind, &before, &body)].into_iter().flatten() {
            // What was made can be changed again.
            let again = json!({ "Operations": [{ "op": "replace", "path": "displayName", "value": "x" }] });
            let _ = patch(kind, &made.attributes, &again);
        }
        let _ = BulkRequest::parse(body);
    }
});

//! Any text as what an identity provider sends: filters, paths, lists, PATCH requests, bulk requests. Reading never panics; a filter
//! that can be read prints to one that is read as the same; and what a PATCH makes of a resource can be shown.

#![no_main]

use scim_service::{
    AnswerProjection, ListQuery, ResourceTree, ResourceType, ScimAttributePath, ScimBulkRequest, ScimFilter,
    patch_resource, replace_resource,
};
use serde_json::{Value, json};

fn current(kind: ResourceType) -> ResourceTree {
    let tree = match kind {
        ResourceType::User => json!({
            "userName": "ada@example.com", "active": true, "name": { "givenName": "Ada" },
            "emails": [{ "type": "work", "value": "ada@example.com", "primary": true }],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "Sales" },
        }),
        ResourceType::Group => json!({ "displayName": "Sales" }),
    };
    tree.as_object().cloned().unwrap_or_default()
}

libfuzzer_sys::fuzz_target!(|text: &str| {
    for kind in ResourceType::ALL {
        if let Ok(filter) = ScimFilter::parse(kind, text) {
            let printed = filter.to_string();
            let again = ScimFilter::parse(kind, &printed).expect("what was printed is read");
            assert_eq!(again.to_string(), printed, "printing is stable");
        }
        let _ = ScimAttributePath::parse(kind, text);
        let _ = AnswerProjection::parse(kind, Some(text), None);
        let _ = ListQuery::from_pairs(
            kind,
            [("filter", text), ("sortBy", text), ("count", text), ("startIndex", text)],
        );
        // The same text in the places where clients put filters and values.
        let before = current(kind);
        for op in ["Add", "replace", "remove"] {
            let body = json!({ "Operations": [{ "op": op, "path": text, "value": text }] });
            let _ = patch_resource(kind, &before, &body);
        }
        let Ok(body) = serde_json::from_str::<Value>(text) else { continue };
        for made in [patch_resource(kind, &before, &body), replace_resource(kind, &before, &body)]
            .into_iter()
            .flatten()
        {
            // What was made can be changed again.
            let again = json!({ "Operations": [{ "op": "replace", "path": "displayName", "value": "x" }] });
            let _ = patch_resource(kind, &made.attributes, &again);
        }
        let _ = ScimBulkRequest::parse(body);
    }
});

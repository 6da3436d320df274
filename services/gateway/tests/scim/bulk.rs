//! SCIM bulk requests.

use serde_json::{Value, json};

use crate::provider::{PATCH_OP, Provider, members};

const BULK: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";

async fn bulk(provider: &Provider, operations: Value, fail_on_errors: Option<u32>) -> Vec<Value> {
    let mut body = json!({"schemas": [BULK], "Operations": operations});
    if let Some(number) = fail_on_errors {
        body["failOnErrors"] = number.into();
    }
    let answer = provider.post("/Bulk", body).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    answer.body["Operations"].as_array().unwrap().clone()
}

fn statuses(operations: &[Value]) -> Vec<&str> {
    operations.iter().map(|one| one["status"].as_str().unwrap()).collect()
}

fn id(operation: &Value) -> &str {
    operation["location"].as_str().unwrap().rsplit('/').next().unwrap()
}

#[tokio::test]
async fn operations_may_name_what_comes_later() {
    let mut provider = Provider::start().await;
    let done = bulk(
        &provider,
        json!([
            {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {"displayName": "staff", "members": [{"value": "bulkId:a"}, {"value": "bulkId:b"}]}},
            {"method": "POST", "path": "/Users", "bulkId": "a", "data": {"userName": "ann"}},
            {"method": "POST", "path": "/Users", "bulkId": "b", "data": {"userName": "ben"}},
            {"method": "PATCH", "path": "/Groups/bulkId:g", "data": {"schemas": [PATCH_OP], "Operations": [
                {"op": "remove", "path": "members", "value": [{"value": "bulkId:b"}]},
            ]}},
        ]),
        None,
    )
    .await;
    assert_eq!(statuses(&done), ["201", "201", "201", "200"], "in the order of the request");
    let group = provider.get(&format!("/Groups/{}", id(&done[0]))).await;
    assert_eq!(members(&group.body), [id(&done[1])]);
    assert_eq!(done[3]["version"], group.body["meta"]["version"]);
    assert_eq!(provider.events(5).await.len(), 5);

    let place = format!("/Users/{}", id(&done[1]));
    let more = json!([
        {"method": "PUT", "path": place, "data": {"userName": "ann2"}, "version": "W/\"9\""},
        {"method": "PUT", "path": place, "data": {"userName": "ann2"}},
        {"method": "DELETE", "path": place},
    ]);
    let done = bulk(&provider, more, None).await;
    assert_eq!(statuses(&done), ["412", "200", "204"]);
    assert_eq!(done[0]["response"]["status"], "412");
}

#[tokio::test]
async fn errors_stop_the_rest_only_where_they_are_to() {
    let provider = Provider::start().await;
    let operations = json!([
        {"method": "POST", "path": "/Users", "bulkId": "a", "data": {}},
        {"method": "GET", "path": "/Users"},
        {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {"displayName": "x", "members": [{"value": "bulkId:a"}]}},
        {"method": "POST", "path": "/Users", "bulkId": "b", "data": {"userName": "ben"}},
    ]);
    let all = bulk(&provider, operations.clone(), None).await;
    assert_eq!(statuses(&all), ["400", "400", "409", "201"]);
    let few = bulk(&provider, operations, Some(2)).await;
    assert_eq!(statuses(&few), ["400", "400"]);
    let circle = json!([
        {"method": "POST", "path": "/Groups", "bulkId": "x", "data": {"displayName": "x", "members": [{"value": "bulkId:y"}]}},
        {"method": "POST", "path": "/Groups", "bulkId": "y", "data": {"displayName": "y", "members": [{"value": "bulkId:x"}]}},
    ]);
    assert_eq!(statuses(&bulk(&provider, circle, None).await), ["409", "409"]);
}

#[tokio::test]
async fn a_bulk_request_that_is_too_large_is_refused_as_a_whole() {
    let provider = Provider::start().await;
    let many: Vec<Value> =
        (0..1_001).map(|n| json!({"method": "DELETE", "path": format!("/Users/{n}")})).collect();
    let answer = provider.post("/Bulk", json!({"Operations": many})).await;
    assert_eq!(answer.status, 413);
    assert_eq!(provider.post("/Bulk", json!({"Operations": 1})).await.body["scimType"], "invalidSyntax");
}

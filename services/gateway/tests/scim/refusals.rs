//! Refused SCIM requests, and their errors.

use lifecycle::SourceProblemKind;
use reqwest::Method;
use serde_json::{Value, json};

use crate::provider::Provider;
use crate::world::Answer;

const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

fn refused(answer: &Answer, status: u16, scim_type: Value) {
    assert_eq!(answer.status, status, "{:?}", answer.body);
    assert_eq!(answer.header("content-type"), "application/scim+json");
    assert_eq!(answer.body["schemas"], json!([ERROR]));
    assert_eq!(answer.body["status"], status.to_string());
    assert_eq!(answer.body["scimType"], scim_type, "{:?}", answer.body);
}

#[tokio::test]
async fn without_the_right_token_nothing_is_answered() {
    let provider = Provider::start().await;
    let url = format!("{}/scim/v2/entra/Users", provider.world.url);
    let bare = Answer::of(provider.world.http.get(&url)).await;
    refused(&bare, 401, Value::Null);
    assert_eq!(bare.header("www-authenticate"), "Bearer");
    let wrong = Answer::of(provider.world.http.get(&url).bearer_auth("hr-token")).await;
    refused(&wrong, 401, Value::Null);
}

#[tokio::test]
async fn a_name_is_given_once_whatever_its_case() {
    let provider = Provider::start().await;
    let ann = provider.user("ann").await;
    let again = provider.post("/Users", json!({"userName": "ANN", "externalId": "other"})).await;
    refused(&again, 409, json!("uniqueness"));
    let same_key = provider.post("/Users", json!({"userName": "ben", "externalId": "x-ann"})).await;
    refused(&same_key, 409, json!("uniqueness"));
    let ben = provider.user("ben").await;
    let taken = json!([{"op": "replace", "path": "userName", "value": "Ann"}]);
    refused(&provider.patch(&format!("/Users/{ben}"), taken).await, 409, json!("uniqueness"));
    let own = json!([{"op": "replace", "path": "userName", "value": "ANN"}]);
    assert_eq!(
        provider.patch(&format!("/Users/{ann}"), own).await.status,
        200,
        "one's own name in another case"
    );
    provider.group("staff", &[]).await;
    let group = provider.post("/Groups", json!({"displayName": "Staff", "externalId": "y"})).await;
    refused(&group, 409, json!("uniqueness"));
}

#[tokio::test]
async fn what_was_changed_by_another_is_not_overwritten() {
    let provider = Provider::start().await;
    let ann = provider.user("ann").await;
    let place = format!("/Users/{ann}");
    let seen = provider.get(&place).await.header("etag").to_owned();
    assert_eq!(seen, provider.get(&place).await.body["meta"]["version"].as_str().unwrap());
    let unchanged = Answer::of(provider.request(Method::GET, &place).header("if-none-match", &seen)).await;
    assert_eq!(unchanged.status, 304);
    let title = json!([{"op": "replace", "path": "title", "value": "T"}]);
    assert_ne!(provider.patch(&place, title).await.header("etag"), seen);
    for method in [Method::PUT, Method::DELETE] {
        let request = provider.request(method, &place).header("if-match", &seen);
        let request = request.header("content-type", "application/scim+json").body(r#"{"userName":"ann"}"#);
        refused(&Answer::of(request).await, 412, Value::Null);
    }
    let any = provider.request(Method::DELETE, &place).header("if-match", "*");
    assert_eq!(Answer::of(any).await.status, 204);
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused_in_scims_words() {
    let provider = Provider::start().await;
    let ann = provider.user("ann").await;
    let place = format!("/Users/{ann}");
    refused(&provider.post("/Users", json!({"displayName": "x"})).await, 400, json!("invalidValue"));
    refused(&provider.post("/Users", json!([])).await, 400, json!("invalidSyntax"));
    refused(&provider.patch(&place, json!([])).await, 400, json!("invalidSyntax"));
    refused(&provider.patch(&place, json!([{"op": "remove"}])).await, 400, json!("noTarget"));
    refused(
        &provider.patch(&place, json!([{"op": "add", "path": "a.b.c", "value": 1}])).await,
        400,
        json!("invalidPath"),
    );
    refused(
        &provider.patch(&place, json!([{"op": "replace", "path": "id", "value": "x"}])).await,
        400,
        json!("mutability"),
    );
    refused(&provider.get("/Users?count=x").await, 400, json!("invalidValue"));
    refused(&provider.get("/Nothing").await, 404, Value::Null);
    let put = provider.put("/Users", json!({})).await;
    refused(&put, 405, Value::Null);
    assert_eq!(put.header("allow"), "GET, POST");
    refused(&provider.get("/Me").await, 501, Value::Null);
    refused(
        &provider.post("/Groups", json!({"displayName": "g", "members": [{"value": "none"}]})).await,
        400,
        json!("invalidValue"),
    );
    let text = provider.request(Method::POST, "/Users").header("content-type", "text/plain").body("{}");
    refused(&Answer::of(text).await, 415, Value::Null);
    let broken = provider
        .request(Method::POST, "/Users")
        .header("content-type", "application/json")
        .body("{\"userName\":");
    refused(&Answer::of(broken).await, 400, json!("invalidSyntax"));
    let deep = format!("{}1{}", "[".repeat(40), "]".repeat(40));
    let deep = provider.request(Method::POST, "/Users").header("content-type", "application/json").body(deep);
    refused(&Answer::of(deep).await, 400, json!("invalidSyntax"));
    let large = json!({"userName": "x", "notes": "x".repeat(300_000)});
    refused(&provider.post("/Users", large).await, 413, Value::Null);
}

#[tokio::test]
async fn of_a_patch_with_one_wrong_operation_nothing_is_done() {
    let provider = Provider::start().await;
    let ann = provider.user("ann").await;
    let group = provider.group("staff", &[]).await;
    let operations = json!([
        {"op": "add", "path": "members", "value": [{"value": ann}]},
        {"op": "replace", "path": "displayName", "value": ""},
    ]);
    let before = provider.get(&format!("/Groups/{group}")).await;
    refused(&provider.patch(&format!("/Groups/{group}"), operations).await, 400, json!("invalidValue"));
    assert_eq!(provider.get(&format!("/Groups/{group}")).await.body, before.body);
}

#[tokio::test]
async fn a_provider_that_asks_too_fast_is_told_to_wait() {
    let provider = Provider::on(store::testing::sqlite_database(), json!({"events_per_second_max": 1})).await;
    let mut last = provider.post("/Users", json!({"userName": "u0"})).await;
    for n in 1..20 {
        if last.status != 201 {
            break;
        }
        last = provider.post("/Users", json!({"userName": format!("u{n}")})).await;
    }
    refused(&last, 429, Value::Null);
    assert!(last.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert_eq!(provider.get("/Users").await.status, 200, "reading makes no events");
}

#[tokio::test]
async fn a_person_needs_the_attribute_that_is_their_key() {
    let key = format!("{}:employeeNumber", crate::provider::ENTERPRISE);
    let mut provider = Provider::on(
        store::testing::sqlite_database(),
        json!({"key": key, "attributes": {"full": "Join(\" \", [name.givenName], [name.familyName])"}}),
    )
    .await;
    refused(
        &provider.post("/Users", json!({"userName": "ann", "externalId": "x"})).await,
        400,
        json!("invalidValue"),
    );
    let body = json!({"userName": "ann", "name": {"givenName": "Ann", "familyName": "A"}, crate::provider::ENTERPRISE: {"employeeNumber": "E-7"}});
    assert_eq!(provider.post("/Users", body).await.status, 201);
    let event = provider.events(1).await.remove(0);
    assert_eq!((event.subject.as_str(), &event.attributes["full"]), ("E-7", &json!("Ann A")));
}

#[tokio::test]
async fn taking_active_away_says_nothing_of_access_and_is_shown_to_operators() {
    let provider = Provider::start().await;
    let ann = provider.user("ann").await;
    let gone = json!([{"op": "remove", "path": "active"}]);
    assert_eq!(provider.patch(&format!("/Users/{ann}"), gone).await.status, 200);
    let found = provider.problem(SourceProblemKind::RefusedRequests).await;
    assert_eq!((found.count, found.detail.as_str()), (1, "active was removed: access stays unchanged"));
}

#[tokio::test]
async fn a_switch_off_of_a_user_who_is_not_known_any_more_is_shown_to_operators() {
    let provider = Provider::start().await;
    let off = json!([{"op": "replace", "path": "active", "value": false}]);
    refused(&provider.patch("/Users/of-an-earlier-database", off).await, 404, Value::Null);
    refused(&provider.delete("/Users/of-an-earlier-database").await, 404, Value::Null);
    assert_eq!(provider.get("/Users/looked-for").await.status, 404);
    let found = provider.problem(SourceProblemKind::UnknownResources).await;
    assert_eq!((found.source.as_str(), found.count), ("entra/scim", 2), "{found:?}");
}

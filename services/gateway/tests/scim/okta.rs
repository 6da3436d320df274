//! The requests of Okta.

use lifecycle::EventKind;
use reqwest::Method;
use serde_json::{Value, json};

use crate::provider::{Provider, members, said};
use crate::world::Answer;

fn user(active: bool, name: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ann@example.com",
        "name": {"givenName": "Ann", "familyName": name}, "displayName": format!("Ann {name}"), "locale": "en-US",
        "emails": [{"primary": true, "value": "ann@example.com", "type": "work"}],
        "externalId": "00ujl29u0le5T6Aj10h7", "groups": [], "password": "1mz050nq", "active": active,
    })
}

#[tokio::test]
async fn a_user_is_looked_up_created_replaced_as_a_whole_and_switched_off() {
    let mut provider = Provider::start().await;
    let lookup = "/Users?filter=userName%20eq%20%22ann%40example.com%22&startIndex=1&count=100";
    let none = provider.get(lookup).await;
    assert_eq!(
        (none.status, &none.body["totalResults"], &none.body["Resources"]),
        (200, &json!(0), &json!([]))
    );
    let created = provider.post("/Users", user(true, "Archer")).await;
    assert_eq!(created.status, 201);
    assert!(created.body.get("password").is_none() && created.body.get("groups").is_none());
    assert_eq!(provider.get(lookup).await.body["totalResults"], 1);

    let place = format!("/Users/{}", created.body["id"].as_str().unwrap());
    let mut replaced = user(true, "Baker");
    replaced["id"] = created.body["id"].clone();
    let answer = provider.put(&place, replaced).await;
    assert_eq!((answer.status, &answer.body["displayName"]), (200, &json!("Ann Baker")));
    let mut without = user(true, "Baker");
    without.as_object_mut().unwrap().remove("displayName");
    assert!(provider.put(&place, without).await.body.get("displayName").is_none());
    let off = json!([{"op": "replace", "value": {"active": false}}]);
    assert_eq!(provider.patch(&place, off).await.body["active"], false);
    assert_eq!(provider.put(&place, user(true, "Baker")).await.body["active"], true);

    let events = provider.events(5).await;
    let kinds: Vec<EventKind> = events.iter().map(|event| event.kind).collect();
    let expected = [
        EventKind::WorkerJoined,
        EventKind::WorkerChanged,
        EventKind::WorkerChanged,
        EventKind::WorkerLeft,
        EventKind::WorkerRehired,
    ];
    assert_eq!(kinds, expected);
    assert_eq!(events[2].attributes["displayName"], Value::Null, "what a whole resource leaves out is gone");
    let text = serde_json::to_string(&events).unwrap();
    assert!(!text.contains("1mz050nq"), "a password is told to nobody");
}

#[tokio::test]
async fn a_group_is_pushed_and_its_members_replaced() {
    let mut provider = Provider::start().await;
    let (ann, ben) = (provider.user("ann").await, provider.user("ben").await);
    let pushed = json!({"displayName": "Staff", "members": [{"value": ann, "display": "ann"}]});
    let created = provider.post("/Groups", pushed).await;
    let id = created.body["id"].as_str().unwrap().to_owned();
    let place = format!("/Groups/{id}");
    let operations = json!([
        {"op": "replace", "value": {"id": id, "displayName": "Staff 2"}},
        {"op": "add", "path": "members", "value": [{"value": ben, "display": "ben"}]},
        {"op": "remove", "path": format!("members[value eq \"{ann}\"]")},
    ]);
    assert_eq!(provider.patch(&place, operations).await.status, 204);
    assert_eq!(members(&provider.get(&place).await.body), [ben.as_str()]);
    let put = provider
        .put(&place, json!({"displayName": "Staff 2", "members": [{"value": ann}, {"value": ben}]}))
        .await;
    assert_eq!(members(&put.body), [ann.as_str(), ben.as_str()]);
    let silent = provider.put(&place, json!({"displayName": "Staff 3"})).await;
    assert_eq!(members(&silent.body).len(), 2, "a group without a list of members keeps them");
    let events = provider.events(9).await;
    let last: Vec<_> = said(&events).into_iter().skip(2).collect();
    assert_eq!(
        last[1],
        (EventKind::GroupMemberAdded, id.as_str(), vec!["x-ann"]),
        "without externalId the id is the key"
    );
    let kinds: Vec<EventKind> = last.iter().map(|(kind, ..)| *kind).collect();
    assert_eq!(kinds[0], EventKind::GroupUpserted);
    assert_eq!(kinds.iter().filter(|kind| **kind == EventKind::GroupMemberAdded).count(), 3);
    assert_eq!(kinds.iter().filter(|kind| **kind == EventKind::GroupMemberRemoved).count(), 1);
}

#[tokio::test]
async fn the_token_alone_tells_who_it_is() {
    let provider = Provider::start().await;
    let ask = |path: &str, token: &str| {
        let request =
            provider.world.http.request(Method::GET, format!("{}/scim/v2{path}", provider.world.url));
        Answer::of(request.bearer_auth(token))
    };
    let ann = provider.user("ann").await;
    let mine = ask(&format!("/Users/{ann}"), "entra-token").await;
    assert_eq!(
        (mine.status, mine.header("location")),
        (200, &*format!("{}/scim/v2/Users/{ann}", provider.world.url))
    );
    assert_eq!(
        ask(&format!("/Users/{ann}"), "okta-token").await.status,
        404,
        "each provider has its own resources"
    );
    assert_eq!(ask("/okta/Users", "okta-token").await.body["totalResults"], 0);
    assert_eq!(ask("/okta/Users", "entra-token").await.status, 401);
}

//! The requests of Entra, from the first connection to the last deletion, in both of its dialects.

use lifecycle::EventKind;
use serde_json::{Value, json};

use crate::provider::{ENTERPRISE, Provider, members, said};

fn new_user() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
        "externalId": "0a21f0f2", "userName": "Test_User@example.com", "active": true,
        "emails": [{"primary": true, "type": "work", "value": "t@example.com"}], "meta": {"resourceType": "User"},
        "name": {"formatted": "givenName familyName", "familyName": "familyName", "givenName": "givenName"},
        "roles": [], "title": null, ENTERPRISE: {"department": "R&D"},
    })
}

#[tokio::test]
async fn a_connection_is_tested_with_a_user_who_is_not_there() {
    let provider = Provider::start().await;
    let found = provider.find("/Users", "userName eq \"7a1d5bdc-0f3a-4ac3-bf4e-fa6f6ac4f5f9\"").await;
    assert!(found.is_empty());
    let empty = provider.get("/Users?filter=userName+eq+%22none%22&aadOptscim062020=").await;
    assert_eq!((empty.status, &empty.body["totalResults"]), (200, &json!(0)));
    assert_eq!(empty.header("content-type"), "application/scim+json");
    assert_eq!(provider.get("/Users/none").await.status, 404);
}

#[tokio::test]
async fn a_user_is_created_matched_changed_disabled_enabled_and_deleted() {
    let mut provider = Provider::start().await;
    let created = provider.post("/Users", new_user()).await;
    assert_eq!(created.status, 201, "{:?}", created.body);
    let id = created.body["id"].as_str().unwrap().to_owned();
    let place = format!("/Users/{id}");
    assert_eq!(created.header("location"), format!("{}/scim/v2/entra{place}", provider.world.url));
    assert_eq!(created.body["meta"]["location"], created.header("location"));
    for filter in [
        "userName eq \"test_user@EXAMPLE.com\"",
        "externalId eq \"0a21f0f2\"",
        "emails[type eq \"work\"].value eq \"t@example.com\"",
        &format!("id eq \"{id}\" and active eq true"),
    ] {
        let found = provider.find("/Users", filter).await;
        assert_eq!(found.len(), 1, "{filter}");
        assert_eq!(found[0]["id"], id.as_str());
    }

    let renamed = json!([
        {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "new@example.com"},
        {"op": "Replace", "path": "name.familyName", "value": "newName"},
        {"op": "Replace", "path": "userName", "value": "renamed@example.com"},
    ]);
    let changed = provider.patch(&place, renamed).await;
    assert_eq!((changed.status, &changed.body["userName"]), (200, &json!("renamed@example.com")));
    let off = json!([{"op": "Replace", "path": "active", "value": "False"}]);
    assert_eq!(provider.patch(&place, off.clone()).await.body["active"], false);
    assert_eq!(provider.get(&place).await.body["active"], false, "who is switched off can still be read");
    assert_eq!(provider.patch(&place, off).await.status, 200, "once more changes nothing");
    let on =
        json!([{"op": "replace", "value": {"active": true, format!("{ENTERPRISE}:employeeNumber"): "7"}}]);
    assert_eq!(provider.patch(&place, on).await.body["active"], true);
    assert_eq!(provider.delete(&place).await.status, 204);
    assert_eq!(provider.get(&place).await.status, 404);
    assert_eq!(provider.delete(&place).await.status, 404);

    let events = provider.events(5).await;
    let kinds: Vec<EventKind> = events.iter().map(|event| event.kind).collect();
    let expected = [
        EventKind::WorkerJoined,
        EventKind::WorkerChanged,
        EventKind::WorkerLeft,
        EventKind::WorkerRehired,
        EventKind::WorkerDeleted,
    ];
    assert_eq!(kinds, expected);
    assert!(events.iter().all(|event| event.subject == "0a21f0f2"), "the key stays when the name changes");
    assert!(
        events.iter().all(|event| event.source == "entra/scim" && event.effective_at == event.accepted_at)
    );
    assert_eq!(events[0].attributes["userPrincipalName"], "Test_User@example.com");
    assert_eq!(
        (&events[0].attributes["mail"], &events[0].attributes["department"]),
        (&json!("t@example.com"), &json!("R&D"))
    );
    assert_eq!(events[1].attributes["surname"], "newName");
    assert_eq!(events[3].attributes["employeeId"], "7");
}

#[tokio::test]
async fn a_managers_id_becomes_the_managers_key() {
    let mut provider = Provider::start().await;
    let manager = provider.user("boss").await;
    let ann = provider.user("ann").await;
    let path = format!("{ENTERPRISE}:manager");
    let reference = json!([{"$ref": format!("https://x/Users/{manager}"), "value": manager}]);
    let set = provider
        .patch(&format!("/Users/{ann}"), json!([{"op": "Add", "path": path, "value": reference}]))
        .await;
    assert_eq!(set.body[ENTERPRISE]["manager"]["value"], manager.as_str(), "{:?}", set.body);
    let check = format!("id eq \"{ann}\" and {path} eq \"{manager}\"");
    let found = provider.find("/Users?attributes=id", &check).await;
    assert_eq!(found[0], json!({"id": ann, "schemas": found[0]["schemas"]}));
    let gone = provider.patch(&format!("/Users/{ann}"), json!([{"op": "Remove", "path": path}])).await;
    assert!(gone.body.get(ENTERPRISE).is_none(), "{:?}", gone.body);
    let events = provider.events(4).await;
    assert_eq!(events[2].attributes["manager"], "x-boss");
    assert_eq!(events[3].attributes["manager"], Value::Null);
}

#[tokio::test]
async fn a_group_is_created_matched_renamed_filled_emptied_and_deleted() {
    let mut provider = Provider::start().await;
    let (ann, ben) = (provider.user("ann").await, provider.user("ben").await);
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group", "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
        "externalId": "8aa1a0c0", "displayName": "displayName", "meta": {"resourceType": "Group"},
    });
    let created = provider.post("/Groups", body).await;
    assert_eq!(created.status, 201, "{:?}", created.body);
    let place = format!("/Groups/{}", created.body["id"].as_str().unwrap());
    let matched = provider.find("/Groups?excludedAttributes=members", "displayName eq \"DISPLAYNAME\"").await;
    assert_eq!(matched.len(), 1);
    assert_eq!(provider.get(&format!("{place}?excludedAttributes=members")).await.status, 200);

    let rename = json!([{"op": "Replace", "path": "displayName", "value": "renamed"}]);
    assert_eq!(provider.patch(&place, rename).await.status, 204);
    let add = |id: &str| json!([{"op": "Add", "path": "members", "value": [{"$ref": null, "value": id}]}]);
    for id in [&ann, &ben, &ann] {
        assert_eq!(provider.patch(&place, add(id)).await.status, 204);
    }
    let group = provider.get(&place).await;
    assert_eq!(members(&group.body), [ann.as_str(), ben.as_str()]);
    assert_eq!(group.body["members"][0]["$ref"], format!("{}/scim/v2/entra/Users/{ann}", provider.world.url));
    assert!(provider.get(&format!("{place}?excludedAttributes=members")).await.body.get("members").is_none());

    let by_value = json!([{"op": "Remove", "path": "members", "value": [{"$ref": null, "value": ann}]}]);
    assert_eq!(provider.patch(&place, by_value).await.status, 204);
    assert_eq!(members(&provider.get(&place).await.body), [ben.as_str()], "and nobody else");
    let by_path = json!([{"op": "remove", "path": format!("members[value eq \"{ben}\"]")}]);
    assert_eq!(provider.patch(&place, by_path).await.status, 204);
    assert!(members(&provider.get(&place).await.body).is_empty());
    assert_eq!(provider.delete(&place).await.status, 204);

    let events = provider.events(9).await;
    let expected: Vec<(EventKind, &str, Vec<&str>)> = vec![
        (EventKind::GroupUpserted, "8aa1a0c0", vec![]),
        (EventKind::GroupUpserted, "8aa1a0c0", vec![]),
        (EventKind::GroupMemberAdded, "8aa1a0c0", vec!["x-ann"]),
        (EventKind::GroupMemberAdded, "8aa1a0c0", vec!["x-ben"]),
        (EventKind::GroupMemberRemoved, "8aa1a0c0", vec!["x-ann"]),
        (EventKind::GroupMemberRemoved, "8aa1a0c0", vec!["x-ben"]),
        (EventKind::GroupDeleted, "8aa1a0c0", vec![]),
    ];
    assert_eq!(said(&events[2..]), expected);
    assert_eq!(events[3].attributes["displayName"], "renamed");
    assert_eq!(events[3].members, None, "a change of name says nothing of the members");
}

#[tokio::test]
async fn who_is_deleted_is_in_no_group_any_more() {
    let mut provider = Provider::start().await;
    let ann = provider.user("ann").await;
    let group = provider.group("staff", &[&ann]).await;
    let before = provider.get(&format!("/Groups/{group}")).await;
    assert_eq!(provider.delete(&format!("/Users/{ann}")).await.status, 204);
    let after = provider.get(&format!("/Groups/{group}")).await;
    assert!(members(&after.body).is_empty());
    assert_ne!(before.header("etag"), after.header("etag"));
    assert_eq!(provider.user("ann").await.len(), ann.len(), "and can be created again");
    let events = provider.events(6).await;
    let last: Vec<_> = said(&events).into_iter().skip(3).collect();
    // Both events remove access, so they share a lane and keep their order.
    let expected = [
        (EventKind::GroupMemberRemoved, "g-staff", vec!["x-ann"]),
        (EventKind::WorkerDeleted, "x-ann", vec![]),
        (EventKind::WorkerJoined, "x-ann", vec![]),
    ];
    assert_eq!(last, expected);
}

#[tokio::test]
async fn a_change_that_says_nothing_of_employment_states_none() {
    let mut provider = Provider::start().await;
    let ann = provider.user("ann").await;
    let place = format!("/Users/{ann}");
    provider.patch(&place, json!([{"op": "replace", "path": "title", "value": "Engineer"}])).await;
    provider.patch(&place, json!([{"op": "replace", "path": "active", "value": false}])).await;
    provider.put(&place, json!({"userName": "ann", "externalId": "x-ann", "title": "Left"})).await;
    provider.patch(&place, json!([{"op": "remove", "path": "active"}])).await;
    let kinds: Vec<EventKind> = provider.events(5).await.iter().map(|event| event.kind).collect();
    let expected = [
        EventKind::WorkerJoined,
        EventKind::WorkerChanged,
        EventKind::WorkerLeft,
        EventKind::WorkerChanged,
        EventKind::WorkerChanged,
    ];
    assert_eq!(kinds, expected, "a leaver stays a leaver until somebody says otherwise");
    assert_eq!(
        provider.patch(&place, json!([{"op": "add", "path": "active", "value": "True"}])).await.status,
        200
    );
    assert_eq!(provider.events(1).await[0].kind, EventKind::WorkerRehired);
}

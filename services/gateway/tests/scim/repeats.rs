//! The broker is gone: no change is half done, and a client that repeats its request reaches its goal.

use std::time::Duration;

use lifecycle::EventKind;
use serde_json::json;

use crate::provider::{Provider, said};
use crate::world::Answer;

/// Repeats a request until it is no longer refused temporarily.
async fn until_answered(mut request: impl AsyncFnMut() -> Answer) -> Answer {
    let answered = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            let answer = request().await;
            if answer.status != 503 {
                return answer;
            }
            assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
        }
    });
    answered.await.expect("the gateway finds the broker again")
}

#[tokio::test]
async fn while_the_broker_is_gone_nothing_is_taken() {
    let mut provider = Provider::start().await;
    let ann = provider.user("ann").await;
    provider.world.nats.kill();
    let body = json!({"userName": "ben", "externalId": "x-ben"});
    let refused = provider.post("/Users", body.clone()).await;
    assert_eq!(refused.status, 503, "{:?}", refused.body);
    assert_eq!(refused.body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    let place = format!("/Users/{ann}");
    let off = json!([{"op": "replace", "path": "active", "value": false}]);
    assert_eq!(provider.patch(&place, off.clone()).await.status, 503);
    assert_eq!(provider.get(&place).await.status, 200, "reading needs no broker");

    provider.world.nats.restart();
    let created = until_answered(async || provider.post("/Users", body.clone()).await).await;
    assert_eq!(created.status, 201, "a repeated creation is no conflict: {:?}", created.body);
    let changed = until_answered(async || provider.patch(&place, off.clone()).await).await;
    assert_eq!((changed.status, &changed.body["active"]), (200, &json!(false)));
    assert_eq!(provider.post("/Users", body).await.status, 409, "after it was answered it is one");
    let total = provider.get("/Users?count=0").await.body["totalResults"].clone();
    assert_eq!(total, 2);
    let mut kinds: Vec<(EventKind, String)> = Vec::new();
    for event in distinct(&mut provider, 3).await {
        kinds.push((event.kind, event.subject));
    }
    kinds.sort_by_key(|(kind, subject)| (kind.as_str(), subject.clone()));
    let expected = [
        (EventKind::WorkerJoined, "x-ann".to_owned()),
        (EventKind::WorkerJoined, "x-ben".to_owned()),
        (EventKind::WorkerLeft, "x-ann".to_owned()),
    ];
    assert_eq!(kinds, expected);
}

#[tokio::test]
async fn a_broker_that_does_not_answer_leaves_nothing_half_done() {
    for database in store::testing::test_databases() {
        let mut provider = Provider::on(database, json!({})).await;
        let ann = provider.user("ann").await;
        let group = provider.group("staff", &[&ann]).await;
        distinct(&mut provider, 3).await;
        provider.world.nats.pause();
        let ben = json!({"userName": "ben", "externalId": "x-ben"});
        let place = format!("/Groups/{group}");
        let remove = json!([{"op": "Remove", "path": "members", "value": [{"value": ann}]}]);
        let bulk = json!({"Operations": [{"method": "POST", "path": "/Users", "bulkId": "c", "data": {"userName": "cid"}}]});
        for _ in 0..2 {
            assert_eq!(provider.post("/Users", ben.clone()).await.status, 503, "kept, but not published");
            assert_eq!(provider.patch(&place, remove.clone()).await.status, 503);
            assert_eq!(provider.post("/Bulk", bulk.clone()).await.status, 503);
        }
        provider.world.nats.resume();
        let created = until_answered(async || provider.post("/Users", ben.clone()).await).await;
        assert_eq!(created.status, 201, "{:?}", created.body);
        assert_eq!(until_answered(async || provider.patch(&place, remove.clone()).await).await.status, 204);
        let done = until_answered(async || provider.post("/Bulk", bulk.clone()).await).await;
        assert_eq!(done.body["Operations"][0]["status"], "201", "{:?}", done.body);
        assert_eq!(provider.get("/Users?count=0").await.body["totalResults"], 3);
        let mut said = std::collections::BTreeSet::new();
        while said.len() < 3 {
            said.extend(
                provider.any_events().await.into_iter().map(|event| (event.kind.as_str(), event.subject)),
            );
        }
        let cid = provider.find("/Users", "userName eq \"cid\"").await[0]["id"].as_str().unwrap().to_owned();
        for expected in [
            ("worker.joined", "x-ben".to_owned()),
            ("worker.joined", cid),
            ("group.member.removed", "g-staff".into()),
        ] {
            assert!(said.contains(&expected), "{said:?}");
        }
    }
}

/// Returns events until `count` different ones were seen.
async fn distinct(provider: &mut Provider, count: usize) -> Vec<lifecycle::Event> {
    let mut seen = std::collections::BTreeMap::new();
    while seen.len() < count {
        for event in provider.any_events().await {
            seen.insert(event.id.clone(), event);
        }
    }
    assert_eq!(seen.len(), count, "{seen:#?}");
    let mut events: Vec<_> = seen.into_values().collect();
    events.sort_by_key(|event| event.effective_at);
    events
}

#[tokio::test]
async fn a_creation_that_was_never_answered_is_the_same_creation_again() {
    for database in store::testing::test_databases() {
        let mut provider = Provider::on(database, json!({})).await;
        let body = json!({"userName": "ann", "externalId": "x-ann", "title": "T1"});
        let first = provider.post("/Users", body.clone()).await;
        provider.events(1).await;
        provider.execute("UPDATE gateway_scim_resources SET answer_due_at = 1").await;
        let other = json!({"userName": "ann", "externalId": "x-other"});
        assert_eq!(
            provider.post("/Users", other).await.status,
            409,
            "somebody else of that name is not the same"
        );
        let mut changed = body.clone();
        changed["title"] = json!("T2");
        let again = provider.post("/Users", changed).await;
        assert_eq!(
            (again.status, &again.body["id"], &again.body["title"]),
            (201, &first.body["id"], &json!("T2"))
        );
        assert_eq!(provider.post("/Users", body).await.status, 409);
        let events = provider.events(1).await;
        assert_eq!(
            (events[0].kind, &events[0].attributes["jobTitle"]),
            (EventKind::WorkerChanged, &json!("T2"))
        );
    }
}

#[tokio::test]
async fn events_that_were_left_behind_are_published_before_the_repeat_is_answered() {
    for database in store::testing::test_databases() {
        let mut provider = Provider::on(database, json!({})).await;
        let ann = provider.user("ann").await;
        let group = provider.group("staff", &[]).await;
        provider.events(2).await;
        let left = provider.left_behind(&group, EventKind::GroupMemberAdded, "g-staff").await;
        let place = format!("/Groups/{group}");
        let same = json!([{"op": "replace", "path": "displayName", "value": "staff"}]);
        assert_eq!(provider.patch(&place, same).await.status, 204, "nothing changes");
        let events = provider.events(1).await;
        assert_eq!(events[0].id, left, "but what was left is out");

        let left = provider.left_behind(&ann, EventKind::WorkerDeleted, "x-ann").await;
        provider.execute("DELETE FROM gateway_scim_resources WHERE kind = 'User'").await;
        assert_eq!(provider.delete(&format!("/Users/{ann}")).await.status, 204, "the end of a deletion");
        let events = provider.events(1).await;
        assert_eq!((&events[0].id, said(&events)[0].1), (&left, "x-ann"));
        assert_eq!(provider.delete(&format!("/Users/{ann}")).await.status, 404);
    }
}

#[tokio::test]
async fn a_restart_publishes_what_was_left_behind() {
    let mut provider = Provider::start().await;
    let ann = provider.user("ann").await;
    provider.events(1).await;
    let left = provider.left_behind(&ann, EventKind::WorkerChanged, "x-ann").await;
    provider.restart().await;
    assert_eq!(provider.events(1).await[0].id, left);
    assert_eq!(provider.get(&format!("/Users/{ann}")).await.status, 200);
}

#[tokio::test]
async fn a_restart_of_a_gateway_that_fetches_nothing_has_nothing_to_report() {
    let mut provider = Provider::start().await;
    provider.user("ann").await;
    for _ in 0..2 {
        provider.restart().await;
    }
    let mark = provider.world.bus.mark("gateway").await.unwrap();
    let notices = &mark.read().unwrap().notices;
    assert!(notices.is_empty(), "{notices:?}");
}

//! Groups with 50,000 members.

use std::time::Instant;

use lifecycle::EventKind;
use serde_json::{Value, json};

use crate::provider::Provider;

const PEOPLE: usize = 50_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_thousand_members_come_and_go_one_by_one_and_all_at_once() {
    let mut provider = Provider::start().await;
    let ids = provider.insert_people(PEOPLE).await;
    let members: Vec<Value> = ids.iter().map(|id| json!({"value": id})).collect();
    let group = json!({"displayName": "everybody", "externalId": "g", "members": members});
    let started = Instant::now();
    let created = provider.post("/Groups?excludedAttributes=members", group).await;
    assert_eq!(created.status, 201, "{:?}", created.body);
    println!("created in {:?}", started.elapsed());
    let events = provider.events(51).await;
    let added = events.iter().filter(|event| event.kind == EventKind::GroupMemberAdded);
    assert_eq!(added.map(|event| event.members.as_ref().unwrap().len()).sum::<usize>(), PEOPLE);

    let place = format!("/Groups/{}", created.body["id"].as_str().unwrap());
    let started = Instant::now();
    let one = json!([{"op": "remove", "path": format!("members[value eq \"{}\"]", ids[7])}]);
    assert_eq!(provider.patch(&place, one).await.status, 204);
    assert_eq!(provider.get(&format!("{place}?excludedAttributes=members")).await.status, 200);
    println!("one taken out in {:?}", started.elapsed());
    let all = provider.get(&place).await;
    assert_eq!(all.body["members"].as_array().unwrap().len(), PEOPLE - 1);
    assert_eq!(provider.patch(&place, json!([{"op": "remove", "path": "members"}])).await.status, 204);
    let events = provider.events(51).await;
    assert_eq!(events.iter().map(|event| event.members.as_ref().unwrap().len()).sum::<usize>(), PEOPLE);
    assert!(provider.get(&place).await.body.get("members").is_none());
}

//! A bad fact does not stop the others.

use bus::OutgoingMessage;
use lifecycle::{Fact, FactRecord, Lane, ResourceKind};
use serde_json::json;
use store::testing::{postgres_database, test_databases};
use time::OffsetDateTime;

use crate::world::World;

/// Returns text that does not compress: `count` characters of three bytes.
fn incompressible(count: u32) -> String {
    let mut state: u64 = 1;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from_u32(0x4e00 + u32::try_from(state >> 40).unwrap_or_default() % 20_000)
    };
    (0..count).filter_map(next).collect()
}

fn decided(subject: &str, user_name: String) -> FactRecord {
    let fact = Fact::Decided {
        target: "zia".into(),
        kind: ResourceKind::User,
        revision: 1,
        state: "active".into(),
        lane: Lane::Joiner,
        reason: "in scope".into(),
        changed: vec!["userName".into()],
        user_name: Some(user_name),
    };
    let id = format!("decided-{}", &subject.chars().take(8).collect::<String>());
    FactRecord { id, at: OffsetDateTime::now_utc(), subject: subject.into(), trace: None, fact }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_name_longer_than_an_index_takes_stops_no_timeline_and_is_found() {
    for database in test_databases() {
        let world = World::start(database).await;
        let long = format!("{}@example.com", incompressible(5_000));
        world.tell(&[decided("E-1", long.clone()), decided("E-2", "two@example.com".into())]).await;
        for person in ["E-1", "E-2", "two@example.com"] {
            world.until(&format!("/v1/people/{person}/trace"), |trace| trace["items"][0].is_object()).await;
        }
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fact_that_the_database_refuses_is_listed_and_holds_up_nobody() {
    let Some(database) = postgres_database() else { return };
    let world = World::start(database).await;
    let mut facts: Vec<_> = (0..9).map(|n| decided(&format!("E-{n}"), format!("e{n}@example.com"))).collect();
    facts.insert(4, decided(&incompressible(1_500), "long@example.com".into()));
    world.tell(&facts).await;
    for n in 0..9 {
        world.until(&format!("/v1/people/E-{n}/trace"), |trace| trace["items"][0].is_object()).await;
    }
    let listed = world.until("/v1/quarantine", |reply| reply["total"] == 1).await;
    assert_eq!(listed["items"][0]["reason"], "not_stored");
    assert_eq!(listed["items"][0]["kind"], "decided");
    assert!(listed["items"][0]["cause"].as_str().unwrap().contains("index row"), "{listed}");
    assert_eq!(listed["unavailable"], json!(["mapper", "writer"]));
    let body = json!({ "ids": [listed["items"][0]["id"]], "why": "to see" });
    let (status, retried) = world.post("/v1/quarantine/retry", &body).await;
    assert_eq!((status, &retried["items"][0]["outcome"]), (200, &json!("refused")));
    assert_eq!(world.get("/v1/status").await.1["quarantined"], 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_that_cannot_be_read_are_kept_and_listed() {
    for database in test_databases() {
        let world = World::start(database).await;
        let mut message =
            serde_json::to_value(&OutgoingMessage::facts("test", &[decided("E-1", "a@b".into())])[0])
                .unwrap();
        message["payload"] = json!("{\"v\":2,\"facts\":[]}");
        let message: OutgoingMessage = serde_json::from_value(message).unwrap();
        world.bus.publish(vec![message]).await.remove(0).unwrap();
        let listed = world.until("/v1/quarantine", |reply| reply["total"] == 1).await;
        assert_eq!(listed["items"][0]["reason"], "newer_version", "{listed}");
        world.stop().await;
    }
}

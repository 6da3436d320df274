//! Actions that cannot be recorded in the journal are refused.

use bus::OutgoingMessage;
use lifecycle::{Fact, FactRecord};
use serde_json::{Value, json};
use store::testing::sqlite_database;
use time::OffsetDateTime;

use crate::world::World;

/// Fills JOURNAL until it takes no more.
async fn fill(world: &World) {
    for bytes in [20_000, 200] {
        loop {
            let fact = Fact::RestoreNoticed { service: "x".repeat(bytes), found: String::new() };
            let (at, subject) = (OffsetDateTime::now_utc(), "service:x".to_owned());
            let record = FactRecord { id: bytes.to_string(), at, subject, trace: None, fact };
            let stored = world.bus.publish(OutgoingMessage::facts("test", &[record])).await;
            if stored.iter().any(Result::is_err) {
                break;
            }
        }
    }
}

#[tokio::test]
async fn an_act_that_cannot_be_kept_in_the_journal_is_refused_and_switching_off_is_not() {
    let world = World::with_journal(sqlite_database(), json!([]), Some(200_000)).await;
    let why = json!({ "why": "a test" });
    let acts: Vec<(&str, Value)> = vec![
        ("/v1/targets/crm/pause", why.clone()),
        ("/v1/targets/crm/resume", why.clone()),
        ("/v1/targets/crm/reconcile", why.clone()),
        ("/v1/dead/replay", json!({ "ids": [], "why": "a test" })),
        ("/v1/held/approve", json!({ "ids": [], "why": "a test" })),
        ("/v1/policies/apply", json!({ "plan": "x", "why": "a test" })),
        ("/v1/outbox/discard", json!({ "service": "mapper", "id": "x", "why": "a test" })),
        ("/v1/verify", why.clone()),
        ("/v1/provision", json!({ "person": "E-1", "target": "crm", "why": "a test" })),
        ("/v1/leavers/keys/rotate", why.clone()),
        ("/v1/quarantine/retry", json!({ "ids": [], "why": "a test" })),
        ("/v1/dead/replays", json!({ "ids": [], "why": "a test" })),
        ("/v1/access-orders", json!({ "person": "E-1", "order": "keep", "why": "a test" })),
        ("/v1/access-orders", json!({ "person": "E-1", "order": "off", "lift": true, "why": "a test" })),
    ];
    for (path, body) in &acts {
        let (_, answer) = world.post(path, body).await;
        assert_ne!(answer["code"], "audit_unavailable", "{path}: there is room");
    }
    fill(&world).await;
    for (path, body) in &acts {
        let (status, answer) = world.post(path, body).await;
        assert_eq!((status, &answer["code"]), (503, &json!("audit_unavailable")), "{path}: {answer}");
    }
    let off = json!({ "person": "E-1", "order": "off", "why": "a test" });
    let (_, answer) = world.post("/v1/access-orders", &off).await;
    assert_eq!(answer["code"], "mapper_not_running", "it is passed on: {answer}");
    let (status, _) = world.get("/v1/status").await;
    assert_eq!(status, 200, "looking is no act");
    world.stop().await;
}

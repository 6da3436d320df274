//! Tests of the quarantine: one bad event stops nothing. It is set aside where an operator sees it, and can be retried.

use lifecycle::{
    AccountState, Actor, Event, EventKind, QuarantineReply, QuarantineRequest, RetryOutcome,
    RetryQuarantinedReply, RetryQuarantinedRequest, TraceContext, verbs,
};
use serde_json::json;
use store::testing::{TestDatabase, postgres_database, sqlite_database, test_databases};
use time::OffsetDateTime;

use crate::operators::{ask, not_decided};
use crate::world::{EVERYBODY, World, altered, event, members};

/// Returns a text that does not compress: `count` characters of three bytes.
fn incompressible(count: u32, seed: u64) -> String {
    let mut state = seed;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from_u32(0x4e00 + u32::try_from(state >> 40).unwrap_or_default() % 20_000)
    };
    (0..count).filter_map(next).collect()
}

fn joined(key: &str, said: i64) -> Event {
    let name = format!("{key}@example.com");
    event(EventKind::WorkerJoined, key, said, json!({ "userPrincipalName": name, "department": "Sales" }))
}

fn left(key: &str, said: i64) -> Event {
    event(EventKind::WorkerLeft, key, said, json!({}))
}

pub async fn listed(world: &World) -> QuarantineReply {
    ask::<verbs::MapperQuarantineVerb>(world, QuarantineRequest { limit: 10, cursor: None }).await.unwrap()
}

pub async fn retry(world: &World, id: &str) -> RetryOutcome {
    let id = id.strip_prefix("mapper:").unwrap().to_owned();
    let actor = Actor { who: "ann".into(), why: "its cause is gone".into() };
    let request = RetryQuarantinedRequest { ids: vec![id], actor };
    let reply: RetryQuarantinedReply =
        ask::<verbs::MapperRetryQuarantinedVerb>(world, request).await.unwrap();
    reply.items[0].outcome
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_the_database_refuses_is_set_aside_and_holds_up_nobody() {
    let Some(database) = postgres_database() else { return };
    let mut world = World::running(database, EVERYBODY).await;
    let (group, member) = (incompressible(500, 1), incompressible(500, 2));
    let mut upsert = event(EventKind::GroupUpserted, &group, 1, json!({ "displayName": "SEC-x" }));
    upsert.members = Some(vec![member.clone()]);
    let removed = members(EventKind::GroupMemberRemoved, &group, 2, &[&member]);
    let mut messages: Vec<_> = (0..20).map(|n| joined(&format!("E-{n}"), 1)).collect();
    messages.insert(7, upsert);
    messages.insert(13, removed);
    let messages = messages.iter().map(|event| bus::OutgoingMessage::event(event, TraceContext::root()));
    world.send_raw(messages.collect()).await;
    world.send(&[joined("canary", 3)]).await;
    world.until("the canary is there", async |w| w.state("canary") == Some(AccountState::Active)).await;
    world.settle().await;
    assert!((0..20).all(|n| world.state(&format!("E-{n}")) == Some(AccountState::Active)));
    let quarantine = listed(&world).await;
    assert_eq!((quarantine.total, quarantine.departures), (2, 1), "{quarantine:?}");
    let kinds: Vec<&str> = quarantine.items.iter().map(|item| item.kind.as_str()).collect();
    assert_eq!(kinds, ["group.member.removed", "group.upserted"], "departures come first");
    let first = &quarantine.items[0];
    assert_eq!((first.reason.as_str(), first.subject.as_str()), ("not_stored", group.as_str()));
    assert!(first.cause.contains("index row"), "{}", first.cause);
    assert_eq!(retry(&world, &first.id).await, RetryOutcome::Refused);
    assert_eq!(listed(&world).await.total, 2, "it stays until it can be stored");
    world.stop_mappers().await;
}

/// The statement that turns the item into one that a newer version can read.
fn understood(database: &TestDatabase) -> &'static str {
    match database.name {
        "sqlite" => {
            r#"UPDATE mapper_quarantine SET payload = CAST(replace(CAST(payload AS TEXT), '"v":2', '"v":1') AS BLOB)"#
        }
        _ => {
            r#"UPDATE mapper_quarantine
               SET payload = convert_to(replace(convert_from(payload, 'UTF8'), '"v":2', '"v":1'), 'UTF8')"#
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_departure_in_the_words_of_a_newer_version_waits_for_it() {
    for database in test_databases() {
        let understood = understood(&database);
        let mut world = World::running(database, EVERYBODY).await;
        world.send(&[joined("E-1", 1)]).await;
        world.settle().await;
        let event = left("E-1", 2);
        let payload = bus::encode_event(&event).replace("{\"v\":1,", "{\"v\":2,");
        world.send_raw(vec![altered(&event, "payload", &payload)]).await;
        world.until("it is set aside", async |w| listed(w).await.total == 1).await;
        let item = listed(&world).await.items.remove(0);
        assert_eq!((item.reason.as_str(), item.subject.as_str()), ("newer_version", "E-1"));
        assert!(item.departure && item.kind == "worker.left", "{item:?}");
        let undecided = not_decided(&world).await;
        assert_eq!(
            (undecided.quarantined, undecided.quarantined_departures),
            (1, 1),
            "said with the leavers"
        );
        world.stop_mappers().await;
        world.execute(understood).await;
        world.start_mapper().await;
        world.until("the leaver is off", async |w| w.state("E-1") == Some(AccountState::Disabled)).await;
        world.until("nothing is left", async |w| listed(w).await.total == 0).await;
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_under_a_reused_id_is_listed_and_counts_once_an_operator_says_so() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        let arrival = joined("E-1", 1);
        let mut departure = left("E-1", 2);
        departure.id = arrival.id.clone();
        let message = |event: &Event, hash: &str| {
            bus::OutgoingMessage::event(event, TraceContext::root()).with_content(hash.to_owned())
        };
        world.send_raw(vec![message(&arrival, "a")]).await;
        world.until("E-1 is here", async |w| w.state("E-1") == Some(AccountState::Active)).await;
        world.send_raw(vec![message(&departure, "b").beside()]).await;
        world.until("it is listed", async |w| listed(w).await.departures == 1).await;
        let item = listed(&world).await.items.remove(0);
        assert_eq!((item.reason.as_str(), item.subject.as_str()), ("id_reused", "E-1"));
        assert_eq!(world.state("E-1"), Some(AccountState::Active));
        assert_eq!(retry(&world, &item.id).await, RetryOutcome::Done);
        world.until("the leaver is off", async |w| w.state("E-1") == Some(AccountState::Disabled)).await;
        assert_eq!(listed(&world).await.total, 0);
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_whose_state_cannot_be_read_holds_up_nobody_and_is_listed() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        world.send(&[joined("E-1", 1), joined("E-2", 1)]).await;
        world.settle().await;
        world.execute("UPDATE mapper_identities SET state = 'x' || state WHERE key = 'E-1'").await;
        let departures = [left("E-1", 2), left("E-2", 2)];
        let messages =
            departures.iter().map(|event| bus::OutgoingMessage::event(event, TraceContext::root()));
        world.send_raw(messages.collect()).await;
        world.until("E-2 is off", async |w| w.state("E-2") == Some(AccountState::Disabled)).await;
        world.until("E-1 is listed", async |w| listed(w).await.departures == 1).await;
        let item = listed(&world).await.items.remove(0);
        assert_eq!((item.reason.as_str(), item.subject.as_str()), ("state_unreadable", "E-1"));
        world.execute("UPDATE mapper_identities SET state = substr(state, 2) WHERE key = 'E-1'").await;
        assert_eq!(retry(&world, &item.id).await, RetryOutcome::Done);
        world.until("E-1 is off", async |w| w.state("E-1") == Some(AccountState::Disabled)).await;
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_whose_clock_is_ahead_delays_no_departure() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        world.send(&[joined("E-1", 1)]).await;
        world.settle().await;
        let mut departure = left("E-1", 2);
        departure.time = OffsetDateTime::now_utc() + time::Duration::seconds(300);
        (departure.effective_at, departure.accepted_at) = (departure.time, departure.time);
        world.send(&[departure]).await;
        world.settle().await;
        assert_eq!(world.state("E-1"), Some(AccountState::Disabled));
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_item_is_tried_again_at_a_start_not_only_the_first_page() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    world.send(&[joined("E-1", 1)]).await;
    world.settle().await;
    world.stop_mappers().await;
    let columns = "id, stream, sequence, at, reason, cause, subject, kind, departure, payload";
    world
        .execute(&format!(
            "INSERT INTO mapper_quarantine ({columns}) \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1005) \
             SELECT 'EVENTS/' || i, 'EVENTS', i, i, 'unreadable', 'x', '', '', false, x'00' FROM n"
        ))
        .await;
    world
        .execute(&format!(
            "INSERT INTO mapper_quarantine ({columns}) VALUES ('person/E-1', 'person', 0, 9999, \
             'state_unreadable', 'x', 'E-1', 'person', false, x'5b22452d31225d')"
        ))
        .await;
    world.start_mapper().await;
    world
        .until("the last one is processed", async |w| {
            w.count("SELECT count(*) AS n FROM mapper_quarantine WHERE id = 'person/E-1'").await == 0
        })
        .await;
    assert_eq!(listed(&world).await.total, 1005);
    world.stop_mappers().await;
}

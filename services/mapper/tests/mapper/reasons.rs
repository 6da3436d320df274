//! Tests of the reasons for which an account that must be off waits, as far as the mapper knows them, against docs/leavers.md.

use bus::{Bus, OutgoingMessage};
use lifecycle::{
    AccountState, Command, CommandId, ControlError, DesiredState, EventKind, Lane, LeaversRequest,
    RefusalReason, TraceContext, UndecidedDeparture, WaitReason, WaitingFor,
};
use serde_json::json;
use store::Store;
use store::outbox::{self, OutboxRow};
use store::testing::{sqlite_database, test_databases};
use tokio::task::JoinHandle;

use crate::leavers::{listed, of, play_writer, say, until_waiting};
use crate::world::{EVERYBODY, World, event, joined};

/// The rows that are tested here and in `undecided`; the writer's tests cover the others.
const OF_THE_MAPPER: [WaitingFor; 11] = [
    WaitingFor::FirstCheck,
    WaitingFor::Writer,
    WaitingFor::Delivery,
    WaitingFor::Target,
    WaitingFor::Outbox,
    WaitingFor::Refusal,
    WaitingFor::Quarantine,
    WaitingFor::Unread,
    WaitingFor::Match,
    WaitingFor::Feed,
    WaitingFor::Unknown,
];

/// Returns the cells of the row in docs/leavers.md: reason, words, helper, remedy.
pub(crate) fn documented(reason: WaitingFor) -> Vec<String> {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/leavers.md");
    let text = std::fs::read_to_string(page).unwrap();
    let start = format!("| `{}` |", reason.as_str());
    let row = text.lines().find(|line| line.starts_with(&start)).expect("each reason stands in the page");
    row.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect()
}

/// Asserts that an undecided departure is described as in the page.
pub(crate) fn agrees(listed: &UndecidedDeparture, reason: WaitingFor) {
    let row = documented(reason);
    assert_eq!((listed.waiting.reason, row[1].as_str()), (reason, reason.in_words()));
    assert_eq!(row[2], listed.helper.in_words());
}

async fn waits(world: &mut World, reason: WaitingFor) -> WaitReason {
    assert!(OF_THE_MAPPER.contains(&reason));
    let known = "SELECT count(*) AS n FROM mapper_obligations";
    world.until("it has an obligation", async |w| w.count(known).await > 0).await;
    let obligation = until_waiting(world, "E-1", reason).await;
    let row = documented(reason);
    assert_eq!(
        (row[1].as_str(), row[2].as_str()),
        (reason.in_words(), obligation.helper.unwrap().in_words())
    );
    assert!(obligation.received_at <= obligation.decided_at, "it has an age");
    obligation.waiting.unwrap()
}

/// Starts a writer that never answers.
async fn play_mute(bus: Bus) -> JoinHandle<()> {
    let mut server = bus.serve("writer").await.unwrap();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Some(request) = server.next().await {
            kept.push(request);
        }
    })
}

/// Starts a writer without a target.
async fn play_without_target(bus: Bus) -> JoinHandle<()> {
    let mut server = bus.serve("writer").await.unwrap();
    tokio::spawn(async move {
        while let Some(request) = server.next().await {
            let message = "there is no target `crm`".to_owned();
            request.refuse(ControlError { message, reason: RefusalReason::UnknownTarget }).await;
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_says_whether_it_waits_for_the_writer_its_target_or_the_command() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        world.send(&[joined("E-1", 1, "HR")]).await;
        world.settle().await;
        let mute = play_mute(world.bus.clone()).await;
        world.send(&[event(EventKind::WorkerLeft, "E-1", 2, json!({}))]).await;
        waits(&mut world, WaitingFor::FirstCheck).await;
        mute.abort();
        waits(&mut world, WaitingFor::Writer).await;
        let elsewhere = play_without_target(world.bus.clone()).await;
        world.execute("UPDATE mapper_obligations SET next_check_at = 0").await;
        waits(&mut world, WaitingFor::Target).await;
        elsewhere.abort();
        let _accounts = play_writer(world.bus.clone()).await;
        world.execute("UPDATE mapper_obligations SET next_check_at = 0").await;
        waits(&mut world, WaitingFor::Delivery).await;
        world.stop_mappers().await;
    }
}

/// Returns a command that switches an account off, with a payload of `bytes` bytes.
fn switch_off(target: &str, subject: &str, bytes: usize) -> OutgoingMessage {
    let attributes = lifecycle::AttributeMap::from([("notes".to_owned(), "x".repeat(bytes).into())]);
    let account = lifecycle::DesiredAccount {
        state: AccountState::Disabled,
        attributes,
        ..serde_json::from_value(json!({ "state": "disabled", "attributes": {} })).unwrap()
    };
    let command = Command {
        id: CommandId::fresh(),
        target: target.to_owned(),
        subject: subject.to_owned(),
        revision: 1,
        lane: Lane::Leaver,
        desired: DesiredState::User(account),
        event: None,
        accepted_at: time::OffsetDateTime::UNIX_EPOCH,
        guard: None,
        planned: false,
        ordered: false,
        needs_approval: false,
        stated_at: None,
        orphans: None,
    };
    OutgoingMessage::command(&command, TraceContext::root())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaver_behind_a_full_stream_says_so_until_there_is_room() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    world.send(&[joined("E-1", 1, "HR")]).await;
    world.settle().await;
    let _accounts = play_writer(world.bus.clone()).await;
    let mut config = world.broker();
    let room = config.max_bytes.commands;
    config.max_bytes.commands = 256 << 10;
    config.publish_timeout_ms = 1_000;
    let full = Bus::connect(&config, "full").await.unwrap();
    full.ensure_streams().await.unwrap();
    for bytes in [20_000, 100] {
        for n in 0.. {
            let message = switch_off("other", &format!("X-{bytes}-{n}"), bytes);
            if full.publish(vec![message]).await[0].is_err() {
                break;
            }
        }
    }
    world.send(&[event(EventKind::WorkerLeft, "E-1", 2, json!({}))]).await;
    let waiting = waits(&mut world, WaitingFor::Outbox).await;
    assert!(waiting.detail.unwrap().starts_with("in the outbox of the mapper since "));
    config.max_bytes.commands = room;
    let roomy = Bus::connect(&config, "roomy").await.unwrap();
    roomy.ensure_streams().await.unwrap();
    waits(&mut world, WaitingFor::Delivery).await;
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaver_whose_command_the_broker_refuses_says_so_with_the_cause() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        let _accounts = play_writer(world.bus.clone()).await;
        world.send(&[joined("E-1", 1, "HR")]).await;
        world.settle().await;
        world.send(&[event(EventKind::WorkerLeft, "E-1", 2, json!({}))]).await;
        world
            .until("it has an obligation", async |w| {
                !listed(w, LeaversRequest::default()).await.leavers.is_empty()
            })
            .await;
        let store = Store::connect(&world.url).await.unwrap();
        let tx = store.begin().await.unwrap();
        let messages = serde_json::to_string(&[switch_off("crm", "E-1", 10)]).unwrap();
        let row = OutboxRow { id: "refused".to_owned(), created_at: 1, messages };
        outbox::put_aside(&tx, "mapper", outbox::OutboxLane::Departures, &row, "too large").await.unwrap();
        tx.commit().await.unwrap();
        world.execute("UPDATE mapper_obligations SET next_check_at = 0").await;
        let waiting = waits(&mut world, WaitingFor::Refusal).await;
        assert_eq!(waiting.detail.as_deref(), Some("too large"));
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_that_is_due_to_be_verified_and_cannot_be_says_since_when_and_why() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        let accounts = play_writer(world.bus.clone()).await;
        world.send(&[joined("E-1", 1, "HR")]).await;
        world.settle().await;
        world.send(&[event(EventKind::WorkerLeft, "E-1", 2, json!({}))]).await;
        world.settle().await;
        let why = "not verified since 2026-01-01T00:00:00Z: by ann: maintenance";
        say(&accounts, "E-1", Some("read_back"), Some(WaitReason::because(WaitingFor::Pause, why)));
        let unverified = until_waiting(&mut world, "E-1", WaitingFor::Pause).await;
        assert_eq!(unverified.waiting.unwrap().detail.as_deref(), Some(why));
        let reply = listed(&world, LeaversRequest::default()).await;
        assert_eq!((reply.counts.with_access, reply.counts.unverified, reply.leavers.len()), (0, 1, 1));
        assert_eq!(reply.leavers[0].state, lifecycle::ObligationState::Proven);
        say(&accounts, "E-1", Some("read_back"), None);
        world.execute("UPDATE mapper_obligations SET next_check_at = 0").await;
        world.until("it is verified", async |w| of(w, "E-1").await.waiting.is_none()).await;
        assert_eq!(listed(&world, LeaversRequest::default()).await.counts.unverified, 0);
        world.stop_mappers().await;
    }
}

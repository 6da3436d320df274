//! Tests of verification: desired states are compared with the writer's, and sent again where they differ.

use std::sync::{Arc, Mutex};

use bus::Bus;
use lifecycle::digest::{DesiredEntry, RangeDigests};
use lifecycle::{
    AccountState, Actor, DesiredState, DigestsReply, DigestsRequest, EntriesReply, EntriesRequest, Event,
    EventKind, Lane, ObligationState, OperatorVerb as _, ResourceKind, VerificationState, VerifiedRequest,
    VerifyReply, VerifyRequest, verbs,
};
use serde_json::json;
use store::testing::test_databases;

use crate::world::{EVERYBODY, World, event, joined};

/// The state of a test's writer, for the mapper to compare.
#[derive(Default)]
struct Believed {
    accounts: Vec<DesiredEntry>,
    /// The requests that report a target as verified.
    verified: Vec<VerifiedRequest>,
    /// The time at which the target was found to be restored; microseconds.
    restored_at: Option<i64>,
}

/// Answers as the writer does.
async fn writer(bus: Bus, believed: Arc<Mutex<Believed>>) {
    let mut server = bus.serve("writer").await.unwrap();
    while let Some(request) = server.next().await {
        let of = |kind| match kind {
            ResourceKind::User => believed.lock().unwrap().accounts.clone(),
            _ => Vec::new(),
        };
        match request.verb.as_str() {
            verbs::DigestsVerb::NAME => {
                let asked: DigestsRequest = request.question().unwrap();
                let mut digests = RangeDigests::default();
                of(asked.kind).iter().for_each(|entry| digests.add(entry));
                let restored_at = believed.lock().unwrap().restored_at;
                let reply = DigestsReply { at: 7, digests, next: None, rules: 1, restored_at };
                request.reply(&reply).await;
            }
            verbs::EntriesVerb::NAME => {
                let asked: EntriesRequest = request.question().unwrap();
                let mut entries = of(asked.kind);
                entries.retain(|entry| asked.buckets.contains(&entry.bucket()));
                request.reply(&EntriesReply { entries, next: None }).await;
            }
            verbs::VerifiedVerb::NAME => {
                let told: VerifiedRequest = request.question().unwrap();
                believed.lock().unwrap().verified.push(told);
                request.reply(&()).await;
            }
            // The mapper asks about leavers as well, once they are off for a second.
            _ => request.refuse(lifecycle::ControlError::refused("it only verifies")).await,
        }
    }
}

fn entry(key: &str, revision: i64, gives: bool) -> DesiredEntry {
    DesiredEntry { subject: key.to_owned(), member: None, revision, content: 1, gives }
}

async fn verify(world: &World) -> VerifyReply {
    let actor = Actor { who: "alice".to_owned(), why: "look".to_owned() };
    let request = VerifyRequest { target: None, orders_complete: false, actor };
    let patience = std::time::Duration::from_secs(20);
    let asked: VerifyReply = world.bus.ask::<verbs::VerifyVerb>(&request, patience).await.unwrap();
    loop {
        let reply: VerifyReply = world.bus.ask::<verbs::VerificationsVerb>(&(), patience).await.unwrap();
        let is_done = reply
            .verifications
            .iter()
            .any(|one| one.began_at >= asked.asked_at && one.state != VerificationState::Running);
        if is_done {
            return reply;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_writer_has_differently_is_sent_again_leavers_first_and_what_nobody_knows_is_listed() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        let everybody: Vec<Event> =
            ["E-1", "E-2", "E-3", "E-4"].iter().map(|key| joined(key, 1, "HR")).collect();
        world.send(&everybody).await;
        world.settle().await;
        world.send(&[event(EventKind::WorkerLeft, "E-1", 2, json!({}))]).await;
        world.send(&[event(EventKind::WorkerLeft, "E-5", 2, json!({}))]).await;
        world.send(&[event(EventKind::WorkerLeft, "E-6", 2, json!({}))]).await;
        world.settle().await;
        let last = world.last_resources();
        let decided = |key: &str| &last[&("crm".to_owned(), ResourceKind::User, key.to_owned())];
        let same = |key: &str| {
            let (revision, desired) = decided(key);
            let content = lifecycle::digest::content_hash(&serde_json::to_string(desired).unwrap());
            DesiredEntry { content, ..entry(key, *revision, true) }
        };
        // E-1 left, but the writer missed it. For E-2 the writer has a later revision. It does not know E-3. E-4 agrees. E-5 and
        // E-6 left before any desired state existed here, as after a loss; E-6 must be off, but may be on, for example because
        // an operator rejected that. are unknown here; X-2 has no access.
        let ahead = decided("E-2").0 + 1_000;
        let believed = Believed {
            accounts: vec![
                entry("E-1", 3, true),
                entry("E-2", ahead, true),
                same("E-4"),
                entry("E-5", 4, true),
                entry("E-6", 4, false),
                entry("X-1", 1, true),
                entry("X-2", 1, false),
            ],
            ..Believed::default()
        };
        let believed = Arc::new(Mutex::new(believed));
        let answering = tokio::spawn(writer(world.bus.clone(), Arc::clone(&believed)));
        let before = world.commands.len();
        let reply = verify(&world).await;
        let [found] = &reply.verifications[..] else { panic!("one target: {reply:?}") };
        assert_eq!(found.state, VerificationState::Finished, "{found:?}");
        assert_eq!((found.compared, found.differed, found.leavers), (4, 5, 2), "{found:?}");
        assert_eq!((found.sent_again, &found.unknown_subjects[..]), (5, &["X-1".to_owned()][..]));
        assert_eq!(believed.lock().unwrap().verified.last().map(|told| told.begun), Some(7));
        world.until("all of it came", async |world| world.commands.len() >= before + 5).await;
        for key in ["E-1", "E-5", "E-6"] {
            let sent = world.commands[before..].iter().find(|command| command.subject == key).unwrap();
            let DesiredState::User(account) = &sent.desired else { panic!("an account") };
            assert_eq!((account.state, sent.lane), (AccountState::Disabled, Lane::Leaver), "{key}");
            assert!(sent.revision > 4);
        }
        for (key, theirs) in [("E-2", ahead), ("E-3", 0)] {
            let sent = world.commands[before..].iter().find(|command| command.subject == key).unwrap();
            let DesiredState::User(account) = &sent.desired else { panic!("an account") };
            assert_eq!((account.state, sent.lane), (AccountState::Active, Lane::Backfill), "{key}");
            assert!(sent.revision > theirs);
        }
        assert_eq!(
            crate::leavers::of(&world, "E-6").await.state,
            ObligationState::Open,
            "its evidence is asked for"
        );
        answering.abort();
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_changes_nothing_is_sent_once_after_a_restore() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        world.send(&[joined("E-1", 1, "HR"), joined("E-2", 1, "HR")]).await;
        world.settle().await;
        let again = |second| joined("E-1", second, "HR");
        let changed = event(EventKind::WorkerChanged, "E-1", 2, json!({ "department": "HR" }));
        let before = world.commands.len();
        world.send(&[again(2)]).await;
        world.settle().await;
        assert_eq!(world.commands.len(), before, "nothing was restored");

        let last = world.last_resources();
        let accounts = ["E-1", "E-2"].map(|key| {
            let (revision, desired) = &last[&("crm".to_owned(), ResourceKind::User, key.to_owned())];
            let content = lifecycle::digest::content_hash(&serde_json::to_string(desired).unwrap());
            DesiredEntry { content, ..entry(key, *revision, true) }
        });
        let restored_at = lifecycle::unix_micros(again(2).accepted_at) + 1;
        let believed =
            Believed { accounts: accounts.to_vec(), restored_at: Some(restored_at), ..Believed::default() };
        let answering = tokio::spawn(writer(world.bus.clone(), Arc::new(Mutex::new(believed))));
        verify(&world).await;
        assert_eq!(world.commands.len(), before, "a restore alone says nothing about people");
        world.send(&[changed]).await;
        world.settle().await;
        assert_eq!(world.commands.len(), before, "attributes say nothing about employment");
        world.send(&[again(3)]).await;
        world.settle().await;
        let sent: Vec<&str> = world.commands[before..].iter().map(|command| &*command.subject).collect();
        assert_eq!(sent, ["E-1"]);
        let stated_at = world.commands[before].stated_at.map(lifecycle::unix_micros);
        assert!(stated_at > Some(restored_at), "{stated_at:?}");
        world.send(&[again(4)]).await;
        world.settle().await;
        assert_eq!(world.commands.len(), before + 1, "once is enough");
        answering.abort();
        world.stop_mappers().await;
    }
}

//! Tests of obligations: opened by decisions, closed by the writer's evidence only, and opened again when it is gone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bus::Bus;
use lifecycle::{
    AccessOrderKind, AccessOrderStatus, AccessOrdersReply, AccessOrdersRequest, AccountEvidence,
    AccountOffEvidence, AccountState, Actor, EventKind, EvidenceReply, EvidenceRequest, Fact, Lane,
    LeaverCause, LeaversReply, LeaversRequest, MapperStatus, MembershipEvidence, MembershipKey, Obligation,
    ObligationState, OperatorVerb as _, OrderAccessRequest, WaitHelper, WaitReason, WaitingFor, verbs,
};
use serde_json::json;
use store::testing::{sqlite_database, test_databases};
use time::OffsetDateTime;

use crate::operators::ask;
use crate::world::{EVERYBODY, World, event, group, joined, members};

/// The answers of a test's writer for each person, and for each `group/person`. It knows nothing of others.
pub(crate) type Accounts = Arc<Mutex<BTreeMap<String, AccountEvidence>>>;

/// Starts a writer that answers from the returned map.
pub(crate) async fn play_writer(bus: Bus) -> Accounts {
    let accounts = Accounts::default();
    let mut server = bus.serve("writer").await.unwrap();
    let known = Arc::clone(&accounts);
    tokio::spawn(async move {
        while let Some(request) = server.next().await {
            if request.verb != verbs::EvidenceVerb::NAME {
                continue; // The mapper compares digests as well; this writer has none.
            }
            let asked: EvidenceRequest = request.question().unwrap();
            let reply = {
                let known = known.lock().unwrap();
                let membership = |key: &MembershipKey| {
                    let account = known.get(&format!("{}/{}", key.group, key.person))?.clone();
                    let AccountEvidence { revision, off, waiting, .. } = account;
                    Some(MembershipEvidence { key: key.clone(), revision, off, waiting })
                };
                EvidenceReply {
                    accounts: asked.people.iter().filter_map(|person| known.get(person).cloned()).collect(),
                    memberships: asked.memberships.iter().filter_map(membership).collect(),
                }
            };
            request.reply(&reply).await;
        }
    });
    accounts
}

pub(crate) fn say(accounts: &Accounts, person: &str, off: Option<&str>, waiting: Option<WaitReason>) {
    let off = off.map(|kind| AccountOffEvidence { kind: kind.to_owned(), at: OffsetDateTime::now_utc() });
    let account = AccountEvidence { person: person.to_owned(), revision: i64::MAX, off, waiting };
    accounts.lock().unwrap().insert(person.to_owned(), account);
}

pub(crate) async fn listed(world: &World, request: LeaversRequest) -> LeaversReply {
    ask::<verbs::LeaversVerb>(world, LeaversRequest { limit: 100, ..request }).await.unwrap()
}

pub(crate) async fn of(world: &World, person: &str) -> Obligation {
    let states = ObligationState::ALL.to_vec();
    let request = LeaversRequest { person: Some(person.to_owned()), states, ..LeaversRequest::default() };
    let mut found = listed(world, request).await.leavers;
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

pub(crate) async fn until_state(world: &mut World, person: &str, state: ObligationState) -> Obligation {
    let named = person.to_owned();
    world
        .until(&format!("{person} is {state:?}"), async move |world| of(world, &named).await.state == state)
        .await;
    of(world, person).await
}

pub(crate) async fn until_waiting(world: &mut World, person: &str, reason: WaitingFor) -> Obligation {
    let named = person.to_owned();
    let is_so = async move |world: &mut World| {
        of(world, &named).await.waiting.is_some_and(|waiting| waiting.reason == reason)
    };
    world.until(&format!("{person} waits for {reason:?}"), is_so).await;
    of(world, person).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_departure_is_open_until_evidence_closes_it_and_open_again_when_the_evidence_vanishes() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        world.send(&[joined("E-1", 1, "HR"), joined("E-2", 1, "HR")]).await;
        world.settle().await;
        assert_eq!(listed(&world, LeaversRequest::default()).await, LeaversReply::default());
        let left = event(EventKind::WorkerLeft, "E-1", 2, json!({}));
        world.send(std::slice::from_ref(&left)).await;
        world.settle().await;
        let silent = until_waiting(&mut world, "E-1", WaitingFor::Writer).await;
        assert_eq!((silent.cause, silent.target.as_str()), (LeaverCause::Left, "crm"));
        assert_eq!((silent.said_at, silent.effective_at), (Some(left.time), left.effective_at));
        assert_eq!(silent.helper, Some(WaitHelper::Infrastructure));
        let accounts = play_writer(world.bus.clone()).await;
        until_waiting(&mut world, "E-1", WaitingFor::Delivery).await;
        say(&accounts, "E-1", None, Some(WaitReason::because(WaitingFor::Pause, "by alice: maintenance")));
        let paused = until_waiting(&mut world, "E-1", WaitingFor::Pause).await;
        assert_eq!(paused.waiting.unwrap().detail.as_deref(), Some("by alice: maintenance"));
        assert_eq!(paused.helper, Some(WaitHelper::Operator));
        let status: MapperStatus = ask::<verbs::MapperStatusVerb>(&world, ()).await.unwrap();
        assert_eq!((status.leavers.with_access, status.leavers.by_target["crm"].with_access), (1, 1));
        say(&accounts, "E-1", Some("read_back"), None);
        let proven = until_state(&mut world, "E-1", ObligationState::Proven).await;
        assert_eq!(proven.evidence.unwrap().kind, "read_back");
        assert!(proven.waiting.is_none() && proven.verified_at.is_some(), "{:?}", proven.verified_at);
        let status: MapperStatus = ask::<verbs::MapperStatusVerb>(&world, ()).await.unwrap();
        assert_eq!(status.leavers.with_access, 0);
        // The account was active and off again between two comparisons: the evidence is a later one.
        say(&accounts, "E-1", Some("answer"), None);
        world.execute("UPDATE mapper_obligations SET next_check_at = 0").await;
        world.until("it is noticed", async |world| of(world, "E-1").await.reopened_at.is_some()).await;
        assert_eq!(of(&world, "E-1").await.state, ObligationState::Proven);
        // The account was enabled by hand; the time at which a proof is verified again has come.
        say(&accounts, "E-1", None, Some(WaitReason::new(WaitingFor::Queue)));
        world.execute("UPDATE mapper_obligations SET next_check_at = 0").await;
        let again = until_state(&mut world, "E-1", ObligationState::Open).await;
        assert!(again.reopened_at.is_some() && again.evidence.is_none(), "{again:?}");
        assert_eq!(again.id, proven.id);
        world.until("it is overdue", async |world| of(world, "E-1").await.overdue).await;
        // A rehire ends it.
        world.send(&[event(EventKind::WorkerRehired, "E-1", 3, json!({}))]).await;
        world.settle().await;
        let ended = until_state(&mut world, "E-1", ObligationState::Ended).await;
        assert!(ended.ended_at.is_some());
        assert_eq!(listed(&world, LeaversRequest::default()).await.leavers, []);
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_of_an_older_command_does_not_close_it() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    let accounts = play_writer(world.bus.clone()).await;
    world.send(&[joined("E-1", 1, "HR"), event(EventKind::WorkerLeft, "E-1", 2, json!({}))]).await;
    world.settle().await;
    world.send(&[event(EventKind::WorkerRehired, "E-1", 3, json!({}))]).await;
    world.settle().await;
    world.send(&[event(EventKind::WorkerLeft, "E-1", 4, json!({}))]).await;
    world.settle().await;
    let states = vec![ObligationState::Open];
    let request = LeaversRequest { person: Some("E-1".to_owned()), states, ..LeaversRequest::default() };
    let open = listed(&world, request.clone()).await.leavers;
    say(&accounts, "E-1", Some("read_back"), None);
    accounts.lock().unwrap().get_mut("E-1").unwrap().revision = open[0].revision - 1;
    let wanted = request.clone();
    world
        .until("it was compared", async move |world| {
            let open = listed(world, wanted.clone()).await.leavers;
            open[0].waiting.as_ref().is_some_and(|waiting| waiting.reason == WaitingFor::Delivery)
        })
        .await;
    accounts.lock().unwrap().get_mut("E-1").unwrap().revision += 1;
    world
        .until("it is proven", async move |world| listed(world, request.clone()).await.leavers.is_empty())
        .await;
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_the_policy_keeps_is_listed_as_kept_until_the_policy_or_the_person_changes() {
    let keeps = EVERYBODY.replacen("users:\n", "users:\n  leaver: { action: none }\n", 1);
    let mut world = World::running(sqlite_database(), &keeps).await;
    let accounts = play_writer(world.bus.clone()).await;
    let left = |person, said| event(EventKind::WorkerLeft, person, said, json!({}));
    world.send(&[joined("E-1", 1, "HR"), joined("E-2", 1, "HR")]).await;
    world.settle().await;
    world.send(&[left("E-1", 2), left("E-2", 2)]).await;
    world.settle().await;
    let reply = listed(&world, LeaversRequest::default()).await;
    assert_eq!((reply.counts.with_access, reply.counts.kept_by_policy), (0, 2));
    assert!(reply.leavers.iter().all(|leaver| leaver.state == ObligationState::KeptByPolicy));
    world.send(&[event(EventKind::WorkerRehired, "E-2", 3, json!({}))]).await;
    world.settle().await;
    until_state(&mut world, "E-2", ObligationState::Ended).await;
    say(&accounts, "E-1", Some("read_back"), None);
    world.write_policy(EVERYBODY);
    let proven = until_state(&mut world, "E-1", ObligationState::Proven).await;
    assert_eq!(proven.id, reply.leavers.iter().find(|leaver| leaver.person == "E-1").unwrap().id);
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_overdue_is_told_once_and_told_again_when_it_is_proven() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    let accounts = play_writer(world.bus.clone()).await;
    let mut journal = world.bus.consume::<bus::FactBatch>(bus::StreamName::Journal, "test").await.unwrap();
    world.send(&[joined("E-1", 1, "HR")]).await;
    world.settle().await;
    let mut left = event(EventKind::WorkerLeft, "E-1", 2, json!({}));
    left.accepted_at = OffsetDateTime::now_utc();
    world.send(&[left]).await;
    world.settle().await;
    assert!(!of(&world, "E-1").await.overdue, "the objective counts from the receipt");
    world.execute("UPDATE mapper_obligations SET due_at = 1").await;
    let overdue = LeaversRequest { overdue: true, ..LeaversRequest::default() };
    assert_eq!(listed(&world, overdue).await.leavers.len(), 1);
    let mut told = Vec::new();
    while told.is_empty() {
        told = leaver_facts(&mut journal).await;
    }
    assert!(matches!(told[..], [Fact::LeaverOverdue { .. }]), "{told:?}");
    say(&accounts, "E-1", Some("absent"), None);
    until_state(&mut world, "E-1", ObligationState::Proven).await;
    let mut told = Vec::new();
    while told.is_empty() {
        told = leaver_facts(&mut journal).await;
    }
    let [Fact::LeaverProven { evidence, was_overdue, .. }] = &told[..] else { panic!("{told:?}") };
    assert_eq!((evidence.as_str(), *was_overdue), ("absent", true));
    world.stop_mappers().await;
}

async fn leaver_facts(journal: &mut bus::Consumer<bus::FactBatch>) -> Vec<Fact> {
    let mut told = Vec::new();
    for delivery in journal.next_batch(64).await.unwrap() {
        let facts = delivery.body.as_ref().unwrap().0.iter().map(|record| record.fact.clone());
        told.extend(facts.filter(|fact| fact.name().starts_with("leaver_")));
        delivery.ack().await;
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_from_a_group_that_a_target_has_is_open_until_a_member_list_without_the_account_closes_it()
{
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        let accounts = play_writer(world.bus.clone()).await;
        let of_both = |kind, group: &str, said| members(kind, group, said, &["E-1", "E-2"]);
        world.send(&[joined("E-1", 1, "HR"), joined("E-2", 1, "HR")]).await;
        // No policy sends the second group to a target: it gives no access there.
        world.send(&[group("G-1", 1, "SEC-a"), group("G-2", 1, "Choir")]).await;
        world.settle().await;
        world.send(&["G-1", "G-2"].map(|group| of_both(EventKind::GroupMemberAdded, group, 2))).await;
        world.settle().await;
        assert_eq!(listed(&world, LeaversRequest::default()).await, LeaversReply::default());

        world.send(&["G-1", "G-2"].map(|group| of_both(EventKind::GroupMemberRemoved, group, 3))).await;
        world.settle().await;
        let open = until_waiting(&mut world, "E-1", WaitingFor::Delivery).await;
        assert_eq!(open.cause, LeaverCause::RemovedFromGroup);
        assert_eq!(open.member_of.as_deref(), Some("G-1"));
        let status: MapperStatus = ask::<verbs::MapperStatusVerb>(&world, ()).await.unwrap();
        assert_eq!((status.leavers.with_access, status.leavers.by_target["crm"].with_access), (2, 2));
        say(&accounts, "G-1/E-1", Some("member_list"), None);
        let proven = until_state(&mut world, "E-1", ObligationState::Proven).await;
        assert_eq!(proven.evidence.unwrap().kind, "member_list");

        // Added again by hand, and then by a statement of the source.
        say(&accounts, "G-1/E-1", None, Some(WaitReason::new(WaitingFor::Queue)));
        world.execute("UPDATE mapper_obligations SET next_check_at = 0").await;
        let again = until_state(&mut world, "E-1", ObligationState::Open).await;
        assert!(again.reopened_at.is_some() && again.id == proven.id);
        world.send(&[of_both(EventKind::GroupMemberAdded, "G-1", 4)]).await;
        world.settle().await;
        for person in ["E-1", "E-2"] {
            until_state(&mut world, person, ObligationState::Ended).await;
        }
        world.stop_mappers().await;
    }
}

async fn order(world: &World, order: AccessOrderKind, lift: bool, until: Option<OffsetDateTime>) {
    let actor = Actor { who: "alice".to_owned(), why: "incident 7".to_owned() };
    let request = OrderAccessRequest { person: "E-1".to_owned(), order, lift, until, actor };
    let _: AccessOrderStatus = ask::<verbs::OrderAccessVerb>(world, request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_is_ordered_off_is_off_whatever_sources_say_until_the_order_is_lifted_or_ends() {
    for database in test_databases() {
        let keeps = EVERYBODY.replacen("users:\n", "users:\n  leaver: { action: none }\n", 1);
        let mut world = World::running(database, &keeps).await;
        let _accounts = play_writer(world.bus.clone()).await;
        world.send(&[joined("E-1", 1, "HR")]).await;
        world.settle().await;
        order(&world, AccessOrderKind::Off, false, None).await;
        world.until("it is off", async |world| world.state("E-1") == Some(AccountState::Disabled)).await;
        assert_eq!(of(&world, "E-1").await.cause, LeaverCause::Operator);
        world.send(&[event(EventKind::WorkerRehired, "E-1", 2, json!({ "department": "Sales" }))]).await;
        world.settle().await;
        assert_eq!(world.state("E-1"), Some(AccountState::Disabled));
        let orders: AccessOrdersReply =
            ask::<verbs::AccessOrdersVerb>(&world, AccessOrdersRequest { limit: 10, ..Default::default() })
                .await
                .unwrap();
        let told: Vec<_> =
            orders.orders.iter().map(|order| (order.person.as_str(), order.in_force, &*order.why)).collect();
        assert_eq!(told, [("E-1", true, "incident 7")]);
        order(&world, AccessOrderKind::Off, true, None).await;
        world.until("it is on", async |world| world.state("E-1") == Some(AccountState::Active)).await;
        until_state(&mut world, "E-1", ObligationState::Ended).await;
        let soon = OffsetDateTime::now_utc() + time::Duration::milliseconds(1_500);
        order(&world, AccessOrderKind::Off, false, Some(soon)).await;
        world.until("it is off", async |world| world.state("E-1") == Some(AccountState::Disabled)).await;
        world.until("it ends", async |world| world.state("E-1") == Some(AccountState::Active)).await;
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_sent_although_the_person_has_left_already() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        world.send(&[joined("E-1", 1, "HR")]).await;
        world.settle().await;
        world.send(&[event(EventKind::WorkerLeft, "E-1", 2, json!({}))]).await;
        world.settle().await;
        let before = world.commands.len();
        assert!(!world.commands[before - 1].ordered);
        // The guard may hold the departure. The order is sent, so that it does not.
        order(&world, AccessOrderKind::Off, false, None).await;
        world.until("it is sent", async |world| world.commands.len() > before).await;
        let sent = &world.commands[before];
        assert!(sent.ordered && sent.lane == Lane::Leaver, "{sent:?}");
        assert!(sent.revision > world.commands[before - 1].revision);
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_ordered_to_be_kept_is_off_and_not_deleted() {
    let deletes = EVERYBODY.replacen("users:\n", "users:\n  leaver: { action: delete }\n", 1);
    let mut world = World::running(sqlite_database(), &deletes).await;
    world.send(&[joined("E-1", 1, "HR")]).await;
    world.settle().await;
    order(&world, AccessOrderKind::Keep, false, None).await;
    world.send(&[event(EventKind::WorkerLeft, "E-1", 2, json!({}))]).await;
    world.settle().await;
    assert_eq!(world.state("E-1"), Some(AccountState::Disabled));
    order(&world, AccessOrderKind::Keep, true, None).await;
    world.until("it is deleted", async |world| world.state("E-1") == Some(AccountState::Deleted)).await;
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_that_was_told_while_the_group_was_gone_is_owed_once_a_target_has_the_group_again() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        let accounts = play_writer(world.bus.clone()).await;
        world.send(&[joined("E-1", 1, "HR"), group("G-1", 1, "SEC-a")]).await;
        world.settle().await;
        world.send(&[members(EventKind::GroupMemberAdded, "G-1", 2, &["E-1"])]).await;
        world.settle().await;
        // The group is out of the policy's scope for a while.
        world.send(&[group("G-1", 3, "Choir")]).await;
        world.settle().await;
        world.send(&[members(EventKind::GroupMemberRemoved, "G-1", 4, &["E-1"])]).await;
        world.settle().await;
        assert_eq!(listed(&world, LeaversRequest::default()).await.leavers, []);
        world.send(&[group("G-1", 5, "SEC-a")]).await;
        world.settle().await;
        let owed = until_waiting(&mut world, "E-1", WaitingFor::Delivery).await;
        assert_eq!(owed.member_of.as_deref(), Some("G-1"));
        let told = world.edges("G-1").pop().unwrap();
        assert_eq!((told.member.as_str(), told.present), ("E-1", false), "the target is told, too");
        say(&accounts, "G-1/E-1", Some("member_list"), None);
        until_state(&mut world, "E-1", ObligationState::Proven).await;
        world.stop_mappers().await;
    }
}

//! Memberships in doubt are read back, and dead letters are closed when a newer command replaces them.

use lifecycle::{
    AccountState, DesiredAccount, DesiredState, Fact, PolicyActions, ReplayOutcome, RequestAttempt,
    ResourceKind, verbs,
};
use sandbox::{FaultRule, InjectedFault};
use serde_json::json;

use crate::world::{World, account, active, group, name_of, person};

async fn with_a_group_of_one() -> World {
    let world = World::start().await;
    world.want("E-1", 1, DesiredState::User(active("E-1", json!({})))).await;
    world.want("G-1", 1, DesiredState::Group(group("SEC-1"))).await;
    world
}

fn is_member(world: &World, key: &str) -> bool {
    world.sandbox.state().groups["SEC-1"].members.contains(&name_of(key))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_membership_that_a_503_left_in_doubt_is_read_back_before_it_is_sent_again() {
    let world = with_a_group_of_one().await;
    let carried_out =
        InjectedFault::Status { status: 503, retry_after: None, scim_type: None, after_work: true };
    let rule = FaultRule::new(carried_out).method("PATCH").path("/Groups").times(1);
    world.sandbox.faults().inject(rule);
    let before = world.sandbox.ledger().len();
    world.members("G-1", 1, &[("E-1", true)]).await;
    world
        .until("the member is known to be there", async || {
            is_member(&world, "E-1") && world.row(ResourceKind::Group, "G-1").await.memberships_pending == 0
        })
        .await;
    world
        .until("the edge is settled", async || {
            let rows = world.query("SELECT status FROM writer_edges").await;
            rows.iter().all(|row| row.try_get::<String>("", "status").unwrap() == "in_sync")
                && rows.len() == 1
        })
        .await;
    let sent = world.sandbox.ledger().since(before, 100);
    let patches = sent.iter().filter(|entry| &*entry.method == "PATCH").count();
    assert_eq!(patches, 1, "it was carried out, so it is not sent twice: {sent:?}");
    assert_eq!(sent.last().unwrap().method.to_string(), "GET");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_word_on_a_dead_membership_closes_its_letter_and_reads_the_group_first() {
    let world = with_a_group_of_one().await;
    let refused = InjectedFault::Status { status: 400, retry_after: None, scim_type: None, after_work: true };
    world.sandbox.faults().inject(FaultRule::new(refused).method("PATCH").path("/Groups").times(1));
    world.members("G-1", 1, &[("E-1", true)]).await;
    let letter = world.died().await;
    assert_eq!(world.letter_state(&letter.id).await, "open");
    assert!(is_member(&world, "E-1"), "the target did it all the same");

    let before = world.sandbox.ledger().len();
    world.members("G-1", 2, &[("E-1", false)]).await;
    world.until("the member is out", async || !is_member(&world, "E-1")).await;
    let sent = world.sandbox.ledger().since(before, 100);
    assert_eq!(sent.first().unwrap().method.to_string(), "GET", "{sent:?}");
    world.told("the letter is closed", |record| {
        matches!(&record.fact, Fact::Discarded { dead_letter, who, .. } if *dead_letter == letter.id && who == "usher")
    })
    .await;
    assert_eq!(world.letter_state(&letter.id).await, "discarded");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leaver_never_takes_the_account_that_is_linked_to_somebody_else() {
    for state in [AccountState::Disabled, AccountState::Deleted] {
        let world = World::start().await;
        let actions = PolicyActions { update: false, ..PolicyActions::default() };
        world.seed(json!({ "userName": name_of("E-1"), "active": true }));
        world
            .want("E-1", 1, DesiredState::User(DesiredAccount { actions, ..active("E-1", json!({})) }))
            .await;
        let gone = account(state, person("E-2", json!({ "userName": name_of("E-1") })));
        let (row, sent) = world.want("E-2", 1, DesiredState::User(gone)).await;
        assert_eq!(row.status.as_deref(), Some("conflict"));
        assert!(row.error.unwrap().contains("linked to E-1 already"));
        assert!(sent.iter().all(|entry| &*entry.method == "GET"), "{sent:?}");
        assert!(world.user("E-1").unwrap().active);
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_outlives_a_404_of_its_group() {
    for database in store::testing::test_databases() {
        let world = World::over(database, "").await;
        for key in ["E-1", "E-2"] {
            world.want(key, 1, DesiredState::User(active(key, json!({})))).await;
        }
        world.want("G-1", 1, DesiredState::Group(group("SEC-1"))).await;
        world.members("G-1", 1, &[("E-1", true), ("E-2", true)]).await;
        world.until("both are in", async || is_member(&world, "E-1") && is_member(&world, "E-2")).await;

        // For a moment the target does not know the group: it can be neither changed nor read.
        let unknown = || FaultRule::new(InjectedFault::status(404)).path("/Groups/").times(1);
        world.sandbox.faults().inject(unknown().method("PATCH"));
        world.sandbox.faults().inject(unknown().method("GET"));
        world.members("G-1", 2, &[("E-1", false)]).await;
        world.until("the removal is carried out all the same", async || !is_member(&world, "E-1")).await;
        world.settled(ResourceKind::Group, "G-1", 1).await;
        assert!(is_member(&world, "E-2"), "the desired member is in");
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_is_told_of_each_request_about_a_membership_and_of_what_it_came_to() {
    let world = with_a_group_of_one().await;
    world.want("G-2", 1, DesiredState::Group(group("SEC-2"))).await;
    let requested = |operation: &'static str, group: &'static str, revision: i64| {
        move |record: &lifecycle::FactRecord| {
            record.subject == "E-1"
                && matches!(&record.fact, Fact::Attempted(RequestAttempt { operation: is, member_of: Some(of), revision: at, .. })
                    if is == operation && of == group && *at == revision)
        }
    };
    let came_to = |came_to: &'static str, group: &'static str| {
        move |record: &lifecycle::FactRecord| {
            record.subject == "E-1"
                && matches!(&record.fact, Fact::Settled { outcome, member_of: Some(of), .. } if outcome == came_to && of == group)
        }
    };
    // Both have the same revision and the same time: neither may hide the other.
    world.members("G-1", 1, &[("E-1", true)]).await;
    world.members("G-2", 1, &[("E-1", true)]).await;
    for group in ["G-1", "G-2"] {
        world.told("the request", requested("add_members", group, 1)).await;
        world.told("its result", came_to("member_added", group)).await;
    }

    // The answer is lost: a reading shows that the change was carried out.
    let lost = FaultRule::new(InjectedFault::ResetAfterWork).method("PATCH").path("/Groups").times(1);
    world.sandbox.faults().inject(lost);
    world.members("G-1", 2, &[("E-1", false)]).await;
    world.told("the request", requested("remove_members", "G-1", 2)).await;
    world.told("its result", came_to("member_removed", "G-1")).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_letter_of_a_membership_names_its_group_and_the_request_that_a_replay_sends() {
    let world = with_a_group_of_one().await;
    let refused =
        InjectedFault::Status { status: 400, retry_after: None, scim_type: None, after_work: false };
    world.sandbox.faults().inject(FaultRule::new(refused).method("PATCH").path("/Groups").times(1));
    world.members("G-1", 1, &[("E-1", true)]).await;
    let letter = world.died().await;
    assert_eq!((letter.subject.as_str(), letter.member_of.as_deref()), ("E-1", Some("G-1")));
    assert_eq!(letter.failures.len(), 1);

    let (groups, users) = (world.sandbox.state().groups, world.sandbox.state().users);
    let (group_id, user_id) = (&groups["SEC-1"].id, &users[&name_of("E-1")].id);
    let request = lifecycle::PreviewReplayRequest { id: letter.id.clone() };
    let look: lifecycle::PreviewReplayReply = world.ask::<verbs::PreviewReplayVerb>(&request).await.unwrap();
    let action = look.action.unwrap();
    assert_eq!(action.request, Some(format!("PATCH /Groups/{group_id}")), "what replaying it would send");
    assert!(action.body.unwrap().to_string().contains(user_id.as_str()));

    world.members("G-1", 2, &[("E-1", false)]).await;
    world.told("the letter is closed", |record| matches!(&record.fact, Fact::Discarded { .. })).await;
    let look: lifecycle::PreviewReplayReply = world.ask::<verbs::PreviewReplayVerb>(&request).await.unwrap();
    assert_eq!((look.outcome, look.action), (ReplayOutcome::NotOpen, None));
    world.stop().await;
}

//! Repeated failures, and commands that arrive late or twice.

use lifecycle::{Actor, DesiredState, Fact, PauseReply, PauseRequest, ResourceKind, verbs};
use sandbox::{FaultRule, InjectedFault};
use serde_json::json;

use crate::world::{TARGET, World, active, group, methods, name_of};

fn titled(key: &str, title: &str) -> DesiredState {
    DesiredState::User(active(key, json!({ "title": title })))
}

fn answer(status: u16, retry_after: Option<&str>) -> InjectedFault {
    let retry_after = retry_after.map(str::to_owned);
    InjectedFault::Status { status, retry_after, scim_type: None, after_work: false }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_keeps_failing_is_tried_so_often_and_then_dead_with_all_tries_counted() {
    let world = World::start().await;
    world.want("E-1", 1, titled("E-1", "A")).await;
    let failing = |times| FaultRule::new(answer(500, None)).method("PATCH").times(times);
    world.sandbox.faults().inject(failing(2));
    let (row, sent) = world.want("E-1", 2, titled("E-1", "B")).await;
    assert_eq!(row.status.as_deref(), Some("in_sync"), "the third try works");
    let patches = methods(&sent).into_iter().filter(|method| method == "PATCH").count();
    assert_eq!(patches, 3);

    world.sandbox.faults().inject(failing(100));
    let (row, sent) = world.want("E-1", 3, titled("E-1", "C")).await;
    assert_eq!(row.status.as_deref(), Some("dead"));
    let patches = methods(&sent).into_iter().filter(|method| method == "PATCH").count();
    assert_eq!(patches, 3, "`attempts_max`, not once more");
    let letter = world.died().await;
    assert_eq!(letter.attempts, 3);
    let statuses: Vec<_> = letter.failures.iter().map(|failed| failed.exchange.status).collect();
    assert_eq!(statuses, [Some(500); 3], "each try with what was sent and answered");
    assert!(letter.failures.iter().all(|failed| failed.exchange.request_body.is_some()), "{letter:?}");

    // Failures of an older revision are not reported for a newer one.
    world.sandbox.faults().clear();
    world.sandbox.faults().inject(FaultRule::new(answer(400, None)).method("PATCH").times(1));
    world.want("E-1", 4, titled("E-1", "D")).await;
    world.until("the other letter", async || world.died().await.id != letter.id).await;
    let statuses: Vec<_> = world.died().await.failures.iter().map(|failed| failed.exchange.status).collect();
    assert_eq!(statuses, [Some(400)]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_throttles_is_down_or_refuses_the_credential_burns_nobodys_tries() {
    for (status, retry_after) in [(429, Some("0")), (503, Some("0")), (401, None)] {
        let world = World::start().await;
        // The fault occurs more often than the number of counted tries.
        world.sandbox.faults().inject(FaultRule::new(answer(status, retry_after)).times(4));
        let (row, _) = world.want("E-1", 1, titled("E-1", "A")).await;
        assert_eq!(row.status.as_deref(), Some("in_sync"), "{status}");
        assert!(world.user("E-1").is_some());
        let letters = world.query("SELECT id FROM writer_dead").await;
        assert!(letters.is_empty(), "{status}");
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_resources_that_match_none_is_taken() {
    let world = World::start().await;
    for name in ["one", "two"] {
        let user = json!({ "userName": format!("{name}@example.com"), "externalId": "E-1", "active": true });
        world.seed(user);
    }
    let (row, sent) = world.want("E-1", 1, titled("E-1", "A")).await;
    assert_eq!(row.status.as_deref(), Some("conflict"));
    assert!(sent.iter().all(|entry| &*entry.method == "GET"), "{sent:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_command_that_comes_late_changes_nothing() {
    let world = World::start().await;
    world.want("E-1", 3, titled("E-1", "new")).await;
    world.want("G-1", 1, DesiredState::Group(group("G-1"))).await;
    world.members("G-1", 3, &[("E-1", false)]).await;
    let before = world.sandbox.ledger().len();
    world.send("E-1", 2, titled("E-1", "old")).await;
    world.members("G-1", 2, &[("E-1", true)]).await;
    // This command comes after the others, so they were processed.
    world.want("E-2", 1, titled("E-2", "A")).await;
    world.settled(ResourceKind::Group, "G-1", 1).await;
    assert_eq!(world.row(ResourceKind::User, "E-1").await.revision, 3);
    assert_eq!(world.attributes("E-1")["title"], "new");
    assert!(world.sandbox.state().groups["G-1"].members.is_empty());
    let about_others = world.sandbox.ledger().since(before, 100);
    let about_e1 = about_others.iter().filter(|entry| entry.user_name.as_deref() == Some(&*name_of("E-1")));
    assert_eq!(about_e1.count(), 0);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_changes_of_one_person_is_one_request() {
    let world = World::start().await;
    world.want("E-1", 1, titled("E-1", "0")).await;
    let pause = async |paused| {
        let actor = Actor { who: "ann".to_owned(), why: "window".to_owned() };
        let request = PauseRequest { target: TARGET.to_owned(), paused, actor };
        let _: PauseReply = world.ask::<verbs::PauseVerb>(&request).await.unwrap();
    };
    pause(true).await;
    let before = world.sandbox.ledger().len();
    for revision in 2..=50 {
        world.send("E-1", revision, titled("E-1", &revision.to_string())).await;
    }
    world
        .until("the last has come", async || world.row(ResourceKind::User, "E-1").await.revision == 50)
        .await;
    pause(false).await;
    world.settled(ResourceKind::User, "E-1", 50).await;
    let sent = world.sandbox.ledger().since(before, 100);
    assert_eq!(methods(&sent), ["PATCH"]);
    assert_eq!(world.attributes("E-1")["title"], "50");
    world.told("what was overtaken", |record| matches!(record.fact, Fact::Superseded { .. })).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_member_whom_the_target_refuses_keeps_nobody_else_out() {
    let world = World::start().await;
    for key in ["E-1", "E-2", "E-3"] {
        world.want(key, 1, titled(key, "A")).await;
    }
    world.want("G-1", 1, DesiredState::Group(group("G-1"))).await;
    let refused = world.user("E-2").unwrap().id;
    world
        .sandbox
        .faults()
        .inject(FaultRule::new(answer(400, None)).method("PATCH").body_contains(format!("\"{refused}\"")));
    world.members("G-1", 1, &[("E-1", true), ("E-2", true), ("E-3", true)]).await;
    let members = || world.sandbox.state().groups["G-1"].members.clone();
    world.until("the others are in", async || members().len() == 2).await;
    let letter = world.died().await;
    assert_eq!((letter.kind, letter.subject.as_str()), (ResourceKind::Membership, "E-2"));
    assert!(members().contains(&name_of("E-1")) && members().contains(&name_of("E-3")));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memberships_of_an_account_that_was_made_again_are_made_again() {
    let world = World::start().await;
    world.want("E-1", 1, titled("E-1", "A")).await;
    world.want("G-1", 1, DesiredState::Group(group("G-1"))).await;
    world.members("G-1", 1, &[("E-1", true)]).await;
    let is_in = || world.sandbox.state().groups["G-1"].members.contains(&name_of("E-1"));
    world.until("it is in", async || is_in()).await;
    // The account is deleted at the target; the next change finds out.
    world.delete_user(&world.user("E-1").unwrap().id).await;
    world.until("it is out", async || !is_in()).await;
    world.want("E-1", 2, titled("E-1", "B")).await;
    world.until("it is in again", async || world.user("E-1").is_some() && is_in()).await;
    world.stop().await;
}

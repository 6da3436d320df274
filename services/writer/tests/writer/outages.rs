//! Failure attribution, and answers of a target that must not be believed.

use lifecycle::{AccountState, AttemptClass, DesiredState, ResourceKind};
use sandbox::{FaultRule, InjectedFault};
use serde_json::json;

use crate::world::{World, account, active, methods, name_of, person};

fn joiner(key: &str) -> DesiredState {
    DesiredState::User(active(key, json!({})))
}

fn titled(key: &str, title: &str) -> DesiredState {
    DesiredState::User(active(key, json!({ "title": title })))
}

fn leaver(key: &str) -> DesiredState {
    DesiredState::User(account(AccountState::Disabled, person(key, json!({}))))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_any_kind_kills_nobody_and_leavers_are_off_when_it_is_over() {
    for fault in [
        InjectedFault::status(500),
        InjectedFault::status(502),
        InjectedFault::status(504),
        InjectedFault::HtmlBody { status: 502 },
        InjectedFault::HtmlBody { status: 200 },
        InjectedFault::HangBeforeWork { millis: 1_500 },
        InjectedFault::ResetBeforeWork,
    ] {
        let world = World::patient("timeout_seconds: 1\n").await;
        world.want("E-1", 1, joiner("E-1")).await;
        let before = world.sandbox.ledger().len();
        world.sandbox.faults().inject(FaultRule::new(fault.clone()));
        world.send("E-1", 2, leaver("E-1")).await;
        world.send("E-2", 1, joiner("E-2")).await;
        // Each of the two fails more often than the number of counted tries.
        world.until("they are tried", async || world.sandbox.ledger().len() >= before + 9).await;
        world.sandbox.faults().clear();
        let (off, on) = (
            world.settled(ResourceKind::User, "E-1", 2).await,
            world.settled(ResourceKind::User, "E-2", 1).await,
        );
        assert_eq!(
            (off.status.as_deref(), on.status.as_deref()),
            (Some("in_sync"), Some("in_sync")),
            "{fault:?}"
        );
        assert!(!world.user("E-1").unwrap().active && world.user("E-2").is_some(), "{fault:?}");
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_account_that_is_refused_keeps_nobody_waiting_and_dies_by_itself() {
    for (status, class) in
        [(403, AttemptClass::Unauthorised), (503, AttemptClass::Unavailable), (500, AttemptClass::Transient)]
    {
        let world = World::patient("").await;
        for key in ["E-0", "E-1", "E-2"] {
            world.want(key, 1, joiner(key)).await;
        }
        let id = world.user("E-0").unwrap().id;
        let refused =
            FaultRule::new(InjectedFault::status(status)).method("PATCH").path(format!("/Users/{id}"));
        world.sandbox.faults().inject(refused);
        let before = world.sandbox.ledger().len();
        world.send("E-0", 2, leaver("E-0")).await;
        let started = std::time::Instant::now();
        for revision in 2.. {
            assert!(started.elapsed().as_secs() < 120, "{status}: not dead yet");
            for key in ["E-1", "E-2"] {
                let (row, _) = world.want(key, revision, titled(key, &revision.to_string())).await;
                assert_eq!(row.status.as_deref(), Some("in_sync"), "{status}: others are served");
            }
            if world.row(ResourceKind::User, "E-0").await.status.as_deref() == Some("dead") {
                break;
            }
        }
        let letter = world.died().await;
        assert_eq!((letter.subject.as_str(), letter.class), ("E-0", class));
        let sent = world.sandbox.ledger().since(before, 1_000);
        let about =
            sent.iter().filter(|entry| entry.path.ends_with(&id) && &*entry.method == "PATCH").count();
        // There are further tries without another success in between, which do not count: the target may have been down.
        assert!(
            letter.attempts == 3 && about < 20,
            "{status}: {about} requests, {} counted",
            letter.attempts
        );
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_that_was_answered_without_an_id_is_never_sent_twice() {
    // The target does not refuse duplicate names, and its search lags behind.
    let world = World::with_profile("lookups: { user: { filterable: [userName], unique_on: [] } }\n").await;
    world.sandbox.faults().inject(FaultRule::new(InjectedFault::EmptyBody).method("POST").times(1));
    world.sandbox.faults().inject(FaultRule::new(InjectedFault::EmptyList).method("GET").times(2));
    let (row, sent) = world.want("E-1", 1, joiner("E-1")).await;
    assert_eq!((row.status.as_deref(), row.remote_id.is_some()), (Some("in_sync"), true), "{sent:?}");
    assert_eq!(methods(&sent).into_iter().filter(|method| method == "POST").count(), 1, "{sent:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_said_to_exist_is_not_taken_for_absent() {
    let world = World::start().await;
    let taken = InjectedFault::Status { status: 409, retry_after: None, scim_type: None, after_work: false };
    world.sandbox.faults().inject(FaultRule::new(taken).method("POST"));
    world.sandbox.faults().inject(FaultRule::new(InjectedFault::EmptyList).method("GET"));
    world.want("E-1", 1, joiner("E-1")).await;
    let (row, sent) = world.want("E-1", 2, leaver("E-1")).await;
    assert_eq!(row.status.as_deref(), Some("dead"), "a human has to look: {sent:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_that_vanish_all_at_once_pause_the_target_until_a_human_lets_it_go_on() {
    let world = World::start().await;
    let keys: Vec<String> = (0..30).map(|n| format!("E-{n}")).collect();
    for key in &keys {
        world.want(key, 1, joiner(key)).await;
    }
    for key in &keys {
        world.delete_user(&world.user(key).unwrap().id).await;
    }
    let before = world.sandbox.ledger().len();
    for key in &keys {
        world.send(key, 2, titled(key, "B")).await;
    }
    world.until("it is paused", async || world.circuit().await.contains("another tenant")).await;
    let posts = || {
        let sent = world.sandbox.ledger().since(before, 1_000);
        methods(&sent).into_iter().filter(|method| method == "POST").count()
    };
    // Some are believed to be gone, and a few requests may be under way at the time of the pause.
    assert!(posts() <= 14, "{} were created again", posts());
    world.pause(false).await;
    for key in &keys {
        assert_eq!(world.settled(ResourceKind::User, key, 2).await.status.as_deref(), Some("in_sync"));
    }
    assert_eq!(world.sandbox.state().users.len(), keys.len());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disable_that_is_answered_and_not_done_is_noticed_and_done() {
    let done =
        || InjectedFault::Status { status: 200, retry_after: None, scim_type: None, after_work: false };
    for (profile, fault) in [("read_back: disable\n", done()), ("", InjectedFault::HtmlBody { status: 200 })]
    {
        let world = World::with_profile(profile).await;
        world.want("E-1", 1, joiner("E-1")).await;
        world.sandbox.faults().inject(FaultRule::new(fault).method("PATCH").times(1));
        let (row, sent) = world.want("E-1", 2, leaver("E-1")).await;
        assert_eq!(row.status.as_deref(), Some("in_sync"), "{sent:?}");
        assert!(!world.user("E-1").unwrap().active, "{sent:?}");
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_was_made_anew_under_another_id_is_off_as_well() {
    let world = World::with_profile("delete: disable\n").await;
    world.want("E-1", 1, joiner("E-1")).await;
    world.delete_user(&world.user("E-1").unwrap().id).await;
    world.seed(json!({ "userName": name_of("E-1"), "externalId": "E-1", "active": true }));
    let gone = DesiredState::User(account(AccountState::Deleted, person("E-1", json!({}))));
    let (row, sent) = world.want("E-1", 2, gone).await;
    assert_eq!(row.status.as_deref(), Some("in_sync"), "{sent:?}");
    assert!(!world.user("E-1").unwrap().active, "{sent:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_to_sign_in_and_an_endpoint_that_is_not_there_are_the_targets_fault_and_kill_nobody() {
    let sign_in = InjectedFault::Redirect { status: 302, location: "https://login.example.net/".to_owned() };
    for (fault, method, words) in [
        (sign_in, None, "redirect refused"),
        (InjectedFault::status(404), Some("POST"), "no such endpoint"),
        (InjectedFault::status(405), Some("POST"), "no such endpoint"),
    ] {
        let world = World::patient("").await;
        let rule = FaultRule::new(fault.clone());
        world.sandbox.faults().inject(method.into_iter().fold(rule, FaultRule::method));
        world.send("E-1", 1, joiner("E-1")).await;
        world.send("E-2", 1, joiner("E-2")).await;
        world.until("the circuit says why", async || world.circuit().await.contains(words)).await;
        world.sandbox.faults().clear();
        for key in ["E-1", "E-2"] {
            let row = world.settled(ResourceKind::User, key, 1).await;
            assert_eq!(row.status.as_deref(), Some("in_sync"), "{fault:?}");
        }
        assert!(world.query("SELECT id FROM writer_dead").await.is_empty(), "{fault:?}");
        world.stop().await;
    }
}

//! The target's view of faults: creates that time out, existing accounts, leavers behind a backlog, refused
//! requests.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use harness::world::{TARGET, level_reached, policy_yaml, wait_for_level};
use harness::{UsherWorld, WorldOptions};
use sandbox::{FaultRule, InjectedFault, SandboxBehaviour};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(60);

fn options() -> WorldOptions {
    WorldOptions::new(env!("CARGO_BIN_EXE_usher"))
}

/// Writes a profile file like the sandbox's, with these lines replaced.
fn profile(folder: &tempfile::TempDir, lines: &str) -> String {
    let path = folder.path().join("profile.yaml");
    let common = "lookups:\n  user: { filterable: [externalId, userName, id], unique_on: [userName] }\n  group: { filterable: [externalId, displayName] }\n";
    std::fs::write(&path, format!("name: test\n{common}{lines}")).unwrap();
    path.display().to_string()
}

fn person(key: &str) -> Value {
    json!({
        "userPrincipalName": format!("{}@example.com", key.to_lowercase()), "givenName": "Ada", "surname": "O'Brien",
        "displayName": format!("Ada O'Brien {key}"), "mail": format!("{}@example.com", key.to_lowercase()),
        "department": "Security", "jobTitle": "Engineer"
    })
}

fn event(id: &str, kind: &str, key: &str, at: u32, attributes: Value) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "/hr", "type": kind, "subject": key,
        "time": format!("2026-01-01T{:02}:{:02}:{:02}Z", at / 3600, at / 60 % 60, at % 60),
        "data": { "attributes": attributes }
    })
}

fn joined(key: &str, at: u32) -> Value {
    event(&format!("join-{key}"), "worker.joined", key, at, person(key))
}

async fn post(world: &UsherWorld, events: &[Value]) -> Value {
    let gateway = world.usher.addresses().gateway();
    let response = world
        .http()
        .post(format!("{gateway}/v1/events"))
        .bearer_auth(world.usher.token("source").unwrap())
        .header("content-type", "application/cloudevents-batch+json")
        .body(serde_json::to_vec(events).unwrap())
        .send()
        .await
        .unwrap();
    let status = response.status();
    let body: Value = response.json().await.unwrap();
    assert_eq!(status, 202, "{body}");
    body
}

fn user(world: &UsherWorld, key: &str) -> Option<sandbox::UserState> {
    world.sandbox().state().users.get(&format!("{}@example.com", key.to_lowercase())).cloned()
}

fn seed(key: &str, external_id: Option<&str>) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": format!("{}@example.com", key.to_lowercase()), "externalId": external_id,
        "displayName": "Was here before", "active": true
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_that_works_and_then_times_out_makes_one_account() {
    let folder = tempfile::tempdir().unwrap();
    let world =
        UsherWorld::start(WorldOptions { profile: profile(&folder, "timeout_seconds: 1\n"), ..options() })
            .await
            .unwrap();
    let hang = InjectedFault::HangAfterWork { millis: 3_000 };
    world.sandbox().faults().inject(FaultRule::new(hang).method("POST").path("/Users").times(1));
    world
        .sandbox()
        .faults()
        .inject(FaultRule::new(InjectedFault::ResetAfterWork).method("POST").path("/Users").times(1).skip(1));

    post(&world, &[joined("E-1", 1), joined("E-2", 2), joined("E-3", 3)]).await;

    let status = world.settled(SOON).await.unwrap();
    assert_eq!(status.stuck(), 0);
    let creates = world.sandbox().ledger().creates_by_external_id();
    assert_eq!(creates, [("E-1".to_owned(), 1), ("E-2".to_owned(), 1), ("E-3".to_owned(), 1)].into());
    assert_eq!(world.sandbox().state().users.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_of_somebody_else_is_a_conflict_and_stays_untouched_while_one_of_nobody_is_adopted() {
    let world = UsherWorld::start(options()).await.unwrap();
    world.sandbox().seed_user(seed("E-1", Some("someone-else"))).unwrap();
    world.sandbox().seed_user(seed("E-2", None)).unwrap();
    let before = user(&world, "E-1").unwrap();

    post(&world, &[joined("E-1", 1), joined("E-2", 2)]).await;
    let status = world.settled(SOON).await.unwrap();

    assert_eq!(status.resources("user.conflict"), 1);
    assert_eq!(user(&world, "E-1").unwrap(), before, "untouched");
    assert_eq!(user(&world, "E-2").unwrap().external_id.as_deref(), Some("E-2"), "adopted");
    assert_eq!(world.sandbox().state().users.len(), 2);
    let trace = world.console.trace("E-1").await.unwrap();
    assert!(trace.iter().any(|entry| entry["fact"] == "conflict"), "{trace:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leaver_behind_2000_joiners_is_disabled_within_the_next_two_requests() {
    let folder = tempfile::tempdir().unwrap();
    let lines = "rate: { requests_per_second: 5, burst: 1 }\nconcurrency_max: 4\n";
    let behaviour = SandboxBehaviour::zscaler().with_rate(6.0);
    let world = UsherWorld::start(WorldOptions { profile: profile(&folder, lines), behaviour, ..options() })
        .await
        .unwrap();
    post(&world, &[joined("E-0", 1)]).await;
    world.settled(SOON).await.unwrap();

    let joiners: Vec<Value> = (1..=2_000).map(|i| joined(&format!("E-{i}"), 2)).collect();
    for chunk in joiners.chunks(500) {
        post(&world, chunk).await;
    }
    wait_for_level("2,000 joiners in the queue", SOON, async || {
        let status = world.console.status().await?;
        let queued = status.queued();
        anyhow::ensure!(
            queued > 1_900 && status.lag.events == 0 && status.lag.commands == 0,
            "{queued} queued"
        );
        Ok::<_, anyhow::Error>(())
    })
    .await
    .unwrap();

    let left = event("leave-E-0", "worker.left", "E-0", 60, json!({}));
    post(&world, &[left]).await;
    let accepted = usize::try_from(world.sandbox().ledger().len()).unwrap();
    wait_for_level("the leaver is off", SOON, async || {
        level_reached(!user(&world, "E-0").unwrap().active, "still active")
    })
    .await
    .unwrap();
    let entries = world.sandbox().ledger().entries();
    let off = entries.iter().position(|entry| &*entry.method == "PATCH").unwrap();
    assert!(off <= accepted + 1, "{} requests went first", off - accepted);
    assert!(entries.iter().all(|entry| entry.status != Some(429)), "the target was hammered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_request_becomes_a_dead_letter_that_can_be_read_replayed_and_discarded() {
    let world = UsherWorld::start(options()).await.unwrap();
    let refuse = |key: &str, times| {
        FaultRule::new(InjectedFault::status(400))
            .method("POST")
            .body_contains(format!("\"{key}\""))
            .times(times)
    };
    world.sandbox().faults().inject(refuse("E-1", 1));
    world.sandbox().faults().inject(refuse("E-2", 1));
    post(&world, &[joined("E-1", 1), joined("E-2", 2), joined("E-3", 3)]).await;
    world.settled(SOON).await.unwrap();

    let open = || async {
        wait_for_level("dead letters are known", SOON, async || {
            let dead = world.console.dead("open").await?;
            anyhow::ensure!(!dead.is_empty(), "none");
            Ok::<_, anyhow::Error>(dead)
        })
        .await
        .unwrap()
    };
    wait_for_level("two dead letters", SOON, async || {
        let dead = world.console.dead("open").await?;
        anyhow::ensure!(dead.len() == 2, "{}", dead.len());
        Ok::<_, anyhow::Error>(())
    })
    .await
    .unwrap();
    let letters = open().await;
    let id_of = |key: &str| {
        let letter = letters.iter().find(|letter| letter["subject"] == key).unwrap();
        letter["id"].as_str().unwrap().to_owned()
    };

    let shown = usher(&world, &["dead", "show", &id_of("E-1")]);
    assert!(shown.contains("400") && shown.contains("/Users") && shown.contains("E-1"), "{shown}");
    assert!(
        !shown.contains("O'Brien") && !shown.contains("sandbox-token"),
        "personal data or a secret: {shown}"
    );

    assert!(shown.contains("bad_value (docs/errors.md)"), "{shown}");
    let attempt = shown.lines().find(|line| line.contains("POST /Users") && line.contains(" ms"));
    assert!(attempt.is_some_and(|line| line.contains("400") && line.contains("permanent")), "{shown}");

    let groups = usher(&world, &["dead", "groups"]);
    let name = format!("{TARGET}/user/create/permanent/400");
    assert!(
        groups.contains(&name) && groups.lines().nth(1).is_some_and(|line| line.starts_with('2')),
        "{groups}"
    );
    let preview = usher(&world, &["dead", "replay", "--group", &name, "--dry-run", "--why", "a look"]);
    assert_eq!(preview.matches("queued").count(), 2, "{preview}");
    assert_eq!(preview.matches("POST /Users").count(), 2, "the request that would be sent: {preview}");
    assert_eq!(open().await.len(), 2, "a look replays nothing");
    let replay = usher(&world, &["dead", "replay", &id_of("E-1"), "--why", "fixed at the target"]);
    assert!(replay.contains("finished, 1 of 1 dead letters: 1 queued"), "{replay}");
    let replays = usher(&world, &["dead", "replays"]);
    assert!(replays.contains("fixed at the target") && replays.contains("finished"), "{replays}");
    world.settled(SOON).await.unwrap();
    assert!(user(&world, "E-1").is_some(), "the replay created the account");
    usher(&world, &["dead", "discard", &id_of("E-2"), "--why", "left by now"]);
    wait_for_level("both are closed", SOON, async || {
        let dead = world.console.dead("open").await?;
        anyhow::ensure!(dead.is_empty(), "{} open", dead.len());
        Ok::<_, anyhow::Error>(())
    })
    .await
    .unwrap();
    assert!(user(&world, "E-2").is_none());
    let status = usher(&world, &["status"]);
    assert!(!status.contains("user.dead") && status.contains("user.rejected=1"), "{status}");

    let trace = usher(&world, &["trace", "E-1"]);
    for step in ["worker.joined", "400", "fixed at the target", "created"] {
        assert!(trace.contains(step), "no `{step}` in:\n{trace}");
    }
    assert!(!trace.contains("O'Brien"), "{trace}");
}

/// Runs an operator command against the running process, as an operator does.
fn usher(world: &UsherWorld, arguments: &[&str]) -> String {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_usher"))
        .args(arguments)
        .env("USHER_CONSOLE_URL", world.usher.addresses().console())
        .env("USHER_TOKEN", world.usher.token("operator").unwrap())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{arguments:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_costs_one_request_a_create_two_and_one_where_the_target_was_empty() {
    let empty = policy_yaml(TARGET).replace("users:\n", "users:\n  assumeEmpty: true\n");
    for (policy, create_requests) in [(policy_yaml(TARGET), 2), (empty, 1)] {
        let world = UsherWorld::start(WorldOptions { policy: Some(policy), ..options() }).await.unwrap();
        let requests = || world.sandbox().ledger().len();
        post(&world, &(0..20).map(|i| joined(&format!("E-{i}"), 1)).collect::<Vec<_>>()).await;
        world.settled(SOON).await.unwrap();
        assert_eq!(requests(), 20 * create_requests);

        let before = requests();
        let change =
            event("c", "worker.changed", "E-3", 5, json!({ "department": "Sales", "jobTitle": "Lead" }));
        post(&world, &[change]).await;
        world.settled(SOON).await.unwrap();
        assert_eq!(requests() - before, 1, "an update");

        post(&world, &[event("l", "worker.left", "E-4", 6, json!({}))]).await;
        world.settled(SOON).await.unwrap();
        assert_eq!(requests() - before, 3, "a disable, and a look for a second account");

        post(
            &world,
            &[event("c", "worker.changed", "E-3", 5, json!({ "department": "Sales", "jobTitle": "Lead" }))],
        )
        .await;
        post(&world, &[event("n", "worker.changed", "E-5", 7, json!({ "unmapped": "x" }))]).await;
        world.settled(SOON).await.unwrap();
        assert_eq!(requests() - before, 3, "neither a duplicate nor what no policy maps costs anything");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outages_throttling_and_lost_answers_end_in_the_right_state_without_a_dead_letter() {
    let world = UsherWorld::start(options()).await.unwrap();
    let faults = world.sandbox().faults();
    faults.inject(FaultRule::new(InjectedFault::status(503)).times(3).skip(10));
    faults.inject(FaultRule::new(InjectedFault::retry_after(429, "1")).times(2).skip(40));
    faults.inject(FaultRule::new(InjectedFault::ResetAfterWork).every_nth(17).times(8));
    faults.inject(FaultRule::new(InjectedFault::status(401)).times(2).skip(70));
    faults.inject(FaultRule::new(InjectedFault::TruncatedBody).every_nth(23).times(5));

    let people: Vec<String> = (0..60).map(|i| format!("E-{i}")).collect();
    post(&world, &people.iter().map(|key| joined(key, 1)).collect::<Vec<_>>()).await;
    let group = json!({
        "specversion": "1.0", "id": "g", "source": "/hr", "type": "group.upserted", "subject": "G-1",
        "time": "2026-01-01T00:00:01Z",
        "data": { "attributes": { "displayName": "Everybody" }, "members": people }
    });
    post(&world, &[group]).await;
    let leavers: Vec<Value> = people
        .iter()
        .step_by(3)
        .map(|key| event(&format!("l-{key}"), "worker.left", key, 9, json!({})))
        .collect();
    post(&world, &leavers).await;

    let status = world.settled(Duration::from_secs(120)).await.unwrap();
    assert_eq!(status.stuck(), 0, "{status:?}");
    let active = world.sandbox().state().users.values().filter(|user| user.active).count();
    assert_eq!(active, 40);
    assert!(world.sandbox().ledger().creates_by_external_id().values().all(|creates| *creates == 1));
    // A person who left before the creation never got an account. Both outcomes are valid: the members are the people with an
    // account.
    let state = world.sandbox().state();
    assert_eq!(state.groups["Everybody"].members.len(), state.users.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leaver_is_off_although_the_answer_to_the_rehire_before_was_lost() {
    let world = UsherWorld::start(options()).await.unwrap();
    post(&world, &[joined("E-1", 1)]).await;
    world.settled(SOON).await.unwrap();
    post(&world, &[event("l1", "worker.left", "E-1", 2, json!({}))]).await;
    world.settled(SOON).await.unwrap();
    let lost = world
        .sandbox()
        .faults()
        .inject(FaultRule::new(InjectedFault::ResetAfterWork).method("PATCH").times(1));
    post(&world, &[event("r1", "worker.rehired", "E-1", 3, json!({}))]).await;
    wait_for_level("the rehire reached the target", SOON, async || {
        level_reached(world.sandbox().faults().fired(lost) == 1, "not yet")
    })
    .await
    .unwrap();
    post(&world, &[event("l2", "worker.left", "E-1", 4, json!({}))]).await;
    world.settled(SOON).await.unwrap();
    assert!(!user(&world, "E-1").unwrap().active, "what we believed was there is not what is there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_membership_taken_back_is_gone_although_the_answer_to_its_addition_was_lost() {
    let world = UsherWorld::start(options()).await.unwrap();
    let group = |id: &str, at: u32, members: Value| {
        json!({
            "specversion": "1.0", "id": id, "source": "/hr", "type": "group.upserted", "subject": "G-1",
            "time": format!("2026-01-01T00:00:{at:02}Z"),
            "data": { "attributes": { "displayName": "Vault" }, "members": members }
        })
    };
    post(&world, &[joined("E-1", 1), group("g1", 1, json!([]))]).await;
    world.settled(SOON).await.unwrap();
    let gateway_timeout =
        InjectedFault::Status { status: 504, retry_after: None, scim_type: None, after_work: true };
    let lost = FaultRule::new(gateway_timeout).method("PATCH").path("/Groups").times(1);
    let lost = world.sandbox().faults().inject(lost);
    post(&world, &[group("g2", 2, json!(["E-1"]))]).await;
    wait_for_level("the addition reached the target", SOON, async || {
        level_reached(world.sandbox().faults().fired(lost) == 1, "not yet")
    })
    .await
    .unwrap();
    post(&world, &[group("g3", 3, json!([]))]).await;
    world.settled(SOON).await.unwrap();
    assert!(world.sandbox().state().groups["Vault"].members.is_empty(), "still in the group");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trace_of_a_person_shows_their_memberships_from_the_event_to_the_result() {
    let world = UsherWorld::start(options()).await.unwrap();
    let group = |id: &str, at: u32, members: Value| {
        json!({
            "specversion": "1.0", "id": id, "source": "/hr", "type": "group.upserted", "subject": "G-1",
            "time": format!("2026-01-01T00:00:{at:02}Z"),
            "data": { "attributes": { "displayName": "Vault" }, "members": members }
        })
    };
    post(&world, &[joined("E-1", 1), group("g1", 1, json!(["E-1"]))]).await;
    world.settled(SOON).await.unwrap();
    post(&world, &[group("g2", 2, json!([]))]).await;
    world.settled(SOON).await.unwrap();
    wait_for_level("all of it is on the timeline", SOON, async || {
        let trace = usher(&world, &["trace", "E-1"]);
        let parts =
            ["no_member r", "group G-1; by evt_", "remove_members at", "PATCH /Groups/", "member_removed r"];
        let missing: Vec<_> = parts.iter().filter(|part| !trace.contains(**part)).collect();
        level_reached(missing.is_empty(), format!("{missing:?} are not in:\n{trace}"))
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leaver_is_off_even_when_the_rest_of_the_change_is_refused() {
    let world = UsherWorld::start(options()).await.unwrap();
    post(&world, &[joined("E-1", 1)]).await;
    world.settled(SOON).await.unwrap();
    let refuse = FaultRule::new(InjectedFault::status(400)).method("PATCH").body_contains("Archive").times(9);
    world.sandbox().faults().inject(refuse);
    post(&world, &[event("l1", "worker.left", "E-1", 2, json!({ "department": "Archive" }))]).await;
    world.settled(SOON).await.unwrap();
    assert!(!user(&world, "E-1").unwrap().active);
    wait_for_level("what was refused is a dead letter", SOON, async || {
        let dead = world.console.dead("open").await?;
        anyhow::ensure!(dead.len() == 1, "{} letters", dead.len());
        Ok::<_, anyhow::Error>(())
    })
    .await
    .unwrap();
}

async fn usher_ends(world: &UsherWorld, arguments: &[&str]) -> (Option<i32>, String) {
    let data = world.usher.data().display().to_string();
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_usher"));
    let command = command.args(arguments).args(["--data", &data]).kill_on_drop(true);
    let output = tokio::time::timeout(SOON, command.output()).await.expect("the command ends").unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_of_a_paused_target_does_not_wait_and_says_who_paused_it_and_what_to_do() {
    let world = UsherWorld::start(options()).await.unwrap();
    post(&world, &[joined("E-1", 1)]).await;
    world.settled(SOON).await.unwrap();
    usher_ends(&world, &["target", "pause", TARGET, "--why", "maintenance at the vendor"]).await;
    for arguments in [&["reconcile", TARGET][..], &["reconcile", TARGET, "--no-wait"]] {
        let (code, text) = usher_ends(&world, arguments).await;
        assert_eq!(code, Some(3), "{text}");
        for part in ["is paused by ", "maintenance at the vendor", "usher target resume", "--cancel"] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }
    let (code, text) = usher_ends(&world, &["reconcile", TARGET, "--cancel"]).await;
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = usher_ends(&world, &["reconcile", TARGET, "--dry-run"]).await;
    assert_eq!(code, Some(3), "nothing is asked of a target that is paused as a whole: {text}");
    usher_ends(&world, &["target", "resume", TARGET, "--why", "it is over"]).await;
    let (code, text) = usher_ends(&world, &["reconcile", TARGET]).await;
    assert_eq!(code, Some(0), "{text}");
}

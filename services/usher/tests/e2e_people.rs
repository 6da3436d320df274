//! One person as HR and the directory see them, through the gateway to the target; and scheduled changes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use harness::world::{TARGET, now, policy_yaml, wait_for_level};
use harness::{UsherWorld, WorldOptions};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

const SOON: Duration = Duration::from_secs(120);
const PEOPLE: u32 = 40;

async fn world() -> UsherWorld {
    let mapper = json!({ "people": {
        "correlate": [{ "sources": ["hr"] }, { "sources": ["directory"], "match": [{ "employeeId": "key" }] }],
        "precedence": { "*": ["hr", "directory"], "userPrincipalName": ["directory", "hr"] },
        "employment": ["hr"],
    }});
    let policy = format!("guard: {{ percent: 100 }}\n{}", policy_yaml(TARGET));
    let mapper = mapper.as_object().unwrap().clone();
    let usher = env!("CARGO_BIN_EXE_usher");
    UsherWorld::start(WorldOptions { policy: Some(policy), mapper, ..WorldOptions::new(usher) })
        .await
        .unwrap()
}

fn event(source: &str, id: &str, kind: &str, subject: &str, second: i64, attributes: Value) -> Value {
    let time = (now() - time::Duration::HOUR + time::Duration::seconds(second)).format(&Rfc3339).unwrap();
    json!({ "specversion": "1.0", "id": id, "source": source, "type": kind, "subject": subject, "time": time,
            "data": { "attributes": attributes } })
}

fn hired(n: u32) -> Value {
    let attributes = json!({
        "userPrincipalName": format!("e{n}@hr.example"), "displayName": format!("Person {n}"), "department": "Sales",
    });
    event("/hr", &format!("hired-{n}"), "worker.joined", &format!("E-{n}"), 1, attributes)
}

fn account(n: u32) -> Value {
    let attributes = json!({ "userPrincipalName": format!("p{n}@corp.example"), "employeeId": format!("e-{n}"),
                             "displayName": "of the directory" });
    event("directory", &format!("account-{n}"), "worker.snapshot", &format!("u-{n}"), 2, attributes)
}

async fn usher(world: &UsherWorld, arguments: &[&str]) -> (bool, String) {
    let data = world.usher.data().display().to_string();
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_usher"));
    let output = command.args(arguments).args(["--data", &data]).output().await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout) + &text(&output.stderr))
}

/// Waits until the output of the command contains these words.
async fn says(world: &UsherWorld, arguments: &[&str], words: &[&str]) -> String {
    wait_for_level(&format!("usher {arguments:?}"), SOON, async || {
        let (done, text) = usher(world, arguments).await;
        anyhow::ensure!(done && words.iter().all(|word| text.contains(word)), "{text}");
        Ok::<_, anyhow::Error>(text)
    })
    .await
    .unwrap()
}

/// Waits until exactly these login names are active at the target.
async fn active(world: &UsherWorld, expected: impl IntoIterator<Item = String>) {
    let expected: std::collections::BTreeSet<String> = expected.into_iter().collect();
    wait_for_level("the right accounts are active", SOON, async || {
        let users = world.directory().await?.users;
        let active: std::collections::BTreeSet<String> = users
            .into_iter()
            .filter(|(_, user)| user.active == Some(true))
            .map(|(name, _)| name.to_lowercase())
            .collect();
        let differ: Vec<&String> = active.symmetric_difference(&expected).take(5).collect();
        anyhow::ensure!(differ.is_empty(), "differ: {differ:?}");
        Ok::<_, anyhow::Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hr_and_the_directory_make_one_account_each_whoever_comes_first_and_through_kill_9() {
    let mut world = world().await;
    // Half of the people are first sent by HR, half by the directory.
    let (first, second): (Vec<Value>, Vec<Value>) = (1..=PEOPLE)
        .map(|n| if n % 2 == 0 { (hired(n), account(n)) } else { (account(n), hired(n)) })
        .unzip();
    world.feed.values(&first).await.unwrap();
    world.usher.kill9().await.unwrap();
    world.usher.restart().await.unwrap();
    for chunk in second.chunks(10) {
        world.feed.values(chunk).await.unwrap();
        world.usher.kill9().await.unwrap();
        world.usher.restart().await.unwrap();
    }
    world.feed.values(&first).await.unwrap();
    active(&world, (1..=PEOPLE).map(|n| format!("p{n}@corp.example"))).await;
    world.settled(SOON).await.unwrap();
    let creates = world.sandbox().ledger().creates_by_external_id();
    assert_eq!(creates.len(), PEOPLE as usize, "{creates:?}");
    assert!(creates.iter().all(|(key, count)| key.starts_with("E-") && *count == 1), "{creates:?}");

    // The directory's statement about employment does not count; HR's does.
    let gone = event("directory", "gone-1", "worker.deleted", "u-1", 3, json!({}));
    let left = event("/hr", "left-2", "worker.left", "E-2", 3, json!({}));
    world.feed.values(&[gone, left]).await.unwrap();
    active(&world, (1..=PEOPLE).filter(|n| *n != 2).map(|n| format!("p{n}@corp.example"))).await;
    says(
        &world,
        &["trace", "E-1"],
        &[
            "directory does not say who works here",
            "record u-1 of directory",
            "by key; counts for employeeId, userPrincipalName",
        ],
    )
    .await;

    // Another person's number does not give access to that person's account.
    let moved =
        json!({ "userPrincipalName": "p3@corp.example", "employeeId": "E-4", "displayName": "Mallory" });
    world.feed.values(&[event("directory", "moved-3", "worker.snapshot", "u-3", 4, moved)]).await.unwrap();
    says(&world, &["people", "conflicts", "ls"], &["u-3", "E-3", "E-4", "the value of another person"]).await;
    says(&world, &["status"], &["1 record may belong to another person"]).await;
    active(&world, (1..=PEOPLE).filter(|n| *n != 2).map(|n| format!("p{n}@corp.example"))).await;
    let keep = [
        "people",
        "conflicts",
        "resolve",
        "directory",
        "u-3",
        "--same",
        "E-3",
        "--why",
        "a slip in the directory",
    ];
    says(&world, &keep, &["belongs to E-3"]).await;
    says(&world, &["people", "conflicts", "ls"], &["no record is a conflict"]).await;
    says(&world, &["trace", "E-3"], &["a slip in the directory", "hr counts for displayName"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_sees_what_takes_effect_later_and_takes_it_back() {
    let mut world = world().await;
    world.feed.values(&[hired(1), hired(2)]).await.unwrap();
    active(&world, ["e1@hr.example".to_owned(), "e2@hr.example".to_owned()]).await;
    let day = |days: i64| (now() + time::Duration::days(days)).format(&Rfc3339).unwrap();
    let later = |id: &str, kind: &str, subject: &str, days: i64, attributes: Value| {
        let mut event = event("/hr", id, kind, subject, 5, attributes);
        event["data"]["effectiveAt"] = json!(day(days));
        event
    };
    let hire = json!({ "userPrincipalName": "e3@hr.example", "displayName": "Three" });
    world
        .feed
        .values(&[
            later("leaves-1", "worker.left", "E-1", 10, json!({})),
            later("moves-2", "worker.changed", "E-2", 5, json!({ "department": "HR" })),
            later("joins-3", "worker.joined", "E-3", 20, hire),
        ])
        .await
        .unwrap();
    let text = says(&world, &["schedule", "ls"], &["E-1", "E-2", "E-3"]).await;
    let lines: Vec<&str> = text.lines().filter(|line| line.contains(" E-")).collect();
    assert!(lines[0].contains("changes department") && lines[0].contains("/hr"), "{text}");
    assert!(lines[1].contains("leaves") && lines[1].contains("active -> disabled"), "{text}");
    assert!(lines[2].contains("joins") && lines[2].contains("none -> active"), "{text}");
    says(&world, &["status"], &["scheduled changes for 3 people"]).await;
    world.usher.kill9().await.unwrap();
    world.usher.restart().await.unwrap();
    let id = lines[1].split_whitespace().last().unwrap().to_owned();
    says(&world, &["schedule", "cancel", &id, "--why", "she stays"], &["cancelled: E-1, leaves"]).await;
    let (done, text) =
        usher(&world, &["schedule", "cancel", "E-1", "e3@hr.example", "--why", "closed"]).await;
    assert!(!done && text.contains("cancelled: E-3") && text.contains("NOT cancelled: E-1"), "{text}");
    let text = says(&world, &["schedule", "ls"], &["E-2"]).await;
    assert!(!text.contains("E-1") && !text.contains("E-3"), "{text}");
    says(&world, &["trace", "E-1"], &["cancelled before it took effect", "she stays"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_back_under_a_new_employee_id_gets_their_account_back_and_no_second_one() {
    let mut world = world().await;
    world.feed.values(&[hired(1), account(1)]).await.unwrap();
    active(&world, ["p1@corp.example".to_owned()]).await;
    world.feed.values(&[event("/hr", "left-1", "worker.left", "E-1", 5, json!({}))]).await.unwrap();
    active(&world, []).await;
    says(
        &world,
        &["people", "join", "E-900", "--into", "E-1", "--why", "she came back"],
        &["E-900 now belongs to E-1"],
    )
    .await;
    world.usher.kill9().await.unwrap();
    world.usher.restart().await.unwrap();
    let attributes =
        json!({ "userPrincipalName": "other@hr.example", "displayName": "Back", "department": "HR" });
    let back = event("/hr", "back", "worker.joined", "E-900", 6, attributes);
    // HR closes the old record for good.
    let closed = event("/hr", "closed", "worker.deleted", "E-1", 7, json!({}));
    world.feed.values(&[back, closed]).await.unwrap();
    active(&world, ["p1@corp.example".to_owned()]).await;
    world.settled(SOON).await.unwrap();
    active(&world, ["p1@corp.example".to_owned()]).await;
    let creates = world.sandbox().ledger().creates_by_external_id();
    assert_eq!(creates.into_iter().collect::<Vec<_>>(), [("E-1".to_owned(), 1)]);
    says(&world, &["trace", "E-1"], &["joined E-900 into E-1", "she came back"]).await;
}

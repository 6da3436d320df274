//! Full files, from the upload to the accounts at the target: missing people are disabled, and a wrong file disables no
//! account.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::time::Duration;

use harness::world::{TARGET, level_reached, policy_yaml, wait_for_level};
use harness::{UsherWorld, WorldOptions};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

const SOON: Duration = Duration::from_secs(120);

async fn world(folder: Option<&std::path::Path>) -> UsherWorld {
    world_of(folder, None).await
}

/// A world whose feed reads the status of people by the expression `active`.
async fn world_of(folder: Option<&std::path::Path>, active: Option<&str>) -> UsherWorld {
    let mut feed = json!({
        "name": "people", "mode": "full", "source": "local",
        "mapping": { "key": "id", "attributes": {
            "userPrincipalName": "[mail]", "displayName": "[name]", "department": "[department]",
        } },
        "guard": { "shrink_percent_max": 40 },
    });
    if let Some(active) = active {
        feed["mapping"]["active"] = json!(active);
    }
    if let Some(folder) = folder {
        let place = |name: &str| folder.join(name);
        feed["folder"] = json!({ "path": place("in"), "done": place("done"), "failed": place("failed") });
    }
    let policy = format!("guard: {{ percent: 100 }}\n{}", policy_yaml(TARGET));
    let usher = env!("CARGO_BIN_EXE_usher");
    let options = WorldOptions { policy: Some(policy), feeds: vec![feed], ..WorldOptions::new(usher) };
    UsherWorld::start(options).await.unwrap()
}

fn file(people: impl IntoIterator<Item = u32>) -> String {
    let rows = people.into_iter().map(|n| format!("E-{n},e{n}@example.com,Person {n},Sales\n"));
    std::iter::once("id,mail,name,department\n".to_owned()).chain(rows).collect()
}

async fn upload(world: &UsherWorld, key: &str, body: impl Into<reqwest::Body>) -> Value {
    let answer = request(world, key).body(body).send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert_eq!(status, 202, "{text}");
    serde_json::from_str(&text).unwrap()
}

fn request(world: &UsherWorld, key: &str) -> reqwest::RequestBuilder {
    let url = format!("{}/v1/feeds/csv/people", world.usher.addresses().gateway());
    let request = world.http().post(url).bearer_auth(world.usher.token("source").unwrap());
    request.header("content-type", "text/csv").header("idempotency-key", key)
}

/// Waits until the run has this state, and returns it as the operator sees it.
async fn becomes(world: &UsherWorld, run: &Value, state: &str) -> Value {
    wait_for_level(&format!("the run is {state}"), SOON, async || {
        let runs = world.console.feeds().await?;
        let known = runs.into_iter().find(|known| known["run"] == *run);
        let known = known.ok_or_else(|| anyhow::anyhow!("not known yet"))?;
        anyhow::ensure!(known["state"] == state, "{known}");
        Ok::<_, anyhow::Error>(known)
    })
    .await
    .unwrap()
}

/// Waits until exactly these people are active at the target.
async fn active(world: &UsherWorld, people: impl IntoIterator<Item = u32>) {
    let expected: BTreeSet<String> = people.into_iter().map(|n| format!("e{n}@example.com")).collect();
    wait_for_level("the right accounts are active", SOON, async || {
        let users = world.directory().await?.users;
        let active: BTreeSet<String> = users
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
async fn whoever_is_missing_from_a_full_file_is_switched_off_and_comes_back_with_the_next() {
    let world = world(None).await;
    let first = upload(&world, "1", file(1..=5)).await;
    assert_eq!((&first["people"], &first["complete"]), (&json!(5), &json!(true)), "{first}");
    becomes(&world, &first["run"], "accepted").await;
    let again = upload(&world, "1", file(1..=5)).await;
    assert_eq!((&again["duplicates"], &again["run"]), (&json!(5), &first["run"]), "{again}");
    active(&world, 1..=5).await;
    let second = upload(&world, "2", file([1, 2, 4, 5])).await;
    becomes(&world, &second["run"], "accepted").await;
    active(&world, [1, 2, 4, 5]).await;
    let trace = world.console.trace("E-3").await.unwrap();
    let said =
        trace.iter().any(|fact| fact["eventType"] == "worker.left" && fact["source"] == "feeds/people");
    assert!(said, "{trace:?}");
    let third = upload(&world, "3", file(1..=5)).await;
    becomes(&world, &third["run"], "accepted").await;
    active(&world, 1..=5).await;
    world.settled(SOON).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_lost_half_of_the_people_switches_off_nobody_until_a_human_believes_it() {
    let world = world(None).await;
    let first = upload(&world, "1", file(1..=6)).await;
    becomes(&world, &first["run"], "accepted").await;
    active(&world, 1..=6).await;
    let half = upload(&world, "2", file(1..=3)).await;
    let run = becomes(&world, &half["run"], "held").await;
    assert_eq!((&run["missing"], run["reasons"].as_array().unwrap().len()), (&json!(3), 1), "{run}");
    world.settled(SOON).await.unwrap();
    active(&world, 1..=6).await;
    let empty = upload(&world, "3", file([])).await;
    let run = becomes(&world, &empty["run"], "held").await;
    assert!(run["reasons"][0].as_str().unwrap().contains("no readable row"), "{run}");
    let id = empty["run"].as_str().unwrap();
    let refused = world.console.decide_feed(id, "accept", "all gone").await.unwrap_err().to_string();
    assert!(refused.contains("empty file never means"), "{refused}");
    world.console.decide_feed(id, "reject", "the export was broken").await.unwrap();
    let half = upload(&world, "4", file(1..=3)).await;
    becomes(&world, &half["run"], "held").await;
    active(&world, 1..=6).await;
    let id = half["run"].as_str().unwrap();
    operate(&world, &["feed", "show", id], "3 people").await;
    operate(&world, &["feed", "accept", id, "--why", "the branch was closed"], "accepted").await;
    active(&world, 1..=3).await;
    operate(&world, &["feed", "ls"], "accepted").await;
    operate(&world, &["trace", "feed:people"], "the branch was closed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_in_which_a_status_is_written_otherwise_switches_no_one_off_until_an_operator_accepts_it() {
    let world = world_of(None, Some(r#"CBool([department] = "Sales")"#)).await;
    let first = upload(&world, "1", file(1..=6)).await;
    becomes(&world, &first["run"], "accepted").await;
    active(&world, 1..=6).await;
    let other = file(1..=6).replace("Sales", "SALES");
    let second = upload(&world, "2", other.clone()).await;
    let run = becomes(&world, &second["run"], "held").await;
    assert_eq!((&run["missing"], &run["leaving"]), (&json!(0), &json!(6)), "{run}");
    assert!(run["reasons"][0].as_str().unwrap().starts_with("6 people turn inactive"), "{run}");
    world.settled(SOON).await.unwrap();
    active(&world, 1..=6).await;
    let id = second["run"].as_str().unwrap();
    operate(&world, &["feed", "show", id], "inactive people: E-1, E-2").await;
    operate(&world, &["feed", "reject", id, "--why", "the export changed"], "rejected").await;
    // One person who is inactive is off at once.
    let third = upload(&world, "3", file(1..=6).replace("Person 4,Sales", "Person 4,none")).await;
    becomes(&world, &third["run"], "accepted").await;
    active(&world, [1, 2, 3, 5, 6]).await;
    let fourth = upload(&world, "4", other).await;
    becomes(&world, &fourth["run"], "held").await;
    let id = fourth["run"].as_str().unwrap();
    operate(&world, &["feed", "show", id], "leaving 5 people").await;
    operate(&world, &["feed", "accept", id, "--why", "the company was closed"], "accepted").await;
    active(&world, []).await;
}

async fn operate(world: &UsherWorld, arguments: &[&str], word: &str) {
    let data = world.usher.data().display().to_string();
    wait_for_level(&format!("usher {arguments:?}"), SOON, async || {
        let usher = env!("CARGO_BIN_EXE_usher");
        let mut command = tokio::process::Command::new(usher);
        let output = command.args(arguments).args(["--data", &data]).output().await?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        anyhow::ensure!(output.status.success() && text.contains(word), "{text}\n{errors}");
        Ok::<_, anyhow::Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_is_cut_switches_off_nobody_and_can_be_repeated() {
    let world = world(None).await;
    let first = upload(&world, "1", file(1..=5)).await;
    becomes(&world, &first["run"], "accepted").await;
    active(&world, 1..=5).await;
    let whole = file([1, 2, 3, 5]);
    let address = world.usher.addresses().gateway().trim_start_matches("http://").to_owned();
    let mut connection = tokio::net::TcpStream::connect(&address).await.unwrap();
    let head = format!(
        "POST /v1/feeds/csv/people HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nContent-Type: text/csv\r\n\
         Idempotency-Key: 2\r\nContent-Length: {}\r\n\r\n",
        world.usher.token("source").unwrap(),
        whole.len()
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(&whole.as_bytes()[..whole.len() / 2]).await.unwrap();
    connection.shutdown().await.unwrap();
    drop(connection);
    let again = wait_for_level("the feed is free again", SOON, async || {
        let answer = request(&world, "2").body(whole.clone()).send().await?;
        anyhow::ensure!(answer.status() == 202, "{}", answer.status());
        Ok::<Value, anyhow::Error>(answer.json().await?)
    })
    .await
    .unwrap();
    becomes(&world, &again["run"], "accepted").await;
    active(&world, [1, 2, 3, 5]).await;
    assert_eq!(world.console.feeds().await.unwrap().len(), 2, "one run for both uploads");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_between_the_rows_and_the_end_of_a_file_loses_nobody_and_switches_off_who_is_missing() {
    const PEOPLE: u32 = 1_100;
    let mut world = world(None).await;
    let first = upload(&world, "1", file(1..=PEOPLE)).await;
    becomes(&world, &first["run"], "accepted").await;
    let whole = file((1..=PEOPLE).filter(|n| *n != 7));
    // Everything but the end is sent: a full batch is stored, and the rest waits.
    let part = bytes::Bytes::copy_from_slice(&whole.as_bytes()[..whole.len() - 100]);
    let stream = futures_util::StreamExt::chain(
        futures_util::stream::iter([Ok::<_, std::io::Error>(part)]),
        futures_util::stream::pending(),
    );
    let cut = tokio::spawn(request(&world, "2").body(reqwest::Body::wrap_stream(stream)).send());
    let open = wait_for_level("a batch of it is merged", SOON, async || {
        let runs = world.console.feeds().await?;
        let open = runs.into_iter().find(|run| run["state"] == "open");
        let open = open.ok_or_else(|| anyhow::anyhow!("no run is open"))?;
        anyhow::ensure!(open["merged"].as_u64() >= Some(1_000), "{open}");
        Ok::<_, anyhow::Error>(open)
    })
    .await
    .unwrap();
    world.usher.kill9().await.unwrap();
    cut.abort();
    world.usher.restart().await.unwrap();
    let again = upload(&world, "2", whole).await;
    assert_eq!(again["run"], open["run"]);
    becomes(&world, &again["run"], "accepted").await;
    active(&world, (1..=PEOPLE).filter(|n| *n != 7)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_file_in_the_folder_counts_for_nothing_after_a_newer_one() {
    let folder = tempfile::tempdir().unwrap();
    let world = world(Some(folder.path())).await;
    let now = std::time::SystemTime::from(harness::world::now());
    let put = |name: &str, text: &str, hours_ago: u64| {
        let fresh = folder.path().join("fresh");
        std::fs::write(&fresh, text).unwrap();
        let at = now - Duration::from_secs(3_600 * hours_ago);
        std::fs::File::options().write(true).open(&fresh).unwrap().set_modified(at).unwrap();
        std::fs::rename(fresh, folder.path().join("in").join(name)).unwrap();
    };
    let there = || level_reached(folder.path().join("in").is_dir(), "not yet");
    wait_for_level("the folder is there", SOON, async || there()).await.unwrap();
    put("1.csv", &file(1..=5), 3);
    put("2.csv", &file([1, 2, 3, 4]), 1);
    put("3.csv", &file([1, 2, 3, 5]), 2);
    let reports = ["1.csv", "2.csv", "3.csv"]
        .map(|name| folder.path().join("done").join(format!("{name}.report.json")));
    let mut runs = Vec::new();
    for report in reports {
        let text = wait_for_level("a report", SOON, async || std::fs::read_to_string(&report)).await.unwrap();
        runs.push(serde_json::from_str::<Value>(&text).unwrap()["run"].clone());
    }
    becomes(&world, &runs[1], "accepted").await;
    becomes(&world, &runs[2], "superseded").await;
    active(&world, 1..=4).await;
}

/// Returns the bytes in EVENTS and JOURNAL.
async fn bytes(world: &UsherWorld) -> u64 {
    let status = world.settled(SOON).await.unwrap();
    ["EVENTS", "JOURNAL"].iter().map(|stream| status.stream_bytes(stream).unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unchanged_night_costs_less_than_fifty_bytes_per_person_and_nothing_in_the_timeline() {
    const PEOPLE: u32 = 300;
    let world = world(None).await;
    let first = upload(&world, "1", file(1..=PEOPLE)).await;
    becomes(&world, &first["run"], "accepted").await;
    active(&world, 1..=PEOPLE).await;
    let before = bytes(&world).await;
    let told = world.console.trace("E-7").await.unwrap();
    let second = upload(&world, "2", file(1..=PEOPLE)).await;
    assert_eq!((&second["events"], &second["unchanged"]), (&json!(PEOPLE), &json!(PEOPLE)), "{second}");
    let run = becomes(&world, &second["run"], "accepted").await;
    assert_eq!((&run["unchanged"], &run["unresolved"]), (&json!(PEOPLE), &json!(0)), "{run}");
    let cost = (bytes(&world).await - before) / u64::from(PEOPLE);
    assert!(cost < 50, "{cost} bytes per person; the first load took {}", before / u64::from(PEOPLE));
    assert_eq!(world.console.trace("E-7").await.unwrap(), told);
    // A person missing from the next file is missing, and a changed person changes.
    let third = upload(&world, "3", file(2..=PEOPLE).replace("Person 2,Sales", "Person 2,Support")).await;
    assert_eq!(third["unchanged"], json!(PEOPLE - 2), "{third}");
    becomes(&world, &third["run"], "accepted").await;
    active(&world, 2..=PEOPLE).await;
}

//! Measures the writer with its target: requests per change, the used share of
//! a target's rate, the delay of a leaver, and the cost of a reconciliation.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::{
    BATCH, BenchSettings, RUN_MAX, changed_event, cloud_event, join_people, joined_event, person_attributes,
    print_row, rss_mib, to_float,
};
use crate::world::{TARGET, UsherWorld, WorldOptions, level_reached, policy_yaml, wait_for_level};

/// The number of people in the runs that count requests.
const PEOPLE: usize = 1_000;
/// The length of the middle part of a run in which the rate is measured.
const WINDOW: Duration = Duration::from_secs(30);

/// Runs the measurement and prints all figures.
///
/// # Errors
/// Fails if a part does not start, or if the result at the target is wrong.
pub(super) async fn run_writer(settings: &BenchSettings) -> anyhow::Result<()> {
    requests_per_change(settings).await?;
    first_sync(settings).await?;
    measure_memberships(settings).await?;
    for rate in [5.0, 50.0] {
        measure_share(settings, rate).await?;
    }
    measure_leaver(settings).await?;
    measure_comparison(settings).await
}

/// Starts a world whose target has a profile with these lines.
async fn writer_world(
    settings: &BenchSettings,
    lines: &str,
    policy: &str,
) -> anyhow::Result<(UsherWorld, tempfile::TempDir)> {
    let folder = tempfile::tempdir()?;
    let profile = folder.path().join("profile.yaml");
    std::fs::write(&profile, format!("name: bench\n{lines}"))?;
    let options = WorldOptions {
        profile: profile.display().to_string(),
        policy: Some(format!("guard: {{ percent: 100, deletions: 1000000 }}\n{policy}")),
        ..WorldOptions::new(&settings.usher)
    };
    Ok((UsherWorld::start(options).await?, folder))
}

/// Returns the number of requests that a step takes until everything is settled.
async fn count_requests(
    world: &UsherWorld,
    step: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<f64> {
    let before = world.sandbox().ledger().len();
    step.await?;
    world.settled(RUN_MAX).await?;
    Ok(to_float(usize::try_from(world.sandbox().ledger().len() - before)?))
}

async fn post_events(world: &UsherWorld, events: Vec<Value>) -> anyhow::Result<()> {
    for chunk in events.chunks(BATCH) {
        world.feed.values(chunk).await?;
    }
    Ok(())
}

fn left_event(i: usize) -> Value {
    cloud_event(&format!("leave-{i}"), "worker.left", i, 9_000, &json!({}))
}

fn per_person(what: &str, requests: f64) {
    print_row(&format!("requests per {what}"), format!("{:.2}", requests / to_float(PEOPLE)));
}

async fn requests_per_change(settings: &BenchSettings) -> anyhow::Result<()> {
    let (world, _folder) = writer_world(settings, "", &policy_yaml(TARGET)).await?;
    per_person(
        "person, first sync of 1,000 into an empty target",
        count_requests(&world, join_people(&world, PEOPLE)).await?,
    );
    let changes = (0..PEOPLE).map(|i| changed_event(i, 1)).collect();
    per_person("update", count_requests(&world, post_events(&world, changes)).await?);
    let leavers = (0..PEOPLE).map(left_event).collect();
    per_person("disable", count_requests(&world, post_events(&world, leavers)).await?);
    Ok(())
}

/// Measures a first sync where the accounts exist already: in the desired state, or without our key and with another name.
async fn first_sync(settings: &BenchSettings) -> anyhow::Result<()> {
    for (what, same) in [("that agree", true), ("that differ", false)] {
        let (world, _folder) = writer_world(settings, "", &policy_yaml(TARGET)).await?;
        for i in 0..PEOPLE {
            let known = person_attributes(i);
            let mut user = json!({
                "userName": known["userPrincipalName"], "active": true, "displayName": known["displayName"],
                "name": { "givenName": known["givenName"], "familyName": known["surname"] },
                "title": known["jobTitle"], "emails": [{ "type": "work", "value": known["mail"] }],
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": known["department"] },
            });
            match same {
                true => user["externalId"] = json!(format!("E-{i}")),
                false => user["displayName"] = json!("Somebody"),
            }
            world.sandbox().seed_user(user).context("seed")?;
        }
        let sent = count_requests(&world, join_people(&world, PEOPLE)).await?;
        anyhow::ensure!(world.sandbox().state().users.len() == PEOPLE, "a person was created twice");
        per_person(&format!("person, first sync of 1,000 with 1,000 accounts {what}"), sent);
    }
    Ok(())
}

/// Measures the addition and the removal of 1,000 members of one group.
async fn measure_memberships(settings: &BenchSettings) -> anyhow::Result<()> {
    let lines = "membership: { members_per_request_max: 100 }\n";
    let (world, _folder) = writer_world(settings, lines, &policy_yaml(TARGET)).await?;
    join_people(&world, PEOPLE).await?;
    let group = json!({
        "specversion": "1.0", "id": "group", "source": "/bench", "type": "group.upserted", "subject": "G-1",
        "time": "2026-01-01T00:00:00Z", "data": { "attributes": { "displayName": "All" } }
    });
    world.feed.values(&[group]).await?;
    world.settled(RUN_MAX).await?;
    let keys: Vec<String> = (0..PEOPLE).map(|i| format!("E-{i}")).collect();
    for (kind, hour, what) in
        [("group.member.added", 1, "additions"), ("group.member.removed", 2, "removals")]
    {
        let change = json!({
            "specversion": "1.0", "id": kind, "source": "/bench", "type": kind, "subject": "G-1",
            "time": format!("2026-01-01T0{hour}:00:00Z"), "data": { "members": keys }
        });
        let begin = Instant::now();
        let sent = count_requests(&world, async { world.feed.values(&[change]).await.map(drop) }).await?;
        print_row(
            &format!("1,000 {what} of one group, 100 a request: requests, seconds"),
            format!("{sent:.0}, {:.1}", begin.elapsed().as_secs_f64()),
        );
    }
    Ok(())
}

/// Measures the requests in a window under a constant backlog, as a share of the rate that the target allows.
async fn measure_share(settings: &BenchSettings, rate: f64) -> anyhow::Result<()> {
    let lines = format!("rate: {{ requests_per_second: {rate}, burst: 1 }}\n");
    let (world, _folder) = writer_world(settings, &lines, &policy_yaml(TARGET)).await?;
    join_people(&world, 3_000).await?;
    let seen = || world.sandbox().ledger().len();
    wait_for_level("the pace", RUN_MAX, async || level_reached(seen() > 20, "few requests")).await?;
    let (before, begin) = (seen(), Instant::now());
    tokio::time::sleep(WINDOW).await;
    let sent = to_float(usize::try_from(seen() - before)?);
    let share = sent / (rate * begin.elapsed().as_secs_f64());
    print_row(&format!("share of a target of {rate:.0} requests/s"), format!("{:.1} %", share * 100.0));
    Ok(())
}

/// Measures one leaver behind a backlog of all other people.
async fn measure_leaver(settings: &BenchSettings) -> anyhow::Result<()> {
    let people = settings.memory_people.max(1_000);
    let lines = "rate: { requests_per_second: 5, burst: 1 }\n";
    let (world, _folder) = writer_world(settings, lines, &policy_yaml(TARGET)).await?;
    world.feed.values(&[joined_event(0)]).await?;
    world.settled(RUN_MAX).await?;
    let others: Vec<Value> = (1..people).map(joined_event).collect();
    post_events(&world, others).await?;
    wait_for_level("the backlog", RUN_MAX, async || {
        let status = world.console.status().await?;
        let waits = status.lag.events == 0 && status.lag.commands == 0;
        anyhow::ensure!(waits && status.queued() > 0, "{} queued, {:?}", status.queued(), status.lag);
        Ok::<_, anyhow::Error>(())
    })
    .await?;
    let (begin, before) = (Instant::now(), world.sandbox().ledger().len());
    world.feed.values(&[left_event(0)]).await?;
    let is_off = || world.sandbox().state().users.get("person0@example.com").is_some_and(|user| !user.active);
    wait_for_level("the leaver is off", RUN_MAX, async || level_reached(is_off(), "still on")).await?;
    let requests = world.sandbox().ledger().len() - before;
    print_row(
        &format!("one leaver behind {people} joiners at 5 requests/s: seconds, requests until then"),
        format!("{:.2}, {requests}", begin.elapsed().as_secs_f64()),
    );
    Ok(())
}

/// Measures a reconciliation with all accounts in sync.
async fn measure_comparison(settings: &BenchSettings) -> anyhow::Result<()> {
    let people = settings.memory_people.max(1_000);
    let policy = policy_yaml(TARGET).replace("users:\n", "users:\n  assumeEmpty: true\n");
    let (world, _folder) = writer_world(settings, "", &policy).await?;
    join_people(&world, people).await?;
    world.settled(RUN_MAX).await?;
    let pid = world.usher.pid().context("usher does not run")?;
    let (begin, before) = (Instant::now(), rss_mib(pid, "VmRSS")?);
    let output = tokio::process::Command::new(&settings.usher)
        .args(["reconcile", TARGET, "--dry-run", "--json", "--data"])
        .arg(world.usher.data())
        .output()
        .await?;
    let took = begin.elapsed().as_secs_f64();
    let report: Value = serde_json::from_slice(&output.stdout).context("read the report")?;
    let counts = &report["counts"];
    anyhow::ensure!(counts["inSync"] == json!(people) || counts["in_sync"] == json!(people), "{report}");
    print_row(
        &format!("comparing {people} accounts in sync: seconds, requests, resident memory before / after"),
        format!("{took:.1}, {}, {before} MiB / {} MiB", counts["requests"], rss_mib(pid, "VmRSS")?),
    );
    Ok(())
}

//! Databases and the broker's store are restored from an earlier time: the target ends as expected in every combination.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::world::{TARGET, now, policy_yaml, wait_for_level};
use harness::{UsherWorld, WorldOptions};
use sandbox::SandboxBehaviour;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

const SOON: Duration = Duration::from_secs(90);
/// Number of people at the beginning.
const PEOPLE: u32 = 8;
/// Number of people who leave later.
const LEAVERS: u32 = 3;

async fn world() -> UsherWorld {
    world_with(serde_json::Map::new()).await
}

async fn world_with(writer: serde_json::Map<String, Value>) -> UsherWorld {
    let policy = policy_yaml(TARGET)
        .replace("users:\n", "guard: { percent: 100 }\nusers:\n  orphans: { action: disable }\n");
    let behaviour = SandboxBehaviour { keep_bodies: true, ..SandboxBehaviour::default() };
    let usher = env!("CARGO_BIN_EXE_usher");
    UsherWorld::start(WorldOptions { policy: Some(policy), behaviour, writer, ..WorldOptions::new(usher) })
        .await
        .unwrap()
}

/// Returns an event of HR with a new id.
fn event(kind: &str, person: u32, second: i64, attributes: Value) -> Value {
    let time = (now() - time::Duration::HOUR + time::Duration::seconds(second)).format(&Rfc3339).unwrap();
    let (id, subject) = (format!("{kind}-{person}-{second}"), format!("E-{person}"));
    json!({ "specversion": "1.0", "id": id, "source": "/hr", "type": kind, "subject": subject, "time": time,
            "data": { "attributes": attributes } })
}

fn joined(person: u32, second: i64) -> Value {
    let attributes = json!({
        "userPrincipalName": login(person), "displayName": format!("Person {person}"), "jobTitle": "Clerk",
        "givenName": "Person", "surname": person.to_string(), "mail": login(person), "department": "Sales",
    });
    event("worker.joined", person, second, attributes)
}

fn titled(person: u32, second: i64) -> Value {
    event("worker.changed", person, second, json!({ "jobTitle": format!("Title {second}") }))
}

fn left(person: u32, second: i64) -> Value {
    event("worker.left", person, second, json!({}))
}

fn login(person: u32) -> String {
    format!("e{person}@example.com")
}

async fn say(world: &UsherWorld, events: Vec<Value>) {
    world.feed.values(&events).await.unwrap();
    world.settled(SOON).await.unwrap();
}

/// Lets all people join, and copies the stores at that time.
async fn begin(world: &mut UsherWorld) -> PathBuf {
    say(world, (0..PEOPLE).map(|person| joined(person, 1)).collect()).await;
    world.usher.terminate().await.unwrap();
    let backup = world.usher.data().with_file_name("backup");
    copy(world.usher.data(), &backup);
    world.usher.restart().await.unwrap();
    backup
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target);
        } else {
            std::fs::copy(&source, &target).unwrap();
        }
    }
}

/// Restores these databases while the process is stopped.
fn restore(world: &UsherWorld, backup: &Path, services: &[&str]) {
    for service in services {
        for suffix in ["db", "db-wal", "db-shm"] {
            let name = format!("{service}.{suffix}");
            let _ = std::fs::remove_file(world.usher.data().join(&name));
            if backup.join(&name).exists() {
                std::fs::copy(backup.join(&name), world.usher.data().join(&name)).unwrap();
            }
        }
    }
}

async fn usher(world: &UsherWorld, arguments: &[&str]) -> String {
    let data = world.usher.data().display().to_string();
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_usher"));
    let command = command.args(arguments).args(["--data", &data]).kill_on_drop(true);
    let output = tokio::time::timeout(SOON, command.output()).await.expect("the command ends").unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// Waits until exactly these people's accounts are active, and reconciles the target in between.
async fn ends_with(world: &UsherWorld, expected: impl IntoIterator<Item = u32>) {
    let expected: BTreeSet<String> = expected.into_iter().map(login).collect();
    are_active(world, &expected).await;
    world.settled(SOON).await.unwrap();
    let report = usher(world, &["reconcile", TARGET]).await;
    world.settled(SOON).await.unwrap();
    are_active(world, &expected).await;
    // Temporary changes are in the ledger.
    let creates: BTreeMap<String, u64> = world.sandbox().ledger().creates_by_external_id();
    assert!(creates.values().all(|count| *count == 1), "created twice: {creates:?}\n{report}");
}

async fn are_active(world: &UsherWorld, expected: &BTreeSet<String>) {
    wait_for_level("the right accounts are active", SOON, async || {
        let users = world.directory().await?.users;
        let active = users.into_iter().filter(|(_, user)| user.active != Some(false));
        let active: BTreeSet<String> = active.map(|(name, _)| name).collect();
        let differ: Vec<&String> = active.symmetric_difference(expected).collect();
        anyhow::ensure!(differ.is_empty(), "differ: {differ:?}");
        Ok::<_, anyhow::Error>(())
    })
    .await
    .unwrap();
}

/// Returns how often an existing account was enabled after `since`.
fn switched_on(world: &UsherWorld, since: u64) -> usize {
    let gives = |body: &str| {
        let body: Value = serde_json::from_str(body).unwrap();
        let operations = body["Operations"].as_array().cloned().unwrap_or_default();
        operations.iter().any(|operation| operation["path"] == "active" && operation["value"] != false)
    };
    let entries = world.sandbox().ledger().since(since, 10_000);
    let changes = entries.iter().filter(|entry| &*entry.method == "PATCH");
    changes.filter(|entry| entry.body.as_deref().is_some_and(gives)).count()
}

async fn status_says(world: &UsherWorld, words: &str) {
    wait_for_level("usher status says it", SOON, async || {
        let text = usher(world, &["status"]).await;
        anyhow::ensure!(text.contains(words), "{text}");
        Ok::<_, anyhow::Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mappers_database_alone_comes_back_and_whoever_leaves_is_off() {
    let mut world = world().await;
    let backup = begin(&mut world).await;
    for second in 10..13 {
        say(&world, (0..LEAVERS).map(|person| titled(person, second)).collect()).await;
    }
    say(&world, vec![left(0, 20), joined(PEOPLE, 20)]).await;
    world.usher.terminate().await.unwrap();
    restore(&world, &backup, &["mapper"]);
    world.usher.restart().await.unwrap();
    status_says(&world, "the mapper's database comes from an older backup").await;
    say(&world, (1..LEAVERS).map(|person| left(person, 30)).collect()).await;
    ends_with(&world, LEAVERS..=PEOPLE).await;
    let trace = usher(&world, &["trace", "E-1"]).await;
    assert!(trace.contains("disabled r"), "the decision is in the trace:\n{trace}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_writers_database_alone_comes_back_and_gives_nobody_access_again() {
    let mut world = world().await;
    let backup = begin(&mut world).await;
    say(&world, (0..LEAVERS).map(|person| left(person, 20)).collect()).await;
    say(&world, vec![joined(PEOPLE, 21), titled(PEOPLE - 1, 22)]).await;
    world.usher.terminate().await.unwrap();
    restore(&world, &backup, &["writer"]);
    let before = world.sandbox().ledger().len();
    world.usher.restart().await.unwrap();
    status_says(&world, "the writer's database comes from an older backup").await;
    ends_with(&world, LEAVERS..=PEOPLE).await;
    assert_eq!(switched_on(&world, before), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_writers_database_comes_back_and_the_brokers_store_is_gone_and_what_differs_is_sent_again() {
    let mut world = world().await;
    let backup = begin(&mut world).await;
    say(&world, (0..LEAVERS).map(|person| left(person, 20)).collect()).await;
    say(&world, vec![joined(PEOPLE, 21)]).await;
    world.usher.terminate().await.unwrap();
    restore(&world, &backup, &["writer"]);
    std::fs::remove_dir_all(world.usher.data().join("nats")).unwrap();
    world.usher.restart().await.unwrap();
    ends_with(&world, LEAVERS..=PEOPLE).await;
    let verified = usher(&world, &["verify"]).await;
    assert!(verified.contains("compared"), "{verified}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mappers_database_is_lost_while_a_departure_is_under_way_and_the_leaver_is_off() {
    let mut world = world().await;
    begin(&mut world).await;
    world.feed.values(&[left(0, 20)]).await.unwrap();
    world.usher.kill9().await.unwrap();
    restore(&world, Path::new("/nowhere"), &["mapper"]);
    world.usher.restart().await.unwrap();
    ends_with(&world, 1..PEOPLE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_database_of_the_mapper_without_the_events_since_gives_nobody_access_without_an_operator() {
    let mut world = world().await;
    let backup = begin(&mut world).await;
    say(&world, (0..LEAVERS).map(|person| left(person, 20)).collect()).await;
    world.usher.terminate().await.unwrap();
    restore(&world, &backup, &["mapper"]);
    std::fs::remove_dir_all(world.usher.data().join("nats")).unwrap();
    let before = world.sandbox().ledger().len();
    world.usher.restart().await.unwrap();
    let held = async |expected: &[&str]| {
        wait_for_level("what the writer knows better is held", SOON, async || {
            let text = usher(&world, &["held", "ls"]).await;
            let people = ["E-0", "E-1", "E-2"].into_iter().filter(|person| text.contains(*person));
            anyhow::ensure!(people.eq(expected.iter().copied()), "{text}");
            anyhow::ensure!(expected.is_empty() || text.contains("outdated"), "{text}");
            Ok::<_, anyhow::Error>(())
        })
        .await
        .unwrap();
    };
    held(&["E-0", "E-1", "E-2"]).await;
    ends_with(&world, LEAVERS..PEOPLE).await;
    assert_eq!(switched_on(&world, before), 0);
    // Orders may have been given since the backup, and JOURNAL is gone too.
    status_says(&world, "orders of operators may be missing").await;
    usher(&world, &["verify", "--orders-complete", "--why", "none were given"]).await;
    let status = usher(&world, &["status"]).await;
    assert!(!status.contains("orders of operators may be missing"), "{status}");

    say(&world, vec![titled(0, 30), left(1, 31)]).await;
    held(&["E-0", "E-2"]).await;
    are_active(&world, &(LEAVERS..PEOPLE).map(login).collect()).await;
    usher(&world, &["held", "approve", "--target", TARGET, "E-2", "--why", "she works here"]).await;
    ends_with(&world, (LEAVERS - 1)..PEOPLE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_of_operators_outlive_an_older_and_a_lost_database_of_the_mapper() {
    let mut world = world().await;
    let backup = begin(&mut world).await;
    usher(&world, &["off", "E-1", "--why", "fraud"]).await;
    usher(&world, &["keep", "E-2", "--why", "lawsuit"]).await;
    are_active(&world, &(0..PEOPLE).filter(|person| *person != 1).map(login).collect()).await;
    world.settled(SOON).await.unwrap();
    for from in [backup.as_path(), Path::new("/nowhere")] {
        world.usher.terminate().await.unwrap();
        restore(&world, from, &["mapper"]);
        let before = world.sandbox().ledger().len();
        world.usher.restart().await.unwrap();
        status_says(&world, "the mapper's database").await;
        ends_with(&world, (0..PEOPLE).filter(|person| *person != 1)).await;
        assert_eq!(switched_on(&world, before), 0);
        assert!(usher(&world, &["off", "ls"]).await.contains("E-1"));
        assert!(usher(&world, &["keep", "ls"]).await.contains("E-2"));
        let status = usher(&world, &["status"]).await;
        assert!(!status.contains("orders of operators may be missing"), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_brokers_store_is_lost_while_everything_runs_and_everything_is_compared_at_once() {
    let mut world = world().await;
    begin(&mut world).await;
    let store = world.usher.data().join("nats");
    std::fs::rename(&store, store.with_file_name("lost")).unwrap();
    world.usher.kill9_nats().unwrap();
    status_says(&world, "the stream COMMANDS was lost and created again").await;
    say(&world, (0..LEAVERS).map(|person| left(person, 20)).collect()).await;
    ends_with(&world, LEAVERS..PEOPLE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_databases_come_back_and_read_again_what_the_broker_still_holds() {
    let mut world = world().await;
    let backup = begin(&mut world).await;
    say(&world, vec![left(0, 20), joined(PEOPLE, 21)]).await;
    world.usher.terminate().await.unwrap();
    restore(&world, &backup, &["mapper", "writer", "console", "gateway"]);
    world.usher.restart().await.unwrap();
    status_says(&world, "comes from an older backup").await;
    ends_with(&world, 1..=PEOPLE).await;
    let trace = usher(&world, &["trace", &format!("E-{PEOPLE}")]).await;
    assert!(trace.contains("worker.joined"), "{trace}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_is_rebuilt_from_the_journal_after_its_database_is_lost() {
    let mut world = world().await;
    say(&world, vec![joined(0, 1), joined(1, 1)]).await;
    let before = usher(&world, &["trace", "E-0"]).await;
    world.usher.terminate().await.unwrap();
    restore(&world, Path::new("/nowhere"), &["console"]);
    world.usher.restart().await.unwrap();
    wait_for_level("the timeline is there again", SOON, async || {
        let after = usher(&world, &["trace", "E-0"]).await;
        anyhow::ensure!(after == before, "{after}\nbefore:\n{before}");
        Ok::<_, anyhow::Error>(())
    })
    .await
    .unwrap();
    status_says(&world, "the console's database is empty, although there was one before").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_comes_back_from_one_backup_taken_while_running_and_gives_nobody_access_again() {
    let mut world = world().await;
    say(&world, (0..PEOPLE).map(|person| joined(person, 1)).collect()).await;
    let backup = world.usher.data().with_file_name("kept").display().to_string();
    let meanwhile = (0..PEOPLE).map(|person| titled(person, 5)).collect::<Vec<_>>();
    let command = ["backup", "--to", &backup];
    let (taken, said) = tokio::join!(usher(&world, &command), world.feed.values(&meanwhile));
    said.unwrap();
    assert!(taken.contains("backed up"), "{taken}");
    world.settled(SOON).await.unwrap();
    status_says(&world, "the last backup was taken at").await;

    let erased = PEOPLE - 1;
    let since = || {
        let mut events: Vec<Value> = (0..LEAVERS).map(|person| left(person, 20)).collect();
        events.extend([
            joined(PEOPLE, 21),
            titled(LEAVERS, 22),
            event("worker.deleted", erased, 23, json!({})),
        ]);
        events
    };
    say(&world, since()).await;
    let refused = usher(&world, &["restore", &backup, "--replace"]).await;
    assert!(refused.contains("another `usher up` runs"), "{refused}");
    world.usher.terminate().await.unwrap();
    let restored = usher(&world, &["restore", &backup, "--replace"]).await;
    assert!(restored.contains("what was there is in"), "{restored}");
    let before = world.sandbox().ledger().len();
    world.usher.restart().await.unwrap();
    status_says(&world, "restored from a backup of").await;
    wait_for_level("it can be seen what would be changed", SOON, async || {
        let compared = usher(&world, &["reconcile", TARGET, "--dry-run"]).await;
        // To the restored databases, the account of a later joiner is an orphan.
        anyhow::ensure!(compared.contains("orphan      user"), "{compared}");
        Ok::<_, anyhow::Error>(())
    })
    .await
    .unwrap();

    // Nothing was sent again yet: a new leaver is disabled, and everything else at the target stays as it is. Erased people are
    // recorded outside of the backup, and need not be sent again.
    world.feed.values(&[left(LEAVERS, 40)]).await.unwrap();
    let expected: BTreeSet<String> =
        (LEAVERS + 1..=PEOPLE).filter(|person| *person != erased).map(login).collect();
    are_active(&world, &expected).await;
    world.feed.values(&since()).await.unwrap();
    let resumed = usher(&world, &["target", "resume", TARGET, "--why", "HR has said it again"]).await;
    world.settled(SOON).await.unwrap_or_else(|error| panic!("{error:#}\n{resumed}"));
    ends_with(&world, (LEAVERS + 1..=PEOPLE).filter(|person| *person != erased)).await;
    assert_eq!(switched_on(&world, before), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_comes_back_as_copies_that_usher_does_not_know_of_and_gives_nobody_access_again() {
    // Every stop counts as long, like the time since such a copy.
    let mut world = world_with([("trusted_stop_minutes".to_owned(), json!(0))].into_iter().collect()).await;
    let backup = begin(&mut world).await;
    let stays = PEOPLE - 1;
    let since = || (0..stays).map(|person| left(person, 20)).chain([joined(PEOPLE, 21)]).collect::<Vec<_>>();
    say(&world, since()).await;
    world.usher.terminate().await.unwrap();
    std::fs::remove_dir_all(world.usher.data()).unwrap();
    copy(&backup, world.usher.data());
    let before = world.sandbox().ledger().len();
    world.usher.restart().await.unwrap();
    status_says(&world, "7 accounts are off there that should be active, 1 accounts were created there")
        .await;

    // No source sends it again, and a reconciliation now has to wait. A leaver is disabled, and a joiner waits.
    let waits = usher(&world, &["reconcile", TARGET]).await;
    assert!(waits.contains("zscaler is paused by usher: the target has changed since"), "{waits}");
    world.feed.values(&[left(stays, 40), joined(PEOPLE + 1, 41)]).await.unwrap();
    are_active(&world, &[login(PEOPLE)].into()).await;
    status_says(&world, "Leavers with access: 0").await;
    assert_eq!(switched_on(&world, before), 0);

    world.feed.values(&since()).await.unwrap();
    usher(&world, &["reconcile", TARGET, "--cancel"]).await;
    let resumed = usher(&world, &["target", "resume", TARGET, "--why", "HR has said it again"]).await;
    world.settled(SOON).await.unwrap_or_else(|error| panic!("{error:#}\n{resumed}"));
    ends_with(&world, [PEOPLE, PEOPLE + 1]).await;
    assert_eq!(switched_on(&world, before), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaver_since_the_backup_stays_off_if_the_target_is_resumed_before_a_source_has_said_it_again() {
    let mut world = world().await;
    say(&world, (0..PEOPLE).map(|person| joined(person, 1)).collect()).await;
    let backup = world.usher.data().with_file_name("kept").display().to_string();
    let taken = usher(&world, &["backup", "--to", &backup]).await;
    assert!(taken.contains("backed up"), "{taken}");
    say(&world, vec![left(0, 20), left(1, 20)]).await;
    are_active(&world, &(2..PEOPLE).map(login).collect()).await;
    world.usher.terminate().await.unwrap();
    let restored = usher(&world, &["restore", &backup, "--replace"]).await;
    assert!(restored.contains("what was there is in"), "{restored}");
    let before = world.sandbox().ledger().len();
    world.usher.restart().await.unwrap();
    status_says(&world, "restored from a backup of").await;

    usher(&world, &["target", "resume", TARGET, "--why", "it is late"]).await;
    wait_for_level("the target is compared", SOON, async || {
        let compared = usher(&world, &["reconcile", TARGET]).await;
        anyhow::ensure!(compared.contains("finished"), "{compared}");
        Ok::<_, anyhow::Error>(())
    })
    .await
    .unwrap();
    let held = async |expected: &[&str]| {
        wait_for_level("they are held", SOON, async || {
            let text = usher(&world, &["held", "ls"]).await;
            let people = ["E-0", "E-1"].into_iter().filter(|person| text.contains(*person));
            anyhow::ensure!(people.eq(expected.iter().copied()), "{text}");
            anyhow::ensure!(expected.is_empty() || text.contains("restored"), "{text}");
            Ok::<_, anyhow::Error>(())
        })
        .await
        .unwrap();
    };
    held(&["E-0", "E-1"]).await;
    assert_eq!(switched_on(&world, before), 0);
    // One has left, as HR says again. The other is at work, as HR says, although nothing about the person changed.
    say(&world, vec![left(0, 30), joined(1, 31)]).await;
    held(&[]).await;
    ends_with(&world, 1..PEOPLE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_stopped_installation_is_whole_and_a_damaged_one_changes_nothing() {
    let mut world = world().await;
    say(&world, vec![joined(0, 1)]).await;
    world.usher.terminate().await.unwrap();
    let folder = world.usher.data().with_file_name("kept");
    let backup = folder.display().to_string();
    let taken = usher(&world, &["backup", "--to", &backup, "--config", &config(&world)]).await;
    assert!(taken.contains("backed up"), "{taken}");
    let again = usher(&world, &["backup", "--to", &backup, "--config", &config(&world)]).await;
    assert!(again.contains("is not empty"), "{again}");
    let refused = usher(&world, &["restore", &backup]).await;
    assert!(refused.contains("--replace moves what is there aside"), "{refused}");

    let database = folder.join("databases/writer.db");
    let whole = std::fs::read(&database).unwrap();
    let mut damaged = whole.clone();
    *damaged.last_mut().unwrap() ^= 1;
    std::fs::write(&database, damaged).unwrap();
    let refused = usher(&world, &["restore", &backup, "--replace"]).await;
    assert!(refused.contains("the backup is damaged"), "{refused}");
    std::fs::write(&database, whole).unwrap();
    let names = || std::fs::read_dir(world.usher.data()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names().all(|name| !name.to_string_lossy().starts_with("re")), "nothing was changed");

    let restored = usher(&world, &["restore", &backup, "--replace"]).await;
    assert!(restored.contains("start `usher up`"), "{restored}");
    world.usher.restart().await.unwrap();
    status_says(&world, "restored from a backup of").await;
    usher(&world, &["target", "resume", TARGET, "--why", "nothing was said since"]).await;
    ends_with(&world, [0]).await;
}

fn config(world: &UsherWorld) -> String {
    world.usher.data().join("up.yaml").display().to_string()
}

//! The disk of the broker's store is full under `usher up`: readiness reports it, and everything continues without any action
//! once there is room again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use harness::world::{level_reached, wait_for_level};
use harness::{UsherWorld, WorldOptions};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(120);
/// Size of the disk in MB: more than the broker needs for itself.
const DISK_MB: u32 = 64;
const PEOPLE: u32 = 4;
const NOTE_BYTES: usize = 32 << 10;

/// A small separate disk. It is unmounted on drop.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Returns `None`, with a message, where mounting is not allowed.
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let size = format!("size={DISK_MB}m,mode=700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(at.to_owned())),
            other => {
                eprintln!("SKIPPED, the full disk was NOT tested: this needs the right to mount: {other:?}");
                None
            }
        }
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    /// Fills the disk to the last byte.
    fn fill(&self) {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(self.ballast()).unwrap();
        for size in [1 << 20, 1 << 12, 1] {
            while file.write_all(&vec![7; size]).is_ok() {}
        }
    }

    fn make_room(&self) {
        std::fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn event(kind: &str, person: u32) -> Value {
    let login = login(person);
    let attributes = match kind {
        "worker.joined" => json!({
            "userPrincipalName": login, "displayName": format!("Person {person}"), "jobTitle": "Clerk",
            "givenName": "Person", "surname": person.to_string(), "mail": login, "department": "Sales",
            "note": "x".repeat(NOTE_BYTES),
        }),
        _ => json!({}),
    };
    json!({ "specversion": "1.0", "id": format!("{kind}-{person}"), "source": "/hr", "type": kind,
            "subject": format!("E-{person}"), "time": "2026-01-05T00:00:00Z", "data": { "attributes": attributes } })
}

fn login(person: u32) -> String {
    format!("e{person}@example.com")
}

async fn are_active(world: &UsherWorld, people: impl IntoIterator<Item = u32>) {
    let expected: BTreeSet<String> = people.into_iter().map(login).collect();
    wait_for_level("the right accounts are active", SOON, async || {
        let users = world.directory().await?.users;
        let active = users.into_iter().filter(|(_, user)| user.active != Some(false));
        let active: BTreeSet<String> = active.map(|(name, _)| name).collect();
        let differ: Vec<&String> = active.symmetric_difference(&expected).collect();
        anyhow::ensure!(differ.is_empty(), "differ: {differ:?}");
        anyhow::Ok(())
    })
    .await
    .unwrap_or_else(|error| panic!("{error:#}\n{}", world.usher.end_of_log()));
}

async fn readiness(world: &UsherWorld) -> (bool, String) {
    let url = format!("{}/readyz", world.usher.addresses().admin());
    let answer = world.http().get(url).send().await.unwrap();
    (answer.status().is_success(), answer.text().await.unwrap())
}

async fn is_ready(world: &UsherWorld) {
    wait_for_level("ready again", SOON, async || {
        let (ready, body) = readiness(world).await;
        level_reached(ready, body)
    })
    .await
    .unwrap_or_else(|error| panic!("{error:#}\n{}", world.usher.end_of_log()));
}

/// Fills the disk, and makes room again after `meanwhile` holds.
async fn the_disk_was_full(meanwhile: impl AsyncFn(&UsherWorld, u32)) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("usher");
    let Some(disk) = SmallDisk::mount(&data.join("nats")) else { return };
    let usher = env!("CARGO_BIN_EXE_usher");
    let policy = format!("guard: {{ percent: 100 }}\n{}", harness::world::policy_yaml("zscaler"));
    let options = WorldOptions { data: Some(data), policy: Some(policy), ..WorldOptions::new(usher) };
    let world = UsherWorld::start(options).await.unwrap();
    let joined: Vec<Value> = (0..PEOPLE).map(|person| event("worker.joined", person)).collect();
    world.feed.values(&joined).await.unwrap();
    are_active(&world, 0..PEOPLE).await;
    let pid = world.usher.nats_pid().unwrap();

    disk.fill();
    // The event is accepted once there is room again; until then the response says that it is not stored. It is longer than the
    // rest of the last page.
    let feed = world.feed.clone();
    let leaving =
        tokio::spawn(
            async move { feed.values(&[event("worker.joined", PEOPLE), event("worker.left", 0)]).await },
        );
    let why = wait_for_level("readiness says no", SOON, async || {
        let (ready, body) = readiness(&world).await;
        if ready { Err("ready") } else { Ok(body) }
    })
    .await
    .unwrap();
    eprintln!("while the disk is full: {why}");
    assert!(["EVENTS", "broker", "stream"].iter().any(|word| why.contains(word)), "{why}");
    meanwhile(&world, pid).await;
    assert!(!leaving.is_finished(), "nothing can be stored");

    disk.make_room();
    leaving.await.unwrap().unwrap();
    is_ready(&world).await;
    assert_ne!(world.usher.nats_pid().unwrap(), pid, "it stores nothing until it is started again");
    are_active(&world, 1..=PEOPLE).await;
    world.feed.values(&[event("worker.left", 1), event("worker.joined", PEOPLE + 1)]).await.unwrap();
    are_active(&world, 2..=PEOPLE + 1).await;
    let creates = world.sandbox().ledger().creates_by_external_id();
    assert!(creates.values().all(|count| *count == 1), "created twice: {creates:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_of_the_broker_is_said_and_survived() {
    the_disk_was_full(async |_, _| {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_killed_while_its_disk_is_full_comes_back_with_its_consumers() {
    the_disk_was_full(async |world, pid| {
        world.usher.kill9_nats().unwrap();
        wait_for_level("the broker was restarted", SOON, async || {
            level_reached(world.usher.nats_pid().is_ok_and(|now| now != pid), readiness(world).await.1)
        })
        .await
        .unwrap_or_else(|error| panic!("{error:#}\n{}", world.usher.end_of_log()));
    })
    .await;
}

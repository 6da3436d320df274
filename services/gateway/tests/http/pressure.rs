//! Every endpoint while its backend fails: requests are refused with 503 until later, and every request that succeeded is stored.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bus::testing::TestServer;
use edge::TokenHash;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::world::{BATCH, World};

const PATIENCE: Duration = Duration::from_secs(90);
const DOORS: [Door; 5] = [Door::Events, Door::Bulk, Door::Csv, Door::Webhook, Door::Scim];
/// The number of callers at each endpoint.
const CALLERS: usize = 2;
/// The number of people in each request.
const PEOPLE: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Events,
    Bulk,
    Csv,
    Webhook,
    Scim,
}

fn settings(folder: &Path) -> Value {
    let token = |text: &str| TokenHash::of(text).to_string();
    let feed = |name: &str| json!({ "name": name, "mode": "delta", "mapping": { "key": "id" } });
    let (mut upload, mut watched) = (feed("people"), feed("watched"));
    upload["token"] = json!(token("feed-token"));
    watched["folder"] =
        json!({ "path": folder.join("in"), "done": folder.join("done"), "failed": folder.join("failed") });
    json!({
        "feeds": [upload, watched],
        "webhooks": [{ "name": "own", "verifier": { "scheme": "bearer", "secrets": ["own-token"] },
                       "adapter": { "kind": "json", "events": "/list", "key": "/key", "type": "/what", "id": "/key",
                                    "types": { "gone": "worker.left" } } }],
        "scim": [{ "name": "entra", "token": token("entra-token") }],
        "database": format!("sqlite://{}?mode=rwc", folder.join("gateway.db").display()),
        "sender_share_percent_max": 100,
    })
}

impl Door {
    /// Builds a request about these people, who are new.
    fn request(self, http: &Client, url: &str, people: &[String]) -> RequestBuilder {
        let post = |path: &str, token: &str, media: &str| {
            http.post(format!("{url}{path}")).header("authorization", token).header("content-type", media)
        };
        match self {
            Self::Events => {
                let events: Vec<Value> = people.iter().map(|key| crate::world::event(key)).collect();
                post("/v1/events", "Bearer hr-token", BATCH).body(Value::from(events).to_string())
            }
            Self::Bulk => {
                let operation =
                    |key: &String| json!({"method": "POST", "path": "/Users", "data": {"externalId": key}});
                let body = json!({ "Operations": people.iter().map(operation).collect::<Vec<_>>() });
                post("/v1/feeds/scim-bulk", "Bearer hr-token", "application/scim+json").body(body.to_string())
            }
            Self::Csv => {
                let body = format!("id\n{}\n", people.join("\n"));
                post("/v1/feeds/csv/people", "Bearer feed-token", "text/csv").body(body)
            }
            Self::Webhook => {
                let notice = |key: &String| json!({"key": key, "what": "gone"});
                let body = json!({ "list": people.iter().map(notice).collect::<Vec<_>>() });
                post("/v1/webhooks/own", "own-token", "application/json").body(body.to_string())
            }
            Self::Scim => {
                let operation = |key: &String| {
                    json!({"method": "POST", "bulkId": key, "path": "/Users",
                           "data": {"userName": key, "externalId": key, "active": true}})
                };
                let body = json!({ "Operations": people.iter().map(operation).collect::<Vec<_>>() });
                post("/scim/v2/entra/Bulk", "Bearer entra-token", "application/scim+json")
                    .body(body.to_string())
            }
        }
    }
}

/// The results of the requests at one endpoint.
#[derive(Default)]
struct Seen {
    taken: AtomicUsize,
    refused: AtomicUsize,
    /// The people whose events the gateway reported as stored.
    promised: Mutex<Vec<String>>,
}

/// Callers at every endpoint who send requests until they are stopped.
struct Load {
    seen: Vec<Arc<Seen>>,
    enough: Arc<AtomicBool>,
    callers: JoinSet<()>,
    folder: PathBuf,
}

impl Load {
    fn start(world: &World, folder: &Path) -> Self {
        let seen: Vec<Arc<Seen>> = DOORS.iter().map(|_| Arc::default()).collect();
        let enough = Arc::new(AtomicBool::new(false));
        let mut callers = JoinSet::new();
        for (door, seen) in DOORS.into_iter().zip(&seen) {
            for caller in 0..CALLERS {
                let caller = Caller {
                    door,
                    name: format!("{door:?}-{caller}"),
                    url: world.url.clone(),
                    http: Client::new(),
                    seen: Arc::clone(seen),
                };
                callers.spawn(caller.run(Arc::clone(&enough)));
            }
        }
        callers.spawn(files(folder.join("in"), Arc::clone(&enough)));
        Self { seen, enough, callers, folder: folder.to_owned() }
    }

    /// Waits until another file was taken.
    async fn until_a_file(&self) {
        let done = self.folder.join("done");
        let before = put_away(&done).len();
        let wait = async {
            while put_away(&done).len() == before {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("a file is taken");
    }

    /// Waits until each endpoint has accepted and refused this many more requests.
    async fn until_each(&self, taken: usize, refused: usize) {
        let now = |seen: &Seen| (seen.taken.load(Ordering::Relaxed), seen.refused.load(Ordering::Relaxed));
        let before: Vec<(usize, usize)> = self.seen.iter().map(|seen| now(seen)).collect();
        let wait = async {
            for (seen, before) in self.seen.iter().zip(before) {
                while now(seen).0 < before.0 + taken || now(seen).1 < before.1 + refused {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        let counts: Vec<(usize, usize)> = self.seen.iter().map(|seen| now(seen)).collect();
        waited.unwrap_or_else(|_| {
            panic!("{taken} taken and {refused} refused at each of {DOORS:?}: {counts:?}")
        });
    }

    /// Stops the load, and checks that every person who was reported as stored is on the stream.
    async fn ends_well(mut self, world: &World) {
        self.enough.store(true, Ordering::Relaxed);
        while let Some(ended) = self.callers.join_next().await {
            ended.unwrap();
        }
        let mut promised: HashSet<String> = HashSet::new();
        for seen in &self.seen {
            promised.extend(std::mem::take(&mut *seen.promised.lock().unwrap()));
        }
        promised.extend(put_away(&self.folder.join("done")));
        let mut consumer = world.stored().await;
        let read = async {
            while !promised.is_empty() {
                for delivery in consumer.next_batch(500).await.unwrap() {
                    promised.remove(&delivery.body.as_ref().unwrap().subject);
                    delivery.ack().await;
                }
            }
        };
        let read = tokio::time::timeout(PATIENCE, read).await;
        assert!(read.is_ok(), "lost: {promised:?}");
    }
}

struct Caller {
    door: Door,
    name: String,
    url: String,
    http: Client,
    seen: Arc<Seen>,
}

impl Caller {
    async fn run(self, enough: Arc<AtomicBool>) {
        for round in 0_usize.. {
            if enough.load(Ordering::Relaxed) {
                return;
            }
            let people: Vec<String> = (0..PEOPLE).map(|n| format!("{}-{round}-{n}", self.name)).collect();
            let response = self.door.request(&self.http, &self.url, &people).send().await.unwrap();
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let body = response.text().await.unwrap();
            let stored = if self.door == Door::Scim { created(status, &body) } else { status == 202 };
            if stored {
                self.seen.promised.lock().unwrap().extend(people);
                self.seen.taken.fetch_add(1, Ordering::Relaxed);
            } else if status == 429 && self.door == Door::Csv {
                // A feed takes one file at a time, and that of the other caller is in progress.
            } else {
                let inner = self.door == Door::Scim && status == 200;
                assert!(inner || status == 503, "{:?} {status} {body}", self.door);
                let pause = headers.get("retry-after").map(|value| value.to_str().unwrap().parse::<u64>());
                assert!(inner || pause.is_some_and(|pause| pause.is_ok_and(|s| s >= 1)), "{headers:?}");
                self.seen.refused.fetch_add(1, Ordering::Relaxed);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Returns whether every operation of a SCIM bulk response succeeded.
fn created(status: u16, body: &str) -> bool {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let operations = body["Operations"].as_array().cloned().unwrap_or_default();
    status == 200 && operations.len() == PEOPLE && operations.iter().all(|one| one["status"] == "201")
}

/// Puts one file after the other into the folder.
async fn files(folder: PathBuf, enough: Arc<AtomicBool>) {
    std::fs::create_dir_all(&folder).unwrap();
    for n in 0_usize.. {
        if enough.load(Ordering::Relaxed) {
            return;
        }
        let half = folder.join(format!(".{n}"));
        std::fs::write(&half, format!("id\nfile-{n}-0\nfile-{n}-1\n")).unwrap();
        std::fs::rename(half, folder.join(format!("{n:0>6}.csv"))).unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Returns the people in the files that were taken.
fn put_away(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|end| end == "csv"));
    files
        .flat_map(|path| {
            let text = std::fs::read_to_string(path).unwrap();
            text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

#[tokio::test]
async fn nothing_that_was_taken_is_lost_when_the_broker_is_killed_in_the_middle() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::start(settings(folder.path())).await;
    let load = Load::start(&world, folder.path());
    load.until_each(5, 0).await;
    for _ in 0..2 {
        world.nats.kill();
        load.until_each(0, 3).await;
        world.nats.restart();
        load.until_each(3, 0).await;
    }
    load.until_a_file().await;
    load.ends_well(&world).await;
}

#[tokio::test]
async fn nothing_that_was_taken_is_lost_when_the_broker_hangs_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(settings(folder.path())).await;
    let load = Load::start(&world, folder.path());
    load.until_each(5, 0).await;
    world.nats.pause();
    load.until_each(0, 2).await;
    world.nats.resume();
    load.until_each(3, 0).await;
    load.until_a_file().await;
    load.ends_well(&world).await;
}

#[tokio::test]
async fn a_stream_that_is_full_refuses_until_there_is_room_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let nats = TestServer::start();
    let mut small = nats.config();
    small.max_bytes.events = 200_000;
    let mut large = nats.config();
    large.max_bytes.events = 32 << 20;
    let world = World::start_on(nats, small, settings(folder.path())).await;
    let load = Load::start(&world, folder.path());
    load.until_each(1, 3).await;
    let bus = bus::Bus::connect(&large, "operator").await.unwrap();
    bus.ensure_streams().await.unwrap();
    load.until_each(3, 0).await;
    load.until_a_file().await;
    load.ends_well(&world).await;
}

#[tokio::test]
async fn a_mapper_that_stopped_closes_every_door_until_it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut changes = settings(folder.path());
    changes["mapper_lag_max"] = json!(100);
    let world = World::start(changes).await;
    let mut mapper = world.stored().await;
    let load = Load::start(&world, folder.path());
    load.until_each(1, 3).await;
    let works = tokio::spawn(async move {
        let mut kept = Vec::new();
        loop {
            for delivery in mapper.next_batch(500).await.unwrap() {
                kept.push(delivery.body.as_ref().unwrap().subject.clone());
                delivery.ack().await;
            }
        }
    });
    load.until_each(2, 0).await;
    load.until_a_file().await;
    works.abort();
}

/// A disk that is small enough to be filled. Available only to users who may mount one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=32m", "tmpfs"]).arg(folder.path());
        mount.output().is_ok_and(|mounted| mounted.status.success()).then(|| Self(folder))
    }

    /// Fills the disk completely.
    fn fill(&self) {
        use std::io::Write as _;
        let mut filler = std::fs::File::create(self.0.path().join("filler")).unwrap();
        while filler.write_all(&[0; 4_096]).is_ok() {}
    }

    fn clear(&self) {
        std::fs::remove_file(self.0.path().join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The broker may still be running. A lazy unmount waits for its last open file.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).output();
    }
}

#[tokio::test]
async fn nothing_that_was_taken_is_lost_when_the_disk_is_full_and_is_cleared() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("no small disk can be mounted here: nothing was tested");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let nats = TestServer::start_in(tempfile::tempdir_in(disk.0.path()).unwrap());
    let config = nats.config();
    let mut world = World::start_on(nats, config, settings(folder.path())).await;
    let load = Load::start(&world, folder.path());
    load.until_each(3, 0).await;
    disk.fill();
    load.until_each(0, 3).await;
    disk.clear();
    // A broker that ran out of space does not store again until it is restarted.
    world.nats.restart();
    load.until_each(3, 0).await;
    load.until_a_file().await;
    load.ends_well(&world).await;
}

#[tokio::test]
async fn no_more_requests_are_held_than_may_be_while_the_broker_hangs() {
    let world = World::start(json!({ "in_flight_max": 4 })).await;
    world.nats.pause();
    let mut callers = JoinSet::new();
    for n in 0..40 {
        let request = Door::Events.request(&world.http, &world.url, &[format!("E-{n}")]);
        callers.spawn(async move { crate::world::Answer::of(request).await });
    }
    let answers = callers.join_all().await;
    assert!(answers.iter().all(|answer| answer.status == 503 && !answer.header("retry-after").is_empty()));
    let codes: HashSet<&str> = answers.iter().map(crate::world::Answer::code).collect();
    assert_eq!(codes, HashSet::from(["not_stored", "too_many_in_flight"]));
    world.nats.resume();
}

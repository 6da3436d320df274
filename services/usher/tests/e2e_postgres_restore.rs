//! The commands of docs/operations-backup.md for PostgreSQL and NATS, run exactly as documented. The target ends as expected,
//! in every combination of restored stores.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::world::{TARGET, now, policy_yaml, wait_for_level};
use harness::{UsherWorld, WorldOptions};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

const PAGE: &str = include_str!("../../../docs/operations-backup.md");
const SOON: Duration = Duration::from_secs(120);
const SERVICES: [&str; 4] = ["gateway", "mapper", "writer", "console"];
/// Number of people at the beginning; one of them leaves in each round.
const PEOPLE: usize = 10;

/// Returns the block of commands with this name on the page.
fn commands(name: &str) -> &'static str {
    let begin = format!("```sh {name}\n");
    let (_, rest) = PAGE.split_once(&begin).unwrap_or_else(|| panic!("the page has no block {name}"));
    rest.split_once("\n```").unwrap().0
}

/// Returns the folder of PostgreSQL's own tools; those on the path may be wrappers that look for a server of the machine.
fn postgres_tools() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.retain(|folder| folder.join("pg_dump").exists() && folder.join("pg_restore").exists());
    folders.sort();
    folders.pop()
}

fn event(kind: &str, person: usize, round: usize, attributes: Value) -> Value {
    let second = i64::try_from(round).unwrap();
    let time = (now() - time::Duration::HOUR + time::Duration::seconds(second)).format(&Rfc3339).unwrap();
    let (id, subject) = (format!("{kind}-{person}-{round}"), format!("E-{person}"));
    json!({ "specversion": "1.0", "id": id, "source": "/hr", "type": kind, "subject": subject, "time": time,
            "data": { "attributes": attributes } })
}

fn login(person: usize) -> String {
    format!("e{person}@example.com")
}

fn joined(person: usize, round: usize) -> Value {
    let attributes = json!({
        "userPrincipalName": login(person), "displayName": format!("Person {person}"), "jobTitle": "Clerk",
        "givenName": "Person", "surname": person.to_string(), "mail": login(person), "department": "Sales",
    });
    event("worker.joined", person, round, attributes)
}

fn left(person: usize, round: usize) -> Value {
    event("worker.left", person, round, json!({}))
}

/// An installation on PostgreSQL, and the variables for the commands of the page.
struct Installation {
    world: UsherWorld,
    backup: PathBuf,
    variables: BTreeMap<&'static str, String>,
    expected: BTreeSet<String>,
    _database: store::testing::TestDatabase,
}

impl Installation {
    async fn start(tools: &Path, database: store::testing::TestDatabase) -> Self {
        let policy = format!("guard: {{ percent: 100 }}\n{}", policy_yaml(TARGET));
        let usher = env!("CARGO_BIN_EXE_usher");
        let postgres = Some(database.url.clone());
        // The gateway has a database only with an identity provider.
        let provider = json!([{ "name": "entra", "token": format!("sha256:{}", "0".repeat(64)) }]);
        let gateway = [("scim".to_owned(), provider)].into_iter().collect();
        let options = WorldOptions { policy: Some(policy), postgres, gateway, ..WorldOptions::new(usher) };
        let world = UsherWorld::start(options).await.unwrap();
        let backup = world.usher.data().with_file_name("backup");
        let config = world.usher.data().with_file_name("databases.yaml");
        let url = &database.url;
        let sections = json!({
            "gateway": { "listen": "127.0.0.1:0", "database": url, "sources": [] },
            "mapper": { "database": url, "policies": world.usher.data().join("policies") },
            "writer": { "database": url, "targets": [] },
            "console": { "listen": "127.0.0.1:0", "database": url, "operators": [] },
        });
        std::fs::write(&config, sections.to_string()).unwrap();
        let usher = Path::new(usher).parent().unwrap().display();
        let path = format!("{}:{usher}:{}", tools.display(), std::env::var("PATH").unwrap());
        let nats = world.usher.data().join("nats").display().to_string();
        let variables = BTreeMap::from([
            ("PATH", path),
            ("DATABASE_URL", url.clone()),
            ("BACKUP", backup.display().to_string()),
            ("NATS_STORE", nats),
            ("CONFIG", config.display().to_string()),
        ]);
        let mut installation =
            Self { world, backup, variables, expected: BTreeSet::new(), _database: database };
        installation.say((0..PEOPLE).map(|person| joined(person, 0)).collect()).await;
        installation.expected = (0..PEOPLE).map(login).collect();
        installation
    }

    async fn run(&self, block: &str, more: &[(&str, &str)]) {
        let mut command = tokio::process::Command::new("sh");
        command.args(["-euc", commands(block)]).envs(&self.variables).envs(more.iter().copied());
        let output = tokio::time::timeout(SOON, command.kill_on_drop(true).output());
        let output = output.await.expect("the commands end").unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{block} {more:?}: {text}");
    }

    async fn usher(&self, arguments: &[&str]) -> String {
        let data = self.world.usher.data().display().to_string();
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_usher"));
        let command = command.args(arguments).args(["--data", &data]).kill_on_drop(true);
        let output = tokio::time::timeout(SOON, command.output()).await.expect("it ends").unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        text(&output.stdout) + &text(&output.stderr)
    }

    async fn say(&self, events: Vec<Value>) {
        self.world.feed.values(&events).await.unwrap();
        self.world.settled(SOON).await.unwrap();
    }

    async fn back_up(&mut self) {
        let _ = std::fs::remove_dir_all(&self.backup);
        let _ = std::fs::remove_dir_all(format!("{}.replaced", self.variables["NATS_STORE"]));
        std::fs::create_dir(&self.backup).unwrap();
        for service in SERVICES {
            self.run("backup-database", &[("SERVICE", service)]).await;
        }
        self.world.usher.terminate().await.unwrap();
        self.run("backup-streams", &[]).await;
        self.world.usher.restart().await.unwrap();
    }

    /// Checks that exactly the right people have access, before and after a reconciliation, and that no account was created twice.
    async fn ends_right(&self) {
        self.are_active().await;
        self.world.settled(SOON).await.unwrap();
        let report = self.usher(&["reconcile", TARGET]).await;
        self.world.settled(SOON).await.unwrap();
        self.are_active().await;
        let creates: BTreeMap<String, u64> = self.world.sandbox().ledger().creates_by_external_id();
        assert!(creates.values().all(|count| *count == 1), "created twice: {creates:?}\n{report}");
    }

    async fn are_active(&self) {
        wait_for_level("the right accounts are active", SOON, async || {
            let users = self.world.directory().await?.users;
            let active = users.into_iter().filter(|(_, user)| user.active != Some(false));
            let active: BTreeSet<String> = active.map(|(name, _)| name).collect();
            anyhow::ensure!(active == self.expected, "active: {active:?}, expected: {:?}", self.expected);
            Ok::<_, anyhow::Error>(())
        })
        .await
        .unwrap();
    }

    /// Takes a backup, lets one person leave and another join, and restores these stores.
    async fn round(&mut self, round: usize, databases: &[&str], streams: bool) -> Vec<Value> {
        eprintln!("round {round}: {databases:?}, streams: {streams}");
        self.back_up().await;
        let taken_at = now().format(&Rfc3339).unwrap();
        let since = vec![left(round, round), joined(PEOPLE + round, round)];
        self.say(since.clone()).await;
        self.expected.remove(&login(round));
        self.expected.insert(login(PEOPLE + round));
        self.world.usher.terminate().await.unwrap();
        for service in databases {
            self.run("restore-database", &[("SERVICE", service)]).await;
        }
        if streams {
            self.run("restore-streams", &[]).await;
        }
        if streams && databases.len() == SERVICES.len() {
            self.run("mark-restored", &[("TAKEN_AT", &taken_at)]).await;
        }
        self.world.usher.restart().await.unwrap();
        since
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_restored_by_the_commands_of_the_page_the_target_ends_right() {
    let Some((tools, database)) = postgres_tools().zip(store::testing::postgres_database()) else { return };
    let mut installation = Installation::start(&tools, database).await;
    let each = SERVICES.iter().map(std::slice::from_ref);
    let alone = each.chain([&SERVICES[..]]).map(|databases| (databases, false));
    for (round, (databases, streams)) in alone.chain([(&SERVICES[..0], true)]).enumerate() {
        installation.round(round, databases, streams).await;
        installation.ends_right().await;
    }

    // After a restore of everything, changes that grant access wait until the sources have sent them again and an operator resumes
    // the target.
    let since = installation.round(6, &SERVICES, true).await;
    wait_for_level("it is paused", SOON, async || {
        let text = installation.usher(&["status"]).await;
        anyhow::ensure!(text.contains("restored from a backup of"), "{text}");
        Ok::<_, anyhow::Error>(())
    })
    .await
    .unwrap();
    installation.are_active().await;
    installation.world.feed.values(&since).await.unwrap();
    installation.usher(&["target", "resume", TARGET, "--why", "HR has said it again"]).await;
    installation.ends_right().await;
}

//! Two writers: one is suspended in the middle of its requests and resumes after the other has taken over, or it is killed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bus::testing::TestServer;
use bus::{Bus, OutgoingMessage};
use harness::world::{SANDBOX_TOKEN, level_reached, wait_for_level};
use lifecycle::{
    AccountState, AttributeMap, Command, CommandId, DesiredAccount, DesiredState, Lane, PolicyActions,
    StatusReply, TraceContext, verbs,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sandbox::{FaultRule, InjectedFault, LedgerEntry, Sandbox, SandboxBehaviour};
use serde_json::json;
use store::testing::TestDatabase;

const TARGET: &str = "crm";
const PEOPLE: usize = 200;
const UNDER_WAY: u64 = 4;
/// A request may take longer than a silent writer keeps its target.
const TIMEOUT_SECONDS: u64 = 8;
const SOON: Duration = Duration::from_secs(90);

struct Writer {
    child: tokio::process::Child,
    log: PathBuf,
}

impl Writer {
    /// Starts a writer whose requests carry its name as User-Agent.
    async fn start(name: &str, folder: &Path, broker: &str, database: &TestDatabase, base_url: &str) -> Self {
        let profile = folder.join(format!("{name}.profile.yaml"));
        let text = format!(
            "name: test\nuser_agent: {name}\ntimeout_seconds: {TIMEOUT_SECONDS}\nconcurrency_max: {UNDER_WAY}\n"
        );
        std::fs::write(&profile, text).unwrap();
        let config = json!({
            "nats": { "url": broker, "require_sync_always": false,
                      "max_bytes": { "events": 64 << 20, "commands": 64 << 20, "journal": 64 << 20, "dead": 8 << 20 } },
            "writer": {
                "database": database.url, "replica": name,
                "targets": [{ "name": TARGET, "base_url": base_url, "token": SANDBOX_TOKEN, "profile": profile }],
            },
            "telemetry": { "admin_listen": "127.0.0.1:0" },
        });
        let file = folder.join(format!("{name}.yaml"));
        std::fs::write(&file, config.to_string()).unwrap(); // JSON is YAML
        let log = folder.join(format!("{name}.log"));
        let child = tokio::process::Command::new(env!("CARGO_BIN_EXE_usher"))
            .args(["writer", "--config"])
            .arg(&file)
            .stdout(std::process::Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self { child, log }
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }

    fn said(&self, text: &str) -> bool {
        std::fs::read_to_string(&self.log).unwrap().contains(text)
    }
}

fn command(person: usize, revision: i64) -> OutgoingMessage {
    let key = format!("E-{person}");
    let attributes: AttributeMap = serde_json::from_value(json!({
        "userName": format!("{key}@example.com"), "externalId": key, "displayName": format!("{key} r{revision}"),
    }))
    .unwrap();
    let account = DesiredAccount {
        state: AccountState::Active,
        attributes,
        on_create: AttributeMap::new(),
        clear: Vec::new(),
        references: std::collections::BTreeMap::new(),
        match_on: vec!["externalId".to_owned()],
        assume_empty: false,
        protected: false,
        delete_grace_days: None,
        actions: PolicyActions::default(),
    };
    let command = Command {
        id: CommandId::fresh(),
        target: TARGET.to_owned(),
        subject: key,
        revision,
        lane: Lane::Mover,
        desired: DesiredState::User(account),
        event: None,
        accepted_at: time::OffsetDateTime::now_utc(),
        guard: None,
        planned: false,
        ordered: false,
        needs_approval: false,
        stated_at: None,
        orphans: None,
    };
    OutgoingMessage::command(&command, TraceContext::root())
}

async fn want(bus: &Bus, revision: i64) {
    for result in bus.publish((0..PEOPLE).map(|person| command(person, revision)).collect()).await {
        result.unwrap();
    }
}

/// Returns the owner of the target, according to the writers.
async fn owner(bus: &Bus) -> Option<String> {
    let status: StatusReply = bus.ask::<verbs::WriterStatusVerb>(&(), Duration::from_secs(5)).await.ok()?;
    status.targets.first()?.owner.clone()
}

async fn owned_by(bus: &Bus, name: &str) {
    wait_for_level("the owner", SOON, async || {
        let owner = owner(bus).await;
        level_reached(owner.as_deref() == Some(name), format!("{owner:?} owns the target"))
    })
    .await
    .unwrap();
}

fn by(entries: &[LedgerEntry], name: &str) -> Vec<LedgerEntry> {
    entries.iter().filter(|entry| entry.user_agent.as_deref() == Some(name)).cloned().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_was_replaced_while_it_slept_writes_nothing_and_its_results_do_not_count() {
    // Two processes cannot share an SQLite file.
    let Some(database) = store::testing::postgres_database() else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start();
    let bus = Bus::connect(&server.config(), "test").await.unwrap();
    bus.ensure_streams().await.unwrap();
    let sandbox = Sandbox::start(sandbox::SandboxOptions {
        listen: "127.0.0.1:0".parse().unwrap(),
        token: SANDBOX_TOKEN.to_owned(),
        behaviour: SandboxBehaviour { keep_bodies: true, ..SandboxBehaviour::default() },
    })
    .await
    .unwrap();
    let start =
        async |name| Writer::start(name, folder.path(), server.url(), &database, &sandbox.base_url()).await;
    let first = start("first").await;
    owned_by(&bus, "first").await;
    let second = start("second").await;

    // All requests that the first writer has in flight are carried out without an answer; then it is suspended.
    let hang = InjectedFault::HangAfterWork { millis: 600_000 };
    let hanging = FaultRule::new(hang).method("POST").times(UNDER_WAY).skip(50);
    let hanging = sandbox.faults().inject(hanging);
    want(&bus, 1).await;
    let unanswered = || sandbox.faults().fired(hanging) == UNDER_WAY;
    wait_for_level("requests under way", SOON, async || level_reached(unanswered(), "not all"))
        .await
        .unwrap();
    first.signal(Signal::SIGSTOP);
    let (asleep, seen) = (Instant::now(), sandbox.ledger().len());

    let taken_over = || sandbox.ledger().len() > seen;
    wait_for_level("the second takes over", SOON, async || level_reached(taken_over(), "not yet"))
        .await
        .unwrap();
    eprintln!("taken over {:.1} s after the owner fell asleep", asleep.elapsed().as_secs_f64());
    let there = || sandbox.state().users.len();
    wait_for_level("everybody", SOON, async || {
        level_reached(there() == PEOPLE, format!("{} people", there()))
    })
    .await
    .unwrap();

    first.signal(Signal::SIGCONT);
    // The database may have ended the transaction in which it was suspended: then it cannot even ask.
    let noticed =
        || first.said("another replica took the target") || first.said("another replica may have the target");
    wait_for_level("the first notices", SOON, async || level_reached(noticed(), "not yet")).await.unwrap();
    let refused = || first.said("results refused");
    wait_for_level("its results are refused", SOON, async || level_reached(refused(), "not yet"))
        .await
        .unwrap();
    want(&bus, 2).await;
    let renamed = || {
        let is_new = |user: &&sandbox::UserState| {
            user.attributes
                .get("displayName")
                .and_then(|name| name.as_str())
                .is_some_and(|name| name.ends_with("r2"))
        };
        sandbox.state().users.values().filter(is_new).count()
    };
    wait_for_level("the change", SOON, async || {
        level_reached(renamed() == PEOPLE, format!("{} people", renamed()))
    })
    .await
    .unwrap();

    let after = sandbox.ledger().since(seen, usize::MAX);
    assert!(by(&after, "first").is_empty(), "after the hand-over: {:?}", by(&after, "first"));
    let twice: Vec<_> =
        sandbox.ledger().creates_by_external_id().into_iter().filter(|(_, creates)| *creates > 1).collect();
    assert!(twice.is_empty(), "created more than once: {twice:?}");
    assert_eq!(owner(&bus).await.as_deref(), Some("second"));
    drop((first, second));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_is_killed_is_replaced_within_seconds() {
    let Some(database) = store::testing::postgres_database() else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start();
    let bus = Bus::connect(&server.config(), "test").await.unwrap();
    bus.ensure_streams().await.unwrap();
    let sandbox = Sandbox::start(sandbox::SandboxOptions {
        listen: "127.0.0.1:0".parse().unwrap(),
        token: SANDBOX_TOKEN.to_owned(),
        behaviour: SandboxBehaviour::default(),
    })
    .await
    .unwrap();
    let start =
        async |name| Writer::start(name, folder.path(), server.url(), &database, &sandbox.base_url()).await;
    let first = start("first").await;
    owned_by(&bus, "first").await;
    let second = start("second").await;
    wait_for_level("the second answers", SOON, async || {
        let to = "second";
        let asked: Result<StatusReply, _> =
            bus.ask_replica::<verbs::WriterStatusVerb>(to, &(), Duration::from_secs(5)).await;
        level_reached(asked.is_ok(), "not yet")
    })
    .await
    .unwrap();
    first.signal(Signal::SIGKILL);
    let killed = Instant::now();
    owned_by(&bus, "second").await;
    // A figure for docs/benchmarks.md, not a claim: the machine may be busy.
    eprintln!("taken over {:.1} s after the owner was killed", killed.elapsed().as_secs_f64());
    want(&bus, 1).await;
    let there = || sandbox.state().users.len();
    wait_for_level("everybody", SOON, async || {
        level_reached(there() == PEOPLE, format!("{} people", there()))
    })
    .await
    .unwrap();
    drop((first, second));
}

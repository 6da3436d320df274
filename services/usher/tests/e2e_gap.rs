//! A writer that was stopped for longer than COMMANDS keeps its messages, or whose consumer was deleted meanwhile: it reports
//! the missing commands, has them sent again, and every leaver is disabled.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bus::testing::{TestServer, delete_consumer, drop_oldest, purge};
use bus::{Bus, OutgoingMessage, StreamName};
use harness::reader;
use harness::world::{SANDBOX_TOKEN, TARGET, level_reached, policy_yaml, wait_for_level};
use lifecycle::{Event, EventId, EventKind, StatusReply, TraceContext, verbs};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sandbox::{Sandbox, SandboxBehaviour};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::process::{Child, Command};

const SOON: Duration = Duration::from_secs(90);
const PEOPLE: u32 = 6;
/// Number of people who leave while the writer is stopped.
const LEAVERS: u32 = 3;
const COMMANDS: &str = "COMMANDS";
const WRITER: &str = "writer";

/// The signals that end a service.
const ORDERLY: Signal = Signal::SIGTERM;
const KILLED: Signal = Signal::SIGKILL;

/// A process that runs `usher SERVICE`.
struct Service {
    name: &'static str,
    file: PathBuf,
    child: Child,
}

impl Service {
    fn start(folder: &Path, name: &'static str, nats: &Value, section: Value) -> Self {
        let file = folder.join(format!("{name}.yaml"));
        let config = json!({ "nats": nats, name: section, "telemetry": { "admin_listen": "127.0.0.1:0" } });
        std::fs::write(&file, config.to_string()).unwrap(); // JSON is YAML
        let child = Self::spawn(&file, name);
        Self { name, file, child }
    }

    fn spawn(file: &Path, name: &str) -> Child {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(file.with_extension("log"));
        Command::new(env!("CARGO_BIN_EXE_usher"))
            .args([name, "--config"])
            .arg(file)
            .stdout(std::process::Stdio::null())
            .stderr(log.unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }

    async fn stop(&mut self, signal: Signal) {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
        tokio::time::timeout(SOON, self.child.wait()).await.expect("it ends").unwrap();
    }

    fn start_again(&mut self) {
        self.child = Self::spawn(&self.file, self.name);
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.file.with_extension("log")).unwrap()
    }
}

struct Parts {
    sandbox: Sandbox,
    bus: Bus,
    writer: Service,
    _mapper: Service,
    _server: TestServer,
    _folder: tempfile::TempDir,
}

impl Parts {
    /// Starts with people who have all joined, and a writer that has received every command.
    async fn start() -> Self {
        let server = TestServer::start();
        let config = server.config();
        let bus = Bus::connect(&config, "test").await.unwrap();
        bus.ensure_streams().await.unwrap();
        let behaviour = SandboxBehaviour { keep_bodies: true, ..SandboxBehaviour::default() };
        let listen = "127.0.0.1:0".parse().unwrap();
        let options = sandbox::SandboxOptions { listen, token: SANDBOX_TOKEN.to_owned(), behaviour };
        let sandbox = Sandbox::start(options).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let policies = folder.path().join("policies");
        std::fs::create_dir(&policies).unwrap();
        let policy = format!("guard: {{ percent: 100 }}\n{}", policy_yaml(TARGET));
        std::fs::write(policies.join(format!("{TARGET}.yaml")), policy).unwrap();
        let sizes = config.max_bytes;
        let nats = json!({
            "url": config.url, "monitor_url": config.monitor_url, "require_sync_always": true,
            "max_bytes": { "events": sizes.events, "notices": sizes.notices, "commands": sizes.commands,
                           "journal": sizes.journal, "dead": sizes.dead },
        });
        let database = |name: &str| format!("sqlite://{}?mode=rwc", folder.path().join(name).display());
        let mapper = json!({ "database": database("mapper.db"), "policies": policies });
        let target = json!({
            "name": TARGET, "base_url": sandbox.base_url(), "token": SANDBOX_TOKEN, "profile": "sandbox",
        });
        let writer = json!({ "database": database("writer.db"), "targets": [target] });
        let parts = Self {
            bus,
            _mapper: Service::start(folder.path(), "mapper", &nats, mapper),
            writer: Service::start(folder.path(), WRITER, &nats, writer),
            sandbox,
            _server: server,
            _folder: folder,
        };
        parts.say((0..PEOPLE).map(|person| event(EventKind::WorkerJoined, person))).await;
        parts.are_active(0..PEOPLE).await;
        wait_for_level("the writer has taken every command", SOON, async || {
            level_reached(
                parts.bus.lag(StreamName::Commands, WRITER).await.is_ok_and(|lag| lag == 0),
                "not yet",
            )
        })
        .await
        .unwrap();
        parts
    }

    async fn say(&self, events: impl Iterator<Item = Event>) {
        let messages = events.map(|event| OutgoingMessage::event(&event, TraceContext::root())).collect();
        for stored in self.bus.publish(messages).await {
            stored.unwrap();
        }
    }

    /// Stops the writer, lets people leave, and waits until their commands are in the stream.
    async fn leave_without_the_writer(&mut self, signal: Signal) {
        self.writer.stop(signal).await;
        let before = self.last_command().await;
        self.say((0..LEAVERS).map(|person| event(EventKind::WorkerLeft, person))).await;
        wait_for_level("the commands are there", SOON, async || {
            let count = self.last_command().await - before;
            level_reached(count >= u64::from(LEAVERS), format!("{count} commands"))
        })
        .await
        .unwrap();
    }

    async fn last_command(&self) -> u64 {
        self.bus.positions(StreamName::Commands, WRITER).await.unwrap()[0].last_sequence
    }

    /// Waits until exactly these people's accounts are active at the target.
    async fn are_active(&self, people: std::ops::Range<u32>) {
        let expected: BTreeSet<String> = people.map(login).collect();
        let http = harness::http_client();
        wait_for_level("the right accounts are active", SOON, async || {
            let users = reader::read_directory(&http, &self.sandbox.base_url(), SANDBOX_TOKEN).await?.users;
            let active = users.into_iter().filter(|(_, user)| user.active != Some(false));
            let active: BTreeSet<String> = active.map(|(name, _)| name).collect();
            let differ: Vec<&String> = active.symmetric_difference(&expected).collect();
            anyhow::ensure!(differ.is_empty(), "differ: {differ:?}");
            anyhow::Ok(())
        })
        .await
        .unwrap_or_else(|error| panic!("{error:#}\n{}", self.writer.log()));
    }

    /// Returns the writer's notices about its database and streams, once it answers.
    async fn notices(&self) -> Vec<String> {
        let answered = wait_for_level("the writer answers", SOON, async || {
            let status: StatusReply =
                self.bus.ask::<verbs::WriterStatusVerb>(&(), Duration::from_secs(5)).await?;
            anyhow::Ok(status.notices)
        });
        answered.await.unwrap()
    }

    /// Restarts the writer. Its status and its log contain `words` and nothing of a restore, and the leavers are disabled.
    async fn comes_back_saying(&mut self, words: &str) {
        self.writer.start_again();
        let notices = self.notices().await;
        let said = |text: &str| notices.iter().any(|notice| notice.contains(text));
        assert!(said(words), "{words}: {notices:?}");
        assert!(!said("older backup") && !said("lost and created again"), "{notices:?}");
        assert!(self.writer.log().contains(words), "{}", self.writer.log());
        self.are_active(LEAVERS..PEOPLE).await;
        let creates = self.sandbox.ledger().creates_by_external_id();
        assert!(creates.values().all(|count| *count == 1), "created twice: {creates:?}");
        let rows = self.sandbox.ledger().since(0, 10_000);
        assert!(rows.iter().all(|entry| &*entry.method != "DELETE"), "nothing was deleted");
    }
}

fn login(person: u32) -> String {
    format!("e{person}@example.com")
}

fn event(kind: EventKind, person: u32) -> Event {
    let id = format!("{kind:?}-{person}");
    let at = OffsetDateTime::now_utc();
    let attributes = json!({
        "userPrincipalName": login(person), "displayName": format!("Person {person}"), "jobTitle": "Clerk",
        "givenName": "Person", "surname": person.to_string(), "mail": login(person), "department": "Sales",
    });
    let attributes = if kind == EventKind::WorkerJoined { attributes } else { json!({}) };
    Event {
        id: EventId::of("hr", &id),
        source: "hr".to_owned(),
        source_event_id: id,
        kind,
        subject: format!("E-{person}"),
        time: at,
        effective_at: at,
        accepted_at: at,
        sender: "hr".to_owned(),
        dated: None,
        attributes: serde_json::from_value(attributes).unwrap(),
        members: None,
        feed: None,
        withdraws: false,
        unread: Vec::new(),
    }
}

/// The texts for lost commands.
const GONE: &str = "and the writer's database does not contain them";
const DELETED: &str = "the consumer writer of COMMANDS was deleted";

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_aged_out_while_the_writer_was_stopped_are_named_and_sent_again() {
    for signal in [ORDERLY, KILLED] {
        let mut parts = Parts::start().await;
        parts.leave_without_the_writer(signal).await;
        drop_oldest(&parts.bus, COMMANDS, 1).await;
        parts.comes_back_saying(GONE).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_were_purged_while_the_writer_was_stopped_are_named_and_sent_again() {
    for (signal, keep) in [(ORDERLY, 0), (KILLED, 1)] {
        let mut parts = Parts::start().await;
        parts.leave_without_the_writer(signal).await;
        purge(&parts.bus, COMMANDS, keep).await;
        parts.comes_back_saying(GONE).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_was_deleted_while_the_writer_was_stopped_is_named_and_everything_is_read_again() {
    for signal in [ORDERLY, KILLED] {
        let mut parts = Parts::start().await;
        parts.leave_without_the_writer(signal).await;
        delete_consumer(&parts.bus, COMMANDS, WRITER).await;
        parts.comes_back_saying(DELETED).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_are_gone_together_with_the_consumer_are_named_and_sent_again() {
    for signal in [ORDERLY, KILLED] {
        let mut parts = Parts::start().await;
        parts.leave_without_the_writer(signal).await;
        purge(&parts.bus, COMMANDS, 0).await;
        for durable in [WRITER, "writer-departures"] {
            delete_consumer(&parts.bus, COMMANDS, durable).await;
        }
        parts.comes_back_saying(GONE).await;
    }
}

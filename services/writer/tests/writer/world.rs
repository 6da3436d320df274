//! The test world: a broker, a database, a SCIM server and a writer.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use bus::testing::TestServer;
use bus::{Bus, Consumer, ControlFailure, FactBatch, OutgoingMessage, StreamName};
use lifecycle::{
    AccountState, Actor, AttemptClass, AttributeMap, Command, CommandId, DesiredAccount, DesiredMembership,
    DesiredState, DigestsReply, DigestsRequest, Fact, FactRecord, GroupResource, Lane, MemberKind,
    OperatorVerb, OrphanPolicy, PauseReply, PauseRequest, PolicyActions, PreviewReply, PreviewRequest,
    ProvisionReply, ProvisionRequest, RemovalGuard, ResourceKind, RowReply, RowRequest, TraceContext,
    VerifiedRequest, VerifyReply, VerifyRequest, verbs,
};
use sandbox::{LedgerEntry, Sandbox, SandboxBehaviour, SandboxOptions, UserState};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use store::Store;
use store::testing::TestDatabase;
use telemetry::{Readiness, Shutdown};
use time::OffsetDateTime;
use tokio::task::JoinHandle;

pub(crate) const TARGET: &str = "crm";
const OURS: &str = "ours";
const TOKEN: &str = "the-token";
/// The profile of most tests.
const PLAIN: &str = "name: test\nsettle_seconds: 0\n";
const PATIENCE: Duration = Duration::from_secs(240);
const POLL: Duration = Duration::from_millis(20);

/// The fields of a command besides the desired state.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sent {
    pub(crate) guard: Option<RemovalGuard>,
    pub(crate) planned: bool,
    pub(crate) ordered: bool,
    pub(crate) needs_approval: bool,
    /// The time of the last statement of a source about the person.
    pub(crate) stated_at: Option<OffsetDateTime>,
}

impl Sent {
    pub(crate) fn guarded(guard: RemovalGuard) -> Self {
        Self { guard: Some(guard), ..Self::default() }
    }
}

/// Starts a SCIM server without a profile.
pub(crate) async fn sandbox() -> Sandbox {
    sandbox_that(SandboxBehaviour { keep_bodies: true, ..SandboxBehaviour::default() }).await
}

/// Returns the rule by which a match by the name is linked without an operator.
fn adopt_by_names() -> writer::AdoptionConfig {
    let by = |path: &str| writer::AdoptionRule::By(vec![path.to_owned()]);
    writer::AdoptionConfig { users: by("userName"), groups: by("displayName") }
}

async fn sandbox_that(behaviour: SandboxBehaviour) -> Sandbox {
    let listen = "127.0.0.1:0".parse().unwrap();
    Sandbox::start(SandboxOptions { listen, token: TOKEN.to_owned(), behaviour }).await.unwrap()
}

fn command(subject: &str, revision: i64, desired: DesiredState, sent: Sent) -> Command {
    Command {
        id: CommandId::fresh(),
        target: TARGET.to_owned(),
        subject: subject.to_owned(),
        revision,
        lane: Lane::Mover,
        desired,
        event: None,
        accepted_at: OffsetDateTime::now_utc(),
        guard: sent.guard,
        planned: sent.planned,
        ordered: sent.ordered,
        needs_approval: sent.needs_approval,
        stated_at: sent.stated_at,
        orphans: None,
    }
}

/// Returns the desired membership of a person in a group.
pub(crate) fn edge(member: &str, present: bool, revision: i64) -> DesiredMembership {
    let member_is = MemberKind::Person;
    DesiredMembership { member: member.to_owned(), present, revision, through_groups: false, member_is }
}

pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    bus: Bus,
    facts: Mutex<Vec<FactRecord>>,
    journal: tokio::sync::Mutex<Consumer<FactBatch>>,
    shutdown: Shutdown,
    running: JoinHandle<Result<(), writer::WriterRunError>>,
    config: writer::WriterConfig,
    _server: TestServer,
    _database: TestDatabase,
    _folder: tempfile::TempDir,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with_profile("").await
    }

    /// Starts a world with these lines in the target's profile.
    pub(crate) async fn with_profile(lines: &str) -> Self {
        let database = store::testing::sqlite_database();
        Self::over(database, lines).await
    }

    pub(crate) async fn over(database: TestDatabase, lines: &str) -> Self {
        Self::suspecting(database, lines, 0).await
    }

    async fn suspecting(database: TestDatabase, lines: &str, suspect_target_seconds: u64) -> Self {
        Self::with(database, sandbox().await, &format!("{PLAIN}{lines}"), suspect_target_seconds).await
    }

    /// Starts a world that suspects a target for the default time.
    pub(crate) async fn patient(lines: &str) -> Self {
        let patience = writer::RetryConfig::default().suspect_target_seconds;
        Self::suspecting(store::testing::sqlite_database(), lines, patience).await
    }

    /// Starts a world with a target that enforces the profile of the writer.
    pub(crate) async fn of_profile(profile: &scim::TargetProfile) -> Self {
        // JSON is valid YAML.
        let text = serde_json::to_string(profile).unwrap();
        let house = sandbox::ProfileRules::read(&text).unwrap();
        let sandbox =
            sandbox_that(SandboxBehaviour { keep_bodies: true, ..SandboxBehaviour::of_house(house) }).await;
        Self::with(store::testing::sqlite_database(), sandbox, &text, 0).await
    }

    /// Starts a world with a target that is reached at `base_url`.
    pub(crate) async fn through(sandbox: Sandbox, base_url: &str) -> Self {
        Self::at(store::testing::sqlite_database(), sandbox, base_url, PLAIN, 0).await
    }

    async fn with(
        database: TestDatabase,
        sandbox: Sandbox,
        profile_text: &str,
        suspect_target_seconds: u64,
    ) -> Self {
        let base_url = sandbox.base_url();
        Self::at(database, sandbox, &base_url, profile_text, suspect_target_seconds).await
    }

    async fn at(
        database: TestDatabase,
        sandbox: Sandbox,
        base_url: &str,
        profile_text: &str,
        suspect_target_seconds: u64,
    ) -> Self {
        let server = TestServer::start();
        let bus = Bus::connect(&server.config(), "test").await.unwrap();
        bus.ensure_streams().await.unwrap();
        let journal = bus.consume(StreamName::Journal, "test").await.unwrap();
        tokio::spawn(verify_whatever_is_asked(bus.clone()));
        let folder = tempfile::tempdir().unwrap();
        let profile = folder.path().join("profile.yaml");
        std::fs::write(&profile, profile_text).unwrap();
        let config = writer::WriterConfig {
            database: database.url.clone(),
            targets: vec![writer::TargetConfig {
                name: TARGET.to_owned(),
                base_url: base_url.to_owned(),
                token: Some(TOKEN.to_owned()),
                credential: None,
                profile: profile.display().to_string(),
                domains: Vec::new(),
                reconcile_hours: None,
                never: writer::NeverConfig::default(),
                // Most tests are about what happens to a link, not about who decides on it.
                adoption: adopt_by_names(),
                delete_adopted: false,
            }],
            replica: Some(OURS.to_owned()),
            lease_seconds: Some(45),
            trusted_stop_minutes: 5,
            attempts_max: 3,
            retry: writer::RetryConfig { initial_ms: 20, max_ms: 100, suspect_target_seconds },
        };
        let app = writer::build_writer(config.clone(), bus.clone(), Readiness::default()).await.unwrap();
        let shutdown = Shutdown::default();
        let world = Self {
            sandbox,
            bus,
            facts: Mutex::default(),
            journal: tokio::sync::Mutex::new(journal),
            running: tokio::spawn(app.run(shutdown.clone())),
            shutdown,
            config,
            _server: server,
            _database: database,
            _folder: folder,
        };
        world.listening().await;
        world
    }

    /// Waits until the writer answers and knows whether it owns the target.
    async fn listening(&self) {
        self.until("the writer answers", async || {
            let asked: Result<lifecycle::StatusReply, _> = self.ask::<verbs::WriterStatusVerb>(&()).await;
            asked.is_ok_and(|status| {
                let target = &status.targets[0];
                target.circuit == "closed" || target.owner.as_deref().is_some_and(|owner| owner != OURS)
            })
        })
        .await;
    }

    pub(crate) async fn stop(self) {
        self.shutdown.soft.cancel();
        tokio::time::timeout(PATIENCE, self.running).await.expect("it stops").unwrap().unwrap();
    }

    /// Stops the writer and starts it with another profile.
    pub(crate) async fn restart_with(&mut self, profile: &scim::TargetProfile) {
        self.end().await;
        std::fs::write(&self.config.targets[0].profile, serde_json::to_string(profile).unwrap()).unwrap();
        self.begin().await;
    }

    /// Stops the writer and starts it with these changes of the target's configuration.
    pub(crate) async fn restart_as(&mut self, change: impl FnOnce(&mut writer::TargetConfig)) {
        self.end().await;
        change(&mut self.config.targets[0]);
        self.begin().await;
    }

    /// Stops the writer and starts it with another address of the target, which is not paused.
    pub(crate) async fn restart_at(&mut self, base_url: &str) {
        self.end().await;
        self.execute("UPDATE writer_controls SET paused_by = NULL").await;
        self.config.targets[0].base_url = base_url.to_owned();
        self.begin().await;
    }

    /// Stops the writer, writes into its tables, and starts it again.
    pub(crate) async fn restart_after(&mut self, statements: &[&str]) {
        self.end().await;
        for sql in statements {
            self.execute(sql).await;
        }
        self.begin().await;
    }

    /// Restarts the writer so that every stop counts as a long one.
    pub(crate) async fn restart_trusting_no_stop(&mut self) {
        self.config.trusted_stop_minutes = 0;
        self.restart_after(&[]).await;
    }

    async fn end(&mut self) {
        self.shutdown.soft.cancel();
        (&mut self.running).await.unwrap().unwrap();
    }

    async fn begin(&mut self) {
        self.shutdown = Shutdown::default();
        let built = writer::build_writer(self.config.clone(), self.bus.clone(), Readiness::default()).await;
        self.running = tokio::spawn(built.unwrap().run(self.shutdown.clone()));
        self.listening().await;
    }

    pub(crate) async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let started = Instant::now();
        while !holds().await {
            assert!(started.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
            assert!(!self.running.is_finished(), "the writer ended while waiting: {what}");
            tokio::time::sleep(POLL).await;
        }
    }

    pub(crate) async fn ask<V: OperatorVerb>(
        &self,
        question: &V::Request,
    ) -> Result<V::Reply, ControlFailure> {
        self.bus.ask::<V>(question, PATIENCE).await
    }

    /// Sends the command, and waits until it is settled, dead or a conflict. Returns the row and the requests that were sent.
    pub(crate) async fn want(
        &self,
        subject: &str,
        revision: i64,
        desired: DesiredState,
    ) -> (RowReply, Vec<LedgerEntry>) {
        let before = self.sandbox.ledger().len();
        let kind = desired.kind();
        self.send(subject, revision, desired).await;
        let row = self.settled(kind, subject, revision).await;
        (row, self.sandbox.ledger().since(before, 1_000))
    }

    pub(crate) async fn send(&self, subject: &str, revision: i64, desired: DesiredState) {
        self.send_as(subject, revision, desired, Sent::default()).await;
    }

    pub(crate) async fn send_as(&self, subject: &str, revision: i64, desired: DesiredState, sent: Sent) {
        self.publish(command(subject, revision, desired, sent)).await;
    }

    /// Sends a version of the policy with this rule for orphans.
    pub(crate) async fn say_of_orphans(&self, version: i64, orphans: OrphanPolicy, guard: RemovalGuard) {
        let nothing = DesiredState::Membership { edges: Vec::new() };
        let command = command("policy:crm", version, nothing, Sent::guarded(guard));
        self.publish(Command { orphans: Some(orphans), ..command }).await;
    }

    async fn publish(&self, command: Command) {
        for result in self.bus.publish(vec![OutgoingMessage::command(&command, TraceContext::root())]).await {
            result.unwrap();
        }
    }

    /// Sends the memberships of a group: the present and the removed members.
    pub(crate) async fn members(&self, group: &str, revision: i64, edges: &[(&str, bool)]) {
        let edges = edges.iter().map(|(member, present)| edge(member, *present, revision)).collect();
        self.send(group, 0, DesiredState::Membership { edges }).await;
    }

    pub(crate) async fn settled(&self, kind: ResourceKind, subject: &str, revision: i64) -> RowReply {
        self.until("the row is settled", async || {
            let row = self.row(kind, subject).await;
            let waits = !matches!(row.status.as_deref(), Some("pending" | "retrying") | None);
            row.revision == revision && waits && row.memberships_pending == 0
        })
        .await;
        self.row(kind, subject).await
    }

    pub(crate) async fn row(&self, kind: ResourceKind, subject: &str) -> RowReply {
        let (target, subject) = (TARGET.to_owned(), subject.to_owned());
        self.ask::<verbs::RowVerb>(&RowRequest { target, kind, subject }).await.unwrap()
    }

    pub(crate) async fn look(&self, subject: &str, desired: DesiredState) -> Result<PreviewReply, String> {
        let request = PreviewRequest { target: TARGET.to_owned(), subject: subject.to_owned(), desired };
        let before = self.sandbox.ledger().len();
        let answer: Result<PreviewReply, _> = self.ask::<verbs::PreviewVerb>(&request).await;
        let sent = self.sandbox.ledger().since(before, 1_000);
        assert!(sent.iter().all(|entry| &*entry.method == "GET"), "a look changes nothing: {sent:?}");
        answer.map_err(|error| error.to_string())
    }

    pub(crate) async fn provision(&self, kind: ResourceKind, subject: &str) -> ProvisionReply {
        let actor = Actor { who: "ann".to_owned(), why: "ticket 7".to_owned() };
        let (target, subject) = (TARGET.to_owned(), subject.to_owned());
        self.ask::<verbs::WriterProvisionVerb>(&ProvisionRequest { target, kind, subject, actor })
            .await
            .unwrap()
    }

    /// Sends a control request to one replica.
    pub(crate) async fn ask_replica<V: OperatorVerb>(
        &self,
        replica: &str,
        question: &V::Request,
    ) -> V::Reply {
        self.bus.ask_replica::<V>(replica, question, PATIENCE).await.unwrap()
    }

    pub(crate) async fn status(&self) -> lifecycle::StatusReply {
        self.ask::<verbs::WriterStatusVerb>(&()).await.unwrap()
    }

    /// Returns the state of the circuit in words.
    pub(crate) async fn circuit(&self) -> String {
        self.status().await.targets[0].circuit.clone()
    }

    /// Starts another replica of the writer, and waits until it answers.
    pub(crate) async fn start_standby(&self, name: &str) -> Standby {
        let config = writer::WriterConfig { replica: Some(name.to_owned()), ..self.config.clone() };
        let app = writer::build_writer(config, self.bus.clone(), Readiness::default()).await.unwrap();
        let shutdown = Shutdown::default();
        let running = tokio::spawn(app.run(shutdown.clone()));
        self.until("the standby answers", async || {
            let asked: Result<lifecycle::StatusReply, _> =
                self.bus.ask_replica::<verbs::WriterStatusVerb>(name, &(), PATIENCE).await;
            asked.is_ok()
        })
        .await;
        Standby { shutdown, running }
    }

    /// Pauses or resumes the target.
    pub(crate) async fn pause(&self, paused: bool) -> PauseReply {
        let actor = Actor { who: "ann".to_owned(), why: "ticket 7".to_owned() };
        self.ask::<verbs::PauseVerb>(&PauseRequest { target: TARGET.to_owned(), paused, actor })
            .await
            .unwrap()
    }

    /// Waits for a fact.
    pub(crate) async fn told(&self, what: &str, holds: impl Fn(&FactRecord) -> bool) {
        self.heard(what, |facts| facts.iter().any(&holds)).await;
    }

    /// Waits until the facts received so far fulfil the condition.
    async fn heard(&self, what: &str, heard: impl Fn(&[FactRecord]) -> bool) {
        self.until(what, async || {
            let mut journal = self.journal.lock().await;
            if let Ok(Ok(batch)) = tokio::time::timeout(POLL, journal.next_batch(500)).await {
                for delivery in batch {
                    self.facts.lock().unwrap().extend(delivery.body.clone().unwrap().0);
                    delivery.ack().await;
                }
            }
            heard(&self.facts.lock().unwrap())
        })
        .await;
    }

    /// Returns the classes of the requests by `method` about a subject, in order, once `count` were received.
    pub(crate) async fn classes(&self, subject: &str, method: &str, count: usize) -> Vec<AttemptClass> {
        let of = |records: &[FactRecord]| -> Vec<AttemptClass> {
            let about = records.iter().filter(|record| record.subject == subject);
            let classes = about.filter_map(|record| match &record.fact {
                Fact::Attempted(attempt) if attempt.request.starts_with(method) => Some(attempt.class),
                _ => None,
            });
            classes.collect()
        };
        self.heard("the requests", |records| of(records).len() >= count).await;
        of(&self.facts.lock().unwrap())
    }

    /// Returns the last dead letter that was received. Waits for one if there is none.
    pub(crate) async fn died(&self) -> lifecycle::DeadLetter {
        self.told("a dead letter", |record| matches!(record.fact, Fact::Died(_))).await;
        let facts = self.facts.lock().unwrap();
        let died = facts.iter().rev().find_map(|record| match &record.fact {
            Fact::Died(letter) => Some((**letter).clone()),
            _ => None,
        });
        died.unwrap()
    }

    /// Writes links into the writer's own table, as if it had created the accounts.
    pub(crate) async fn link(&self, keys: &[String], ids: &[String]) {
        let store = Store::connect(&self.config.database).await.unwrap();
        for (keys, ids) in keys.chunks(500).zip(ids.chunks(500)) {
            let rows: Vec<String> =
                keys.iter().zip(ids).map(|(key, id)| format!("('{key}', '{id}')")).collect();
            let sql = format!(
                "WITH new(subject, remote_id) AS (VALUES {}) INSERT INTO writer_resources \
                 (target, kind, subject, status, queued, lane, next_attempt_at, attempts, desired, desired_revision, applied, applied_revision, \
                 remote_id, in_doubt, accepted_at, planned, removal, approved_revision) SELECT '{TARGET}', 'user', subject, 'in_sync', false, 0, 0, 0, '{{}}', 1, '{{}}', 1, \
                 remote_id, false, 0, false, false, 0 FROM new",
                rows.join(", ")
            );
            store.writer().execute_unprepared(&sql).await.unwrap();
        }
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.config.database.starts_with("sqlite:")
    }

    pub(crate) async fn query(&self, sql: &str) -> Vec<sea_orm::QueryResult> {
        let store = Store::connect(&self.config.database).await.unwrap();
        store.reader().query_all_raw(Statement::from_string(store.backend(), sql)).await.unwrap()
    }

    /// Executes a statement on the writer's own tables.
    pub(crate) async fn execute(&self, sql: &str) {
        let store = Store::connect(&self.config.database).await.unwrap();
        store.writer().execute_unprepared(sql).await.unwrap();
    }

    /// Returns the state of a dead letter in the writer's own table.
    pub(crate) async fn letter_state(&self, letter: &lifecycle::DeadLetterId) -> String {
        let rows = self.query(&format!("SELECT state FROM writer_dead WHERE id = '{letter}'")).await;
        rows[0].try_get("", "state").unwrap()
    }

    pub(crate) fn user(&self, key: &str) -> Option<UserState> {
        self.sandbox.state().users.get(&name_of(key)).cloned()
    }

    /// Returns the attributes of a person's account at the target.
    pub(crate) fn attributes(&self, key: &str) -> Value {
        serde_json::to_value(self.user(key).unwrap().attributes).unwrap()
    }

    /// Changes a group at the target without Usher.
    pub(crate) async fn patch_group(&self, id: &str, operations: Value) {
        self.patch(scim::ScimKind::Group, id, operations).await;
    }

    /// Changes an account at the target without Usher.
    pub(crate) async fn patch_user(&self, id: &str, operations: Value) {
        self.patch(scim::ScimKind::User, id, operations).await;
    }

    /// Deletes an account at the target without Usher.
    pub(crate) async fn delete_user(&self, id: &str) {
        self.behind_our_back().delete(scim::ScimKind::User, id).await.outcome.unwrap();
    }

    async fn patch(&self, kind: scim::ScimKind, id: &str, operations: Value) {
        let ops: Vec<scim::PatchOp> = operations.as_array().unwrap().iter().map(operation).collect();
        self.behind_our_back().patch(kind, id, &ops).await.outcome.unwrap();
    }

    fn behind_our_back(&self) -> scim::ScimClient {
        let connection = scim::TargetConnection {
            base_url: self.sandbox.base_url().parse().unwrap(),
            credential: scim::SourceCredential::Bearer(scim::HiddenSecret::Text(TOKEN.to_owned())),
            profile: scim::TargetProfile::builtin("generic").unwrap(),
            timeout: PATIENCE,
        };
        scim::ScimClient::new(connection).unwrap()
    }

    /// Creates an account at the target without Usher.
    pub(crate) fn seed(&self, user: Value) -> String {
        self.sandbox.seed_user(user).unwrap()
    }
}

/// A replica that owns no target.
pub(crate) struct Standby {
    shutdown: Shutdown,
    running: JoinHandle<Result<(), writer::WriterRunError>>,
}

impl Standby {
    pub(crate) async fn stop(self) {
        self.shutdown.soft.cancel();
        tokio::time::timeout(PATIENCE, self.running).await.expect("it stops").unwrap().unwrap();
    }
}

/// Answers as the mapper, as far as the writer needs it: it finds no differences.
async fn verify_whatever_is_asked(bus: Bus) {
    let mut mapper = bus.serve("mapper").await.unwrap();
    while let Some(request) = mapper.next().await {
        let Ok(VerifyRequest { target: Some(target), .. }) = request.question() else { continue };
        request.reply(&VerifyReply::default()).await;
        let question = DigestsRequest { target: target.clone(), kind: ResourceKind::User, after: None };
        let told: Result<DigestsReply, _> = bus.ask::<verbs::DigestsVerb>(&question, PATIENCE).await;
        let Ok(DigestsReply { at, .. }) = told else { continue };
        let verified = VerifiedRequest { target, begun: at };
        let _: Result<(), _> = bus.ask::<verbs::VerifiedVerb>(&verified, PATIENCE).await;
    }
}

fn operation(op: &Value) -> scim::PatchOp {
    let (path, value) = (op["path"].as_str().unwrap().to_owned(), op["value"].clone());
    match op["op"].as_str().unwrap() {
        "add" => scim::PatchOp::Add { path, value },
        "remove" => scim::PatchOp::Remove { path },
        _ => scim::PatchOp::Replace { path, value },
    }
}

pub(crate) fn name_of(key: &str) -> String {
    format!("{}@example.com", key.to_lowercase())
}

/// Returns the complete attributes of a person, with `more`.
pub(crate) fn person(key: &str, more: Value) -> AttributeMap {
    let mut all =
        json!({ "userName": name_of(key), "externalId": key, "displayName": format!("Person {key}") });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(all).unwrap()
}

pub(crate) fn account(state: AccountState, attributes: AttributeMap) -> DesiredAccount {
    DesiredAccount {
        state,
        attributes,
        on_create: AttributeMap::new(),
        clear: Vec::new(),
        references: std::collections::BTreeMap::new(),
        match_on: vec!["externalId".to_owned(), "userName".to_owned()],
        assume_empty: false,
        protected: false,
        delete_grace_days: None,
        actions: PolicyActions::default(),
    }
}

pub(crate) fn active(key: &str, more: Value) -> DesiredAccount {
    account(AccountState::Active, person(key, more))
}

pub(crate) fn clearing(account: DesiredAccount, clear: &[&str]) -> DesiredState {
    DesiredState::User(DesiredAccount {
        clear: clear.iter().map(|&path| path.to_owned()).collect(),
        ..account
    })
}

pub(crate) fn group(key: &str) -> GroupResource {
    GroupResource {
        exists: true,
        attributes: serde_json::from_value(json!({ "displayName": key, "externalId": key })).unwrap(),
        on_create: AttributeMap::new(),
        clear: Vec::new(),
        match_on: vec!["displayName".to_owned()],
        assume_empty: false,
        protected: false,
        actions: PolicyActions::default(),
    }
}

/// Returns the methods of requests, in order.
pub(crate) fn methods(entries: &[LedgerEntry]) -> Vec<String> {
    entries.iter().map(|entry| entry.method.to_string()).collect()
}

/// Returns the body of the last request.
pub(crate) fn last_body(entries: &[LedgerEntry]) -> Value {
    serde_json::from_str(entries.last().unwrap().body.as_deref().unwrap()).unwrap()
}

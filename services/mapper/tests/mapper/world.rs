//! The test world: a broker, a database, a folder of policies and any number of mappers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bus::testing::TestServer;
use bus::{Bus, Consumer, OutgoingMessage, StreamName};
use lifecycle::{AccountState, Command, DesiredMembership, DesiredState, Event, ResourceKind, TraceContext};
use sea_orm::{ConnectionTrait, Statement};
use store::Store;
use store::testing::TestDatabase;
use telemetry::{Readiness, Shutdown};
use tempfile::TempDir;
use tokio::task::JoinHandle;

pub(crate) use crate::events::{altered, event, group, joined, members};

const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

pub(crate) const EVERYBODY: &str = r#"
target: crm
guard: { percent: 100 }
users:
  mappings:
    - { target: userName, source: userPrincipalName }
    - { target: department, source: department }
groups:
  scope: { any: [ { all: [ { attribute: displayName, operator: STARTS WITH, value: "SEC-" } ] } ] }
  mappings: [ { target: displayName, source: displayName } ]
"#;

/// `(target, kind, subject)`.
pub(crate) type Key = (String, ResourceKind, String);

pub(crate) struct World {
    pub(crate) bus: Bus,
    pub(crate) url: String,
    pub(crate) commands: Vec<Command>,
    /// Commands with the rules of policy versions.
    pub(crate) rules: Vec<Command>,
    consumer: Consumer<Command>,
    policies: TempDir,
    pub(crate) people: lifecycle::PeopleConfig,
    pub(crate) senders: lifecycle::RightsTable,
    mappers: Vec<(Shutdown, JoinHandle<Result<(), mapper::MapperRunError>>)>,
    reader: Option<Store>,
    /// Ids of the events that were sent unchanged.
    sent: Mutex<BTreeSet<String>>,
    _server: TestServer,
    _database: TestDatabase,
}

impl World {
    /// Creates a world without a mapper, with the policy `yaml` unless it is empty.
    pub(crate) async fn new(database: TestDatabase, yaml: &str) -> Self {
        let server = TestServer::start();
        let bus = Bus::connect(&server.config(), "test").await.unwrap();
        bus.ensure_streams().await.unwrap();
        let consumer = bus.consume(StreamName::Commands, "test").await.unwrap();
        let world = Self {
            bus,
            url: database.url.clone(),
            commands: Vec::new(),
            rules: Vec::new(),
            consumer,
            policies: tempfile::tempdir().unwrap(),
            people: lifecycle::PeopleConfig::default(),
            senders: lifecycle::RightsTable::default(),
            mappers: Vec::new(),
            reader: None,
            sent: Mutex::default(),
            _server: server,
            _database: database,
        };
        if !yaml.is_empty() {
            world.write_policy(yaml);
        }
        world
    }

    /// Creates a world with one running mapper.
    pub(crate) async fn running(database: TestDatabase, yaml: &str) -> Self {
        let mut world = Self::new(database, yaml).await;
        world.start_mapper().await;
        world
    }

    pub(crate) fn write_policy(&self, yaml: &str) {
        let (new, file) = (self.policies.path().join("new"), self.policies.path().join("crm.yaml"));
        std::fs::write(&new, yaml).unwrap();
        std::fs::rename(new, file).unwrap();
    }

    /// Writes a policy for another target, beside the first.
    pub(crate) fn write_second_policy(&self, yaml: &str) {
        std::fs::write(self.policies.path().join("second.yaml"), yaml).unwrap();
    }

    pub(crate) async fn try_build(&self) -> Result<mapper::MapperApp, mapper::MapperBuildError> {
        let config = mapper::MapperConfig {
            database: self.url.clone(),
            policies: Some(self.policies.path().to_owned()),
            people: self.people.clone(),
            senders: self.senders.clone(),
            verify_minutes: 60,
            tombstones: None,
        };
        mapper::build_mapper(config, self.bus.clone(), Readiness::default()).await
    }

    /// Returns the configuration of the broker's connection.
    pub(crate) fn broker(&self) -> bus::BusConfig {
        self._server.config()
    }

    pub(crate) async fn start_mapper(&mut self) {
        let app = self.try_build().await.unwrap();
        let shutdown = Shutdown::default();
        self.mappers.push((shutdown.clone(), tokio::spawn(app.run(shutdown))));
    }

    /// Starts a mapper that reads its policies from `folder` instead.
    pub(crate) async fn start_mapper_with(&mut self, folder: &std::path::Path) {
        let config = mapper::MapperConfig {
            database: self.url.clone(),
            policies: Some(folder.to_owned()),
            people: self.people.clone(),
            senders: self.senders.clone(),
            verify_minutes: 60,
            tombstones: None,
        };
        let app = mapper::build_mapper(config, self.bus.clone(), Readiness::default()).await.unwrap();
        let shutdown = Shutdown::default();
        self.mappers.push((shutdown.clone(), tokio::spawn(app.run(shutdown))));
    }

    pub(crate) async fn execute(&self, sql: &str) {
        let store = Store::connect(&self.url).await.unwrap();
        store.writer().execute_unprepared(sql).await.unwrap();
    }

    /// Copies every table of the mapper within the database.
    pub(crate) async fn back_up(&mut self) {
        for table in self.tables().await {
            self.execute(&format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}")).await;
        }
    }

    /// Restores every table from the backup. Mappers must be stopped.
    pub(crate) async fn restore(&mut self) {
        for table in self.tables().await {
            self.execute(&format!("DELETE FROM {table}")).await;
            self.execute(&format!("INSERT INTO {table} SELECT * FROM kept_{table}")).await;
        }
    }

    /// Empties every table, as in a new database. Mappers must be stopped.
    pub(crate) async fn lose(&mut self) {
        for table in self.tables().await.into_iter().filter(|table| !table.contains("migrations")) {
            self.execute(&format!("DELETE FROM {table}")).await;
        }
    }

    async fn tables(&mut self) -> Vec<String> {
        let sqlite = "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'mapper_%'";
        let postgres = "SELECT tablename AS name FROM pg_tables WHERE tablename LIKE 'mapper_%'";
        let sql = if self.url.starts_with("sqlite:") { sqlite } else { postgres };
        self.query(sql).await.iter().map(|row| row.try_get("", "name").unwrap()).collect()
    }

    pub(crate) async fn stop_mappers(&mut self) {
        for (shutdown, running) in std::mem::take(&mut self.mappers) {
            shutdown.soft.cancel();
            tokio::time::timeout(PATIENCE, running).await.expect("it stops").unwrap().unwrap();
        }
    }

    pub(crate) async fn send(&self, events: &[Event]) {
        self.sent.lock().unwrap().extend(events.iter().map(|event| event.id.to_string()));
        self.send_raw(
            events.iter().map(|event| OutgoingMessage::event(event, TraceContext::root())).collect(),
        )
        .await;
    }

    /// Returns the event as another message that passes the broker's own check for duplicates.
    pub(crate) fn duplicate(event: &Event, n: usize) -> OutgoingMessage {
        altered(event, "id", &format!("{}-{n}", event.id))
    }

    pub(crate) async fn send_raw(&self, messages: Vec<OutgoingMessage>) {
        for result in self.bus.publish(messages).await {
            result.unwrap();
        }
    }

    /// Waits until every event is merged, or waits for the judgement of its run, nothing is stale and every command that the database contains is published.
    pub(crate) async fn settle(&mut self) {
        self.until("every event is merged and every command published", async |world| {
            let lag = world.bus.lag(StreamName::Events, "mapper").await.unwrap_or(1);
            let stale = "SELECT (SELECT count(*) FROM mapper_identities WHERE evaluated_with = 'stale') \
                + (SELECT count(*) FROM mapper_groups WHERE evaluated_with = 'stale') AS n";
            // The broker may count a message as pending a moment after it has stored it.
            let sent = i64::try_from(world.sent.lock().unwrap().len()).unwrap();
            let merged = "SELECT (SELECT count(*) FROM mapper_inbox) \
                + (SELECT count(*) FROM mapper_feed_departures) AS n";
            lag == 0
                && world.count(merged).await >= sent
                && world.count(stale).await == 0
                && world.last_resources() == world.desired().await
                && world.edges_are_told().await
        })
        .await;
    }

    /// Waits until the condition holds, and reads commands meanwhile.
    pub(crate) async fn until(&mut self, what: &str, holds: impl AsyncFn(&mut Self) -> bool) {
        let started = Instant::now();
        loop {
            self.read_commands().await;
            if holds(self).await {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
            for (_, running) in &self.mappers {
                assert!(!running.is_finished(), "a mapper ended while waiting: {what}");
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn read_commands(&mut self) {
        while let Ok(batch) = tokio::time::timeout(POLL, self.consumer.next_batch(500)).await {
            for delivery in batch.unwrap() {
                let command = delivery.body.clone().unwrap();
                let about = if command.orphans.is_some() { &mut self.rules } else { &mut self.commands };
                about.push(command);
                delivery.ack().await;
            }
        }
    }

    /// The newest command for each account and group, as `(revision, desired)`.
    pub(crate) fn last_resources(&self) -> BTreeMap<Key, (i64, DesiredState)> {
        let mut last: BTreeMap<Key, (i64, DesiredState)> = BTreeMap::new();
        for command in &self.commands {
            let kind = command.desired.kind();
            let key = (command.target.clone(), kind, command.subject.clone());
            let known = last.get(&key).map_or(0, |(revision, _)| *revision);
            if kind != ResourceKind::Membership && command.revision >= known {
                last.insert(key, (command.revision, command.desired.clone()));
            }
        }
        last
    }

    /// The newest state of each membership at each target: `(target, group, member)` to `(revision, present)`.
    pub(crate) fn last_edges(&self) -> BTreeMap<(String, String, String), (i64, bool)> {
        let mut last = BTreeMap::new();
        for command in &self.commands {
            let DesiredState::Membership { edges } = &command.desired else { continue };
            for edge in edges {
                let key = (command.target.clone(), command.subject.clone(), edge.member.clone());
                let entry = last.entry(key).or_insert((edge.revision, edge.present));
                if edge.revision > entry.0 {
                    *entry = (edge.revision, edge.present);
                }
            }
        }
        last
    }

    /// Returns the memberships of the group that were sent, in order.
    pub(crate) fn edges(&self, group: &str) -> Vec<DesiredMembership> {
        let of_group = self.commands.iter().filter(|command| command.subject == group);
        let edges = of_group.filter_map(|command| match &command.desired {
            DesiredState::Membership { edges } => Some(edges.clone()),
            _ => None,
        });
        edges.flatten().collect()
    }

    /// Returns the content of `mapper_desired`.
    pub(crate) async fn desired(&mut self) -> BTreeMap<Key, (i64, DesiredState)> {
        let rows = self.query("SELECT target, kind, subject, revision, desired FROM mapper_desired").await;
        let kind = |text: String| match text.as_str() {
            "user" => ResourceKind::User,
            _ => ResourceKind::Group,
        };
        rows.iter()
            .map(|row| {
                let text = |name: &str| row.try_get::<String>("", name).unwrap();
                let key = (text("target"), kind(text("kind")), text("subject"));
                let desired = serde_json::from_str(&text("desired")).unwrap();
                (key, (row.try_get("", "revision").unwrap(), desired))
            })
            .collect()
    }

    /// Returns whether each target at which a group exists has received the last state of each of its memberships.
    async fn edges_are_told(&mut self) -> bool {
        let sql = "SELECT e.group_key, e.member_key, e.revision, (e.present OR (e.indirect AND e.member_key NOT IN (SELECT g.key FROM mapper_groups g))) AS present, \
                   d.target FROM mapper_edges e \
                   JOIN mapper_desired d ON d.kind = 'group' AND d.subject = e.group_key AND d.state = 'exists' \
                   WHERE e.revision > 0";
        let rows = self.query(sql).await;
        let told = self.last_edges();
        rows.iter().all(|row| {
            let text = |name: &str| row.try_get::<String>("", name).unwrap();
            let word = (row.try_get("", "revision").unwrap(), row.try_get("", "present").unwrap());
            told.get(&(text("target"), text("group_key"), text("member_key"))) == Some(&word)
        })
    }

    pub(crate) async fn query(&mut self, sql: &str) -> Vec<sea_orm::QueryResult> {
        if self.reader.is_none() {
            self.reader = Some(Store::connect(&self.url).await.unwrap());
        }
        let store = self.reader.as_ref().expect("opened above");
        store.reader().query_all_raw(Statement::from_string(store.backend(), sql)).await.unwrap()
    }

    pub(crate) async fn count(&mut self, sql: &str) -> i64 {
        self.query(sql).await[0].try_get("", "n").unwrap()
    }

    /// State of the account at `crm` in the last command.
    pub(crate) fn state(&self, person: &str) -> Option<AccountState> {
        match &self.last_resources().get(&("crm".to_owned(), ResourceKind::User, person.to_owned()))?.1 {
            DesiredState::User(account) => Some(account.state),
            _ => None,
        }
    }

    /// Everything that gives access: active accounts, existing groups, and their members.
    pub(crate) fn access(&self) -> (BTreeMap<Key, DesiredState>, Vec<(String, String)>) {
        let gives = |desired: &DesiredState| match desired {
            DesiredState::User(account) => account.state == AccountState::Active,
            DesiredState::Group(group) => group.exists,
            DesiredState::Membership { .. } => false,
        };
        let resources: BTreeMap<Key, DesiredState> = self
            .last_resources()
            .into_iter()
            .filter(|(_, (_, desired))| gives(desired))
            .map(|(key, (_, desired))| (key, desired))
            .collect();
        let exists = |target: &String, group: &String| {
            resources.contains_key(&(target.clone(), ResourceKind::Group, group.clone()))
        };
        let edges = self
            .last_edges()
            .into_iter()
            // Nested groups are sent in addition to the people that they bring in.
            .filter(|((_, _, member), _)| !member.starts_with("G-"))
            .filter(|((target, group, _), (_, present))| *present && exists(target, group))
            .map(|((_, group, member), _)| (group, member))
            .collect();
        (resources, edges)
    }
}

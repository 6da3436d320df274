//! A gateway between the HR system and the stream.

use std::path::PathBuf;
use std::time::Duration;

use bus::Consumer;
use lifecycle::{Event, SourceProblem};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use store::Store;
use store::testing::TestDatabase;
use telemetry::{Readiness, Shutdown};

use crate::hr::Hr;
use crate::world::{Answer, World};

const SOON: Duration = Duration::from_secs(40);

/// The gateway with the webhook `own` (every token is `own-token`), its HR system, and its stream.
pub struct Office {
    pub hr: Hr,
    pub world: World,
    stream: Consumer<Event>,
    database: TestDatabase,
    changes: Value,
    notices: usize,
}

/// A row of a person whose record is wanted.
#[derive(Debug, PartialEq)]
pub struct Row {
    pub state: String,
    pub attempts: i32,
    pub error: String,
}

impl Office {
    pub async fn start() -> Self {
        Self::on(store::testing::sqlite_database(), json!({})).await
    }

    /// Starts the gateway with `changes` to the settings of `fetch`.
    pub async fn with(changes: Value) -> Self {
        Self::on(store::testing::sqlite_database(), changes).await
    }

    pub async fn on(database: TestDatabase, changes: Value) -> Self {
        let hr = Hr::start().await;
        let mut fetch = json!({
            "url": format!("{}/people/{{key}}", hr.url), "record": "/data/0", "delay_ms": 0,
            "credential": {"kind": "bearer", "token": "hr-api"}, "requests_per_second_max": 1000, "attempts_max": 3,
            "retry": {"initial_ms": 10, "max_ms": 100}, "answer_bytes_max": 10_000,
        });
        for (name, value) in changes.as_object().unwrap() {
            fetch[name] = value.clone();
        }
        let adapter = json!({
            "kind": "json", "time_zone": "Europe/Berlin", "events": "/items", "key": "/person", "type": "/what", "id": "/no",
            "at": "/when",
            "types": {"hired": "worker.joined", "changed": "worker.changed", "gone": "worker.left"},
            "attributes": {"givenName": "/name", "department": "[team.name]", "startDate": "/start", "endDate": "/end"},
        });
        let own = json!({"name": "own", "verifier": {"scheme": "bearer", "secrets": ["own-token"]},
                         "adapter": adapter, "fetch": fetch});
        // This webhook announces only departures, with the day in the record.
        let leaves = json!({"name": "gusto", "verifier": {"scheme": "bearer", "secrets": ["own-token"]},
                            "adapter": {"kind": "gusto", "attributes": {"givenName": "/name", "endDate": "/end"}},
                            "fetch": fetch});
        let changes = json!({"database": database.url, "webhooks": [own, leaves]});
        let world = World::start(changes.clone()).await;
        let stream = world.stored().await;
        Self { hr, world, stream, database, changes, notices: 0 }
    }

    /// Sends a notice about these people.
    pub async fn notice(&mut self, what: &str, people: &[&str]) -> Answer {
        let mut item = |person: &&str| {
            self.notices += 1;
            json!({"no": self.notices, "what": what, "person": person})
        };
        let items: Vec<Value> = people.iter().map(&mut item).collect();
        self.post("own", &json!({"items": items})).await
    }

    pub async fn post(&self, webhook: &str, body: &Value) -> Answer {
        let request = self.world.http.post(format!("{}/v1/webhooks/{webhook}", self.world.url));
        let request = request.header("authorization", "own-token").header("content-type", "application/json");
        let answer = Answer::of(request.body(body.to_string())).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer
    }

    /// Returns the next events, at least `count` of them.
    pub async fn events(&mut self, count: usize) -> Vec<Event> {
        let mut events = Vec::new();
        while events.len() < count {
            let batch = tokio::time::timeout(SOON, self.stream.next_batch(1_000)).await;
            for delivery in batch.expect("events come").unwrap() {
                events.push(delivery.body.as_ref().unwrap().clone());
                delivery.ack().await;
            }
        }
        events
    }

    /// Returns the row of a person once `check` accepts it; `None` if `check` accepts its absence.
    pub async fn row(&self, key: &str, check: impl Fn(Option<&Row>) -> bool) -> Option<Row> {
        let store = Store::connect(&self.database.url).await.unwrap();
        let sql = "SELECT state, attempts, last_error FROM gateway_fetches WHERE key = $1";
        let look = async || {
            let statement = Statement::from_sql_and_values(store.backend(), sql, [key.into()]);
            let row = store.reader().query_one_raw(statement).await.unwrap();
            row.map(|row| Row {
                state: row.try_get("", "state").unwrap(),
                attempts: row.try_get("", "attempts").unwrap(),
                error: row.try_get::<Option<String>>("", "last_error").unwrap().unwrap_or_default(),
            })
        };
        let mut seen = None;
        let level = async {
            loop {
                seen = look().await;
                if check(seen.as_ref()) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let came = tokio::time::timeout(SOON, level).await;
        assert!(came.is_ok(), "the row of {key} stays {seen:?}");
        seen
    }

    /// Returns the row of a person once it is parked.
    pub async fn parked(&self, key: &str) -> Row {
        self.row(key, |row| row.is_some_and(|row| row.state == "parked")).await.unwrap()
    }

    /// Returns the problems of the source in the status, once `check` accepts them.
    pub async fn problems(&self, check: impl Fn(&[SourceProblem]) -> bool) -> Vec<SourceProblem> {
        let mut seen = Vec::new();
        let level = async {
            loop {
                seen = self.world.bus.source_problems(0).await.unwrap().problems;
                if check(&seen) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let came = tokio::time::timeout(SOON, level).await;
        assert!(came.is_ok(), "the problems stay {seen:?}");
        seen
    }

    /// Waits until the person's record is no longer wanted.
    pub async fn done(&self, key: &str) {
        self.row(key, |row| row.is_none()).await;
    }

    /// Aborts the gateway like a kill, and starts another one on the same data.
    pub async fn kill_and_restart(&mut self) {
        self.world.run.abort();
        let _ = (&mut self.world.run).await;
        self.another().await;
    }

    /// Stops the gateway cleanly.
    pub async fn stop(&mut self) {
        self.world.shutdown.soft.cancel();
        (&mut self.world.run).await.unwrap().unwrap();
    }

    /// Copies the gateway's database in its current state and returns the path of the copy.
    pub async fn back_up(&self) -> String {
        let path = self.database.url.strip_prefix("sqlite://").unwrap();
        let path = PathBuf::from(path.split('?').next().unwrap()).with_extension("backup");
        let store = Store::connect(&self.database.url).await.unwrap();
        store.copy_to(path.to_str().unwrap()).await.unwrap();
        format!("sqlite://{}?mode=rwc", path.display())
    }

    /// Starts another gateway on the database at `url`, as if a backup had been restored.
    pub async fn another_on(&mut self, url: &str) {
        self.changes["database"] = json!(url);
        self.another().await;
    }

    /// Starts another gateway on the same database, which receives all later requests.
    pub async fn another(&mut self) {
        let mut config = self.changes.clone();
        config["listen"] = json!("127.0.0.1:0");
        let config: gateway::GatewayConfig = serde_json::from_value(config).unwrap();
        let app = gateway::build_gateway(config, self.world.bus.clone(), Readiness::default()).await.unwrap();
        self.world.url = format!("http://{}", app.address());
        self.world.shutdown = Shutdown::default();
        self.world.run = tokio::spawn(app.run(self.world.shutdown.clone()));
    }
}

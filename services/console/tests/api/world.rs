//! A running console for tests.

use std::time::Duration;

use bus::testing::TestServer;
use bus::{Bus, OutgoingMessage};
use lifecycle::FactRecord;
use serde_json::{Value, json};
use store::testing::TestDatabase;
use telemetry::{Readiness, Shutdown};

const PATIENCE: Duration = Duration::from_secs(20);
const TOKEN: &str = "operator-token";

/// A console with its broker, database and an operator called alice.
pub(crate) struct World {
    _server: TestServer,
    _database: TestDatabase,
    pub(crate) bus: Bus,
    pub(crate) base: String,
    pub(crate) credentials: console::ConsoleCredentials,
    pub(crate) http: reqwest::Client,
    shutdown: Shutdown,
    running: tokio::task::JoinHandle<Result<(), console::ConsoleRunError>>,
}

impl World {
    pub(crate) async fn start(database: TestDatabase) -> Self {
        Self::with_hooks(database, json!([])).await
    }

    pub(crate) async fn with_hooks(database: TestDatabase, hooks: Value) -> Self {
        Self::with_journal(database, hooks, None).await
    }

    /// Starts a console whose JOURNAL holds at most `bytes`.
    pub(crate) async fn with_journal(database: TestDatabase, hooks: Value, bytes: Option<i64>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let server = TestServer::start();
        let mut limits = server.config();
        limits.max_bytes.journal = bytes.unwrap_or(limits.max_bytes.journal);
        let bus = Bus::connect(&limits, "test").await.unwrap();
        bus.ensure_streams().await.unwrap();
        let config = serde_json::from_value(json!({
            "listen": "127.0.0.1:0",
            "database": database.url,
            "notify": hooks,
            "operators": [{"name": "alice", "token": edge::TokenHash::of(TOKEN).to_string()}],
        }));
        let own_bus = Bus::connect(&server.config(), "console").await.unwrap();
        let app = console::build_console(config.unwrap(), own_bus, Readiness::default()).await.unwrap();
        let credentials = app.credentials();
        let (base, shutdown) = (format!("http://{}", app.address()), Shutdown::default());
        let running = tokio::spawn(app.run(shutdown.clone()));
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { _server: server, _database: database, bus, base, credentials, http, shutdown, running }
    }

    pub(crate) async fn tell(&self, facts: &[FactRecord]) {
        for stored in self.bus.publish(OutgoingMessage::facts("test", facts)).await {
            stored.unwrap();
        }
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        answer(self.http.get(format!("{}{path}", self.base)).bearer_auth(TOKEN)).await
    }

    pub(crate) async fn get_with(&self, path: &str, query: &[(&str, String)]) -> (u16, Value) {
        let request = self.http.get(format!("{}{path}", self.base)).query(query);
        answer(request.bearer_auth(TOKEN)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        answer(self.http.post(format!("{}{path}", self.base)).bearer_auth(TOKEN).json(body)).await
    }

    /// Repeats the request until `enough` returns true for the answer.
    pub(crate) async fn until(&self, path: &str, enough: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let asking = async {
            loop {
                last = self.get(path).await.1;
                if enough(&last) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, asking).await.is_err() {
            panic!("{path} still answers {last}");
        }
        last
    }

    pub(crate) async fn stop(self) {
        self.shutdown.soft.cancel();
        tokio::time::timeout(PATIENCE, self.running).await.unwrap().unwrap().unwrap();
    }
}

pub(crate) async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status();
    let media = response.headers()["content-type"].to_str().unwrap().to_owned();
    assert_eq!(status.is_success(), media.starts_with("application/json"), "{status} {media}");
    assert_eq!(!status.is_success(), media.starts_with("application/problem+json"), "{status} {media}");
    (status.as_u16(), response.json().await.unwrap())
}

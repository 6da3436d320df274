//! A gateway with its own nats-server.

use bus::testing::TestServer;
use bus::{Bus, Consumer, StreamName};
use edge::TokenHash;
use gateway::GatewayConfig;
use lifecycle::Event;
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use telemetry::{Readiness, Shutdown};
use tokio::task::JoinHandle;

pub const STRUCTURED: &str = "application/cloudevents+json";
pub const BATCH: &str = "application/cloudevents-batch+json";

/// As `database`: a SQLite file that is deleted with the world.
pub const OWN_DATABASE: &str = "a file of its own";

/// The gateway and its server. Dropping it stops the gateway and kills the server.
pub struct World {
    pub nats: TestServer,
    pub bus: Bus,
    pub readiness: Readiness,
    pub url: String,
    pub http: reqwest::Client,
    pub shutdown: Shutdown,
    pub run: JoinHandle<Result<(), gateway::GatewayRunError>>,
    _folder: tempfile::TempDir,
}

impl World {
    /// Starts a gateway with the source `hr` (token `hr-token`) and the settings in `changes`.
    pub async fn start(changes: Value) -> Self {
        let nats = TestServer::start();
        let config = nats.config();
        Self::start_on(nats, config, changes).await
    }

    /// Starts the same on this server, connected as in `config`.
    pub async fn start_on(nats: TestServer, config: bus::BusConfig, changes: Value) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = bus::BusConfig { publish_timeout_ms: 1_000, ..config };
        let bus = Bus::connect(&config, "gateway").await.unwrap();
        bus.ensure_streams().await.unwrap();
        let mut config = json!({
            "listen": "127.0.0.1:0",
            "sources": [
                {"name": "hr", "token": TokenHash::of("hr-token").to_string()},
                {"name": "ad", "token": TokenHash::of("ad-token").to_string(), "kinds": ["group"], "ce_source": ["ad/"]},
            ],
        });
        for (name, value) in changes.as_object().unwrap() {
            config[name] = value.clone();
        }
        let folder = tempfile::tempdir().unwrap();
        if config["database"] == OWN_DATABASE {
            let file = folder.path().join("gateway.db");
            config["database"] = json!(format!("sqlite://{}?mode=rwc", file.display()));
        }
        let config: GatewayConfig = serde_json::from_value(config).unwrap();
        let readiness = Readiness::default();
        let app = gateway::build_gateway(config, bus.clone(), readiness.clone()).await.unwrap();
        let url = format!("http://{}", app.address());
        let shutdown = Shutdown::default();
        let run = tokio::spawn(app.run(shutdown.clone()));
        Self { nats, bus, readiness, url, http: reqwest::Client::new(), shutdown, run, _folder: folder }
    }

    pub fn post(&self, path: &str, content_type: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        let request = self.http.post(format!("{}{path}", self.url)).bearer_auth("hr-token");
        request.header("content-type", content_type).body(body)
    }

    pub async fn events(&self, content_type: &str, body: &Value) -> Answer {
        Answer::of(self.post("/v1/events", content_type, body.to_string())).await
    }

    pub async fn bulk(&self, body: &Value) -> Answer {
        Answer::of(self.post("/v1/feeds/scim-bulk", "application/scim+json", body.to_string())).await
    }

    /// Returns a consumer of the events on the stream, from the first.
    pub async fn stored(&self) -> Consumer<Event> {
        self.bus.consume(StreamName::Events, "mapper").await.unwrap()
    }
}

/// A response.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    pub async fn of(request: RequestBuilder) -> Self {
        Self::read(request.send().await.unwrap()).await
    }

    pub async fn read(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        Self { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// Returns the pointers of the listed errors.
    pub fn pointers(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect()
    }

    /// Returns the `duplicate` of each accepted event.
    pub fn duplicates(&self) -> Vec<bool> {
        assert_eq!(self.status, 202, "{:?}", self.body);
        let accepted = self.body["accepted"].as_array().unwrap();
        accepted.iter().map(|event| event["duplicate"].as_bool().unwrap()).collect()
    }
}

/// Returns a valid event of `id` about the person `id`.
pub fn event(id: &str) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "hr", "type": "worker.joined", "subject": format!("worker/{id}"),
        "data": {"attributes": {"givenName": "Ann"}},
    })
}

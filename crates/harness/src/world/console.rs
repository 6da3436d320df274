//! A client of the console, with the API of an operator.

use std::time::Duration;

use anyhow::{Context, bail};
use lifecycle::TargetStatus;
use serde::Deserialize;
use serde_json::{Value, json};

use super::level::wait_for_level;
use super::process::ServiceAddresses;

/// The number of published messages that are not yet processed, by stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct ConsoleLag {
    /// Messages for the mapper.
    pub events: u64,
    /// Messages for the writer.
    pub commands: u64,
    /// Messages for the console.
    pub journal: u64,
}

/// The answer of `GET /v1/status`.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ConsoleStatus {
    /// All targets.
    pub targets: Vec<TargetStatus>,
    /// The messages in progress.
    pub lag: ConsoleLag,
    /// The broker's streams, in the form of the API.
    #[serde(default)]
    pub streams: Vec<Value>,
}

impl ConsoleStatus {
    /// Returns the number of resources and memberships that are not settled yet, at all targets.
    pub fn queued(&self) -> i64 {
        self.targets.iter().flat_map(|target| target.queue.values()).sum()
    }

    /// Returns the size of a stream in bytes.
    pub fn stream_bytes(&self, name: &str) -> Option<u64> {
        self.streams.iter().find(|stream| stream["stream"] == name)?["bytes"].as_u64()
    }

    /// Returns the number of resources with a status (`user.in_sync`), at all targets.
    pub fn resources(&self, kind_and_status: &str) -> i64 {
        self.targets.iter().filter_map(|target| target.resources.get(kind_and_status)).sum()
    }

    /// Returns the number of resources that need an operator: dead letters and conflicts, at all targets.
    pub fn stuck(&self) -> i64 {
        let stuck = |name: &str| name.ends_with(".dead") || name.ends_with(".conflict");
        self.targets.iter().flat_map(|t| &t.resources).filter(|(name, _)| stuck(name)).map(|(_, n)| n).sum()
    }

    fn is_quiet(&self) -> bool {
        self.lag.events == 0 && self.lag.commands == 0 && self.queued() == 0 && !self.targets.is_empty()
    }
}

/// A client of the operator API.
#[derive(Debug, Clone)]
pub struct ConsoleClient {
    http: reqwest::Client,
    addresses: ServiceAddresses,
    token: String,
}

impl ConsoleClient {
    /// Creates a client with this bearer token.
    pub fn new(http: reqwest::Client, addresses: ServiceAddresses, token: String) -> Self {
        Self { http, addresses, token }
    }

    /// Returns targets, queues and lag.
    pub async fn status(&self) -> anyhow::Result<ConsoleStatus> {
        let answer = self.get("/v1/status").await?;
        serde_json::from_value(answer).context("/v1/status does not have the documented shape")
    }

    /// Returns the dead letters in a state (`open`, `replayed`, `discarded`, `all`); at most the first 500.
    pub async fn dead(&self, state: &str) -> anyhow::Result<Vec<Value>> {
        let answer = self.get(&format!("/v1/dead?state={state}&limit=500")).await?;
        Ok(answer["items"].as_array().cloned().unwrap_or_default())
    }

    /// Returns the history of a person or group, oldest first; at most the first 500 entries.
    pub async fn trace(&self, key: &str) -> anyhow::Result<Vec<Value>> {
        let answer = self.get(&format!("/v1/people/{key}/trace?limit=500")).await?;
        Ok(answer["items"].as_array().cloned().unwrap_or_default())
    }

    /// Returns the runs of full feeds, newest first.
    pub async fn feeds(&self) -> anyhow::Result<Vec<Value>> {
        Ok(self.get("/v1/feeds").await?["items"].as_array().cloned().unwrap_or_default())
    }

    /// Decides a run of a full feed: `accept` or `reject`.
    pub async fn decide_feed(&self, run: &str, verb: &str, why: &str) -> anyhow::Result<Value> {
        let mut body = json!({ "why": why });
        if verb == "accept" {
            let shown = self.get(&format!("/v1/feeds/{run}")).await?;
            let count = |name: &str| shown[name].as_u64().unwrap_or_default();
            body["people"] = json!(count("missing") + count("leaving"));
        }
        self.post(&format!("/v1/feeds/{run}/{verb}"), &body).await
    }

    /// Replays dead letters.
    pub async fn replay(&self, ids: &[String], why: &str) -> anyhow::Result<Value> {
        self.post("/v1/dead/replay", &json!({ "ids": ids, "why": why })).await
    }

    /// Waits until everything is processed: no unread event or command and an empty queue, twice
    /// in a row, because a message between its receipt and its storage can be in neither place.
    pub async fn settled(&self, deadline: Duration) -> anyhow::Result<ConsoleStatus> {
        let mut quiet = 0;
        wait_for_level("everything is settled", deadline, async || {
            let status = self.status().await?;
            quiet = if status.is_quiet() { quiet + 1 } else { 0 };
            if quiet < 2 {
                bail!("{:?}, {} in the queue", status.lag, status.queued());
            }
            Ok(status)
        })
        .await
    }

    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send(self.http.get(self.url(path)), path).await
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send(self.http.post(self.url(path)).json(body), path).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.addresses.console())
    }

    async fn send(&self, request: reqwest::RequestBuilder, path: &str) -> anyhow::Result<Value> {
        let response =
            request.bearer_auth(&self.token).send().await.with_context(|| format!("ask {path}"))?;
        let status = response.status();
        let text = response.text().await.with_context(|| format!("ask {path}"))?;
        if !status.is_success() {
            bail!("{path}: {status}: {text}");
        }
        serde_json::from_str(&text).with_context(|| format!("{path} did not answer JSON"))
    }
}

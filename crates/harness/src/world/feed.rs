//! Posts messages until they are accepted, like a patient HR system.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use serde_json::Value;

use super::process::ServiceAddresses;
use crate::history::CloudEventMessage;

/// The maximum time until a message is accepted.
const PATIENCE: Duration = Duration::from_secs(120);
/// The pause before a message is posted again, unless the gateway requests another one.
const PAUSE: Duration = Duration::from_millis(50);
/// The maximum pause that a gateway can request.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// The acceptance of a message.
#[derive(Debug, Clone)]
pub struct IntakeReceipt {
    /// The gateway's answer.
    pub body: Value,
    /// The number of times that it was posted.
    pub posts: u32,
    /// The time from the first post to the answer.
    pub took: Duration,
}

/// A client that posts to a gateway. Posting the same message again is harmless, because it keeps its id.
#[derive(Debug, Clone)]
pub struct EventPoster {
    http: reqwest::Client,
    addresses: ServiceAddresses,
    token: String,
}

impl EventPoster {
    /// Creates a client with this bearer token.
    pub fn new(http: reqwest::Client, addresses: ServiceAddresses, token: String) -> Self {
        Self { http, addresses, token }
    }

    /// Posts one event in structured mode.
    ///
    /// # Errors
    /// Fails if the event is refused, or not accepted within two minutes.
    pub async fn event(&self, event: &CloudEventMessage) -> anyhow::Result<IntakeReceipt> {
        self.post("/v1/events", "application/cloudevents+json", event.value()).await
    }

    /// Posts events as one batch.
    ///
    /// # Errors
    /// Fails under the same conditions as [`Self::event`].
    pub async fn batch(&self, events: &[CloudEventMessage]) -> anyhow::Result<IntakeReceipt> {
        let values: Vec<Value> = events.iter().map(|event| event.value().clone()).collect();
        self.values(&values).await
    }

    /// Posts hand-written events as one batch.
    ///
    /// # Errors
    /// Fails under the same conditions as [`Self::event`].
    pub async fn values(&self, events: &[Value]) -> anyhow::Result<IntakeReceipt> {
        let body = Value::Array(events.to_vec());
        self.post("/v1/events", "application/cloudevents-batch+json", &body).await
    }

    /// Posts a SCIM BulkRequest.
    ///
    /// # Errors
    /// Fails under the same conditions as [`Self::event`].
    pub async fn bulk(&self, request: &Value) -> anyhow::Result<IntakeReceipt> {
        self.post("/v1/feeds/scim-bulk", "application/scim+json", request).await
    }

    /// Posts a message until it is accepted or refused.
    async fn post(&self, path: &str, content_type: &str, body: &Value) -> anyhow::Result<IntakeReceipt> {
        let started = Instant::now();
        let body = serde_json::to_vec(body).context("write JSON")?;
        for posts in 1.. {
            let pause = match self.post_once(path, content_type, body.clone()).await? {
                PostOutcome::Accepted(body) => {
                    return Ok(IntakeReceipt { body, posts, took: started.elapsed() });
                }
                PostOutcome::NotNow { pause, why } if started.elapsed() + pause > PATIENCE => {
                    bail!("POST {path}: not accepted within {} s: {why}", PATIENCE.as_secs());
                }
                PostOutcome::NotNow { pause, .. } => pause,
            };
            tokio::time::sleep(pause).await;
        }
        unreachable!("the loop above has no end")
    }

    /// Posts a message once. Network errors, 429 and 503 are not final.
    async fn post_once(&self, path: &str, content_type: &str, body: Vec<u8>) -> anyhow::Result<PostOutcome> {
        // The address is looked up each time, because the gateway may have another one after a restart.
        let url = format!("{}{path}", self.addresses.gateway());
        let request = self.http.post(&url).bearer_auth(&self.token).header(CONTENT_TYPE, content_type);
        let response = match request.body(body).send().await {
            Ok(response) => response,
            Err(error) => return Ok(PostOutcome::NotNow { pause: PAUSE, why: format!("{error:?}") }),
        };
        let status = response.status();
        let asked = response.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()?.parse().ok());
        let pause = asked.map_or(PAUSE, |seconds| Duration::from_secs(seconds).min(PAUSE_MAX));
        let text = match response.text().await {
            Ok(text) => text,
            Err(error) => return Ok(PostOutcome::NotNow { pause: PAUSE, why: format!("{error:?}") }),
        };
        match status {
            StatusCode::ACCEPTED => {
                Ok(PostOutcome::Accepted(serde_json::from_str(&text).unwrap_or_default()))
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                Ok(PostOutcome::NotNow { pause, why: format!("{status}: {text}") })
            }
            _ => bail!("POST {url}: {status}: {text}"),
        }
    }
}

/// The outcome of one post.
enum PostOutcome {
    Accepted(Value),
    NotNow { pause: Duration, why: String },
}

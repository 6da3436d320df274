//! Asks the server's monitoring port whether it syncs before it acknowledges.

use std::io;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The timeout of the whole exchange.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The size limit of the answer. `/varz` is a few kilobytes.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// The time at which the server syncs a message that it stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SyncPolicy {
    /// The server syncs before it acknowledges.
    Always,
    /// The server syncs some time after it acknowledges.
    Later,
}

/// The reason that the server could not be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MonitorError {
    #[error("monitor_url is not like http://host:port")]
    Url,
    #[error("the monitoring port cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("the monitoring port did not answer within {} s", TIMEOUT.as_secs())]
    Timeout,
    #[error("the monitoring port did not answer like a nats-server with JetStream")]
    Answer,
}

/// The part of `/varz` that is read.
#[derive(Deserialize)]
struct ServerVariables {
    jetstream: JetStream,
}

/// The JetStream section of `/varz`.
#[derive(Deserialize)]
struct JetStream {
    config: JetStreamConfig,
}

/// The configuration of JetStream in `/varz`.
#[derive(Deserialize)]
struct JetStreamConfig {
    #[serde(default)]
    sync_always: bool,
}

/// Reads the sync policy from `/varz` below `monitor_url`.
pub(crate) async fn sync_of(monitor_url: &str) -> Result<SyncPolicy, MonitorError> {
    let address = monitor_url.strip_prefix("http://").ok_or(MonitorError::Url)?.trim_end_matches('/');
    let answer =
        tokio::time::timeout(TIMEOUT, http_get(address)).await.map_err(|_| MonitorError::Timeout)??;
    let (_, body) = answer.split_once("\r\n\r\n").ok_or(MonitorError::Answer)?;
    let varz: ServerVariables = serde_json::from_str(body).map_err(|_| MonitorError::Answer)?;
    Ok(if varz.jetstream.config.sync_always { SyncPolicy::Always } else { SyncPolicy::Later })
}

/// Requests `/varz` with HTTP/1.0, so that the end of the connection is the end of the answer.
async fn http_get(address: &str) -> io::Result<String> {
    let mut connection = TcpStream::connect(address).await?;
    let request = format!("GET /varz HTTP/1.0\r\nHost: {address}\r\n\r\n");
    connection.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    connection.take(ANSWER_BYTES_MAX).read_to_string(&mut answer).await?;
    Ok(answer)
}

//! Snapshots of whole streams, with their consumers, and their restore, by the server's own snapshot API.
//!
//! The server reads a stream consistently while messages are written to it, and sends the snapshot in pieces. Each piece is acknowledged,
//! so that the server never sends more than was written. The data is in the server's own format and is not inspected.

use std::time::Duration;

use async_nats::{Message, StatusCode};
use bytes::Bytes;
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::{Bus, BusError, StreamName};

/// The size of a piece in bytes.
const PIECE_BYTES: usize = 128 << 10;
/// The time limit for the server's first answer, and for each piece.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// The time limit for the server to bring up a restored stream.
const RESTORE_WITHIN: Duration = Duration::from_secs(300);

type SnapshotFailure = Box<dyn std::error::Error + Send + Sync>;

/// The description that the server needs to restore a stream, with figures for operators.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StreamDescription {
    config: Value,
    state: Value,
    /// The creation time, as [`crate::StreamPosition::made_at`]. The creation time of a restored stream is the time of its restore.
    #[serde(default)]
    pub made_at: i64,
}

impl StreamDescription {
    /// Returns the sequence of the oldest message in the stream.
    pub fn first_sequence(&self) -> u64 {
        self.state["first_seq"].as_u64().unwrap_or(0)
    }

    /// Returns the sequence of the newest message that was stored.
    pub fn last_sequence(&self) -> u64 {
        self.state["last_seq"].as_u64().unwrap_or(0)
    }

    /// Returns the number of messages in the stream.
    pub fn messages(&self) -> u64 {
        self.state["messages"].as_u64().unwrap_or(0)
    }
}

impl Bus {
    /// Returns the names of the streams that belong in a backup: those of every feed, and the stream of the services' marks.
    pub fn streams_to_back_up(&self) -> Vec<String> {
        let shards = self.config().event_shards;
        let feeds = StreamName::ALL.into_iter().flat_map(|feed| feed.streams(shards));
        feeds.chain([crate::mark::STREAM.to_owned()]).collect()
    }

    /// Writes the stream and its consumers to `sink`, as of one moment.
    ///
    /// # Errors
    /// Returns an error if there is no such stream, the server does not answer in time, or `sink` fails.
    pub async fn snapshot_stream(
        &self,
        stream: &str,
        sink: &mut (impl AsyncWrite + Unpin),
    ) -> Result<StreamDescription, BusError> {
        let taken = self.take_snapshot(stream, sink).await;
        taken.map_err(|source| BusError::Snapshot { stream: stream.to_owned(), source })
    }

    async fn take_snapshot(
        &self,
        stream: &str,
        sink: &mut (impl AsyncWrite + Unpin),
    ) -> Result<StreamDescription, SnapshotFailure> {
        let client = self.client();
        let inbox = client.new_inbox();
        let mut pieces = client.subscribe(inbox.clone()).await?;
        let question = json!({ "deliver_subject": inbox, "chunk_size": PIECE_BYTES });
        let answer =
            self.ask_server(format!("$JS.API.STREAM.SNAPSHOT.{stream}"), &question, ANSWER_WITHIN).await?;
        let (config, state) = (answer["config"].clone(), answer["state"].clone());
        let description = StreamDescription { config, state, made_at: self.made_at(stream).await? };
        loop {
            let piece = tokio::time::timeout(ANSWER_WITHIN, pieces.next()).await;
            let piece =
                piece.map_err(|_| "the server stopped sending")?.ok_or("the connection was closed")?;
            if piece.payload.is_empty() {
                sink.flush().await?;
                return ended_well(&piece).map(|()| description);
            }
            sink.write_all(&piece.payload).await?;
            if let Some(reply) = piece.reply {
                client.publish(reply, Bytes::new()).await?;
            }
        }
    }

    /// Restores the stream and its consumers to the state at the time `source` was written. Returns the stream's new
    /// creation time on the server. The stream must not exist.
    ///
    /// # Errors
    /// Returns an error if the stream exists, the server does not answer in time or refuses, or `source` fails.
    pub async fn restore_stream(
        &self,
        stream: &str,
        description: &StreamDescription,
        source: &mut (impl AsyncRead + Unpin),
    ) -> Result<i64, BusError> {
        let restored = self.put_back(stream, description, source).await;
        restored.map_err(|source| BusError::Restore { stream: stream.to_owned(), source })
    }

    async fn put_back(
        &self,
        stream: &str,
        description: &StreamDescription,
        source: &mut (impl AsyncRead + Unpin),
    ) -> Result<i64, SnapshotFailure> {
        #[derive(Deserialize)]
        struct SnapshotAnswer {
            deliver_subject: String,
        }
        let question = json!({ "config": description.config, "state": description.state });
        let answer =
            self.ask_server(format!("$JS.API.STREAM.RESTORE.{stream}"), &question, ANSWER_WITHIN).await?;
        let SnapshotAnswer { deliver_subject } = serde_json::from_value(answer)?;
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let length = source.read(&mut piece).await?;
            if length == 0 {
                break;
            }
            let payload = Bytes::copy_from_slice(&piece[..length]);
            let sent = self.client().request(deliver_subject.clone(), payload);
            let answer = tokio::time::timeout(ANSWER_WITHIN, sent).await??;
            // The server acknowledges a piece with an empty payload, and reports an abort as an error.
            if !answer.payload.is_empty() {
                refusal_in(&serde_json::from_slice(&answer.payload)?)?;
            }
        }
        let last = self.client().request(deliver_subject, Bytes::new());
        let answer = tokio::time::timeout(RESTORE_WITHIN, last).await??;
        refusal_in(&serde_json::from_slice(&answer.payload)?)?;
        self.made_at(stream).await
    }

    async fn made_at(&self, stream: &str) -> Result<i64, SnapshotFailure> {
        Ok(crate::position::made_at(self.jetstream().get_stream(stream).await?.cached_info()))
    }

    async fn ask_server(
        &self,
        subject: String,
        question: &Value,
        within: Duration,
    ) -> Result<Value, SnapshotFailure> {
        let payload = Bytes::from(serde_json::to_vec(question)?);
        let answer = tokio::time::timeout(within, self.client().request(subject, payload)).await??;
        let answer: Value = serde_json::from_slice(&answer.payload)?;
        refusal_in(&answer)?;
        Ok(answer)
    }
}

/// Returns the error in an answer of JetStream's API, if it contains one.
fn refusal_in(answer: &Value) -> Result<(), SnapshotFailure> {
    match &answer["error"] {
        Value::Null => Ok(()),
        error => {
            let (code, words) = (error["err_code"].as_u64(), error["description"].as_str());
            Err(format!("{} (error code {})", words.unwrap_or("refused"), code.unwrap_or(0)).into())
        }
    }
}

/// Checks the last message. It is empty; its status says whether everything was sent.
fn ended_well(last: &Message) -> Result<(), SnapshotFailure> {
    match last.status {
        None => Ok(()),
        Some(status) if status.as_u16() == 204 || status == StatusCode::OK => Ok(()),
        Some(status) => {
            Err(format!("the server gave up: {} {}", status, last.description.as_deref().unwrap_or(""))
                .into())
        }
    }
}

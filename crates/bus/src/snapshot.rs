//! Whole streams, with their consumers, into files and back, as the server's own snapshot API has it.
//!
//! The server reads a stream consistently while it is written to, and sends it piece by piece; each piece is acknowledged, so
//! that it never sends more than was written. What comes is the server's own format and is not looked into.

use std::time::Duration;

use async_nats::{Message, StatusCode};
use bytes::Bytes;
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::{Bus, BusError, StreamName};

/// Size of a piece.
const PIECE_BYTES: usize = 128 << 10;
/// How long the server may take for its first answer, and for each piece.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// How long it may take to bring a restored stream up.
const RESTORE_WITHIN: Duration = Duration::from_secs(300);

type SnapshotFailure = Box<dyn std::error::Error + Send + Sync>;

/// What the server needs to know of a stream to restore it, and what operators like to know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StreamDescription {
    config: Value,
    state: Value,
    /// See [`crate::StreamPosition::made_at`]; a restored stream counts as made when it was restored.
    #[serde(default)]
    pub made_at: i64,
}

impl StreamDescription {
    /// Sequence of the oldest message that it holds.
    pub fn first_sequence(&self) -> u64 {
        self.state["first_seq"].as_u64().unwrap_or(0)
    }

    /// Sequence of the newest message that was stored.
    pub fn last_sequence(&self) -> u64 {
        self.state["last_seq"].as_u64().unwrap_or(0)
    }

    /// Messages that it holds.
    pub fn messages(&self) -> u64 {
        self.state["messages"].as_u64().unwrap_or(0)
    }
}

impl Bus {
    /// The streams that belong into a backup: those of every feed, and what services left beside them.
    pub fn streams_to_back_up(&self) -> Vec<String> {
        let shards = self.config().event_shards;
        let feeds = StreamName::ALL.into_iter().flat_map(|feed| feed.streams(shards));
        feeds.chain([crate::mark::STREAM.to_owned()]).collect()
    }

    /// Writes the stream and its consumers to `sink`, as of one moment.
    ///
    /// # Errors
    /// When there is no such stream, the server does not answer in time, or `sink` fails.
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
        let answer = self.ask(format!("$JS.API.STREAM.SNAPSHOT.{stream}"), &question, ANSWER_WITHIN).await?;
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

    /// Makes the stream and its consumers as they were when `source` was written; returns when it was made, as the server has
    /// it from now on. There must be no such stream.
    ///
    /// # Errors
    /// When there is one, the server does not answer in time or refuses, or `source` fails.
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
        let answer = self.ask(format!("$JS.API.STREAM.RESTORE.{stream}"), &question, ANSWER_WITHIN).await?;
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
            // The server acknowledges a piece with nothing, and says in words that it gives up.
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

    async fn ask(
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

fn refusal_in(answer: &Value) -> Result<(), SnapshotFailure> {
    match &answer["error"] {
        Value::Null => Ok(()),
        error => {
            let (code, words) = (error["err_code"].as_u64(), error["description"].as_str());
            Err(format!("{} (error code {})", words.unwrap_or("refused"), code.unwrap_or(0)).into())
        }
    }
}

/// The last message is empty; its status says whether everything was sent.
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

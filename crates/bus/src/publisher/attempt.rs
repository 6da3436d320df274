//! One attempt to store one message or one atomic batch, and the interpretation of its answer.

use std::time::Duration;

use async_nats::client::{Request, RequestErrorKind};
use async_nats::header::{NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE};
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::{Error as ServerError, ErrorCode};
use async_nats::{Client, HeaderMap, Message};
use tokio::time::Instant;

use crate::PublishError;
use crate::link::BrokerLink;
use crate::outgoing::WireMessage;

/// The outcome of one attempt.
#[derive(Debug)]
pub(crate) enum PublishAttempt {
    /// Durably stored. For a batch, `sequence` is that of the last message.
    Stored { sequence: u64, duplicate: bool },
    /// Not stored, and a retry cannot help.
    Refused(PublishError),
    /// Not stored, because JetStream is not available (yet).
    Unavailable,
    /// Unknown, because the answer was lost.
    Unknown,
}

/// The sender of messages to one stream.
pub(crate) struct StreamSender {
    stream: String,
    client: Client,
    /// The timeout of one attempt: short enough for a second attempt before the deadline.
    try_timeout: Duration,
}

impl StreamSender {
    pub(crate) fn new(stream: String, client: Client, publish_timeout: Duration) -> Self {
        Self { stream, client, try_timeout: publish_timeout / 2 }
    }

    /// Returns the name of the stream.
    pub(crate) fn stream(&self) -> &str {
        &self.stream
    }

    /// Sends one message.
    pub(crate) async fn send(
        &self,
        message: &WireMessage,
        deadline: Instant,
        link: &BrokerLink,
    ) -> PublishAttempt {
        let (breaks, headers) = (link.breaks(), message.headers.clone());
        tokio::select! {
            tried = self.ask(message, headers, deadline) => tried,
            () = link.broken_since(breaks) => PublishAttempt::Unknown,
        }
    }

    /// Sends `messages` as one atomic batch. All are stored, next to each other, or none.
    pub(crate) async fn send_batch<'a>(
        &self,
        messages: impl ExactSizeIterator<Item = &'a WireMessage>,
        deadline: Instant,
        link: &BrokerLink,
    ) -> PublishAttempt {
        let breaks = link.breaks();
        tokio::select! {
            tried = self.stage_and_commit(messages, deadline) => tried,
            () = link.broken_since(breaks) => PublishAttempt::Unknown,
        }
    }

    async fn stage_and_commit<'a>(
        &self,
        messages: impl ExactSizeIterator<Item = &'a WireMessage>,
        deadline: Instant,
    ) -> PublishAttempt {
        let batch_id = uuid::Uuid::now_v7().simple().to_string();
        let count = messages.len();
        for (index, message) in messages.enumerate() {
            let mut headers = message.headers.clone();
            headers.insert(NATS_BATCH_ID, batch_id.as_str());
            headers.insert(NATS_BATCH_SEQUENCE, (index + 1).to_string());
            if index + 1 == count {
                headers.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
                return self.ask(message, headers, deadline).await;
            }
            let staged =
                self.client.publish_with_headers(message.subject.clone(), headers, message.payload.clone());
            if staged.await.is_err() {
                break; // the server discards a batch that is never committed
            }
        }
        PublishAttempt::Unavailable
    }

    async fn ask(&self, message: &WireMessage, headers: HeaderMap, deadline: Instant) -> PublishAttempt {
        let left = deadline.saturating_duration_since(Instant::now());
        let request = Request::new()
            .headers(headers)
            .payload(message.payload.clone())
            .timeout(Some(self.try_timeout.min(left)));
        match self.client.send_request(message.subject.clone(), request).await {
            Ok(answer) => self.meaning(&answer),
            Err(error) => match error.kind() {
                RequestErrorKind::NoResponders => PublishAttempt::Unavailable,
                RequestErrorKind::MaxPayloadExceeded => PublishAttempt::Refused(self.too_large(message)),
                RequestErrorKind::InvalidSubject => {
                    PublishAttempt::Refused(self.refused(0, "the subject is not valid".to_owned()))
                }
                RequestErrorKind::TimedOut | RequestErrorKind::Other => PublishAttempt::Unknown,
            },
        }
    }

    fn meaning(&self, answer: &Message) -> PublishAttempt {
        match serde_json::from_slice(&answer.payload) {
            Ok(Response::Ok(PublishAck { sequence, duplicate, .. })) => {
                PublishAttempt::Stored { sequence, duplicate }
            }
            Ok(Response::Err { error }) => self.refusal(&error),
            Err(_) => {
                PublishAttempt::Refused(self.refused(0, "the answer is not an acknowledgement".to_owned()))
            }
        }
    }

    fn refusal(&self, error: &ServerError) -> PublishAttempt {
        let full = || PublishAttempt::Refused(PublishError::Full { stream: self.stream.clone() });
        match error.error_code() {
            // A failing disk reports this code too. In that case a retry may succeed.
            ErrorCode::STREAM_STORE_FAILED if error.to_string().contains("maximum") => full(),
            ErrorCode::STREAM_STORE_FAILED => PublishAttempt::Unavailable,
            ErrorCode::ACCOUNT_RESOURCES_EXCEEDED
            | ErrorCode::INSUFFICIENT_RESOURCES
            | ErrorCode::STORAGE_RESOURCES_EXCEEDED => full(),
            _ if error.code() == 503 => PublishAttempt::Unavailable,
            code => PublishAttempt::Refused(self.refused(code.0, error.to_string())),
        }
    }

    fn refused(&self, code: u64, reason: String) -> PublishError {
        PublishError::Refused { stream: self.stream.clone(), code, reason }
    }

    fn too_large(&self, message: &WireMessage) -> PublishError {
        PublishError::TooLarge { bytes: message.size(), max: self.client.max_payload() }
    }
}

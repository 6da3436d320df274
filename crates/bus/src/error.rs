//! The errors of the crate, by operation.

use std::error::Error;

/// A cause inside the client library. The library's own error types are not part of this crate's API.
type BrokerCause = Box<dyn Error + Send + Sync>;

/// An error that occurs while the bus is set up or read.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The configuration is invalid.
    #[error("nats configuration: {0}")]
    Config(String),
    /// No server answered within the connect timeout, or it refused the credentials.
    #[error("connect to {url}")]
    Connect {
        /// The servers, without user information.
        url: String,
        /// The last error.
        #[source]
        source: BrokerCause,
    },
    /// The server lacks something that the bus needs.
    #[error("nats-server {version} at {url} is too old: {needed} or newer is needed")]
    ServerTooOld {
        /// The servers.
        url: String,
        /// The version that the server reports.
        version: String,
        /// The oldest version that is supported.
        needed: &'static str,
    },
    /// The server may acknowledge messages before they are on disk, or it could not be asked.
    #[error(
        "the server is not known to sync before it acknowledges ({reason}); set `sync_interval: always` in its `jetstream` section"
    )]
    NotSynced {
        /// The reason that the sync policy is not known to be safe.
        reason: String,
    },
    /// A stream could not be created or updated.
    #[error("create or update the stream {stream}")]
    Stream {
        /// The name of the stream.
        stream: String,
        /// The error of the server.
        #[source]
        source: BrokerCause,
    },
    /// A durable consumer could not be created or read.
    #[error("open the consumer {durable} of {stream}")]
    Consumer {
        /// The name of the stream.
        stream: String,
        /// The name of the consumer.
        durable: String,
        /// The error of the server.
        #[source]
        source: BrokerCause,
    },
    /// The bucket in which services leave their marks could not be read or written.
    #[error("read or write the marks of the services")]
    Mark {
        /// The error of the server.
        #[source]
        source: BrokerCause,
    },
    /// Facts could not be read back from JOURNAL.
    #[error("read facts back from JOURNAL")]
    Journal {
        /// The error of the server.
        #[source]
        source: BrokerCause,
    },
    /// A stream could not be written into a backup.
    #[error("write the stream {stream} into a backup")]
    Snapshot {
        /// The name of the stream.
        stream: String,
        /// The error of the server.
        #[source]
        source: BrokerCause,
    },
    /// A stream could not be restored from a backup.
    #[error("restore the stream {stream}")]
    Restore {
        /// The name of the stream.
        stream: String,
        /// The error of the server.
        #[source]
        source: BrokerCause,
    },
    /// Control requests could not be subscribed to.
    #[error("subscribe to control requests for {service}")]
    Subscribe {
        /// The service.
        service: String,
        /// The error of the client.
        #[source]
        source: BrokerCause,
    },
    /// The connection was closed permanently.
    #[error("the connection to the server is closed")]
    Closed,
}

/// The reason that one message is not known to be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// No acknowledgement arrived in time. It is safe to send the same message again.
    #[error("the broker did not acknowledge in time")]
    Timeout {
        /// `true` if the message was sent at least once and may therefore be stored.
        may_be_stored: bool,
    },
    /// The stream or the server's storage is full. Nothing was stored, and no older message was dropped.
    #[error("the stream {stream} is full")]
    Full {
        /// The name of the stream.
        stream: String,
    },
    /// The message is larger than the server accepts.
    #[error("a message of {bytes} bytes is larger than the {max} that the broker takes")]
    TooLarge {
        /// The size of payload and headers in bytes.
        bytes: usize,
        /// The server's limit in bytes.
        max: usize,
    },
    /// Too many messages wait to be published. Try again later.
    #[error("{waiting} messages already wait for the stream {stream}")]
    Overloaded {
        /// The name of the stream.
        stream: String,
        /// The number of messages that wait.
        waiting: usize,
    },
    /// The server refused the message for another reason.
    #[error("the stream {stream} refused the message: {reason} (error code {code})")]
    Refused {
        /// The name of the stream.
        stream: String,
        /// JetStream's error code.
        code: u64,
        /// JetStream's description.
        reason: String,
    },
    /// The publishing task has ended because the process is stopping.
    #[error("the publisher has stopped")]
    Stopped,
}

/// JetStream's codes for a message that no retry can store: the message or its headers are larger than the stream accepts.
const NEVER_STORED: [u64; 2] = [10_054, 10_097];

impl PublishError {
    /// Returns whether the message itself is the reason, so that a retry cannot help.
    pub fn is_final(&self) -> bool {
        match self {
            Self::TooLarge { .. } => true,
            // Code 0: our own client found the subject invalid.
            Self::Refused { code, .. } => *code == 0 || NEVER_STORED.contains(code),
            Self::Timeout { .. } | Self::Full { .. } | Self::Overloaded { .. } | Self::Stopped => false,
        }
    }
}

/// A message that its stream should not carry. The error contains nothing of the message's content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("message {sequence} of {stream} cannot be read: {reason}")]
pub struct DecodeError {
    /// The name of the stream.
    pub stream: String,
    /// The sequence of the message in the stream.
    pub sequence: u64,
    /// The reason.
    pub reason: DecodeReason,
}

/// The reason that a message cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeReason {
    /// A newer version of the program wrote the message.
    #[error("its schema version is {0}")]
    Version(u64),
    /// The payload is not JSON.
    #[error("not JSON at line {line}, column {column}")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// The payload is JSON of another shape.
    #[error("not of the expected shape at line {line}, column {column}")]
    Shape {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
}

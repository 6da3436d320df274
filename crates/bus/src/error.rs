//! What can go wrong, by operation.

use std::error::Error;

/// A cause inside the client library, whose own types are nobody else's business.
type BrokerCause = Box<dyn Error + Send + Sync>;

/// Why the bus could not be set up or read.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The configuration makes no sense.
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
        /// What it said it is.
        version: String,
        /// The oldest that will do.
        needed: &'static str,
    },
    /// The server may acknowledge messages before they are on disk, or it could not be asked.
    #[error(
        "the server is not known to sync before it acknowledges ({reason}); set `sync_interval: always` in its `jetstream` section"
    )]
    NotSynced {
        /// What was found.
        reason: String,
    },
    /// A stream could not be made or brought up to date.
    #[error("create or update the stream {stream}")]
    Stream {
        /// Its name.
        stream: String,
        /// What the server said.
        #[source]
        source: BrokerCause,
    },
    /// A durable consumer could not be made or read.
    #[error("open the consumer {durable} of {stream}")]
    Consumer {
        /// Name of the stream.
        stream: String,
        /// Name of the consumer.
        durable: String,
        /// What the server said.
        #[source]
        source: BrokerCause,
    },
    /// What services last left beside their streams could not be read or written.
    #[error("read or leave what the service last left")]
    Mark {
        /// What the server said.
        #[source]
        source: BrokerCause,
    },
    /// A stream could not be written into a backup.
    #[error("write the stream {stream} into a backup")]
    Snapshot {
        /// Its name.
        stream: String,
        /// What the server said.
        #[source]
        source: BrokerCause,
    },
    /// A stream could not be restored from a backup.
    #[error("restore the stream {stream}")]
    Restore {
        /// Its name.
        stream: String,
        /// What the server said.
        #[source]
        source: BrokerCause,
    },
    /// Control requests could not be subscribed to.
    #[error("subscribe to control requests for {service}")]
    Subscribe {
        /// The service.
        service: String,
        /// What the client said.
        #[source]
        source: BrokerCause,
    },
    /// The connection was closed for good.
    #[error("the connection to the server is closed")]
    Closed,
}

/// Why one message is not known to be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// No acknowledgement came in time. Sending the same message again is safe.
    #[error("the broker did not acknowledge in time")]
    Timeout {
        /// Whether it was sent at least once, so that it may be stored after all.
        may_be_stored: bool,
    },
    /// The stream or the server's storage is full: nothing was stored, nothing older was dropped.
    #[error("the stream {stream} is full")]
    Full {
        /// Name of the stream.
        stream: String,
    },
    /// The message is larger than the server takes.
    #[error("a message of {bytes} bytes is larger than the {max} that the broker takes")]
    TooLarge {
        /// Size of payload and headers.
        bytes: usize,
        /// The server's limit.
        max: usize,
    },
    /// Too many messages wait to be published: try again later.
    #[error("{waiting} messages already wait for the stream {stream}")]
    Overloaded {
        /// Name of the stream.
        stream: String,
        /// How many wait.
        waiting: usize,
    },
    /// The server refused the message for another reason.
    #[error("the stream {stream} refused the message: {reason} (error code {code})")]
    Refused {
        /// Name of the stream.
        stream: String,
        /// JetStream's error code.
        code: u64,
        /// JetStream's description.
        reason: String,
    },
    /// The task that publishes is gone: the process is stopping.
    #[error("the publisher has stopped")]
    Stopped,
}

/// JetStream's codes for a message that no try can store: larger than the stream takes, or with headers that are.
const NEVER_STORED: [u64; 2] = [10_054, 10_097];

impl PublishError {
    /// Whether the message itself is the reason, so that trying again cannot help.
    pub fn is_final(&self) -> bool {
        match self {
            Self::TooLarge { .. } => true,
            // Code 0: our own client found the subject invalid.
            Self::Refused { code, .. } => *code == 0 || NEVER_STORED.contains(code),
            Self::Timeout { .. } | Self::Full { .. } | Self::Overloaded { .. } | Self::Stopped => false,
        }
    }
}

/// A message that is not what its stream should carry. Holds nothing of its content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("message {sequence} of {stream} cannot be read: {reason}")]
pub struct DecodeError {
    /// Name of the stream.
    pub stream: String,
    /// Its sequence there.
    pub sequence: u64,
    /// Why.
    pub reason: DecodeReason,
}

/// Why a message cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeReason {
    /// It was written by a newer program.
    #[error("its schema version is {0}")]
    Version(u64),
    /// It is not JSON.
    #[error("not JSON at line {line}, column {column}")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// It is JSON of another shape.
    #[error("not of the expected shape at line {line}, column {column}")]
    Shape {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
}

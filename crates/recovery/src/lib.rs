//! Detects a database or a broker that was restored from a backup, lost or exchanged, and sets consumers back to the
//! position that the database contains.
//!
//! A service's database keeps its position in each stream and a number that increases each time. The position is the
//! acknowledgement floor of the service's consumers. It is read before it is kept, so it never claims more than the
//! database contains. The broker keeps the same number beside the streams, written after the database's commit. A
//! database with a lower number than the broker's is therefore an older one: its consumers begin again where it ends,
//! and each consumer recognises the messages that it already knows. This crate does not know the meaning of the
//! messages.
//!
//! A backup of everything from one moment contradicts nothing when it comes back. Therefore `usher restore` marks
//! each database ([`mark_restored`]), and the next start treats the database as an older one.
//!
//! To use the crate in another service, create its tables in a migration ([`create_tables`], [`add_generation`]),
//! call [`Recovery::begin`] before anything is consumed, run [`Recovery::run`] beside the work, and call
//! [`Recovery::end`] after it.

mod contents;
mod heartbeat;
mod judge;
mod keep;
mod start;
mod tables;
mod words;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bus::{Bus, BusError, StreamName, StreamPosition};
use store::{Store, StoreError};
use tokio::sync::Notify;

pub use contents::{ContainedStream, DatabaseContents, RestoredStream, database_contents, mark_restored};
pub use heartbeat::{StaleRecords, create_heartbeat, drop_heartbeat};
pub use judge::RecoveryFinding;
use tables::{ConsumerPosition, DatabaseIdentity};
pub use tables::{add_generation, create_tables, drop_tables, remove_generation};

/// The reason why the state of the database is not known.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The database reported an error.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The broker reported an error.
    #[error(transparent)]
    Bus(#[from] BusError),
}

/// The state that a start found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryResult {
    /// The relation of the database to the one that the service last left.
    pub finding: RecoveryFinding,
    /// The number of messages that are gone and that the database does not contain.
    pub lost: u64,
    /// `true` if a stream is another one than before. The extent of the loss in the one before is not known.
    pub has_other_stream: bool,
    /// Notices for operators; empty if there is nothing to report.
    pub news: Vec<String>,
    /// The time of the backup from which the installation was restored (microseconds since the Unix epoch).
    pub restored_from: Option<i64>,
    /// Set if database and broker may both be copies from an earlier moment; only checked with
    /// [`Recovery::with_heartbeat`].
    pub stale: Option<StaleRecords>,
}

impl RecoveryResult {
    /// Returns the reason for verifying the database's state before acting on it, or `None` if that is not necessary.
    pub fn needs_verification(&self) -> Option<String> {
        let is_old = !matches!(self.finding, RecoveryFinding::Fresh | RecoveryFinding::Same);
        (is_old || self.lost > 0 || self.has_other_stream).then(|| self.news.join("; "))
    }
}

/// The findings of [`Recovery::look`], which [`Recovery::settle`] keeps.
#[derive(Debug)]
pub struct RecoveryPlan {
    /// The state that was found.
    pub found: RecoveryResult,
    identity: DatabaseIdentity,
    kept: Vec<ConsumerPosition>,
}

/// Detects a restored database of one service and keeps the positions of its consumers.
#[derive(Debug, Clone)]
pub struct Recovery {
    service: &'static str,
    store: Store,
    bus: Bus,
    consumers: Vec<(StreamName, String)>,
    /// A stop that lasts longer than this may be a restore.
    long_stop: Option<Duration>,
    state: Arc<Mutex<RecoveryState>>,
    /// Notified when messages are lost while the service runs.
    pub lost: Arc<Notify>,
}

#[derive(Debug, Default)]
struct RecoveryState {
    identity: DatabaseIdentity,
    kept: Vec<ConsumerPosition>,
    /// `true` if the broker has the identity's beat.
    is_left: bool,
    idle: u32,
}

impl Recovery {
    /// Creates a recovery for the consumers of `service`, each given by stream and durable name.
    pub fn new(service: &'static str, store: Store, bus: Bus, consumers: Vec<(StreamName, String)>) -> Self {
        let (state, lost) = (Arc::default(), Arc::default());
        Self { service, store, bus, consumers, long_stop: None, state, lost }
    }

    /// Keeps the time at which the service was last alive. After a stop longer than `long_stop`, reports that
    /// database and broker may both be copies from an earlier moment. Needs the table of [`create_heartbeat`].
    #[must_use]
    pub fn with_heartbeat(self, long_stop: Duration) -> Self {
        Self { long_stop: Some(long_stop), ..self }
    }

    /// Returns the notices for operators, newest first.
    pub fn notices(&self) -> Vec<String> {
        let state = self.state.lock().expect("nothing panics while holding it");
        state.identity.notices.iter().rev().map(|notice| notice.text.clone()).collect()
    }

    /// Returns whether the consumer reads the whole stream. Consumers with longer names read only a part: messages
    /// that are gone may never have been theirs.
    fn reads_everything(&self, at: &StreamPosition) -> bool {
        self.consumers.iter().any(|(_, durable)| *durable == at.durable)
    }
}

/// Returns the present time in microseconds since the Unix epoch.
fn micros_now() -> i64 {
    i64::try_from(time::OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}

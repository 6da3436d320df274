//! The marks that services leave at the broker, beside its streams. A database that knows less than its mark was restored.

use async_nats::jetstream::Context;
use async_nats::jetstream::kv::{self, Store};
use async_nats::jetstream::stream::StorageType;
use serde::{Deserialize, Serialize};
use telemetry::chain;

use crate::BusError;

/// The name of the bucket with the marks of services.
pub(crate) const BUCKET: &str = "usher_services";

/// The mark of one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceMark {
    /// The id of the installation. The database and the broker of another installation do not belong here.
    pub installation: String,
    /// A counter that rises each time the service's database stores its positions.
    pub beat: i64,
    /// The time at which the mark was left, in microseconds since the Unix epoch, by the clock of the service's
    /// database. Older versions omit it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<i64>,
    /// Messages for operators about the service's database and streams, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
}

/// The state of a service's mark at the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeftMark {
    /// There is no mark.
    Nothing,
    /// There is a mark that this version cannot read.
    Unreadable {
        /// The reason.
        why: String,
    },
    /// The mark.
    Mark(ServiceMark),
}

impl LeftMark {
    /// Returns the mark, if it can be read.
    pub fn read(&self) -> Option<&ServiceMark> {
        match self {
            Self::Mark(mark) => Some(mark),
            Self::Nothing | Self::Unreadable { .. } => None,
        }
    }
}

/// The last backup of the installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupMark {
    /// The time at which the backup was started, in microseconds since the Unix epoch.
    pub at: i64,
}

impl BackupMark {
    /// Returns the time at which the backup was started, in seconds since the Unix epoch.
    pub fn seconds(self) -> i64 {
        self.at.div_euclid(1_000_000)
    }
}

/// The key of the installation's id.
pub(crate) const INSTALLATION: &str = "installation";
/// The key of the last backup.
const BACKUP: &str = "backup";

/// Returns the error for a failed operation on the bucket.
pub(crate) fn mark_failed(source: impl std::error::Error + Send + Sync + 'static) -> BusError {
    BusError::Mark { source: Box::new(source) }
}

/// Opens the bucket of the marks. Creates it if it does not exist.
pub(crate) async fn open_bucket(jetstream: &Context, replicas: usize) -> Result<Store, BusError> {
    if let Ok(bucket) = jetstream.get_key_value(BUCKET).await {
        return Ok(bucket);
    }
    make_bucket(jetstream, replicas).await
}

/// Creates the bucket of the marks.
async fn make_bucket(jetstream: &Context, replicas: usize) -> Result<Store, BusError> {
    let config = kv::Config {
        bucket: BUCKET.to_owned(),
        description: "what each service last left".to_owned(),
        history: 1,
        max_bytes: 1 << 20,
        storage: StorageType::File,
        num_replicas: replicas,
        ..kv::Config::default()
    };
    jetstream.create_key_value(config).await.map_err(mark_failed)
}

/// The name of the stream that holds the bucket.
pub(crate) const STREAM: &str = "KV_usher_services";

/// Creates the bucket if it does not exist. Returns whether it was missing.
pub(crate) async fn keep_bucket(jetstream: &Context, replicas: usize) -> Result<bool, BusError> {
    match crate::streams::find_stream(jetstream, STREAM).await {
        Ok(Some(_)) => Ok(false),
        Ok(None) => make_bucket(jetstream, replicas).await.map(|_| true),
        Err(error) => Err(mark_failed(error)),
    }
}

/// Returns the last backup, if one is known.
pub(crate) async fn last_backup(
    jetstream: &Context,
    replicas: usize,
) -> Result<Option<BackupMark>, BusError> {
    let value = open_bucket(jetstream, replicas).await?.get(BACKUP).await.map_err(mark_failed)?;
    value.map(|value| serde_json::from_slice(&value).map_err(mark_failed)).transpose()
}

/// Stores the time of the last backup.
pub(crate) async fn leave_backup(
    jetstream: &Context,
    replicas: usize,
    mark: BackupMark,
) -> Result<(), BusError> {
    let value = serde_json::to_vec(&mark).expect("a mark is plain data");
    open_bucket(jetstream, replicas).await?.put(BACKUP, value.into()).await.map_err(mark_failed)?;
    Ok(())
}

/// Returns the mark that `service` last left.
pub(crate) async fn load_mark(
    jetstream: &Context,
    replicas: usize,
    service: &str,
) -> Result<LeftMark, BusError> {
    let value = open_bucket(jetstream, replicas).await?.get(service).await.map_err(mark_failed)?;
    Ok(value.map_or(LeftMark::Nothing, |value| read(service, &value)))
}

/// Decodes the mark of a service. An unreadable mark is logged.
fn read(service: &str, value: &[u8]) -> LeftMark {
    match serde_json::from_slice(value) {
        Ok(mark) => LeftMark::Mark(mark),
        Err(error) => {
            let cause = chain(&error);
            tracing::error!(
                service,
                error = cause,
                "what the service last left at the broker cannot be read"
            );
            LeftMark::Unreadable { why: error.to_string() }
        }
    }
}

/// Leaves `mark`, unless a later mark exists.
pub(crate) async fn leave_mark(
    jetstream: &Context,
    replicas: usize,
    service: &str,
    mark: &ServiceMark,
) -> Result<(), BusError> {
    let bucket = open_bucket(jetstream, replicas).await?;
    let there = bucket.get(service).await.map_err(mark_failed)?;
    let there = there.map_or(LeftMark::Nothing, |value| read(service, &value));
    let is_later = |other: &ServiceMark| other.installation == mark.installation && other.beat > mark.beat;
    if there.read().is_some_and(is_later) {
        return Ok(());
    }
    let value = serde_json::to_vec(mark).expect("a mark is plain data");
    bucket.put(service, value.into()).await.map_err(mark_failed)?;
    Ok(())
}

/// Returns the installation that the broker belongs to. If it belongs to none, it belongs to `fresh` from now on.
pub(crate) async fn installation_of(
    jetstream: &Context,
    replicas: usize,
    fresh: &str,
) -> Result<String, BusError> {
    let bucket = open_bucket(jetstream, replicas).await?;
    let read = |value: bytes::Bytes| String::from_utf8_lossy(&value).into_owned();
    if let Some(value) = bucket.get(INSTALLATION).await.map_err(mark_failed)? {
        return Ok(read(value));
    }
    match bucket.create(INSTALLATION, fresh.to_owned().into()).await {
        Ok(_) => Ok(fresh.to_owned()),
        // Another service created the key first.
        Err(error) => match bucket.get(INSTALLATION).await.map_err(mark_failed)? {
            Some(value) => Ok(read(value)),
            None => Err(mark_failed(error)),
        },
    }
}

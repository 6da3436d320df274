//! What each service last left at the broker, beside its streams: a database that knows less than this was restored.

use async_nats::jetstream::Context;
use async_nats::jetstream::kv::{self, Store};
use async_nats::jetstream::stream::StorageType;
use serde::{Deserialize, Serialize};

use crate::BusError;

const BUCKET: &str = "usher_services";

/// What a service left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceMark {
    /// Names the installation: another one's database or broker does not belong here.
    pub installation: String,
    /// Rises whenever the service's database keeps its positions.
    pub beat: i64,
    /// When it was left; microseconds since the Unix epoch, by the clock of the service's database. Older versions do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<i64>,
    /// What operators should know of the service's database and streams, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
}

/// What was found of a service's mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeftMark {
    /// It left none.
    Nothing,
    /// It left something that this version cannot read.
    Unreadable {
        /// Why.
        why: String,
    },
    /// This.
    Mark(ServiceMark),
}

impl LeftMark {
    /// The mark, if it can be read.
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
    /// When it was begun; microseconds since the Unix epoch.
    pub at: i64,
}

impl BackupMark {
    /// When it was begun; seconds since the Unix epoch.
    pub fn seconds(self) -> i64 {
        self.at.div_euclid(1_000_000)
    }
}

/// Key of the last backup.
const BACKUP: &str = "backup";

pub(crate) fn mark_failed(source: impl std::error::Error + Send + Sync + 'static) -> BusError {
    BusError::Mark { source: Box::new(source) }
}

/// Where marks are left; made when it is not there.
pub(crate) async fn open_bucket(jetstream: &Context, replicas: usize) -> Result<Store, BusError> {
    if let Ok(bucket) = jetstream.get_key_value(BUCKET).await {
        return Ok(bucket);
    }
    make_bucket(jetstream, replicas).await
}

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

/// The stream that holds the bucket.
pub(crate) const STREAM: &str = "KV_usher_services";

/// Makes the bucket unless it is there; says whether it was missing.
pub(crate) async fn keep_bucket(jetstream: &Context, replicas: usize) -> Result<bool, BusError> {
    match crate::streams::find_stream(jetstream, STREAM).await {
        Ok(Some(_)) => Ok(false),
        Ok(None) => make_bucket(jetstream, replicas).await.map(|_| true),
        Err(error) => Err(mark_failed(error)),
    }
}

/// The last backup, if one is known.
pub(crate) async fn last_backup(
    jetstream: &Context,
    replicas: usize,
) -> Result<Option<BackupMark>, BusError> {
    let value = open_bucket(jetstream, replicas).await?.get(BACKUP).await.map_err(mark_failed)?;
    value.map(|value| serde_json::from_slice(&value).map_err(mark_failed)).transpose()
}

/// Remembers the last backup.
pub(crate) async fn leave_backup(
    jetstream: &Context,
    replicas: usize,
    mark: BackupMark,
) -> Result<(), BusError> {
    let value = serde_json::to_vec(&mark).expect("a mark is plain data");
    open_bucket(jetstream, replicas).await?.put(BACKUP, value.into()).await.map_err(mark_failed)?;
    Ok(())
}

/// What `service` last left.
pub(crate) async fn load_mark(
    jetstream: &Context,
    replicas: usize,
    service: &str,
) -> Result<LeftMark, BusError> {
    let value = open_bucket(jetstream, replicas).await?.get(service).await.map_err(mark_failed)?;
    Ok(value.map_or(LeftMark::Nothing, |value| read(service, &value)))
}

fn read(service: &str, value: &[u8]) -> LeftMark {
    match serde_json::from_slice(value) {
        Ok(mark) => LeftMark::Mark(mark),
        Err(error) => {
            let cause = &error as &dyn std::error::Error;
            tracing::error!(
                service,
                error = cause,
                "what the service last left at the broker cannot be read"
            );
            LeftMark::Unreadable { why: error.to_string() }
        }
    }
}

/// Leaves `mark`, unless something later is there.
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

/// The installation that the broker belongs to; `fresh` when it belonged to none.
pub(crate) async fn installation_of(
    jetstream: &Context,
    replicas: usize,
    fresh: &str,
) -> Result<String, BusError> {
    const KEY: &str = "installation";
    let bucket = open_bucket(jetstream, replicas).await?;
    let read = |value: bytes::Bytes| String::from_utf8_lossy(&value).into_owned();
    if let Some(value) = bucket.get(KEY).await.map_err(mark_failed)? {
        return Ok(read(value));
    }
    match bucket.create(KEY, fresh.to_owned().into()).await {
        Ok(_) => Ok(fresh.to_owned()),
        // Another service was quicker.
        Err(error) => match bucket.get(KEY).await.map_err(mark_failed)? {
            Some(value) => Ok(read(value)),
            None => Err(mark_failed(error)),
        },
    }
}

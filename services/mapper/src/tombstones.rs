//! The tombstone file: people who were erased at their source, stored outside of every backup, so that a restored database
//! erases them again.
//!
//! A line is the event `worker.deleted` without any personal data: its subject is a keyed hash, and the key is in the
//! database. At each start, before any event is consumed, the lines that the database has not merged are merged for the
//! people that it knows. Merging a line twice changes nothing.

use std::collections::{HashMap, HashSet};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use lifecycle::{Event, EventKind};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use store::quarantine::QuarantineReason;
use store::{ROWS_PER_STATEMENT_MAX, Store, StoreError};
use telemetry::chain;

use crate::SERVICE;
use crate::evidence::PersonHashes;
use crate::rows::{identity, inbox, record};

/// The number of keys that are read per statement.
const PAGE: u64 = 5_000;
/// The text whose hash identifies the key. No key of a person contains it.
const NAME: &str = "\0tombstones";

/// Errors of the tombstone file.
#[derive(Debug, thiserror::Error)]
pub enum TombstoneError {
    /// The file cannot be read or written.
    #[error("could not use the tombstone file {path}")]
    File {
        /// The path of the file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A person who was erased.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct ErasedPerson {
    /// Identifies the key of the hash.
    key: String,
    /// The event. Its subject is a hash.
    event: Event,
}

/// The file with its content.
pub(crate) struct TombstoneFile {
    path: PathBuf,
    hashes: PersonHashes,
    key: String,
    known: HashSet<String>,
    all: Vec<ErasedPerson>,
}

impl TombstoneFile {
    /// Reads the file, which need not exist yet.
    ///
    /// # Errors
    /// Returns an error if the file or the database cannot be read.
    pub(crate) async fn open(store: &Store, path: PathBuf) -> Result<Self, TombstoneError> {
        let hashes = PersonHashes::load(store).await?;
        let key = hashes.of(NAME);
        let all =
            read_tombstones(&path).map_err(|source| TombstoneError::File { path: path.clone(), source })?;
        let known = all.iter().map(|one| one.event.id.to_string()).collect();
        Ok(Self { path, hashes, key, known, all })
    }

    /// Appends those of `events` that erase a person to the file, and syncs it to the disk.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    pub(crate) fn keep<'a>(&mut self, events: impl Iterator<Item = &'a Event>) -> Result<(), TombstoneError> {
        for event in events.filter(|event| event.kind == EventKind::WorkerDeleted) {
            if self.known.contains(event.id.as_str()) {
                continue;
            }
            let event = Event {
                subject: self.hashes.of(&event.subject),
                source_event_id: String::new(),
                attributes: lifecycle::AttributeMap::new(),
                members: None,
                feed: None,
                unread: Vec::new(),
                ..event.clone()
            };
            let id = event.id.to_string();
            append_tombstone(&self.path, &ErasedPerson { key: self.key.clone(), event })
                .map_err(|source| TombstoneError::File { path: self.path.clone(), source })?;
            self.known.insert(id);
        }
        Ok(())
    }

    /// Returns the events that erase a person who is known to the database, and that it has not merged.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub(crate) async fn missing(&mut self, store: &Store) -> Result<Vec<Event>, StoreError> {
        let all = std::mem::take(&mut self.all);
        let (readable, foreign): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.key == self.key);
        if !foreign.is_empty() {
            telemetry::metrics::count_quarantined(SERVICE, QuarantineReason::StateUnreadable.as_str());
            tracing::error!(
                count = foreign.len(),
                file = %self.path.display(),
                "people who were erased were noted with the key of another database: they cannot be recognised in this one"
            );
        }
        let merged = merged_ids(store, readable.iter().map(|one| one.event.id.to_string()).collect()).await?;
        let fresh = readable.into_iter().filter(|one| !merged.contains(one.event.id.as_str()));
        let mut by_hash: HashMap<String, Vec<Event>> = HashMap::new();
        for one in fresh {
            by_hash.entry(one.event.subject.clone()).or_default().push(one.event);
        }
        let mut found = Vec::new();
        if by_hash.is_empty() {
            return Ok(found);
        }
        for key in known_keys(store).await? {
            for event in by_hash.remove(&self.hashes.of(&key)).unwrap_or_default() {
                found.push(Event { subject: key.clone(), ..event });
            }
        }
        Ok(found)
    }
}

/// Reads all lines of the file. A line that cannot be decoded is logged, counted and skipped.
fn read_tombstones(path: &Path) -> Result<Vec<ErasedPerson>, std::io::Error> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut all = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match serde_json::from_str(line) {
            Ok(one) => all.push(one),
            Err(error) => {
                telemetry::metrics::count_quarantined(SERVICE, QuarantineReason::StateUnreadable.as_str());
                tracing::error!(
                    line = number + 1,
                    file = %path.display(),
                    error = chain(&error),
                    "a person who was erased cannot be read"
                );
            }
        }
    }
    Ok(all)
}

/// Starts with a line break, because a crash may have cut off the previous line.
fn append_tombstone(path: &Path, one: &ErasedPerson) -> Result<(), std::io::Error> {
    let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    let json = serde_json::to_string(one).map_err(std::io::Error::other)?;
    file.write_all(format!("\n{json}\n").as_bytes())?;
    file.sync_all()
}

/// Returns those of the event ids that the database has merged.
async fn merged_ids(store: &Store, ids: Vec<String>) -> Result<HashSet<String>, StoreError> {
    let mut found = HashSet::new();
    for chunk in ids.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows: Vec<String> = inbox::Entity::find()
            .select_only()
            .column(inbox::Column::EventId)
            .filter(inbox::Column::EventId.is_in(chunk))
            .into_tuple()
            .all(store.reader())
            .await
            .map_err(StoreError::statement("read merged events"))?;
        found.extend(rows);
    }
    Ok(found)
}

/// Returns the keys of all people, and of all records that are matched with them.
async fn known_keys(store: &Store) -> Result<Vec<String>, StoreError> {
    let mut all = Vec::new();
    let mut after = String::new();
    loop {
        let page: Vec<String> = identity::Entity::find()
            .select_only()
            .column(identity::Column::Key)
            .filter(identity::Column::Key.gt(&after))
            .order_by_asc(identity::Column::Key)
            .limit(PAGE)
            .into_tuple()
            .all(store.reader())
            .await
            .map_err(StoreError::statement("read the keys of people"))?;
        let Some(last) = page.last() else { break };
        after.clone_from(last);
        all.extend(page);
    }
    let records: Vec<String> = record::Entity::find()
        .select_only()
        .column(record::Column::Key)
        .distinct()
        .into_tuple()
        .all(store.reader())
        .await
        .map_err(StoreError::statement("read the keys of records"))?;
    all.extend(records);
    Ok(all)
}

//! People who were erased at their source, in a file outside of every backup, so that a restored database erases them again.
//!
//! A line is the event `worker.deleted` without anything of the person: its subject is a keyed hash, and the key lies in the
//! database. At each start, before anything is consumed, the lines that the database has not merged are merged about the people
//! that it knows. Merging one twice changes nothing.

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

use crate::SERVICE;
use crate::leavers::PersonHashes;
use crate::rows::{identity, inbox, record};

/// Keys that are read per statement.
const PAGE: u64 = 5_000;
/// What the name of a key is the hash of; no key of a person contains it.
const NAME: &str = "\0tombstones";

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TombstoneError {
    /// The file.
    #[error("the file of people who were erased, {path}")]
    File {
        /// Where it is.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A person who was erased.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct ErasedPerson {
    /// Names the key of the hash.
    key: String,
    /// Its subject is a hash.
    event: Event,
}

/// The file, and what it says.
pub(crate) struct TombstoneFile {
    path: PathBuf,
    hashes: PersonHashes,
    key: String,
    known: HashSet<String>,
    all: Vec<ErasedPerson>,
}

impl TombstoneFile {
    /// Reads the file; it need not be there yet.
    ///
    /// # Errors
    /// When it cannot be read, or the database cannot.
    pub(crate) async fn open(store: &Store, path: PathBuf) -> Result<Self, TombstoneError> {
        let hashes = PersonHashes::load(store).await?;
        let key = hashes.of(NAME);
        let all =
            read_tombstones(&path).map_err(|source| TombstoneError::File { path: path.clone(), source })?;
        let known = all.iter().map(|one| one.event.id.to_string()).collect();
        Ok(Self { path, hashes, key, known, all })
    }

    /// Writes those of `events` that erase a person onto the disk.
    ///
    /// # Errors
    /// When the file cannot be written.
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

    /// The events that erase people whom the database knows, and that it has not merged.
    ///
    /// # Errors
    /// As the database reports them.
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
                    error = &error as &dyn std::error::Error,
                    "a person who was erased cannot be read"
                );
            }
        }
    }
    Ok(all)
}

/// Begins a line of its own: the one before may have been cut off by a crash.
fn append_tombstone(path: &Path, one: &ErasedPerson) -> Result<(), std::io::Error> {
    let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    let json = serde_json::to_string(one).map_err(std::io::Error::other)?;
    file.write_all(format!("\n{json}\n").as_bytes())?;
    file.sync_all()
}

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
            .map_err(StoreError::statement("read which events were merged"))?;
        found.extend(rows);
    }
    Ok(found)
}

/// The keys of all people, and of all records that are matched with them.
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

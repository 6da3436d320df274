//! Records of sources that are matched with people: loads them, and merges the statements of their sources.

use std::collections::{BTreeMap, BTreeSet};

use lifecycle::{Event, PersonRecord, RecordStatus};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use super::merge::MergeResult;
use super::{BatchState, CommandCause};
use crate::rows::{STALE, decode_state, record};

/// The source by its name in the configuration, and its key of the person.
pub(super) type RecordKey = (String, String);

/// A record as it was read, and as it is now.
#[derive(Debug)]
pub(super) struct KnownRecord {
    pub(super) row: record::Model,
    pub(super) state: PersonRecord,
    pub(super) touched: Option<CommandCause>,
}

/// Returns the subject of facts about a record without a person.
pub(super) fn record_subject(source: &str, key: &str) -> String {
    format!("{source}:{key}")
}

/// Loads records that are not loaded yet.
///
/// # Errors
/// Returns an error if the database fails, or one of the records cannot be read.
pub(super) async fn load_records(
    tx: &DatabaseTransaction,
    work: &mut BatchState<'_>,
    keys: &BTreeSet<RecordKey>,
) -> Result<(), StoreError> {
    let unreadable = load_readable_records(tx, work, keys).await?;
    unreadable.into_values().next().map_or(Ok(()), Err)
}

/// Loads those records of `keys` that are not loaded yet and can be read. Returns the error of each other one, which is not
/// loaded.
///
/// # Errors
/// Returns an error if the database fails.
pub(super) async fn load_readable_records(
    tx: &DatabaseTransaction,
    work: &mut BatchState<'_>,
    keys: &BTreeSet<RecordKey>,
) -> Result<BTreeMap<RecordKey, StoreError>, StoreError> {
    let mut missing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (source, key) in keys.iter().filter(|key| !work.records.contains_key(*key)) {
        missing.entry(source).or_default().push(key);
    }
    let mut unreadable = BTreeMap::new();
    for (source, keys) in missing {
        for chunk in keys.chunks(ROWS_PER_STATEMENT_MAX) {
            let found = record::Entity::find()
                .filter(record::Column::Source.eq(source))
                .filter(record::Column::Key.is_in(chunk.iter().copied()))
                .all(tx)
                .await
                .map_err(StoreError::statement("read records"))?;
            for row in found {
                let key = (row.source.clone(), row.key.clone());
                match decode_record(&row) {
                    Ok(state) => {
                        work.records.insert(key, KnownRecord { row, state, touched: None });
                    }
                    Err(error) => {
                        unreadable.insert(key, error);
                    }
                }
            }
        }
    }
    let now = work.micros();
    for key in keys.iter().filter(|key| !unreadable.contains_key(*key)) {
        let unknown = || KnownRecord {
            row: fresh_record(&key.0, &key.1, now),
            state: PersonRecord::default(),
            touched: None,
        };
        work.records.entry(key.clone()).or_insert_with(unknown);
    }
    Ok(unreadable)
}

/// Decodes a record. Each part is read once here, so that one of another version keeps its record as it is.
fn decode_record(row: &record::Model) -> Result<PersonRecord, StoreError> {
    let state = decode_state(&row.state, &row.key)?;
    row.status()?;
    row.matched()?;
    row.candidates()?;
    Ok(state)
}

/// Returns a row for a record that is not stored yet.
fn fresh_record(source: &str, key: &str, now: i64) -> record::Model {
    record::Model {
        source: source.to_owned(),
        key: key.to_owned(),
        revision: 0,
        state: String::new(),
        matched: "[]".to_owned(),
        person: None,
        status: RecordStatus::Waiting.as_str().to_owned(),
        reason: String::new(),
        candidates: "[]".to_owned(),
        since: now,
        next_due_at: None,
        evaluated_with: STALE.to_owned(),
        departed: false,
    }
}

impl BatchState<'_> {
    /// Merges an event of a source whose records are matched. If the record's person is known, the person changes at once.
    pub(super) fn merge_record(
        &mut self,
        source: &str,
        event: &Event,
        sequence: u64,
        cause: CommandCause,
    ) -> MergeResult {
        let (now, people, repeated) = (self.micros(), self.policies.people(), cause.repeated);
        let id = (source.to_owned(), event.subject.clone());
        let Some(record) = self.records.get_mut(&id) else { return MergeResult::nothing(&event.subject) };
        let before = record.state.clone();
        let (event, mut refused) = super::merge::within_limits(&record.state, event, self.policies);
        let event = event.as_ref();
        refused.extend(record.state.merge(event, sequence, now));
        let changed = record.state != before;
        let shows = changed && before.view(&event.subject, now) != record.state.view(&event.subject, now);
        if changed {
            super::merge::touch_cause(&mut record.touched, cause.clone());
        }
        let owner =
            record.row.person.as_ref().and_then(|person| Some((person, self.people.get_mut(person)?)));
        let Some((key, person)) = owner else {
            let revision = record.row.revision + 1;
            let unknown = (!cause.repeated).then(|| "not known yet whose record it is".to_owned());
            let note = super::merge::with_refused(unknown, &refused);
            return MergeResult {
                changed,
                revision,
                subject: record_subject(source, &event.subject),
                note,
                shows,
                is_refused: false,
            };
        };
        if changed {
            person.state.link(source, &event.subject, people, &record.state);
            super::merge::touch_cause(&mut person.touched, cause.clone());
        }
        let note =
            super::merge::ineffective_note(&person.state, source, people, event, now).filter(|_| !repeated);
        let note = super::merge::with_refused(note, &refused);
        let (subject, revision) = (key.clone(), person.revision + 1);
        self.note_statement(&subject, event);
        MergeResult { changed, revision, subject, note, shows, is_refused: false }
    }
}

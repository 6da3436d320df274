//! The verdicts of operators about the owners of records, and publishing the outcome.

use std::collections::BTreeMap;

use lifecycle::{Actor, Fact, FactRecord, RecordStatus, RecordVerdict};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
};
use store::StoreError;

use super::correlate::CorrelationOutcome;
use super::records::{self, RecordKey};
use super::{BatchState, CommandCause, values};
use crate::rows::verdict;

/// Verdicts by record. A record can have one for each person.
#[derive(Debug, Default)]
pub(super) struct RecordVerdicts(BTreeMap<RecordKey, Vec<verdict::Model>>);

impl RecordVerdicts {
    /// Returns the verdict whether the record belongs to the person, if there is one.
    pub(super) fn of(&self, record: &RecordKey, person: &str) -> Option<bool> {
        self.0.get(record)?.iter().find(|said| said.person == person).map(|said| said.same)
    }

    /// Returns the person that the record belongs to by the last verdict.
    pub(super) fn same(&self, record: &RecordKey) -> Option<String> {
        let same = self.0.get(record)?.iter().filter(|said| said.same);
        same.max_by_key(|said| said.at).map(|said| said.person.clone())
    }
}

/// Loads the verdicts about these records.
pub(super) async fn load_verdicts<'r>(
    tx: &DatabaseTransaction,
    records: impl Iterator<Item = &'r RecordKey>,
) -> Result<RecordVerdicts, StoreError> {
    let mut by_source: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (source, key) in records {
        by_source.entry(source).or_default().push(key);
    }
    let mut verdicts = RecordVerdicts::default();
    for (source, keys) in by_source {
        for chunk in keys.chunks(store::ROWS_PER_STATEMENT_MAX) {
            let rows = verdict::Entity::find()
                .filter(verdict::Column::Source.eq(source))
                .filter(verdict::Column::Key.is_in(chunk.iter().copied()))
                .all(tx)
                .await
                .map_err(StoreError::statement("read verdicts"))?;
            for row in rows {
                verdicts.0.entry((row.source.clone(), row.key.clone())).or_default().push(row);
            }
        }
    }
    Ok(verdicts)
}

/// Writes the verdicts of this batch.
pub(super) async fn save_verdicts(
    tx: &DatabaseTransaction,
    said: &[verdict::Model],
) -> Result<(), StoreError> {
    use verdict::Column;
    for row in said {
        let conflict = OnConflict::columns([Column::Source, Column::Key, Column::Person])
            .update_columns([Column::Same, Column::At, Column::Who, Column::Why])
            .to_owned();
        verdict::Entity::insert_many([row.clone().into_active_model().reset_all()])
            .on_conflict(conflict)
            .exec_without_returning(tx)
            .await
            .map_err(StoreError::statement("write a verdict"))?;
    }
    Ok(())
}

/// Stores the outcome for a record, and publishes a change to all subjects that it concerns.
pub(super) fn tell_verdict(
    work: &mut BatchState<'_>,
    key: &RecordKey,
    outcome: CorrelationOutcome,
    cause: &CommandCause,
) {
    let (now, at) = (work.micros(), work.now);
    let owner = outcome.person.as_ref().and_then(|person| work.people.get(person));
    let counts_for = owner.map(|person| person.state.counts_for(&key.0, now)).unwrap_or_default();
    let Some(record) = work.records.get_mut(key) else { return };
    let CorrelationOutcome { status, person, reason, candidates } = outcome;
    let status = status.unwrap_or(RecordStatus::Waiting);
    let candidates_json = serde_json::to_string(&candidates).expect("keys are plain data");
    let said = work.verdicts.iter().find(|said| said.source == key.0 && said.key == key.1);
    let row = &mut record.row;
    let is_news = row.status != status.as_str()
        || row.person != person
        || row.reason != reason
        || row.candidates != candidates_json
        || row.revision == 0
        || said.is_some();
    record.touched.get_or_insert_with(|| cause.clone());
    if !is_news {
        return;
    }
    let former = row.person.take().filter(|former| Some(former) != person.as_ref());
    (row.status, row.reason) = (status.as_str().to_owned(), reason.to_owned());
    (row.candidates, row.person, row.since) = (candidates_json, person.clone(), now);
    let by = values::read_matched(&row.matched).into_iter().next().map(|(attribute, _)| attribute);
    let revision = row.revision + 1;
    let who = said.map(|said| Actor { who: said.who.clone(), why: said.why.clone() });
    let verdict = said.map(|said| RecordVerdict { person: said.person.clone(), same: said.same });
    let mut subjects = vec![records::record_subject(&key.0, &key.1)];
    subjects.extend(person.iter().chain(&former).cloned());
    subjects.extend(candidates.iter().filter(|candidate| Some(*candidate) != person.as_ref()).cloned());
    for subject in subjects {
        work.facts.push(FactRecord {
            id: format!("cor:{}:{}:{revision}:{subject}", key.0, key.1),
            at,
            subject,
            trace: Some(cause.trace),
            fact: Fact::Correlated {
                source: key.0.clone(),
                record: key.1.clone(),
                outcome: status.as_str().to_owned(),
                person: person.clone(),
                by: by.clone(),
                reason: reason.to_owned(),
                candidates: candidates.clone(),
                counts_for: counts_for.clone(),
                actor: who.clone(),
                verdict: verdict.clone(),
            },
        });
    }
}

impl BatchState<'_> {
    /// Records a verdict, and marks its record for evaluation.
    pub(super) fn note_verdict(
        &mut self,
        (source, key): (&str, &str),
        person: &str,
        same: bool,
        actor: &Actor,
    ) {
        let cause = CommandCause::again(self.now, false);
        if let Some(record) = self.records.get_mut(&(source.to_owned(), key.to_owned())) {
            record.touched.get_or_insert(cause);
        }
        self.verdicts.push(verdict::Model {
            source: source.to_owned(),
            key: key.to_owned(),
            person: person.to_owned(),
            same,
            at: self.micros(),
            who: actor.who.clone(),
            why: actor.why.clone(),
        });
    }
}

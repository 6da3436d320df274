//! Findings: problems in people's data that an operator should look at. They are listed in the transaction that decides about
//! the person, and removed in the one that settles them.

mod refused;

use std::collections::{BTreeMap, BTreeSet};

use lifecycle::{
    Contradiction, ContradictionCode, Event, EventKind, FindingKind, RefusedPart, StatementDating,
    UnreadValue, unix_micros,
};
use policy::PolicyDecision;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, ModelTrait, QueryFilter,
};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use crate::rows::finding::{Column, Entity, Model};
use refused::RefusedStatements;

/// The findings of a batch.
#[derive(Debug, Default)]
pub(super) struct BatchFindings {
    /// All findings except unreadable values, by person who was decided about.
    decided: BTreeMap<String, Vec<Model>>,
    /// Unreadable values of the newest reading, by person and sender.
    unread: BTreeMap<(String, String), FindingReading>,
    /// Statements that their senders have no right to make.
    refused: RefusedStatements,
}

/// The unreadable values of one reading.
#[derive(Debug)]
struct FindingReading {
    said_at: i64,
    values: BTreeSet<UnreadValue>,
}

impl BatchFindings {
    /// Records a decision about the person: earlier findings are removed unless they are found again.
    pub(super) fn decided(&mut self, person: &str, contradictions: &[Contradiction]) {
        let rows = self.decided.entry(person.to_owned()).or_default();
        rows.clear();
        rows.extend(contradictions.iter().map(|known| Model {
            person: person.to_owned(),
            kind: FindingKind::Contradiction.as_str().to_owned(),
            target: String::new(),
            sender: known.sender.clone(),
            field: known.code.as_str().to_owned(),
            detail: String::new(),
            since: known.said_at,
            departure: false,
        }));
    }

    /// Records that a newcomer with the former login of `former` is held.
    pub(super) fn held_login(&mut self, person: &str, former: &str, since: i64) {
        self.decided.entry(person.to_owned()).or_default().push(Model {
            person: person.to_owned(),
            kind: FindingKind::Contradiction.as_str().to_owned(),
            target: String::new(),
            sender: String::new(),
            field: ContradictionCode::RecycledLogin.as_str().to_owned(),
            detail: former.to_owned(),
            since,
            departure: false,
        });
    }

    /// Records a person who cannot be built for a target, or not completely.
    pub(super) fn unbuilt(&mut self, person: &str, target: &str, decision: &PolicyDecision<'_>, now: i64) {
        let failures = decision.failures();
        if failures.is_empty() {
            return;
        }
        let detail = if decision.is_impossible() {
            decision.reason().to_string()
        } else {
            format!("left alone, because their mapping fails: {}", failures.join(", "))
        };
        self.decided.entry(person.to_owned()).or_default().push(Model {
            person: person.to_owned(),
            kind: FindingKind::Unbuilt.as_str().to_owned(),
            target: target.to_owned(),
            sender: String::new(),
            field: String::new(),
            detail,
            since: now,
            departure: false,
        });
    }

    /// Records the unreadable values of an event. A readable record, and a later hire or departure by the same sender, settle
    /// the values that could not be read before.
    pub(super) fn note(&mut self, person: &str, event: &Event) {
        let settles =
            event.dating() == StatementDating::Observed || is_employment(event.kind) || event.kind.is_group();
        if event.kind == EventKind::FeedCompleted || (event.unread.is_empty() && !settles) {
            return;
        }
        self.add(person, event, event.unread.iter().cloned());
    }

    /// Records the parts of an event that were refused because a limit was reached. They are listed with unusable values.
    pub(super) fn refuse(&mut self, person: &str, event: &Event, refused: &[RefusedPart]) {
        let why = "refused: its source said too much of this already";
        let values = refused.iter().map(|one| UnreadValue {
            may_be_departure: event.takes_away(),
            ..UnreadValue::new(one.to_string(), why)
        });
        if !refused.is_empty() {
            self.add(person, event, values);
        }
    }

    /// Records that a person was removed from a group in which they are not known to be: one of the two keys may be spelled
    /// differently.
    pub(super) fn removal_unmatched(&mut self, person: &str, event: &Event) {
        let class = "a removal from a group without a known membership".to_owned();
        let value = UnreadValue::new(format!("member of {}", event.subject), class);
        self.add(person, event, std::iter::once(value));
    }

    fn add(&mut self, person: &str, event: &Event, values: impl Iterator<Item = UnreadValue>) {
        let said_at = unix_micros(event.time);
        let key = (person.to_owned(), event.sender().to_owned());
        let reading = self.unread.entry(key).or_insert(FindingReading { said_at, values: BTreeSet::new() });
        if said_at > reading.said_at {
            *reading = FindingReading { said_at, values: BTreeSet::new() };
        }
        if said_at == reading.said_at {
            reading.values.extend(values);
        }
    }

    /// Writes the findings. The people's rows are written before, in the same transaction, so that two replicas cannot differ.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub(super) async fn save(self, tx: &DatabaseTransaction) -> Result<(), StoreError> {
        let mut before = self.load(tx).await?;
        let mut now: Vec<Model> = Vec::new();
        for row in self.decided.values().flatten() {
            // A finding that is already listed keeps its time.
            let known = before.iter().find(|known| known.key() == row.key());
            now.push(Model { since: known.map_or(row.since, |known| known.since), ..row.clone() });
        }
        for row in self.refused.rows() {
            // Of those that are listed once per sender, the first one stays.
            let known = before.iter().find(|known| !refused::is_departure(row) && known.key() == row.key());
            now.push(known.unwrap_or(row).clone());
        }
        for ((person, sender), reading) in &self.unread {
            now.extend(reading.values.iter().map(|UnreadValue { field, class, may_be_departure }| Model {
                person: person.clone(),
                kind: FindingKind::Unread.as_str().to_owned(),
                target: String::new(),
                sender: sender.clone(),
                field: field.clone(),
                detail: class.clone(),
                since: reading.said_at,
                departure: *may_be_departure,
            }));
        }
        let now: BTreeMap<[String; 5], Model> =
            now.into_iter().map(|row| (row.key().map(str::to_owned), row)).collect();
        let is_same = |row: &Model| before.contains(row);
        let changed: Vec<Model> = now.values().filter(|row| !is_same(row)).cloned().collect();
        before.retain(|row| self.is_settled(row) && !now.contains_key(&row.key().map(str::to_owned)));
        for row in before {
            row.delete(tx).await.map_err(StoreError::statement("settle a finding"))?;
        }
        write_findings(tx, changed).await
    }

    /// Returns whether the batch settles the finding, unless it finds it again.
    fn is_settled(&self, row: &Model) -> bool {
        if refused::is_departure(row) {
            return self.refused.is_settled(row);
        }
        if row.kind == FindingKind::Refused.as_str() {
            return false;
        }
        if row.kind != FindingKind::Unread.as_str() {
            return self.decided.contains_key(&row.person);
        }
        let reading = self.unread.get(&(row.person.clone(), row.sender.clone()));
        reading.is_some_and(|reading| row.since < reading.said_at)
    }

    /// Loads the stored findings of the people in the batch.
    async fn load(&self, tx: &DatabaseTransaction) -> Result<Vec<Model>, StoreError> {
        let heard = self.unread.keys().map(|(person, _)| person);
        let people = self.decided.keys().chain(heard).chain(self.refused.people());
        let people: BTreeSet<&String> = people.collect();
        let people: Vec<&String> = people.into_iter().collect();
        let mut rows = Vec::new();
        for chunk in people.chunks(ROWS_PER_STATEMENT_MAX) {
            let some = Entity::find()
                .filter(Column::Person.is_in(chunk.iter().map(|person| person.as_str())))
                .all(tx)
                .await
                .map_err(StoreError::statement("read findings"))?;
            rows.extend(some);
        }
        Ok(rows)
    }
}

async fn write_findings(tx: &DatabaseTransaction, rows: Vec<Model>) -> Result<(), StoreError> {
    let key = [Column::Person, Column::Kind, Column::Target, Column::Sender, Column::Field];
    let conflict = OnConflict::columns(key)
        .update_columns([Column::Detail, Column::Since, Column::Departure])
        .to_owned();
    for chunk in rows.chunks(ROWS_PER_STATEMENT_MAX) {
        let models = chunk.iter().map(|row| row.clone().into_active_model().reset_all());
        Entity::insert_many(models)
            .on_conflict(conflict.clone())
            .exec_without_returning(tx)
            .await
            .map_err(StoreError::statement("write findings"))?;
    }
    Ok(())
}

fn is_employment(kind: EventKind) -> bool {
    use EventKind::{WorkerDeleted, WorkerJoined, WorkerLeft, WorkerRehired};
    matches!(kind, WorkerJoined | WorkerLeft | WorkerRehired | WorkerDeleted)
}

//! Verbs `records` and `resolve_record`: records of sources that are matched with people, for operators.

use lifecycle::{
    RECORDS_MAX, RecordStatus, RecordsReply, RecordsRequest, ResolveRecordRequest, SourceRecord,
};
use sea_orm::sea_query::SimpleExpr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use store::StoreError;

use super::{MapperControl, MapperRefusal, wrong_request};
use crate::moment_of;
use crate::rows::record;
use crate::work::{BatchInput, conflict_in_words};

/// The reason that is shown of a record with a part that cannot be read.
const UNREADABLE_RECORD: &str =
    "a part of it cannot be read: another version of Usher wrote it; see `usher quarantine ls`";

impl MapperControl {
    /// Answers `records`: one page of records with a status.
    pub(super) async fn records(&self, request: &RecordsRequest) -> Result<RecordsReply, MapperRefusal> {
        let limit = request.limit.clamp(1, RECORDS_MAX);
        let mut query = record::Entity::find()
            .filter(with_status(request.status))
            .order_by_asc(record::Column::Source)
            .order_by_asc(record::Column::Key)
            .limit(limit);
        if let Some(source) = &request.source {
            query = query.filter(record::Column::Source.eq(source));
        }
        if let Some(cursor) = &request.cursor {
            query = query.filter(after_cursor(cursor)?);
        }
        let rows =
            query.all(self.parts.store.reader()).await.map_err(StoreError::statement("read records"))?;
        let is_last = (rows.len() as u64) < limit;
        let next_cursor = rows.last().filter(|_| !is_last).map(cursor_at);
        Ok(RecordsReply { records: rows.iter().map(source_record).collect(), next_cursor })
    }

    /// Returns the number of records that may belong to another person.
    pub(super) async fn record_conflicts(&self) -> Result<u64, StoreError> {
        let conflicts = record::Entity::find()
            .filter(with_status(RecordStatus::Conflict))
            .count(self.parts.store.reader())
            .await;
        conflicts.map_err(StoreError::statement("count conflicts of records"))
    }

    /// Saves an operator's verdict about the owner of a record, and applies it immediately.
    pub(super) async fn resolve_record(
        &self,
        request: &ResolveRecordRequest,
    ) -> Result<SourceRecord, MapperRefusal> {
        let ResolveRecordRequest { source, key, person, same, actor } = request;
        self.record(source, key).await?;
        let Some(state) = self.identity(person).await? else {
            return Err(wrong_request(format!("no person has the key `{person}`")));
        };
        if let Some(other) = state.record_of(source).filter(|other| *same && other != key) {
            return Err(wrong_request(format!(
                "{source} has another record of {person}, `{other}`: say first that that one is not theirs \
                 (`usher people conflicts resolve {source} {other} --different {person}`)"
            )));
        }
        let verdict = BatchInput::Verdict {
            source: source.clone(),
            key: key.clone(),
            person: person.clone(),
            same: *same,
            actor: actor.clone(),
        };
        self.process(&[verdict]).await?;
        tracing::info!(source, key, person, same, who = actor.who, "it was said whose record it is");
        Ok(source_record(&self.record(source, key).await?))
    }

    /// Reads a record, or refuses the request.
    async fn record(&self, source: &str, key: &str) -> Result<record::Model, MapperRefusal> {
        let id = (source.to_owned(), key.to_owned());
        let row = record::Entity::find_by_id(id).one(self.parts.store.reader()).await;
        let row = row.map_err(StoreError::statement("read a record"))?;
        row.ok_or_else(|| {
            wrong_request(format!(
                "there is no record `{key}` of a source `{source}` whose records are matched: `usher people ls` \
                 lists those that there are"
            ))
        })
    }
}

/// Returns the condition for records with a status. A status that this version does not know is a conflict for operators.
fn with_status(status: RecordStatus) -> SimpleExpr {
    if status != RecordStatus::Conflict {
        return record::Column::Status.eq(status.as_str());
    }
    let others = RecordStatus::ALL.into_iter().filter(|other| *other != status);
    record::Column::Status.is_not_in(others.map(RecordStatus::as_str))
}

/// Converts a record for operators. The reason says if a part of it cannot be read.
fn source_record(row: &record::Model) -> SourceRecord {
    let (matched, candidates) = (row.matched(), row.candidates());
    let reason = match (row.status(), &matched, &candidates) {
        (Ok(_), Ok(_), Ok(_)) => conflict_in_words(&row.reason).to_owned(),
        _ => UNREADABLE_RECORD.to_owned(),
    };
    SourceRecord {
        source: row.source.clone(),
        key: row.key.clone(),
        status: row.status().unwrap_or(RecordStatus::Conflict),
        since: moment_of(row.since),
        person: row.person.clone(),
        by: matched.unwrap_or_default().into_iter().next().map(|(attribute, _)| attribute),
        reason,
        candidates: candidates.unwrap_or_default(),
        departed: row.departed,
    }
}

fn cursor_at(row: &record::Model) -> String {
    serde_json::to_string(&(&row.source, &row.key)).expect("texts are always JSON")
}

/// Returns the condition for rows after a cursor, which is source and key as JSON.
fn after_cursor(cursor: &str) -> Result<Condition, MapperRefusal> {
    let parsed = serde_json::from_str::<(String, String)>(cursor);
    let (source, key) =
        parsed.map_err(|_| wrong_request("the cursor is not the `nextCursor` of an answer"))?;
    let beside =
        Condition::all().add(record::Column::Source.eq(source.clone())).add(record::Column::Key.gt(key));
    Ok(Condition::any().add(record::Column::Source.gt(source)).add(beside))
}

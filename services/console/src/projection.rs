//! Projection of facts into rows: one transaction per batch. Applying a batch twice, or in another order, results in the same
//! rows.

use std::collections::BTreeMap;

use lifecycle::{DeadLetter, Fact, FactRecord};
use sea_orm::sea_query::{Expr, ExprTrait, InsertStatement, OnConflict, Query, SimpleExpr};
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use store::{ROWS_PER_STATEMENT_MAX, Store, StoreError};

use crate::schema::{DeadLetterTable, LoginNameTable, TimelineTable};

/// A fact with the service that reported it.
#[derive(Debug, Clone)]
pub(crate) struct ReportedFact {
    pub(crate) service: &'static str,
    pub(crate) record: FactRecord,
}

impl ReportedFact {
    /// Adds the reporting service: each kind of fact has exactly one.
    pub(crate) fn by_its_author(record: &FactRecord) -> Self {
        let service = match record.fact {
            Fact::Merged { .. }
            | Fact::Decided { .. }
            | Fact::MembershipDecided { .. }
            | Fact::PolicyApplied { .. }
            | Fact::FeedHeld { .. }
            | Fact::FeedDecided { .. }
            | Fact::Correlated { .. }
            | Fact::Joined { .. }
            | Fact::AccessOrdered { .. }
            | Fact::LeaverProven { .. }
            | Fact::LeaverOverdue { .. }
            | Fact::LeaverReopened { .. }
            | Fact::ScheduleCancelled { .. }
            | Fact::Verified { .. } => "mapper",
            Fact::RestoreNoticed { ref service, .. } | Fact::MessageDiscarded { ref service, .. } => {
                match service.as_str() {
                    "mapper" => "mapper",
                    "writer" => "writer",
                    "gateway" => "gateway",
                    _ => "console",
                }
            }
            Fact::Superseded { .. }
            | Fact::Attempted(_)
            | Fact::Settled { .. }
            | Fact::Conflict { .. }
            | Fact::Died(_)
            | Fact::Replayed { .. }
            | Fact::ReplayRun { .. }
            | Fact::Provisioned { .. }
            | Fact::Held { .. }
            | Fact::HeldDecided { .. }
            | Fact::Paused { .. }
            | Fact::Refused { .. }
            | Fact::Discarded { .. } => "writer",
        };
        Self { service, record: record.clone() }
    }
}

/// Writes a batch into the read model.
pub(crate) async fn apply_batch(store: &Store, batch: &[ReportedFact]) -> Result<(), StoreError> {
    if batch.is_empty() {
        return Ok(());
    }
    let tx = store.begin().await?;
    let rows = batch.iter().map(timeline_row).collect();
    insert_rows(&tx, "write the timeline", rows, timeline_insert).await?;
    insert_rows(&tx, "write login names", people_rows(batch), people_insert).await?;
    insert_rows(&tx, "write dead letters", died_rows(batch), died_insert).await?;
    insert_rows(&tx, "close dead letters", closed_rows(batch), closed_insert).await?;
    tx.commit().await.map_err(StoreError::statement("commit a batch of facts"))
}

async fn insert_rows(
    tx: &DatabaseTransaction,
    operation: &'static str,
    rows: Vec<Vec<SimpleExpr>>,
    statement: fn() -> InsertStatement,
) -> Result<(), StoreError> {
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let mut insert = statement();
        for row in rows.by_ref().take(ROWS_PER_STATEMENT_MAX) {
            insert.values_panic(row);
        }
        tx.execute(&insert).await.map_err(StoreError::statement(operation))?;
    }
    Ok(())
}

fn timeline_insert() -> InsertStatement {
    Query::insert()
        .into_table(TimelineTable::Table)
        .columns([
            TimelineTable::Id,
            TimelineTable::At,
            TimelineTable::Step,
            TimelineTable::Subject,
            TimelineTable::Service,
            TimelineTable::Fact,
            TimelineTable::Target,
            TimelineTable::TraceId,
            TimelineTable::Body,
        ])
        .on_conflict(OnConflict::column(TimelineTable::Id).do_nothing().to_owned())
        .to_owned()
}

fn timeline_row(told: &ReportedFact) -> Vec<SimpleExpr> {
    let record = &told.record;
    let body = serde_json::to_string(&record.fact).expect("a fact has only string keys");
    vec![
        record.id.clone().into(),
        lifecycle::unix_micros(record.at).into(),
        step_of(&record.fact).into(),
        record.subject.clone().into(),
        told.service.into(),
        record.fact.name().into(),
        target_of(&record.fact).map(str::to_owned).into(),
        record.trace.map(lifecycle::TraceContext::trace_id_hex).into(),
        body.into(),
    ]
}

fn people_insert() -> InsertStatement {
    let newer = Expr::col((LoginNameTable::Table, LoginNameTable::At)).lt(excluded_column("at"));
    Query::insert()
        .into_table(LoginNameTable::Table)
        .columns([LoginNameTable::Subject, LoginNameTable::UserName, LoginNameTable::At])
        .on_conflict(
            OnConflict::columns([LoginNameTable::Subject, LoginNameTable::UserName])
                .update_column(LoginNameTable::At)
                .action_and_where(newer)
                .to_owned(),
        )
        .to_owned()
}

/// Returns one row per key, because PostgreSQL refuses to update a row twice in one statement.
fn people_rows(batch: &[ReportedFact]) -> Vec<Vec<SimpleExpr>> {
    let mut newest: BTreeMap<(&str, String), i64> = BTreeMap::new();
    for ReportedFact { record, .. } in batch {
        if let Fact::Decided { user_name: Some(name), .. } = &record.fact {
            let at = newest.entry((&record.subject, indexed_name(name))).or_insert(i64::MIN);
            *at = Ord::max(*at, lifecycle::unix_micros(record.at));
        }
    }
    newest.into_iter().map(|((subject, name), at)| vec![subject.into(), name.into(), at.into()]).collect()
}

/// Maximum length of an indexed login name, in bytes: an index entry of PostgreSQL holds 2,704.
const NAME_BYTES_MAX: usize = 512;

/// Returns the indexed form of a login name: in lower case, and cut to [`NAME_BYTES_MAX`].
pub(crate) fn indexed_name(name: &str) -> String {
    let mut name = name.trim().to_lowercase().replace('\0', "\u{fffd}");
    name.truncate(name.floor_char_boundary(NAME_BYTES_MAX));
    name
}

const DIED_DETAILS: [DeadLetterTable; 12] = [
    DeadLetterTable::Target,
    DeadLetterTable::Kind,
    DeadLetterTable::Subject,
    DeadLetterTable::Revision,
    DeadLetterTable::Operation,
    DeadLetterTable::Class,
    DeadLetterTable::Error,
    DeadLetterTable::Attempts,
    DeadLetterTable::Exchange,
    DeadLetterTable::MemberOf,
    DeadLetterTable::Failures,
    DeadLetterTable::At,
];

/// Returns the upsert of a dead letter's details. It keeps the state that an earlier closing fact wrote.
fn died_insert() -> InsertStatement {
    Query::insert()
        .into_table(DeadLetterTable::Table)
        .columns([DeadLetterTable::Id, DeadLetterTable::State].into_iter().chain(DIED_DETAILS))
        .on_conflict(OnConflict::column(DeadLetterTable::Id).update_columns(DIED_DETAILS).to_owned())
        .to_owned()
}

fn died_rows(batch: &[ReportedFact]) -> Vec<Vec<SimpleExpr>> {
    let mut rows: BTreeMap<&str, (&DeadLetter, i64)> = BTreeMap::new();
    for ReportedFact { record, .. } in batch {
        if let Fact::Died(letter) = &record.fact {
            rows.insert(letter.id.as_str(), (letter, lifecycle::unix_micros(record.at)));
        }
    }
    rows.into_values().map(|(letter, at)| died_row(letter, at)).collect()
}

fn died_row(letter: &DeadLetter, at: i64) -> Vec<SimpleExpr> {
    let exchange = letter
        .exchange
        .as_ref()
        .map(|exchange| serde_json::to_string(exchange).expect("an exchange has only string keys"));
    vec![
        letter.id.as_str().into(),
        "open".into(),
        letter.target.as_str().into(),
        letter.kind.as_str().into(),
        letter.subject.as_str().into(),
        letter.revision.into(),
        letter.operation.as_str().into(),
        letter.class.as_str().into(),
        letter.error.as_str().into(),
        letter.attempts.into(),
        exchange.into(),
        letter.member_of.clone().into(),
        serde_json::to_string(&letter.failures).expect("a failed request has only string keys").into(),
        at.into(),
    ]
}

const CLOSED_DETAILS: [DeadLetterTable; 5] = [
    DeadLetterTable::State,
    DeadLetterTable::ClosedAt,
    DeadLetterTable::ClosedBy,
    DeadLetterTable::Why,
    DeadLetterTable::Outcome,
];

/// Returns the upsert of a closing fact; the latest closing fact wins.
fn closed_insert() -> InsertStatement {
    let closed_at = || Expr::col((DeadLetterTable::Table, DeadLetterTable::ClosedAt));
    let newer = closed_at().is_null().or(closed_at().lt(excluded_column("closed_at")));
    Query::insert()
        .into_table(DeadLetterTable::Table)
        .columns([DeadLetterTable::Id].into_iter().chain(CLOSED_DETAILS))
        .on_conflict(
            OnConflict::column(DeadLetterTable::Id)
                .update_columns(CLOSED_DETAILS)
                .action_and_where(newer)
                .to_owned(),
        )
        .to_owned()
}

fn closed_rows(batch: &[ReportedFact]) -> Vec<Vec<SimpleExpr>> {
    let mut latest: BTreeMap<&str, (i64, Vec<SimpleExpr>)> = BTreeMap::new();
    for ReportedFact { record, .. } in batch {
        let at = lifecycle::unix_micros(record.at);
        let (letter, state, who, why, outcome) = match &record.fact {
            Fact::Replayed { dead_letter, outcome, who, why } => {
                (dead_letter, "replayed", who, why, outcome.as_str())
            }
            Fact::Discarded { dead_letter, who, why } => (dead_letter, "discarded", who, why, "discarded"),
            _ => continue,
        };
        if latest.get(letter.as_str()).is_some_and(|(before, _)| *before >= at) {
            continue;
        }
        let row = vec![
            letter.as_str().into(),
            state.into(),
            at.into(),
            who.as_str().into(),
            why.as_str().into(),
            outcome.into(),
        ];
        latest.insert(letter.as_str(), (at, row));
    }
    latest.into_values().map(|(_, row)| row).collect()
}

fn excluded_column(column: &'static str) -> Expr {
    Expr::col(("excluded", column))
}

/// Returns the position of a fact in the life of one change, because facts of one transaction have the same time.
fn step_of(fact: &Fact) -> i16 {
    match fact {
        Fact::Merged { .. } | Fact::Correlated { .. } | Fact::PolicyApplied { .. } => 0,
        Fact::Decided { .. } | Fact::MembershipDecided { .. } => 1,
        Fact::Superseded { .. } => 2,
        Fact::Replayed { .. }
        | Fact::ReplayRun { .. }
        | Fact::Provisioned { .. }
        | Fact::HeldDecided { .. }
        | Fact::FeedDecided { .. }
        | Fact::Joined { .. }
        | Fact::ScheduleCancelled { .. }
        | Fact::AccessOrdered { .. }
        | Fact::Paused { .. }
        | Fact::Verified { .. }
        | Fact::RestoreNoticed { .. }
        | Fact::MessageDiscarded { .. }
        | Fact::Refused { .. }
        | Fact::Discarded { .. } => 3,
        Fact::Attempted(_) => 4,
        Fact::Settled { .. } | Fact::Conflict { .. } | Fact::Held { .. } | Fact::FeedHeld { .. } => 5,
        Fact::Died(_)
        | Fact::LeaverProven { .. }
        | Fact::LeaverOverdue { .. }
        | Fact::LeaverReopened { .. } => 6,
    }
}

fn target_of(fact: &Fact) -> Option<&str> {
    match fact {
        Fact::Merged { .. }
        | Fact::Correlated { .. }
        | Fact::Joined { .. }
        | Fact::FeedHeld { .. }
        | Fact::FeedDecided { .. }
        | Fact::ScheduleCancelled { .. }
        | Fact::AccessOrdered { .. }
        | Fact::Replayed { .. }
        | Fact::RestoreNoticed { .. }
        | Fact::MessageDiscarded { .. }
        | Fact::Discarded { .. } => None,
        Fact::Decided { target, .. }
        | Fact::MembershipDecided { target, .. }
        | Fact::PolicyApplied { target, .. }
        | Fact::Provisioned { target, .. }
        | Fact::Held { target, .. }
        | Fact::HeldDecided { target, .. }
        | Fact::Paused { target, .. }
        | Fact::LeaverProven { target, .. }
        | Fact::LeaverOverdue { target, .. }
        | Fact::LeaverReopened { target, .. }
        | Fact::Verified { target, .. }
        | Fact::Refused { target, .. }
        | Fact::Superseded { target, .. }
        | Fact::Settled { target, .. }
        | Fact::Conflict { target, .. } => Some(target),
        Fact::ReplayRun { target, .. } => target.as_deref(),
        Fact::Attempted(attempt) => Some(&attempt.target),
        Fact::Died(letter) => Some(&letter.target),
    }
}

#[cfg(test)]
mod tests;

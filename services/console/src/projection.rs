//! Projection of facts into rows: one transaction per batch. Applying a batch twice, or in another order, results in the same
//! rows.

use std::collections::BTreeMap;

use lifecycle::{DeadLetter, Fact, FactRecord};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{ActiveModelTrait, DatabaseTransaction, EntityTrait, Set};
use store::{ROWS_PER_STATEMENT_MAX, Store, StoreError};

use crate::rows::{dead_letter, login_name, timeline};

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
    let known_facts = OnConflict::column(timeline::Column::Id).do_nothing().to_owned();
    insert_rows(&tx, "write the timeline", batch.iter().map(timeline_row).collect(), known_facts).await?;
    insert_rows(&tx, "write login names", login_name_rows(batch), newer_login_name()).await?;
    insert_rows(&tx, "write dead letters", died_rows(batch), details_of_letter()).await?;
    insert_rows(&tx, "close dead letters", closed_rows(batch), later_closing()).await?;
    tx.commit().await.map_err(StoreError::statement("commit a batch of facts"))
}

async fn insert_rows<A>(
    tx: &DatabaseTransaction,
    operation: &'static str,
    rows: Vec<A>,
    conflict: OnConflict,
) -> Result<(), StoreError>
where
    A: ActiveModelTrait + Send,
{
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let some: Vec<A> = rows.by_ref().take(ROWS_PER_STATEMENT_MAX).collect();
        A::Entity::insert_many(some)
            .on_conflict(conflict.clone())
            .exec_without_returning(tx)
            .await
            .map_err(StoreError::statement(operation))?;
    }
    Ok(())
}

fn timeline_row(told: &ReportedFact) -> timeline::ActiveModel {
    let record = &told.record;
    let body = serde_json::to_string(&record.fact).expect("a fact has only string keys");
    timeline::ActiveModel {
        id: Set(record.id.clone()),
        at: Set(lifecycle::unix_micros(record.at)),
        step: Set(step_of(&record.fact)),
        subject: Set(record.subject.clone()),
        service: Set(told.service.to_owned()),
        fact: Set(record.fact.name().to_owned()),
        target: Set(target_of(&record.fact).map(str::to_owned)),
        trace_id: Set(record.trace.map(lifecycle::TraceContext::trace_id_hex)),
        body: Set(body),
    }
}

/// Keeps the latest time of a login name.
fn newer_login_name() -> OnConflict {
    use login_name::{Column, Entity};
    let newer = Expr::col((Entity, Column::At)).lt(excluded_column("at"));
    OnConflict::columns([Column::Subject, Column::UserName])
        .update_column(Column::At)
        .action_and_where(newer)
        .to_owned()
}

/// Returns one row per key, because PostgreSQL refuses to update a row twice in one statement.
fn login_name_rows(batch: &[ReportedFact]) -> Vec<login_name::ActiveModel> {
    let mut newest: BTreeMap<(&str, String), i64> = BTreeMap::new();
    for ReportedFact { record, .. } in batch {
        if let Fact::Decided { user_name: Some(name), .. } = &record.fact {
            let at = newest.entry((&record.subject, indexed_name(name))).or_insert(i64::MIN);
            *at = Ord::max(*at, lifecycle::unix_micros(record.at));
        }
    }
    let row = |((subject, name), at): ((&str, String), i64)| login_name::ActiveModel {
        subject: Set(subject.to_owned()),
        user_name: Set(name),
        at: Set(at),
    };
    newest.into_iter().map(row).collect()
}

/// Maximum length of an indexed login name, in bytes: an index entry of PostgreSQL holds 2,704.
const NAME_BYTES_MAX: usize = 512;

/// Returns the indexed form of a login name: in lower case, and cut to [`NAME_BYTES_MAX`].
pub(crate) fn indexed_name(name: &str) -> String {
    let mut name = name.trim().to_lowercase().replace('\0', "\u{fffd}");
    name.truncate(name.floor_char_boundary(NAME_BYTES_MAX));
    name
}

/// Writes the details of a dead letter. The state that an earlier closing fact wrote is kept.
fn details_of_letter() -> OnConflict {
    use dead_letter::Column::{
        At, Attempts, Class, Error, Exchange, Failures, Id, Kind, MemberOf, Operation, Revision, Subject,
        Target,
    };
    let details = [
        Target, Kind, Subject, Revision, Operation, Class, Error, Attempts, Exchange, MemberOf, Failures, At,
    ];
    OnConflict::column(Id).update_columns(details).to_owned()
}

fn died_rows(batch: &[ReportedFact]) -> Vec<dead_letter::ActiveModel> {
    let mut rows: BTreeMap<&str, (&DeadLetter, i64)> = BTreeMap::new();
    for ReportedFact { record, .. } in batch {
        if let Fact::Died(letter) = &record.fact {
            rows.insert(letter.id.as_str(), (letter, lifecycle::unix_micros(record.at)));
        }
    }
    rows.into_values().map(|(letter, at)| died_row(letter, at)).collect()
}

fn died_row(letter: &DeadLetter, at: i64) -> dead_letter::ActiveModel {
    let exchange = letter
        .exchange
        .as_ref()
        .map(|exchange| serde_json::to_string(exchange).expect("an exchange has only string keys"));
    let failures = serde_json::to_string(&letter.failures).expect("a failed request has only string keys");
    dead_letter::ActiveModel {
        id: Set(letter.id.as_str().to_owned()),
        state: Set("open".to_owned()),
        target: Set(Some(letter.target.to_string())),
        kind: Set(Some(letter.kind.as_str().to_owned())),
        subject: Set(Some(letter.subject.to_string())),
        revision: Set(Some(letter.revision)),
        operation: Set(Some(letter.operation.as_str().to_owned())),
        class: Set(Some(letter.class.as_str().to_owned())),
        error: Set(Some(letter.error.to_string())),
        attempts: Set(Some(letter.attempts)),
        exchange: Set(exchange),
        member_of: Set(letter.member_of.as_ref().map(ToString::to_string)),
        failures: Set(Some(failures)),
        at: Set(Some(at)),
        ..Default::default()
    }
}

/// Closes a dead letter; the latest closing fact wins.
fn later_closing() -> OnConflict {
    use dead_letter::Column::{ClosedAt, ClosedBy, Id, Outcome, State, Why};
    let closed_at = || Expr::col((dead_letter::Entity, ClosedAt));
    let newer = closed_at().is_null().or(closed_at().lt(excluded_column("closed_at")));
    OnConflict::column(Id)
        .update_columns([State, ClosedAt, ClosedBy, Why, Outcome])
        .action_and_where(newer)
        .to_owned()
}

fn closed_rows(batch: &[ReportedFact]) -> Vec<dead_letter::ActiveModel> {
    let mut latest: BTreeMap<&str, (i64, dead_letter::ActiveModel)> = BTreeMap::new();
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
        let row = dead_letter::ActiveModel {
            id: Set(letter.as_str().to_owned()),
            state: Set(state.to_owned()),
            closed_at: Set(Some(at)),
            closed_by: Set(Some(who.to_string())),
            why: Set(Some(why.to_string())),
            outcome: Set(Some(outcome.to_owned())),
            ..Default::default()
        };
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

//! Departures that are not decided yet: messages in the quarantine, unreadable values, records that may belong to several
//! people, and rows or absences in feed runs that are held or not judged yet. None of them has an obligation, so they are listed and counted here.

use std::collections::BTreeMap;

use lifecycle::{FindingKind, RecordStatus, ResourceKind, UndecidedDeparture, WaitingFor};
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};
use store::{StoreError, quarantine};

use crate::rows::{desired, feed_departure, feed_run, finding, record};
use crate::unreadable::StateKind;
use crate::work::conflict_in_words;
use crate::{SERVICE, moment_of, runs};

/// The reason that is shown of a record that no person matches.
const WAITS_FOR_PERSON: &str = "it waits for its person";
/// The maximum number of items of each kind that are searched for those of one person.
const LOOKED_THROUGH_MAX: u64 = 10_000;

/// Counts the undecided departures.
///
/// # Errors
/// Returns an error if the database fails.
pub(super) async fn count(connection: &impl ConnectionTrait) -> Result<u64, StoreError> {
    let failed = StoreError::statement("count undecided departures");
    let mut sum = quarantine::count_items(connection, SERVICE).await?.departures;
    sum += unread().count(connection).await.map_err(&failed)?;
    sum += unmatched().count(connection).await.map_err(&failed)?;
    for run in held_runs(connection).await? {
        sum += runs::query::count_missing(connection, &run).await?;
    }
    sum += feed_departure::count_people(connection, None).await?;
    Ok(sum)
}

/// Lists the oldest of them, at most `limit`. With `person`, only those that may concern this person or name no person.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn list(
    connection: &impl ConnectionTrait,
    person: Option<&str>,
    limit: u64,
) -> Result<Vec<UndecidedDeparture>, StoreError> {
    let each = if person.is_some() { LOOKED_THROUGH_MAX } else { limit };
    let mut all = set_aside(connection, each).await?;
    all.extend(not_read(connection, each).await?);
    all.extend(not_matched(connection, each).await?);
    for run in held_runs(connection).await? {
        let since = moment_of(run.ended_at.unwrap_or(run.run_at));
        let detail = format!("feed {}, run {}: {}", run.feed, run.run, run.reasons().join("; "));
        let keys = runs::query::missing_keys(connection, &run, each).await?;
        all.extend(
            keys.into_iter()
                .map(|key| UndecidedDeparture::new(vec![key], since, WaitingFor::Feed, detail.clone())),
        );
    }
    all.extend(not_judged(connection, each).await?);
    if let Some(person) = person {
        all.retain(|one| one.people.is_empty() || one.people.iter().any(|key| key == person));
    }
    all.sort_by_key(|one| one.since);
    all.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(all)
}

/// Returns quarantined messages that may be departures.
async fn set_aside(
    connection: &impl ConnectionTrait,
    limit: u64,
) -> Result<Vec<UndecidedDeparture>, StoreError> {
    let items = quarantine::list_items(connection, SERVICE, limit).await?;
    let departures = items.into_iter().filter(|item| item.is_departure);
    Ok(departures
        .map(|item| {
            let names_person = !item.subject.is_empty() && item.kind != StateKind::FeedRun.as_str();
            let people = if names_person { vec![item.subject] } else { Vec::new() };
            let detail = format!("{SERVICE}:{}: {}", item.id, item.cause);
            UndecidedDeparture::new(people, moment_of(item.at), WaitingFor::Quarantine, detail)
        })
        .collect())
}

/// Values that may report the departure of a person who has an active account.
fn unread() -> Select<finding::Entity> {
    finding::Entity::find()
        .filter(finding::Column::Kind.eq(FindingKind::Unread.as_str()))
        .filter(finding::Column::Departure.eq(true))
        .filter(Expr::exists(with_access()))
}

/// The active accounts of a finding's person, by the index of subjects.
fn with_access() -> SelectStatement {
    let person = Expr::col((finding::Entity, finding::Column::Person));
    Query::select()
        .column((desired::Entity, desired::Column::Subject))
        .from(desired::Entity)
        .and_where(Expr::col((desired::Entity, desired::Column::Subject)).eq(person))
        .and_where(desired::Column::Kind.eq(ResourceKind::User.as_str()))
        .and_where(desired::Column::State.eq(lifecycle::AccountState::Active.as_str()))
        .to_owned()
}

/// Returns unreadable values that may report a departure.
async fn not_read(
    connection: &impl ConnectionTrait,
    limit: u64,
) -> Result<Vec<UndecidedDeparture>, StoreError> {
    let rows = unread()
        .order_by_asc(finding::Column::Since)
        .limit(limit)
        .all(connection)
        .await
        .map_err(StoreError::statement("read departures that could not be read"))?;
    let told = rows.into_iter().map(|row| {
        let detail = format!("{}: {}: {}", row.sender, row.field, row.detail);
        UndecidedDeparture::new(vec![row.person], moment_of(row.since), WaitingFor::Unread, detail)
    });
    Ok(told.collect())
}

/// Records of people who left that count for no person: they wait for their person or for a verdict, or have a status that
/// this version does not know.
fn unmatched() -> Select<record::Entity> {
    let settled = [RecordStatus::Linked, RecordStatus::Gone].map(RecordStatus::as_str);
    let is_unknown = record::Column::Status.is_not_in(RecordStatus::ALL.map(RecordStatus::as_str));
    record::Entity::find()
        .filter(record::Column::Status.is_not_in(settled))
        .filter(record::Column::Departed.eq(true))
        .filter(record::Column::Person.is_null().or(is_unknown))
}

/// Counts the records of people who left that wait for their person.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn count_waiting(connection: &impl ConnectionTrait) -> Result<u64, StoreError> {
    unmatched()
        .filter(record::Column::Status.eq(RecordStatus::Waiting.as_str()))
        .count(connection)
        .await
        .map_err(StoreError::statement("count departures of records that wait for their person"))
}

/// Returns records of people who left that wait for a verdict.
async fn not_matched(
    connection: &impl ConnectionTrait,
    limit: u64,
) -> Result<Vec<UndecidedDeparture>, StoreError> {
    let rows = unmatched()
        .order_by_asc(record::Column::Since)
        .limit(limit)
        .all(connection)
        .await
        .map_err(StoreError::statement("read departures of records"))?;
    let told = rows.into_iter().map(|row| {
        let reason = match row.status() {
            Ok(RecordStatus::Waiting) => WAITS_FOR_PERSON,
            Ok(_) => conflict_in_words(&row.reason),
            Err(_) => "its status cannot be read",
        };
        let detail = format!("record {} of {}: {reason}", row.key, row.source);
        // Without candidates the departure is shown for every person.
        UndecidedDeparture::new(
            row.candidates().unwrap_or_default(),
            moment_of(row.since),
            WaitingFor::Match,
            detail,
        )
    });
    Ok(told.collect())
}

/// Returns departures that rows of full feeds state, while their run is not judged or is held.
async fn not_judged(
    connection: &impl ConnectionTrait,
    limit: u64,
) -> Result<Vec<UndecidedDeparture>, StoreError> {
    let rows = feed_departure::oldest(connection, limit).await?;
    let mut told: BTreeMap<(String, String), UndecidedDeparture> = BTreeMap::new();
    for row in rows {
        let detail = format!("feed {}, run {}: a row states that the person left", row.feed, row.run);
        let one =
            || UndecidedDeparture::new(vec![row.person], moment_of(row.since), WaitingFor::Feed, detail);
        told.entry((row.run, row.key)).or_insert_with(one);
    }
    Ok(told.into_values().collect())
}

/// Returns the held runs of full feeds, oldest first.
async fn held_runs(connection: &impl ConnectionTrait) -> Result<Vec<feed_run::Model>, StoreError> {
    feed_run::Entity::find()
        .filter(feed_run::waits_for_operator())
        .order_by_asc(feed_run::Column::RunAt)
        .all(connection)
        .await
        .map_err(StoreError::statement("read held runs of feeds"))
}

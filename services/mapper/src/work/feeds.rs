//! Stores the people and runs of full feeds that a batch names, in the batch's transaction.
//!
//! It keeps the newest run that lists a person, the earliest start of a run and its last completion. The result does not depend
//! on the order or number of deliveries.

mod departures;

use std::collections::{BTreeMap, BTreeSet};

use feeds::{FileCompletion, RowContent};
use lifecycle::{Event, EventKind, FeedRun, FeedRunState, unix_micros};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, OnConflict, Query, SimpleExpr};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel,
    QueryFilter,
};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

pub(super) use departures::WaitingDeparture;

use self::departures::FeedDepartures;
use crate::rows::{SaveError, feed_departure, feed_person, feed_row, feed_run};

/// The statements of a batch about full feeds.
#[derive(Debug, Default)]
pub(super) struct FeedBatch {
    /// Listed people, by feed and key.
    people: BTreeMap<(String, String), ListedPerson>,
    /// Runs, by run id.
    runs: BTreeMap<String, BegunRun>,
    /// The time and content of completions, by run id.
    ends: BTreeMap<String, (i64, FileCompletion)>,
    /// The time since which a person is not listed, by feed and key. It is the start of the run without them.
    absent: BTreeMap<(String, String), i64>,
    /// The number of departures that a run caused, by run id.
    left: BTreeMap<String, i64>,
    /// The contents of rows, by feed, key and hash.
    rows: BTreeMap<(String, String, String), RowContent>,
    /// The numbers of named rows that were known and not known, by run id.
    named: BTreeMap<String, (u64, u64)>,
    /// People whose records were erased.
    erased: BTreeSet<String>,
    /// Departures that rows state.
    departures: FeedDepartures,
}

/// The parts of a run that any of its events contains.
#[derive(Debug, Clone)]
struct BegunRun {
    feed: String,
    sender: String,
    at: i64,
}

/// A person in a run.
#[derive(Debug, Clone)]
struct ListedPerson {
    run: String,
    run_at: i64,
    /// `None` for a row without a statement about employment.
    employed: Option<bool>,
}

impl FeedBatch {
    /// Records an event; `fresh` unless it was merged before.
    pub(super) fn note(&mut self, event: &Event, run: &FeedRun, fresh: bool) {
        let at = unix_micros(run.begun_at);
        if run.absent {
            self.absent.insert((run.feed.clone(), event.subject.clone()), at);
            *self.left.entry(run.run.to_string()).or_default() += i64::from(fresh);
            return;
        }
        if !fresh {
            return;
        }
        let id = run.run.to_string();
        let begun = || BegunRun { feed: run.feed.clone(), sender: event.sender().to_owned(), at };
        let known = self.runs.entry(id.clone()).or_insert_with(begun);
        known.at = Ord::min(known.at, at);
        if event.kind == EventKind::FeedCompleted {
            // A completion that cannot be read was set aside before: see `quarantine::unreadable_part`.
            if let Some(completion) = FileCompletion::from_attributes(&event.attributes)
                && self.ends.get(&id).is_none_or(|(then, _)| *then < at)
            {
                self.ends.insert(id, (at, completion));
            }
        } else if event.kind.is_worker() {
            self.list(event, run, at);
            if event.kind == EventKind::WorkerDeleted {
                self.erased.insert(event.subject.clone());
            } else if let Some(content) = RowContent::of(event) {
                self.rows.insert((run.feed.clone(), event.subject.clone(), content.hash()), content);
            }
        }
    }

    /// Records a row that repeats its content.
    pub(super) fn note_repeated(&mut self, event: &Event, run: &FeedRun) {
        self.note(event, run, true);
    }

    /// Records an event that erases a person's record.
    pub(super) fn note_erased(&mut self, event: &Event) {
        self.erased.insert(event.subject.clone());
    }

    /// Records the number of named rows of a run.
    pub(super) fn note_rows(&mut self, event: &Event, run: &FeedRun, (resolved, unresolved): (u64, u64)) {
        let named = self.named.entry(run.run.to_string()).or_default();
        named.0 += resolved;
        named.1 += unresolved;
        let at = unix_micros(run.begun_at);
        let begun = || BegunRun { feed: run.feed.clone(), sender: event.sender().to_owned(), at };
        self.runs.entry(run.run.to_string()).or_insert_with(begun);
    }

    /// Records a row about a person. The newest run wins.
    fn list(&mut self, event: &Event, run: &FeedRun, at: i64) {
        let employed = match event.kind {
            EventKind::WorkerSnapshot | EventKind::WorkerJoined | EventKind::WorkerRehired => Some(true),
            // If the day is in the future, the person is still employed.
            EventKind::WorkerLeft | EventKind::WorkerDeleted => Some(event.effective_at > event.time),
            _ => None,
        };
        let now = ListedPerson { run: run.run.to_string(), run_at: at, employed };
        let listed = self.people.entry((run.feed.clone(), event.subject.clone())).or_insert(now.clone());
        match (listed.run_at, &listed.run).cmp(&(now.run_at, &now.run)) {
            std::cmp::Ordering::Less => {
                let employed = now.employed.or(listed.employed);
                *listed = ListedPerson { employed, ..now };
            }
            // Employed, if one of several rows says so.
            std::cmp::Ordering::Equal => {
                listed.employed = Ord::max(listed.employed, now.employed);
            }
            std::cmp::Ordering::Greater => {}
        }
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// Returns [`SaveError::Overtaken`] if another replica wrote to the same run in between.
    pub(super) async fn save(self, tx: &DatabaseTransaction, now: i64) -> Result<(), SaveError> {
        let Self { people, runs, ends, absent, left, rows, named, erased, departures } = self;
        let erased: Vec<String> = erased.into_iter().collect();
        save_people(tx, people).await?;
        feed_row::erase_rows(tx, &erased).await?;
        feed_departure::erase_people(tx, &erased).await?;
        save_rows(tx, rows, now).await?;
        save_runs(tx, &runs, ends).await?;
        departures.save(tx).await?;
        count_named(tx, named).await?;
        forget_absent(tx, absent).await?;
        for (run, count) in left.into_iter().filter(|(_, count)| *count > 0) {
            let raised = Expr::col(feed_run::Column::LeftCount).add(count);
            let update = Query::update()
                .table(feed_run::Entity)
                .value(feed_run::Column::LeftCount, raised)
                .and_where(feed_run::Column::Run.eq(run))
                .to_owned();
            tx.execute(&update).await.map_err(StoreError::statement("count the departures of a feed"))?;
        }
        Ok(())
    }
}

/// Writes the listed people.
async fn save_people(
    tx: &DatabaseTransaction,
    people: BTreeMap<(String, String), ListedPerson>,
) -> Result<(), StoreError> {
    for said in [Some(true), Some(false), None] {
        let rows = people.iter().filter(|(_, listed)| listed.employed == said);
        let rows: Vec<_> = rows
            .map(|((feed, key), listed)| feed_person::Model {
                feed: feed.clone(),
                key: key.clone(),
                run: listed.run.clone(),
                run_at: listed.run_at,
                employed: said.unwrap_or(false),
            })
            .collect();
        for chunk in rows.chunks(ROWS_PER_STATEMENT_MAX) {
            let rows = chunk.iter().map(|row| row.clone().into_active_model().reset_all());
            feed_person::Entity::insert_many(rows)
                .on_conflict(newer_row_clause(said))
                .exec_without_returning(tx)
                .await
                .map_err(StoreError::statement("write the people in a feed"))?;
        }
    }
    Ok(())
}

/// Writes rows. A known row only gets a new `seen_at`, at most once a day.
async fn save_rows(
    tx: &DatabaseTransaction,
    rows: BTreeMap<(String, String, String), RowContent>,
    now: i64,
) -> Result<(), StoreError> {
    use feed_row::Column;
    let rows: Vec<_> = rows
        .into_iter()
        .map(|((feed, key, hash), content)| feed_row::Model {
            feed,
            key,
            hash,
            content: serde_json::to_string(&content).expect("a row is plain data"),
            seen_at: now,
        })
        .collect();
    for chunk in rows.chunks(ROWS_PER_STATEMENT_MAX) {
        let is_old = Expr::col((feed_row::Entity, Column::SeenAt)).lt(now - feed_row::SEEN_AGAIN_AFTER);
        let mut conflict = OnConflict::columns([Column::Feed, Column::Key, Column::Hash]);
        conflict.update_column(Column::SeenAt).action_and_where(is_old);
        feed_row::Entity::insert_many(chunk.iter().map(|row| row.clone().into_active_model().reset_all()))
            .on_conflict(conflict)
            .exec_without_returning(tx)
            .await
            .map_err(StoreError::statement("write rows of a feed"))?;
    }
    Ok(())
}

/// Adds to the counts of named rows of each run.
async fn count_named(
    tx: &DatabaseTransaction,
    named: BTreeMap<String, (u64, u64)>,
) -> Result<(), StoreError> {
    for (run, (resolved, unresolved)) in named {
        let plus = |column: feed_run::Column, count: u64| {
            Expr::col(column).add(i64::try_from(count).unwrap_or(i64::MAX))
        };
        let update = Query::update()
            .table(feed_run::Entity)
            .value(feed_run::Column::UnchangedCount, plus(feed_run::Column::UnchangedCount, resolved))
            .value(feed_run::Column::UnresolvedCount, plus(feed_run::Column::UnresolvedCount, unresolved))
            .and_where(feed_run::Column::Run.eq(run))
            .to_owned();
        tx.execute(&update).await.map_err(StoreError::statement("count rows of a feed"))?;
    }
    Ok(())
}

/// Builds the upsert: a row replaces one of an older run. Among rows of one run, a row that says "employed" is kept.
fn newer_row_clause(said: Option<bool>) -> OnConflict {
    use feed_person::Column;
    let here = |column: Column| Expr::col((feed_person::Entity, column));
    let excluded = |column: Column| Expr::col((Alias::new("excluded"), column));
    let later: SimpleExpr = here(Column::RunAt).lt(excluded(Column::RunAt));
    let same_time = here(Column::RunAt).eq(excluded(Column::RunAt));
    let run = here(Column::Run);
    let after = match said {
        Some(true) => run.lte(excluded(Column::Run)),
        Some(false) | None => run.lt(excluded(Column::Run)),
    };
    let mut conflict = OnConflict::columns([Column::Feed, Column::Key]);
    conflict.update_columns([Column::Run, Column::RunAt]);
    if said.is_some() {
        conflict.update_column(Column::Employed);
    }
    conflict.action_and_where(later.or(same_time.and(after))).to_owned()
}

/// Inserts or updates the runs.
async fn save_runs(
    tx: &DatabaseTransaction,
    runs: &BTreeMap<String, BegunRun>,
    mut ends: BTreeMap<String, (i64, FileCompletion)>,
) -> Result<(), SaveError> {
    if runs.is_empty() {
        return Ok(());
    }
    let ids: Vec<&String> = runs.keys().collect();
    // The rows are read first: to write each time would make all mappers that read the same file wait for each other.
    let rows = feed_run::Entity::find().filter(feed_run::Column::Run.is_in(ids)).all(tx).await;
    let rows = rows.map_err(StoreError::statement("read runs of feeds"))?;
    let mut known: BTreeMap<String, feed_run::Model> =
        rows.into_iter().map(|row| (row.run.clone(), row)).collect();
    for (run, begun) in runs {
        let end = ends.remove(run);
        match known.remove(run) {
            None => insert_run(tx, run, begun, end).await?,
            Some(row) => update_run(tx, row, begun.at, end).await?,
        }
    }
    Ok(())
}

/// Inserts a run. If another replica has inserted it, the batch must be processed again.
async fn insert_run(
    tx: &DatabaseTransaction,
    run: &str,
    begun: &BegunRun,
    end: Option<(i64, FileCompletion)>,
) -> Result<(), SaveError> {
    let state = if end.is_some() { FeedRunState::Merging } else { FeedRunState::Open };
    let row = feed_run::Model {
        run: run.to_owned(),
        feed: begun.feed.clone(),
        sender: Some(begun.sender.clone()),
        run_at: begun.at,
        state: state.as_str().to_owned(),
        ended_at: end.as_ref().map(|(at, _)| *at),
        completion: end.map(|(_, completion)| encode_completion(&completion)),
        reasons: "[]".to_owned(),
        left_count: 0,
        unchanged_count: 0,
        unresolved_count: 0,
        decided_at: None,
        who: None,
        why: None,
    };
    let written = feed_run::Entity::insert_many([row.into_active_model().reset_all()])
        .on_conflict(OnConflict::column(feed_run::Column::Run).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await
        .map_err(StoreError::statement("begin a run of a feed"))?;
    if written == 0 { Err(SaveError::Overtaken) } else { Ok(()) }
}

/// Updates a run. A later completion replaces one that was not acted upon: the file was sent again, with more content.
async fn update_run(
    tx: &DatabaseTransaction,
    row: feed_run::Model,
    at: i64,
    end: Option<(i64, FileCompletion)>,
) -> Result<(), SaveError> {
    let mut update = Query::update();
    update.table(feed_run::Entity).and_where(feed_run::Column::Run.eq(&row.run));
    let mut changes = false;
    if at < row.run_at {
        update.value(feed_run::Column::RunAt, at);
        changes = true;
    }
    let undecided = [FeedRunState::Open, FeedRunState::Merging, FeedRunState::Held];
    let end = end.filter(|(at, _)| row.ended_at.is_none_or(|then| then < *at));
    if let Some((at, completion)) = end {
        let waits = undecided.contains(&row.state()?);
        if waits || row.ended_at.is_none() {
            update.value(feed_run::Column::EndedAt, at);
            update.value(feed_run::Column::Completion, encode_completion(&completion));
            changes = true;
        }
        if waits {
            update.value(feed_run::Column::State, FeedRunState::Merging.as_str());
            update.value(feed_run::Column::Reasons, "[]");
        }
    }
    if !changes {
        return Ok(());
    }
    // Only if it is as it was read: an operator may have decided about it in between.
    update.and_where(feed_run::Column::State.eq(&row.state));
    let done = tx.execute(&update).await.map_err(StoreError::statement("end a run of a feed"))?;
    if done.rows_affected() == 0 { Err(SaveError::Overtaken) } else { Ok(()) }
}

/// Deletes people who are no longer listed, unless a newer run lists them again.
async fn forget_absent(
    tx: &DatabaseTransaction,
    absent: BTreeMap<(String, String), i64>,
) -> Result<(), StoreError> {
    let mut by_run: BTreeMap<(String, i64), Vec<String>> = BTreeMap::new();
    for ((feed, key), at) in absent {
        by_run.entry((feed, at)).or_default().push(key);
    }
    for ((feed, at), keys) in by_run {
        for chunk in keys.chunks(ROWS_PER_STATEMENT_MAX) {
            forget_people(tx, &feed, at, chunk).await?;
        }
    }
    Ok(())
}

/// Deletes the rows of people who were listed before `at`.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn forget_people(
    connection: &impl ConnectionTrait,
    feed: &str,
    at: i64,
    keys: &[String],
) -> Result<(), StoreError> {
    feed_person::Entity::delete_many()
        .filter(feed_person::Column::Feed.eq(feed))
        .filter(feed_person::Column::Key.is_in(keys))
        .filter(feed_person::Column::RunAt.lt(at))
        .exec(connection)
        .await
        .map(drop)
        .map_err(StoreError::statement("delete the missing people of a feed"))
}

fn encode_completion(completion: &FileCompletion) -> String {
    serde_json::to_string(completion).expect("a completion is plain data")
}

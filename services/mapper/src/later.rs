//! Work without an event: a date comes, a policy changes, a change concerns a large number of people, the inbox grows old.
//!
//! The column `evaluated_with` identifies the rows that a change or a policy concerns. They are read page by page, so a
//! restart continues where it stopped.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lifecycle::unix_micros;
use retry::RetryLog;
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use store::{Store, StoreError};
use telemetry::{Shutdown, chain};
use tokio::time::Instant;

use crate::now;
use crate::rows::{STALE, edge, group, identity, inbox, record};
use crate::work::{BatchInput, BatchProcessorParts};

/// The interval of the search for subjects that are due.
const DUE_EVERY: Duration = Duration::from_secs(1);
/// Subjects per batch. It is small, so that live events can run in between.
const PAGE: u64 = 200;
/// The pause after another replica won a race for the same rows.
const AGAIN_AFTER: Duration = Duration::from_millis(100);
/// The interval of the search for stale rows. Another replica may have marked rows and ended before it processed them.
const LOOK_FOR_STALE_EVERY: Duration = Duration::from_secs(10);
/// The time after a policy change at which all rows are evaluated once more. A batch that ran when the policies changed may
/// still write decisions of the previous policies, and another replica notices a change up to a second later.
const AFTERMATH: Duration = Duration::from_secs(10);
/// The interval at which the inbox is pruned.
const PRUNE_EVERY: Duration = Duration::from_secs(60);
/// The retention of the inbox. EVENTS keeps 30 days, so nothing older can be delivered again.
const INBOX_KEEPS: time::Duration = time::Duration::days(31);
/// The number of rows that one statement deletes from the inbox.
const PRUNED_AT_ONCE_MAX: u64 = 2_000;

/// The maximum time for which a subject is skipped after it could not be processed.
const SKIPPED_FOR: Duration = Duration::from_secs(300);

/// Processes what became due.
pub(crate) struct DueProcessor {
    pub(crate) parts: BatchProcessorParts,
    /// Subjects that could not be processed and are in the quarantine.
    pub(crate) apart: Mutex<ApartSubjects>,
    /// How often work was done again.
    pub(crate) retries: RetryLog,
}

/// Subjects that are skipped, so that each does not hold up the others: until an item of the quarantine was processed again
/// in this process, and for [`SKIPPED_FOR`] at most, because another replica may have done it.
#[derive(Debug, Default)]
pub(crate) struct ApartSubjects {
    people: BTreeSet<String>,
    groups: BTreeSet<String>,
    /// Group and member. The group's other memberships go on.
    memberships: BTreeSet<(String, String)>,
    /// Source and key.
    records: BTreeSet<(String, String)>,
    /// The time at which the first of them was skipped.
    since: Option<Instant>,
    /// The number of items of the quarantine that had been processed again by then.
    repairs: u64,
}

impl ApartSubjects {
    /// Forgets the subjects if one of them may work now.
    fn expire(&mut self, repairs: u64, now: Instant) {
        let is_old = self.since.is_some_and(|since| now.duration_since(since) >= SKIPPED_FOR);
        if is_old || self.repairs != repairs {
            *self = Self { repairs, ..Self::default() };
        }
    }

    fn add(&mut self, input: &BatchInput) {
        self.since.get_or_insert_with(Instant::now);
        match input {
            BatchInput::Person(key) => self.people.insert(key.clone()),
            BatchInput::Group(key) => self.groups.insert(key.clone()),
            BatchInput::Edge { group, member } => self.memberships.insert((group.clone(), member.clone())),
            BatchInput::Record { source, key } => self.records.insert((source.clone(), key.clone())),
            _ => false,
        };
    }
}

/// Returns the condition for rows with none of these keys of two parts.
fn neither<C: ColumnTrait>((first, second): (C, C), keys: Vec<(String, String)>) -> Condition {
    let is_one = |(a, b): (String, String)| first.eq(a).and(second.eq(b)).not();
    keys.into_iter().map(is_one).fold(Condition::all(), Condition::add)
}

impl DueProcessor {
    /// Runs until shutdown.
    pub(crate) async fn run(mut self, shutdown: Shutdown) {
        let mut due = tokio::time::interval(DUE_EVERY);
        due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut prune = tokio::time::interval(PRUNE_EVERY);
        let mut look = tokio::time::interval(LOOK_FOR_STALE_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut stale, mut all) = (true, true);
        let mut once_more_at = Some(Instant::now() + AFTERMATH);
        loop {
            let done = tokio::select! {
                () = shutdown.soft.cancelled() => return,
                changed = self.parts.policies.changed() => {
                    if changed.is_err() {
                        return; // the sender is gone: the service ends
                    }
                    all = true;
                    once_more_at = Some(Instant::now() + AFTERMATH);
                    continue;
                }
                () = self.parts.stale.notified() => {
                    stale = true;
                    continue;
                }
                _ = look.tick() => {
                    stale = true;
                    if once_more_at.take_if(|at| *at <= Instant::now()).is_some() {
                        all = true;
                    }
                    continue;
                }
                _ = due.tick() => self.work_on_due().await,
                _ = prune.tick() => self.prune_inbox().await,
                () = std::future::ready(()), if stale || all => match self.evaluate_page(all).await {
                    Ok(more) => {
                        (stale, all) = (stale && more, all && more);
                        Ok(())
                    }
                    Err(error) => Err(error),
                },
            };
            if let Err(error) = done {
                tracing::warn!(error = chain(&error), "could not do what is due yet");
                tokio::time::sleep(DUE_EVERY).await;
            }
        }
    }

    /// Processes everything that has taken effect by now.
    async fn work_on_due(&self) -> Result<(), StoreError> {
        loop {
            let now = unix_micros(now());
            let mut inputs: Vec<BatchInput> = Vec::new();
            let people = identity::Entity::find()
                .filter(identity::Column::NextDueAt.lte(now))
                .filter(identity::Column::Key.is_not_in(self.passed_over(|apart| &apart.people)))
                .order_by_asc(identity::Column::NextDueAt)
                .limit(PAGE)
                .all(self.parts.store.reader())
                .await
                .map_err(StoreError::statement("read due subjects"))?;
            inputs.extend(people.into_iter().map(|row| BatchInput::Person(row.key)));
            let groups = group::Entity::find()
                .filter(group::Column::NextDueAt.lte(now))
                .filter(group::Column::Key.is_not_in(self.passed_over(|apart| &apart.groups)))
                .limit(PAGE)
                .all(self.parts.store.reader())
                .await
                .map_err(StoreError::statement("read due subjects"))?;
            inputs.extend(groups.into_iter().map(|row| BatchInput::Group(row.key)));
            let edges = edge::Entity::find()
                .filter(edge::Column::NextDueAt.lte(now))
                .filter(edge::Column::GroupKey.is_not_in(self.passed_over(|apart| &apart.groups)))
                .filter(neither(
                    (edge::Column::GroupKey, edge::Column::MemberKey),
                    self.passed_over(|apart| &apart.memberships),
                ))
                .limit(PAGE)
                .all(self.parts.store.reader())
                .await
                .map_err(StoreError::statement("read due subjects"))?;
            inputs.extend(
                edges
                    .into_iter()
                    .map(|row| BatchInput::Edge { group: row.group_key, member: row.member_key }),
            );
            let records = record::Entity::find()
                .filter(record::Column::NextDueAt.lte(now))
                .filter(self.not_apart_records())
                .limit(PAGE)
                .all(self.parts.store.reader())
                .await
                .map_err(StoreError::statement("read due subjects"))?;
            inputs.extend(
                records.into_iter().map(|row| BatchInput::Record { source: row.source, key: row.key }),
            );
            if inputs.is_empty() || !self.process(&inputs, false).await {
                return Ok(());
            }
        }
    }

    /// Evaluates one page. Stale rows come first, because they are news like any event; then rows that were last evaluated with
    /// other policies. Returns `false` if there are neither. The latter are searched only with `all`: with a periodic search, two
    /// replicas that have different policies for a while would undo each other's work during that time.
    async fn evaluate_page(&self, all: bool) -> Result<bool, StoreError> {
        let with = self.parts.policies.borrow().fingerprint().to_owned();
        for backfill in [Some(false), all.then_some(true)].into_iter().flatten() {
            let inputs = self.page(backfill, &with).await?;
            if inputs.is_empty() {
                continue;
            }
            if !self.process(&inputs, backfill).await {
                tokio::time::sleep(AGAIN_AFTER).await;
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// Reads the next page. Groups come before people, because a person is added only to groups that exist. With `backfill`, the
    /// page contains rows that were not evaluated `with` these policies, otherwise stale rows.
    async fn page(&self, backfill: bool, with: &str) -> Result<Vec<BatchInput>, StoreError> {
        let groups: Vec<String> = group::Entity::find()
            .select_only()
            .column(group::Column::Key)
            .filter(to_do(group::Column::EvaluatedWith, backfill, with))
            .filter(group::Column::Key.is_not_in(self.passed_over(|apart| &apart.groups)))
            .limit(PAGE)
            .into_tuple()
            .all(self.parts.store.reader())
            .await
            .map_err(StoreError::statement("read the subjects to evaluate"))?;
        if !groups.is_empty() {
            return Ok(groups.into_iter().map(BatchInput::Group).collect());
        }
        let people: Vec<String> = identity::Entity::find()
            .select_only()
            .column(identity::Column::Key)
            .filter(to_do(identity::Column::EvaluatedWith, backfill, with))
            .filter(identity::Column::Key.is_not_in(self.passed_over(|apart| &apart.people)))
            .limit(PAGE)
            .into_tuple()
            .all(self.parts.store.reader())
            .await
            .map_err(StoreError::statement("read the subjects to evaluate"))?;
        if !people.is_empty() {
            return Ok(people.into_iter().map(BatchInput::Person).collect());
        }
        let records: Vec<(String, String)> = record::Entity::find()
            .select_only()
            .columns([record::Column::Source, record::Column::Key])
            .filter(to_do(record::Column::EvaluatedWith, backfill, with))
            .filter(self.not_apart_records())
            .limit(PAGE)
            .into_tuple()
            .all(self.parts.store.reader())
            .await
            .map_err(StoreError::statement("read the subjects to evaluate"))?;
        Ok(records.into_iter().map(|(source, key)| BatchInput::Record { source, key }).collect())
    }

    /// Returns the condition for records that are not skipped.
    fn not_apart_records(&self) -> Condition {
        neither((record::Column::Source, record::Column::Key), self.passed_over(|apart| &apart.records))
    }

    fn passed_over<K: Clone>(&self, of: impl Fn(&ApartSubjects) -> &BTreeSet<K>) -> Vec<K> {
        let mut apart = self.apart.lock().unwrap_or_else(PoisonError::into_inner);
        apart.expire(self.parts.repairs.load(Ordering::Relaxed), Instant::now());
        of(&apart).iter().cloned().collect()
    }

    /// Processes the inputs. Returns `false` if they must be processed again: the rows are found again, so nothing is lost.
    async fn process(&self, inputs: &[BatchInput], backfill: bool) -> bool {
        match self.parts.processor_for(backfill).process_apart(inputs).await {
            Ok(refused) => {
                self.retries.succeeded();
                let mut apart = self.apart.lock().unwrap_or_else(PoisonError::into_inner);
                refused.into_iter().for_each(|index| apart.add(&inputs[index]));
                true
            }
            Err(error) => {
                self.retries.failed("scheduled changes that are due", &error);
                false
            }
        }
    }

    /// Deletes events from the inbox that can no longer be delivered again.
    async fn prune_inbox(&self) -> Result<(), StoreError> {
        let before = unix_micros(now() - INBOX_KEEPS);
        let old = Query::select()
            .column(inbox::Column::EventId)
            .from(inbox::Entity)
            .and_where(inbox::Column::ReceivedAt.lt(before))
            .limit(PRUNED_AT_ONCE_MAX)
            .to_owned();
        let delete = Query::delete()
            .from_table(inbox::Entity)
            .and_where(inbox::Column::EventId.in_subquery(old))
            .to_owned();
        loop {
            let tx = self.parts.store.begin().await?;
            let deleted = tx.execute(&delete).await.map_err(StoreError::statement("prune the inbox"))?;
            tx.commit().await.map_err(StoreError::statement("prune the inbox"))?;
            if deleted.rows_affected() < PRUNED_AT_ONCE_MAX {
                return Ok(());
            }
        }
    }
}

/// The condition for rows that must be evaluated. It avoids `<>`, for which no database uses the index.
fn to_do<C: ColumnTrait>(evaluated_with: C, backfill: bool, with: &str) -> Expr {
    if backfill { evaluated_with.lt(with).or(evaluated_with.gt(with)) } else { evaluated_with.eq(STALE) }
}

/// Returns the number of people and groups that are not evaluated yet with the policies of `fingerprint`, and the number of
/// all people and groups.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn to_evaluate(store: &Store, fingerprint: &str) -> Result<(u64, u64), StoreError> {
    let failed = StoreError::statement("count the subjects to evaluate");
    let (reader, mut remaining, mut known) = (store.reader(), 0, 0);
    let left = to_do(identity::Column::EvaluatedWith, true, fingerprint);
    remaining += identity::Entity::find().filter(left).count(reader).await.map_err(&failed)?;
    known += identity::Entity::find().count(reader).await.map_err(&failed)?;
    let left = to_do(group::Column::EvaluatedWith, true, fingerprint);
    remaining += group::Entity::find().filter(left).count(reader).await.map_err(&failed)?;
    known += group::Entity::find().count(reader).await.map_err(&failed)?;
    Ok((remaining, known))
}

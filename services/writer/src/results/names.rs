//! Wakes resources that waited for a value when it is given up, and resolves circles of resources that wait for each
//! other's values.

use lifecycle::{AttributeMap, DesiredState, ResourceKind};
use relay::OutboxBatch;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use store::{ROWS_PER_STATEMENT_MAX, Store, StoreError};

use super::ResultCommitter;
use crate::delivery::trouble::ConvergeTrouble;
use crate::guard::safety;
use crate::rows::claims::{StepAside, TakenValue, ValueClaim};
use crate::rows::facts::TransactionFacts;
use crate::rows::words::RowStatus;
use crate::rows::{load_resources, resource, save_resources};
use crate::{micros, now};

/// The maximum length of a circle of people who wait for each other.
const CIRCLE_MAX: usize = 64;
/// The interval of checks whether the awaited value still belongs to its holder.
const LOOK_AFTER_MICROS: i64 = 60 * 1_000_000;
/// The maximum number of waiting resources that one sweep checks.
const LOOKED_AT_MAX: u64 = 200;

impl ResultCommitter {
    /// Lets a row wait for a value that another one has. A hold is reported if it waits for long.
    pub(super) fn let_wait(row: &mut resource::Model, taken: &TakenValue, trouble: &ConvergeTrouble) {
        let mut taken = taken.clone();
        if row.waiting().is_some_and(|before| before.aside != StepAside::No) {
            taken.aside = StepAside::Done;
        }
        let reason = format!(
            "waits for {}, which {} has, managed by Usher too: it goes on by itself when {} gives it up ({})",
            taken.claim.path, taken.holder, taken.holder, trouble.error
        );
        row.wait_for(&taken, reason, micros(now()));
        row.next_attempt_at = micros(now()) + LOOK_AFTER_MICROS;
    }
}

/// The values that one transaction gave up, and the rows that it left waiting for others.
#[derive(Debug, Default)]
pub(super) struct ReleasedValues {
    freed: Vec<String>,
    waiting: Vec<String>,
}

impl ReleasedValues {
    /// Compares a row with the previous attributes at the target.
    pub(super) fn note(&mut self, row: &resource::Model, had_link: Option<&str>, had: &AttributeMap) {
        if *row.status() == RowStatus::Waiting {
            self.waiting.push(row.subject.clone());
        }
        if had.is_empty() {
            return;
        }
        let has = if row.remote_id.as_deref() == had_link { row.applied() } else { AttributeMap::new() };
        for (path, value) in had {
            let Some(value) = value.as_str().filter(|value| !value.is_empty()) else { continue };
            let claim = ValueClaim::new(path, value);
            if !claim.is_in(&has) {
                self.freed.push(claim.key());
            }
        }
    }

    /// Wakes rows that waited for released values, and checks the rows that wait now, within the transaction that stored the rows.
    pub(super) async fn spread(
        self,
        tx: &DatabaseTransaction,
        target: &str,
        kind: ResourceKind,
        now: i64,
    ) -> Result<(), StoreError> {
        for keys in self.freed.chunks(ROWS_PER_STATEMENT_MAX) {
            let rows = resource::Entity::find()
                .filter(resource::Column::Target.eq(target))
                .filter(resource::Column::WaitsFor.is_in(keys))
                .filter(resource::Column::Kind.eq(kind.as_str()))
                .all(tx)
                .await
                .map_err(StoreError::statement("read what waits for a value"))?;
            wake_waiting_for(tx, rows, now).await?;
        }
        let waiting = load_resources(tx, target, kind, &self.waiting, true).await?;
        for row in waiting.into_values() {
            settle_waiting(tx, row, now).await?;
        }
        Ok(())
    }
}

/// Queues rows that waited for a value.
async fn wake_waiting_for(
    tx: &DatabaseTransaction,
    mut rows: Vec<resource::Model>,
    now: i64,
) -> Result<(), StoreError> {
    for row in &mut rows {
        row.last_error = None;
        row.enqueue(RowStatus::Pending, now);
    }
    save_resources(tx, rows).await
}

/// Wakes a waiting row whose value was given up before the row came to wait. If the row is part of a circle of waiting
/// rows, lets it give way.
async fn settle_waiting(
    tx: &DatabaseTransaction,
    mut row: resource::Model,
    now: i64,
) -> Result<(), StoreError> {
    let Some(taken) = row.waiting().filter(|_| *row.status() == RowStatus::Waiting) else { return Ok(()) };
    if !holds_value(tx, &row, &taken).await? {
        row.attempts += 1;
        return wake_waiting_for(tx, vec![row], now).await;
    }
    let Some(path) = find_circle(tx, &row, &taken).await? else { return Ok(()) };
    if taken.aside != StepAside::No {
        return Ok(());
    }
    if !may_be_temporary(&row) {
        let why = row.last_error.take().unwrap_or_default();
        row.last_error = Some(format!(
            "{why}; they wait for each other: allow `actions.temporaryNames` in the policy, or change one of the names at the target by hand"
        ));
        return save_resources(tx, vec![row]).await;
    }
    row.set_waiting(&TakenValue { aside: StepAside::Due(path), ..taken });
    wake_waiting_for(tx, vec![row], now).await
}

/// Returns whether the holder still has the value.
async fn holds_value(
    tx: &DatabaseTransaction,
    row: &resource::Model,
    taken: &TakenValue,
) -> Result<bool, StoreError> {
    let found = waiting_row(tx, row, &taken.holder).await?;
    Ok(found.is_some_and(|holder| holder.remote_id.is_some() && taken.claim.is_in(&holder.applied())))
}

/// Returns the attribute that `row` has to give up first, if following the waiting rows leads back to it, and if it
/// should have another value there anyway.
async fn find_circle(
    tx: &DatabaseTransaction,
    row: &resource::Model,
    taken: &TakenValue,
) -> Result<Option<String>, StoreError> {
    let mut holder = taken.holder.clone();
    for _ in 0..CIRCLE_MAX {
        let Some(next) = waiting_row(tx, row, &holder).await? else { return Ok(None) };
        let Some(waits) = next.waiting().filter(|_| *next.status() == RowStatus::Waiting) else {
            return Ok(None);
        };
        if waits.holder == row.subject {
            return Ok(wants_other(row, &waits.claim).then_some(waits.claim.path));
        }
        holder = waits.holder;
    }
    Ok(None)
}

/// Returns whether the row should have another value than this one.
fn wants_other(row: &resource::Model, claim: &ValueClaim) -> bool {
    match row.desired() {
        Ok(DesiredState::User(account)) => !claim.is_in(&account.attributes),
        Ok(DesiredState::Group(group)) => !claim.is_in(&group.attributes),
        Ok(DesiredState::Membership { .. }) | Err(_) => false,
    }
}

/// Returns whether the policy allows a temporary value for the linked resource.
fn may_be_temporary(row: &resource::Model) -> bool {
    let allowed = match row.desired() {
        Ok(DesiredState::User(account)) => account.actions.temporary_names,
        Ok(DesiredState::Group(group)) => group.actions.temporary_names,
        Ok(DesiredState::Membership { .. }) | Err(_) => false,
    };
    allowed && row.remote_id.is_some()
}

/// Loads another row of the same target and kind.
async fn waiting_row(
    tx: &DatabaseTransaction,
    row: &resource::Model,
    subject: &str,
) -> Result<Option<resource::Model>, StoreError> {
    let subject = [subject.to_owned()];
    let found = load_resources(tx, &row.target, row.kind(), &subject, false).await?;
    Ok(found.into_values().next())
}

/// Checks from time to time whether the holders still have the values that rows wait for, and reports rows that wait for
/// long. It is the safety net of the immediate wake-ups.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn look_at_waiting(
    store: &Store,
    target: &str,
    now: i64,
) -> Result<Option<OutboxBatch>, StoreError> {
    let due = resource::Entity::find()
        .filter(resource::Column::Target.eq(target))
        .filter(resource::Column::WaitsFor.is_not_null())
        .filter(resource::Column::NextAttemptAt.lte(now))
        .order_by_asc(resource::Column::NextAttemptAt)
        .limit(LOOKED_AT_MAX)
        .all(store.reader())
        .await
        .map_err(StoreError::statement("read what waits for a value"))?;
    if due.is_empty() {
        return Ok(None);
    }
    let tx = store.begin().await?;
    let mut news = TransactionFacts::default();
    for kind in [ResourceKind::User, ResourceKind::Group] {
        let of_kind = due.iter().filter(|row| row.kind() == kind);
        let subjects: Vec<String> = of_kind.map(|row| row.subject.clone()).collect();
        let mut rows = load_resources(&tx, target, kind, &subjects, true).await?;
        rows.retain(|_, row| *row.status() == RowStatus::Waiting);
        for row in rows.values_mut() {
            row.next_attempt_at = now + LOOK_AFTER_MICROS;
            safety::tell_held(row, row.last_error.as_deref().unwrap_or_default(), &mut news);
        }
        let waiting: Vec<resource::Model> = rows.into_values().collect();
        save_resources(&tx, waiting.clone()).await?;
        for row in waiting {
            settle_waiting(&tx, row, now).await?;
        }
    }
    let parcel = news.store(&tx).await?;
    tx.commit().await.map_err(StoreError::statement("look at what waits"))?;
    Ok(parcel)
}

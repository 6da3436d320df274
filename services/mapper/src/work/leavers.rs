//! Obligations: opened and ended in the transaction that decides that an account must be off, or a membership removed.

use std::collections::{BTreeMap, BTreeSet};

use lifecycle::{
    AccountState, Employment, IdentityView, LeaverCause, ObligationState, WaitReason, WaitingFor,
};
use policy::{DecisionRule, LeaverRule, PolicyDecision};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use super::CommandCause;
use crate::evidence::chain;
use crate::rows::{SaveError, obligation, other_accounts};

const MINUTE_MICROS: i64 = 60 * 1_000_000;
const DAY_MICROS: i64 = 24 * 60 * MINUTE_MICROS;

/// The right to access according to a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AccessRight {
    /// The person has it.
    Has,
    /// The account must be off.
    Lost(DepartureReason),
    /// The person has lost it, but the policy keeps the account as it is.
    Kept(DepartureReason),
}

/// The reason why a person has no right to access, and the time since which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DepartureReason {
    cause: LeaverCause,
    effective_at: i64,
}

impl DepartureReason {
    /// Returns the reason for a person who was removed from a group.
    pub(super) fn from_group(effective_at: i64) -> Self {
        Self { cause: LeaverCause::RemovedFromGroup, effective_at }
    }
}

/// The consequence of a decision for one account or membership.
#[derive(Debug)]
pub(super) struct LeaverDuty {
    pub(super) target: String,
    pub(super) subject: String,
    /// Key of the group for a membership; empty for an account.
    pub(super) member_of: String,
    pub(super) right: AccessRight,
    pub(super) rule: LeaverRule,
    pub(super) cause: CommandCause,
    /// Revision of the command in force.
    pub(super) revision: i64,
}

/// Returns the right to access of a person at `now` (microseconds) by `decision`. Returns `None` if the account stays as it
/// is, because it cannot be built or is ignored.
pub(super) fn access_right(
    identity: &IdentityView,
    decision: &PolicyDecision<'_>,
    now: i64,
) -> Option<AccessRight> {
    let departure = departure_of(identity, decision.rule, now);
    match decision.state() {
        Some(AccountState::Active) => Some(departure.map_or(AccessRight::Has, AccessRight::Kept)),
        Some(AccountState::Disabled | AccountState::Deleted) => {
            let unless_known = DepartureReason { cause: LeaverCause::NotEmployed, effective_at: now };
            Some(AccessRight::Lost(departure.unwrap_or(unless_known)))
        }
        None if matches!(decision.rule, DecisionRule::OutOfScope | DecisionRule::SwitchedOff) => {
            departure.map(AccessRight::Kept)
        }
        None => None,
    }
}

/// Returns the reason why the person has no right to access, if there is one.
fn departure_of(identity: &IdentityView, rule: DecisionRule, now: i64) -> Option<DepartureReason> {
    let (cause, effective_at) = match (identity.employment, rule) {
        (_, DecisionRule::OrderedOff) => {
            (LeaverCause::Operator, identity.orders.off.map_or(now, |order| order.since))
        }
        (Employment::Left { since }, _) => (LeaverCause::Left, since),
        (Employment::Deleted { since }, _) => (LeaverCause::Deleted, since),
        (Employment::Active, DecisionRule::OutOfScope) => (LeaverCause::OutOfScope, now),
        // The departure is known and acts at once, or the policy's actions forbid the change that the scope demands.
        (Employment::Active, DecisionRule::Left) => {
            (LeaverCause::Left, identity.planned_departure.unwrap_or(now))
        }
        (Employment::Active, DecisionRule::Erased) => (LeaverCause::Deleted, now),
        (Employment::Active, DecisionRule::SwitchedOff) => (LeaverCause::OutOfScope, now),
        (Employment::Active, _) => return None,
        (Employment::Unknown, _) => (LeaverCause::NotEmployed, now),
    };
    Some(DepartureReason { cause, effective_at })
}

/// Writes the consequences of `duties`. The rows of `mapper_desired` and `mapper_identities` that they depend on are
/// written before, in the same transaction, so that two replicas cannot decide differently.
///
/// # Errors
/// Returns [`SaveError::Overtaken`] if another replica wrote one of them in between.
pub(super) async fn save_obligations(
    tx: &DatabaseTransaction,
    duties: Vec<LeaverDuty>,
    now: i64,
) -> Result<(), SaveError> {
    if duties.is_empty() {
        return Ok(());
    }
    let mut current = load_current(tx, &duties).await?;
    let mut changed = Vec::new();
    for duty in duties {
        let key = (duty.target.clone(), duty.subject.clone(), duty.member_of.clone());
        let before = current.remove(&key);
        changed.extend(obligation_change(before, duty, now));
    }
    for row in &mut changed {
        row.version += 1;
    }
    chain::append_entries(tx, &changed, now).await?;
    other_accounts::ask_soon(tx, &changed, now).await?;
    write_obligations(tx, changed).await
}

/// Target, person and group; the group of an account is empty.
type OwedKey = (String, String, String);

/// Reads the obligations that have not ended.
async fn load_current(
    tx: &DatabaseTransaction,
    duties: &[LeaverDuty],
) -> Result<BTreeMap<OwedKey, obligation::Model>, StoreError> {
    let subjects: BTreeSet<&str> = duties.iter().map(|duty| duty.subject.as_str()).collect();
    let subjects: Vec<&str> = subjects.into_iter().collect();
    let mut current = BTreeMap::new();
    for chunk in subjects.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows = obligation::Entity::find()
            .filter(obligation::Column::Subject.is_in(chunk.iter().copied()))
            .filter(obligation::Column::EndedAt.is_null())
            .all(tx)
            .await
            .map_err(StoreError::statement("read obligations"))?;
        let key = |row: &obligation::Model| (row.target.clone(), row.subject.clone(), row.member_of.clone());
        current.extend(rows.into_iter().map(|row| (key(&row), row)));
    }
    Ok(current)
}

/// Returns the new row of the obligation, if it changes.
fn obligation_change(
    before: Option<obligation::Model>,
    duty: LeaverDuty,
    now: i64,
) -> Option<obligation::Model> {
    let state = before.as_ref().map(obligation::Model::state);
    match (duty.right, state) {
        (AccessRight::Has, None) => None,
        (AccessRight::Has, Some(_)) => before.map(|row| end_obligation(row, now)),
        (AccessRight::Lost(_), Some(ObligationState::Open | ObligationState::Proven)) => None,
        (AccessRight::Kept(_), Some(ObligationState::KeptByPolicy)) => None,
        (AccessRight::Lost(departure) | AccessRight::Kept(departure), _) => {
            Some(open_obligation(before, &duty, departure, now))
        }
    }
}

fn end_obligation(row: obligation::Model, now: i64) -> obligation::Model {
    obligation::Model {
        state: ObligationState::Ended.as_str().to_owned(),
        ended_at: Some(now),
        next_check_at: None,
        alerted_at: None,
        waiting: None,
        waiting_detail: None,
        ..row
    }
}

/// Builds an open or kept obligation. One that existed before keeps its id.
fn open_obligation(
    before: Option<obligation::Model>,
    duty: &LeaverDuty,
    departure: DepartureReason,
    now: i64,
) -> obligation::Model {
    let is_kept = matches!(duty.right, AccessRight::Kept(_));
    let DepartureReason { cause, effective_at } = departure;
    let received_at = lifecycle::unix_micros(duty.cause.accepted_at);
    let from = received_at.max(effective_at.min(now));
    let state = if is_kept { ObligationState::KeptByPolicy } else { ObligationState::Open };
    let mut row = obligation::Model {
        // An obligation of a kept account keeps its id.
        id: before
            .as_ref()
            .map_or_else(|| lifecycle::ObligationId::fresh().to_string(), |row| row.id.clone()),
        target: duty.target.clone(),
        subject: duty.subject.clone(),
        member_of: duty.member_of.clone(),
        cause: cause.as_str().to_owned(),
        state: state.as_str().to_owned(),
        said_at: duty.cause.said_at.map(lifecycle::unix_micros),
        received_at,
        effective_at,
        decided_at: now,
        due_at: from.saturating_add(i64::from(duty.rule.objective_minutes) * MINUTE_MICROS),
        verify_until: now.saturating_add(i64::from(duty.rule.verify_days) * DAY_MICROS),
        revision: before.as_ref().map_or(duty.revision, |row| row.revision.max(duty.revision)),
        version: before.map_or(0, |row| row.version),
        waiting_since: now,
        evidence: None,
        waiting: None,
        waiting_detail: None,
        evidence_at: None,
        verified_at: None,
        reopened_at: None,
        ended_at: None,
        checked_at: None,
        next_check_at: (!is_kept).then(|| obligation::first_check(now)),
        alerted_at: None,
    };
    row.set_waiting((!is_kept).then(|| WaitReason::new(WaitingFor::FirstCheck)));
    row
}

async fn write_obligations(tx: &DatabaseTransaction, rows: Vec<obligation::Model>) -> Result<(), SaveError> {
    use obligation::Column;
    use sea_orm::Iterable as _;
    let others = Column::iter().filter(|column| !matches!(column, Column::Id));
    let conflict = OnConflict::column(Column::Id).update_columns(others).to_owned();
    for chunk in rows.chunks(ROWS_PER_STATEMENT_MAX) {
        let models = chunk.iter().map(|row| row.clone().into_active_model().reset_all());
        obligation::Entity::insert_many(models)
            .on_conflict(conflict.clone())
            .exec_without_returning(tx)
            .await
            .map_err(StoreError::statement("write obligations"))?;
    }
    Ok(())
}

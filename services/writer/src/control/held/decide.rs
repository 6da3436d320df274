//! Decides about holds. A decision covers the holds that the operator was shown: each is named by its identity, and one
//! that means something else by now is not decided.

use std::collections::{BTreeMap, BTreeSet};

use lifecycle::{
    ChangedHold, ControlError, DecideHeldReply, DecideHeldRequest, Fact, HeldBy, HoldEffect, HoldId,
    ShownHold,
};
use sea_orm::sea_query::ExprTrait as _;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect as _};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use super::STATUSES;
use crate::control::{WriterControl, WriterRefusal};
use crate::guard::group_limit;
use crate::rows::access::AccountOrigin;
use crate::rows::facts::TransactionFacts;
use crate::rows::words::RowStatus;
use crate::rows::{linked_subject, resource, save_resources};
use crate::{micros, now};

/// The number of changed holds that a refusal names.
const CHANGED_NAMED_MAX: usize = 10;

/// The rows that a decision covers, and the result for the holds that it does not.
#[derive(Debug, Default)]
struct DecisionScope {
    rows: Vec<resource::Model>,
    reply: DecideHeldReply,
}

impl WriterControl {
    /// Approves or rejects the holds that the operator was shown.
    ///
    /// # Errors
    /// If the request names no holds, if one of them has changed since it was shown, if it deletes more than the operator
    /// said, or if the database fails.
    pub(in crate::control) async fn decide_held(
        &self,
        request: &DecideHeldRequest,
    ) -> Result<DecideHeldReply, WriterRefusal> {
        if request.holds.is_empty() {
            return Err(list_first(&request.target).into());
        }
        let tx = self.store.begin().await?;
        let DecisionScope { rows, mut reply } = read_scope(&tx, request).await?;
        if !request.leave_changed && !reply.changed.is_empty() {
            return Err(refuse_changed(&request.target, &reply.changed).into());
        }
        check_deletions(request, &rows)?;
        let mut news = TransactionFacts::default();
        reply.decided = decide_rows(&tx, rows, request, &mut news).await?;
        self.commit(tx, news).await?;
        self.wake_ups.values().for_each(|wake_up| wake_up.notify_one());
        Ok(reply)
    }
}

/// Creates the refusal of a decision that does not say what was shown.
fn list_first(target: &str) -> ControlError {
    ControlError::changed_since_shown(format!(
        "a decision covers the holds that were shown, each with its identity: list them first with \
         `usher held ls --target {target}` or `GET /v1/held`"
    ))
}

/// Creates the refusal of a decision about holds that mean something else by now.
fn refuse_changed(target: &str, changed: &[ChangedHold]) -> ControlError {
    let named: Vec<String> = changed
        .iter()
        .take(CHANGED_NAMED_MAX)
        .map(|hold| {
            format!(
                "the hold of {} has changed since it was listed: it now {}",
                hold.subject,
                hold.effect.verb()
            )
        })
        .collect();
    let more = match changed.len().saturating_sub(CHANGED_NAMED_MAX) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    ControlError::changed_since_shown(format!(
        "{}{more}; nothing was decided: list it again with `usher held ls --target {target}`",
        named.join("; ")
    ))
}

/// Checks that the operator said how many accounts and groups are deleted.
fn check_deletions(request: &DecideHeldRequest, rows: &[resource::Model]) -> Result<(), ControlError> {
    let deletions = rows.iter().filter(|row| row.hold_effect() == HoldEffect::Delete).count() as u64;
    if !request.approve || deletions <= request.deletions {
        return Ok(());
    }
    Err(ControlError::refused(format!(
        "{deletions} of these changes delete an account or a group, and {} may: say the number with \
         `--deletions {deletions}` (`deletions` in the API); nothing was approved",
        request.deletions
    )))
}

/// Loads and locks the rows whose holds are still as they were shown, and says what became of the others.
async fn read_scope(
    tx: &DatabaseTransaction,
    request: &DecideHeldRequest,
) -> Result<DecisionScope, StoreError> {
    let mut shown: BTreeMap<&str, BTreeSet<&HoldId>> = BTreeMap::new();
    for ShownHold { subject, hold } in &request.holds {
        shown.entry(subject).or_default().insert(hold);
    }
    let subjects: Vec<&str> = shown.keys().copied().collect();
    let mut scope = DecisionScope::default();
    for some in subjects.chunks(ROWS_PER_STATEMENT_MAX) {
        let mut found: BTreeMap<String, Vec<resource::Model>> = BTreeMap::new();
        for row in held_rows(tx, &request.target, some).await? {
            found.entry(row.subject.clone()).or_default().push(row);
        }
        let mut others = Vec::new();
        for subject in some {
            let Some(rows) = found.remove(*subject) else {
                others.push((*subject).to_owned());
                continue;
            };
            scope.add_rows(rows, &shown[subject]);
        }
        let with_memberships = group_limit::members_held(tx, &request.target, &others).await?;
        let (only_memberships, not_held): (Vec<_>, Vec<_>) =
            others.into_iter().partition(|subject| with_memberships.contains(subject));
        scope.reply.only_memberships.extend(only_memberships);
        scope.reply.not_held.extend(not_held);
    }
    Ok(scope)
}

impl DecisionScope {
    /// Adds the held rows of one subject. Each hold that was shown must be one of them.
    fn add_rows(&mut self, rows: Vec<resource::Model>, shown: &BTreeSet<&HoldId>) {
        let (same, others): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|row| shown.contains(&row.hold_id()));
        if same.len() < shown.len() {
            let changed = others.first().or(same.first());
            self.reply.changed.extend(
                changed.map(|row| ChangedHold { subject: row.subject.clone(), effect: row.hold_effect() }),
            );
        }
        self.rows.extend(same);
    }
}

/// Loads and locks the rows of these subjects that an operator may decide.
async fn held_rows(
    tx: &DatabaseTransaction,
    target: &str,
    subjects: &[&str],
) -> Result<Vec<resource::Model>, StoreError> {
    resource::Entity::find()
        .filter(resource::Column::Target.eq(target))
        .filter(resource::Column::Status.is_in(STATUSES))
        .filter(
            resource::Column::Held
                .is_null()
                .or(resource::Column::Held.is_in(HeldBy::ALL.map(HeldBy::as_str))),
        )
        .filter(resource::Column::Subject.is_in(subjects.iter().copied()))
        .lock_exclusive()
        .all(tx)
        .await
        .map_err(StoreError::statement("read what is held"))
}

/// Queues approved rows, sets rejected ones to rest, and adds the facts about the decision.
async fn decide_rows(
    tx: &DatabaseTransaction,
    mut rows: Vec<resource::Model>,
    request: &DecideHeldRequest,
    news: &mut TransactionFacts,
) -> Result<u64, StoreError> {
    let now = micros(now());
    for row in &mut rows {
        if request.approve {
            match row.hold_reason() {
                Some(HeldBy::Adoption) => link_candidate(tx, row).await?,
                _ if *row.status() == RowStatus::Held => row.approved_revision = row.desired_revision,
                _ => {}
            }
            row.attempts = 0;
            row.last_error = None;
            row.enqueue(RowStatus::Pending, now);
        } else {
            row.reject();
            row.last_error = Some(format!("rejected by {}: {}", request.actor.who, request.actor.why));
        }
        let outcome = if request.approve { "approved" } else { "rejected" };
        let id = format!("hdc:{}:{}:{}:{}:{now}", row.target, row.kind, row.subject, row.desired_revision);
        let fact = Fact::HeldDecided {
            target: row.target.clone(),
            kind: row.kind(),
            revision: row.desired_revision,
            outcome: outcome.to_owned(),
            who: request.actor.who.clone(),
            why: request.actor.why.clone(),
        };
        news.tell(id, &row.subject, row.trace(), fact);
    }
    let count = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    save_resources(tx, rows).await?;
    Ok(count)
}

/// Links the resource that an operator was shown. What the link leads to is guarded as ever: only the link is approved. A
/// resource that was linked to another person meanwhile is left to be found again.
async fn link_candidate(tx: &DatabaseTransaction, row: &mut resource::Model) -> Result<(), StoreError> {
    let Some(candidate) = row.candidate() else { return Ok(()) };
    row.set_candidate(None);
    if linked_subject(tx, &row.target, row.kind(), &candidate.id, &row.subject).await?.is_none() {
        row.remote_id = Some(candidate.id);
        row.origin = Some(AccountOrigin::Adopted.as_str().to_owned());
        row.in_doubt = true;
    }
    Ok(())
}

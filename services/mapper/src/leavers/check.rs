//! Compares one page of obligations with the writer's evidence.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use lifecycle::{
    ACCOUNT_OFF, AccountEvidence, AccountOffEvidence, EVIDENCE_PEOPLE_MAX, EvidenceRequest, Fact, FactRecord,
    MembershipEvidence, MembershipKey, ObligationState, WaitReason, WaitingFor, unix_micros, verbs,
};
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect,
};
use store::StoreError;

use super::unpublished::UnpublishedDecisions;
use super::{LeaverVerifier, MINUTE, next_check_of_open, next_check_of_proven};
use crate::evidence::chain;
use crate::rows::obligation::{Column, Entity, Model};
use crate::{SERVICE, moment_of, now};

/// The number of obligations that are compared at a time: the maximum of one request to the writer.
const PAGE: u64 = EVIDENCE_PEOPLE_MAX as u64;
/// The maximum time for one answer of the writer.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// The writer's answers for one page, by person and group. The group of an account is empty.
type WriterAnswers = HashMap<(String, String), ShownState>;

/// The writer's knowledge of one account or membership.
struct ShownState {
    revision: i64,
    off: Option<AccountOffEvidence>,
    waiting: Option<WaitReason>,
}

impl ShownState {
    fn of_account(account: AccountEvidence) -> ((String, String), Self) {
        let AccountEvidence { person, revision, off, waiting } = account;
        ((person, String::new()), Self { revision, off, waiting })
    }

    fn of_membership(membership: MembershipEvidence) -> ((String, String), Self) {
        let MembershipEvidence { key, revision, off, waiting } = membership;
        ((key.person, key.group), Self { revision, off, waiting })
    }
}

impl LeaverVerifier {
    /// Compares the rows that are due. Returns whether there may be more of them.
    pub(super) async fn check_page(&self) -> Result<bool, StoreError> {
        let at = unix_micros(now());
        let rows = Entity::find()
            .filter(Column::NextCheckAt.lte(at))
            .order_by_asc(Column::NextCheckAt)
            .limit(PAGE)
            .all(self.store.reader())
            .await
            .map_err(StoreError::statement("read leavers to compare"))?;
        let is_full = rows.len() as u64 == PAGE;
        let mut by_target: BTreeMap<String, Vec<Model>> = BTreeMap::new();
        for row in rows {
            by_target.entry(row.target.clone()).or_default().push(row);
        }
        for (target, rows) in by_target {
            let answers = self.ask(&target, &rows).await;
            let is_late = |row: &Model| answers.as_ref().is_ok_and(|known| !is_delivered(known, row));
            let unpublished = match rows.iter().any(is_late) {
                true => UnpublishedDecisions::read(&self.relay, &target).await?,
                false => UnpublishedDecisions::default(),
            };
            self.apply(rows, &answers, &unpublished).await?;
        }
        Ok(is_full)
    }

    /// Asks the writer about the accounts and memberships. The error is the reason why the writer does not answer.
    async fn ask(&self, target: &str, rows: &[Model]) -> Result<WriterAnswers, WaitReason> {
        let (accounts, memberships): (Vec<&Model>, Vec<&Model>) =
            rows.iter().partition(|row| row.member_of.is_empty());
        let key = |row: &Model| MembershipKey { group: row.member_of.clone(), person: row.subject.clone() };
        let question = EvidenceRequest {
            target: target.to_owned(),
            people: accounts.into_iter().map(|row| row.subject.clone()).collect(),
            memberships: memberships.into_iter().map(key).collect(),
        };
        match self.bus.ask::<verbs::EvidenceVerb>(&question, ANSWER_MAX).await {
            Ok(reply) => {
                let accounts = reply.accounts.into_iter().map(ShownState::of_account);
                Ok(accounts.chain(reply.memberships.into_iter().map(ShownState::of_membership)).collect())
            }
            Err(bus::ControlFailure::Refused { error, .. })
                if error.reason == lifecycle::RefusalReason::UnknownTarget =>
            {
                Err(WaitReason::because(WaitingFor::Target, error.message))
            }
            Err(failure) => Err(WaitReason::because(WaitingFor::Writer, failure.to_string())),
        }
    }

    /// Writes the outcome of a comparison in one transaction with its facts and chain entries.
    async fn apply(
        &self,
        rows: Vec<Model>,
        answers: &Result<WriterAnswers, WaitReason>,
        unpublished: &UnpublishedDecisions,
    ) -> Result<(), StoreError> {
        let at = unix_micros(now());
        let mut unchanged: BTreeMap<(i64, Option<i64>), Vec<Model>> = BTreeMap::new();
        let mut changed = Vec::new();
        for before in rows {
            let after = compare_row(before.clone(), answers, unpublished, at);
            let only_looked =
                Model { checked_at: after.checked_at, next_check_at: after.next_check_at, ..before.clone() };
            match after.next_check_at {
                Some(next) if after == only_looked => {
                    unchanged.entry((next, after.checked_at)).or_default().push(before);
                }
                _ => changed.push((before, after)),
            }
        }
        let tx = self.store.begin().await?;
        for ((next, checked_at), rows) in unchanged {
            postpone_rows(&tx, &rows, checked_at, next).await?;
        }
        let (mut facts, mut entries) = (Vec::new(), Vec::new());
        for (before, after) in changed {
            if write_row(&tx, &before, after.clone()).await? {
                facts.extend(obligation_fact(&before, &after, at));
                entries.extend(Some(after).filter(|after| chain::is_transition(&before, after)));
            }
        }
        chain::append_entries(&tx, &entries, at).await?;
        let parcel = relay::store_batch(&tx, SERVICE, bus::OutgoingMessage::facts(SERVICE, &facts)).await?;
        tx.commit().await.map_err(StoreError::statement("compare leavers"))?;
        self.relay.send(parcel).await;
        Ok(())
    }

    /// Publishes one alert for each obligation that is overdue.
    pub(super) async fn alert_overdue(&self) -> Result<(), StoreError> {
        let at = unix_micros(now());
        let rows = Entity::find()
            .filter(Column::State.eq(ObligationState::Open.as_str()))
            .filter(Column::DueAt.lt(at))
            .filter(Column::AlertedAt.is_null())
            .order_by_asc(Column::DueAt)
            .limit(PAGE)
            .all(self.store.reader())
            .await
            .map_err(StoreError::statement("read overdue leavers"))?;
        if rows.is_empty() {
            return Ok(());
        }
        let tx = self.store.begin().await?;
        let mut facts = Vec::new();
        for before in rows {
            let after = Model { alerted_at: Some(at), ..before.clone() };
            if write_row(&tx, &before, after.clone()).await? {
                tracing::warn!(target_name = %after.target, obligation = %after.id, waits_for = after.waiting, "an account of a leaver is not proven to be off within the objective");
                facts.extend(obligation_fact(&before, &after, at));
            }
        }
        let parcel = relay::store_batch(&tx, SERVICE, bus::OutgoingMessage::facts(SERVICE, &facts)).await?;
        tx.commit().await.map_err(StoreError::statement("store alerts about overdue leavers"))?;
        self.relay.send(parcel).await;
        Ok(())
    }
}

/// Returns the row after a comparison at `at`.
fn compare_row(
    mut row: Model,
    answers: &Result<WriterAnswers, WaitReason>,
    unpublished: &UnpublishedDecisions,
    at: i64,
) -> Model {
    let answer = match answers {
        Ok(answers) => answers.get(&key(&row)),
        Err(waiting) => {
            return match row.state() {
                ObligationState::Open => waiting_row(row, waiting.clone(), at),
                // Nothing contradicts the evidence: it is verified when the writer answers again.
                _ => Model { next_check_at: Some(at.saturating_add(MINUTE)), ..row },
            };
        }
    };
    row.checked_at = Some(at);
    let Some(answer) = answer.filter(|answer| answer.revision >= row.revision) else {
        let waiting = undelivered(answer, unpublished, &row);
        return waiting_row(row, waiting, at);
    };
    match answer.off.clone() {
        Some(evidence) => {
            let shown_at = unix_micros(evidence.at);
            if row.state() == ObligationState::Proven
                && row.evidence_at.is_some_and(|before| shown_at > before)
                // The evidence changed because the group was read meanwhile. It confirms the earlier evidence.
                && row.evidence.as_deref() != Some(ACCOUNT_OFF)
            {
                // The account was active again and is off again, all since the last comparison.
                row.reopened_at = Some(at);
                row.waiting_since = at;
            }
            if row.state() == ObligationState::Open {
                row.state = ObligationState::Proven.as_str().to_owned();
                row.waiting_since = at;
                row.alerted_at = None;
            }
            row.evidence = Some(evidence.kind);
            row.evidence_at = Some(shown_at);
            row.next_check_at = next_check_of_proven(row.waiting_since, row.verify_until, at);
            match &answer.waiting {
                None => row.verified_at = Some(at),
                // A verification is due but not possible. The row shows the reason until it is.
                Some(_) => row.next_check_at = row.next_check_at.map(|_| at.saturating_add(MINUTE)),
            }
            row.set_waiting(answer.waiting.clone());
            row
        }
        None => waiting_row(
            row,
            answer.waiting.clone().unwrap_or_else(|| WaitReason::new(WaitingFor::Evidence)),
            at,
        ),
    }
}

fn key(row: &Model) -> (String, String) {
    (row.subject.clone(), row.member_of.clone())
}

/// Returns whether the writer has the command of the obligation, or a later one.
fn is_delivered(answers: &WriterAnswers, row: &Model) -> bool {
    answers.get(&key(row)).is_some_and(|answer| answer.revision >= row.revision)
}

/// Returns the reason why the writer does not have the command.
fn undelivered(answer: Option<&ShownState>, unpublished: &UnpublishedDecisions, row: &Model) -> WaitReason {
    let set_aside = answer
        .and_then(|answer| answer.waiting.clone())
        .filter(|waiting| waiting.reason == WaitingFor::Quarantine);
    set_aside.or_else(|| unpublished.get(&key(row))).unwrap_or_else(|| WaitReason::new(WaitingFor::Delivery))
}

/// Returns the row as open and waiting. A proven obligation is open again, because its evidence is gone.
fn waiting_row(mut row: Model, waiting: WaitReason, at: i64) -> Model {
    if row.state() == ObligationState::Proven {
        row.state = ObligationState::Open.as_str().to_owned();
        (row.evidence, row.evidence_at) = (None, None);
        row.reopened_at = Some(at);
        row.waiting_since = at;
        // It was off in time once, so it is overdue from the moment at which it is open again.
        row.due_at = row.due_at.max(at);
    }
    row.next_check_at = Some(next_check_of_open(row.waiting_since, at));
    row.set_waiting(Some(waiting));
    row
}

/// Returns the fact to publish for the step from `before` to `after`, if any.
fn obligation_fact(before: &Model, after: &Model, at: i64) -> Option<FactRecord> {
    let (target, cause) = (after.target.clone(), after.cause());
    let (word, fact) = if after.state() == ObligationState::Proven
        && before.state() != ObligationState::Proven
    {
        let evidence = after.evidence()?;
        let was_overdue = before.alerted_at.is_some();
        let late_ms = (unix_micros(evidence.at) - after.effective_at.max(after.received_at)).max(0) / 1_000;
        (
            "prv",
            Fact::LeaverProven {
                target,
                cause,
                evidence: evidence.kind,
                at: evidence.at,
                late_ms,
                was_overdue,
            },
        )
    } else if after.alerted_at.is_some() && before.alerted_at.is_none() {
        let waiting = after.waiting().unwrap_or_else(|| WaitReason::new(WaitingFor::FirstCheck));
        let WaitReason { reason, detail } = waiting;
        (
            "ovd",
            Fact::LeaverOverdue { target, cause, due_at: moment_of(after.due_at), waits_for: reason, detail },
        )
    } else if after.reopened_at != before.reopened_at {
        ("rop", Fact::LeaverReopened { target, cause, evidence: before.evidence.clone().unwrap_or_default() })
    } else {
        return None;
    };
    Some(FactRecord {
        id: format!("{word}:{}:{}", after.id, after.version + 1),
        at: moment_of(at),
        subject: after.subject.clone(),
        trace: None,
        fact,
    })
}

/// Writes `after` in place of `before`. Returns `false` if the row has changed meanwhile.
async fn write_row(tx: &DatabaseTransaction, before: &Model, mut after: Model) -> Result<bool, StoreError> {
    after.version += 1;
    let update = Entity::update_many()
        .set(after.into_active_model().reset_all())
        .filter(Column::Id.eq(&before.id))
        .filter(Column::Version.eq(before.version));
    let done = update.exec(tx).await.map_err(StoreError::statement("write a leaver"))?;
    Ok(done.rows_affected > 0)
}

/// Stores only the times of this and of the next comparison, for rows that did not change.
async fn postpone_rows(
    tx: &DatabaseTransaction,
    rows: &[Model],
    checked_at: Option<i64>,
    next: i64,
) -> Result<(), StoreError> {
    let ids = rows.iter().map(|row| row.id.as_str());
    let mut update = Query::update();
    update
        .table(Entity)
        .value(Column::NextCheckAt, Expr::value(next))
        .value(Column::CheckedAt, Expr::value(checked_at))
        .and_where(Column::Id.is_in(ids))
        // An obligation that ended meanwhile stays as it is.
        .and_where(Column::NextCheckAt.is_not_null());
    let done = tx.execute(&update).await;
    done.map(drop).map_err(StoreError::statement("write the next comparison of leavers"))
}

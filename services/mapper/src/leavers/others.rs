//! Other accounts that may belong to leavers. The writer is asked about every leaver whose obligation is open, kept by policy
//! or under verification.
//!
//! They are listed with the obligation and have no other effect. The result is deleted with the obligation.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use lifecycle::{
    OTHER_ACCOUNTS_PEOPLE_MAX, ObligationState, OtherAccounts, OtherAccountsReply, OtherAccountsRequest,
    unix_micros, verbs,
};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};
use telemetry::chain;

use super::{LeaverVerifier, MINUTE};
use crate::now;
use crate::rows::obligation;
use crate::rows::other_accounts::{Column, Entity, Model};

/// The maximum time for one answer of the writer.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// The pause until the writer is asked again, in microseconds.
const AGAIN_AFTER: i64 = 5 * MINUTE;
/// The pause after the writer did not answer, in microseconds.
const RETRY_AFTER: i64 = MINUTE;

/// Target and person key.
type LeaverKey = (String, String);

/// Returns the known other accounts of these leavers, by target and person.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn of(
    connection: &impl ConnectionTrait,
    obligations: &[obligation::Model],
) -> Result<HashMap<LeaverKey, OtherAccounts>, StoreError> {
    let accounts = obligations.iter().filter(|row| row.member_of.is_empty() && row.ended_at.is_none());
    let subjects: BTreeSet<&str> = accounts.map(|row| row.subject.as_str()).collect();
    let subjects: Vec<&str> = subjects.into_iter().collect();
    let mut found = HashMap::new();
    for subjects in subjects.chunks(ROWS_PER_STATEMENT_MAX) {
        let targets: BTreeSet<&str> = obligations.iter().map(|row| row.target.as_str()).collect();
        let rows = Entity::find()
            .filter(Column::Target.is_in(targets))
            .filter(Column::Subject.is_in(subjects.iter().copied()))
            .all(connection)
            .await
            .map_err(StoreError::statement("read other accounts of leavers"))?;
        let known = rows.into_iter().filter_map(|row| Some((row.found()?, row)));
        found.extend(known.map(|(found, row)| ((row.target, row.subject), found)));
    }
    Ok(found)
}

impl LeaverVerifier {
    /// Asks the writer about the leavers who are due.
    pub(super) async fn look_up_others(&self) -> Result<(), StoreError> {
        let at = unix_micros(now());
        let rows = Entity::find()
            .filter(Column::NextCheckAt.lte(at))
            .order_by_asc(Column::NextCheckAt)
            .limit(OTHER_ACCOUNTS_PEOPLE_MAX as u64)
            .all(self.store.reader())
            .await
            .map_err(StoreError::statement("read the leavers whose other accounts are due"))?;
        if rows.is_empty() {
            return Ok(());
        }
        let live = self.live(&rows, at).await?;
        let (live, over): (Vec<Model>, Vec<Model>) =
            rows.into_iter().partition(|row| live.contains(&(row.target.clone(), row.subject.clone())));
        self.forget(&over).await?;
        let mut by_target: BTreeMap<String, Vec<Model>> = BTreeMap::new();
        for row in live {
            by_target.entry(row.target.clone()).or_default().push(row);
        }
        for (target, rows) in by_target {
            match self.ask_for_others(&target, &rows).await {
                Ok(reply) => self.keep_others(&target, &rows, reply, at).await?,
                Err(failure) => {
                    tracing::warn!(
                        target_name = target,
                        error = chain(&failure),
                        "could not look up other accounts of leavers yet"
                    );
                    self.postpone(&target, &rows, at.saturating_add(RETRY_AFTER)).await?;
                }
            }
        }
        Ok(())
    }

    /// Returns those who have an obligation that is open, kept by policy, or under verification.
    async fn live(&self, rows: &[Model], at: i64) -> Result<HashSet<LeaverKey>, StoreError> {
        let obligations = obligation::Entity::find()
            .filter(obligation::Column::Subject.is_in(rows.iter().map(|row| row.subject.as_str())))
            .filter(obligation::Column::EndedAt.is_null())
            .filter(obligation::Column::MemberOf.eq(""))
            .all(self.store.reader())
            .await
            .map_err(StoreError::statement("read obligations"))?;
        let is_live = |row: &obligation::Model| match row.state() {
            ObligationState::Open | ObligationState::KeptByPolicy => true,
            ObligationState::Proven => row.verify_until > at,
            ObligationState::Ended => false,
        };
        Ok(obligations.into_iter().filter(is_live).map(|row| (row.target, row.subject)).collect())
    }

    async fn ask_for_others(
        &self,
        target: &str,
        rows: &[Model],
    ) -> Result<OtherAccountsReply, bus::ControlFailure> {
        let people = rows.iter().map(|row| row.subject.clone()).collect();
        let question = OtherAccountsRequest { target: target.to_owned(), people };
        self.bus.ask::<verbs::OtherAccountsVerb>(&question, ANSWER_MAX).await
    }

    /// Stores the writer's answer for the leavers of one target.
    async fn keep_others(
        &self,
        target: &str,
        rows: &[Model],
        reply: OtherAccountsReply,
        at: i64,
    ) -> Result<(), StoreError> {
        let found: HashMap<String, OtherAccounts> =
            reply.people.into_iter().map(|one| (one.person, one.found)).collect();
        let next = at.saturating_add(AGAIN_AFTER);
        let mut unchanged = Vec::new();
        for before in rows {
            let after = found.get(&before.subject).map_or_else(|| before.clone(), |found| before.with(found));
            if after == *before {
                unchanged.push(before.clone());
                continue;
            }
            Entity::update_many()
                .set(Model { next_check_at: next, ..after }.into_active_model().reset_all())
                .filter(Column::Target.eq(target))
                .filter(Column::Subject.eq(&before.subject))
                // A row whose obligations have changed meanwhile is skipped: it is asked about again.
                .filter(Column::NextCheckAt.eq(before.next_check_at))
                .exec(self.store.writer())
                .await
                .map_err(StoreError::statement("write other accounts of a leaver"))?;
        }
        self.postpone(target, &unchanged, next).await
    }

    /// Sets the time of the next question for these leavers, unless their obligations have changed meanwhile.
    async fn postpone(&self, target: &str, rows: &[Model], next: i64) -> Result<(), StoreError> {
        let Some(latest) = rows.iter().map(|row| row.next_check_at).max() else { return Ok(()) };
        Entity::update_many()
            .col_expr(Column::NextCheckAt, Expr::value(next))
            .filter(Column::Target.eq(target))
            .filter(Column::Subject.is_in(rows.iter().map(|row| row.subject.as_str())))
            .filter(Column::NextCheckAt.lte(latest))
            .exec(self.store.writer())
            .await
            .map(drop)
            .map_err(StoreError::statement("write the next lookup of other accounts"))
    }

    /// Deletes the rows of leavers without an obligation that needs them.
    async fn forget(&self, rows: &[Model]) -> Result<(), StoreError> {
        for row in rows {
            Entity::delete_many()
                .filter(Column::Target.eq(&row.target))
                .filter(Column::Subject.eq(&row.subject))
                .filter(Column::NextCheckAt.eq(row.next_check_at))
                .exec(self.store.writer())
                .await
                .map_err(StoreError::statement("delete other accounts of a leaver"))?;
        }
        Ok(())
    }
}

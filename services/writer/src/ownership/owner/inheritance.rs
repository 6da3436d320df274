//! Takes over the state of the previous owner of a target, and stores state for the next one.

use std::time::Duration;

use lifecycle::ResourceKind;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use store::StoreError;

use super::TargetOwner;
use crate::guard::nesting;
use crate::lease::{TargetLease, database_now};
use crate::rows::words::RowStatus;
use crate::rows::{control, edge, resource};
use crate::{micros, now};

impl TargetOwner {
    /// Marks resources as in doubt whose requests the last owner noted without a result: they may have been carried out. An owner of an
    /// older version noted nothing: if it ended without releasing the lease, any row in the queue may have been sent.
    pub(super) async fn doubt_unfinished_accounts(&self, lease: &TargetLease) -> Result<(), StoreError> {
        let tx = self.store.begin().await?;
        let noted = resource::Column::SendingEpoch.is_not_null();
        let anything = lease.after_crash() && !lease.is_noted();
        let doubtful = if anything { noted.or(resource::Column::Queued.eq(true)) } else { noted };
        let doubted = resource::Entity::update_many()
            .col_expr(resource::Column::InDoubt, Expr::value(true))
            .filter(resource::Column::Target.eq(&self.target))
            .filter(doubtful)
            .exec(&tx)
            .await
            .map_err(StoreError::statement("doubt accounts"))?;
        if doubted.rows_affected > 0 {
            tracing::info!(target_name = %self.target, accounts = doubted.rows_affected, "requests were under way when the last owner ended");
            self.let_creates_settle(&tx, lease).await?;
            self.look_twice(&tx, lease).await?;
        }
        resource::Entity::update_many()
            .col_expr(resource::Column::SendingEpoch, Expr::value(Option::<i64>::None))
            .filter(resource::Column::Target.eq(&self.target))
            .filter(resource::Column::SendingEpoch.is_not_null())
            .exec(&tx)
            .await
            .map_err(StoreError::statement("doubt accounts"))?;
        tx.commit().await.map_err(StoreError::statement("doubt accounts"))
    }

    /// Returns the time from which requests of the last owner can no longer be carried out, or `None` if it released the lease.
    async fn second_look(
        &self,
        tx: &DatabaseTransaction,
        lease: &TargetLease,
    ) -> Result<Option<i64>, StoreError> {
        if !lease.after_crash() {
            return Ok(None);
        }
        let timeout = i64::try_from(self.connection.timeout.as_micros()).unwrap_or(0);
        Ok(Some(database_now(&self.store, tx).await?.saturating_add(timeout)))
    }

    /// Schedules a second reading, because requests of the last owner may still be under way. Its rows are read back at
    /// once, and once more when none of the requests can be carried out any longer.
    async fn look_twice(&self, tx: &DatabaseTransaction, lease: &TargetLease) -> Result<(), StoreError> {
        let Some(due) = self.second_look(tx, lease).await? else { return Ok(()) };
        resource::Entity::update_many()
            .col_expr(resource::Column::LookAgainAt, Expr::value(due))
            .filter(resource::Column::Target.eq(&self.target))
            .filter(resource::Column::SendingEpoch.is_not_null())
            .exec(tx)
            .await
            .map_err(StoreError::statement("look again at accounts"))?;
        Ok(())
    }

    /// Stores the end of a pause that the target asked for.
    pub(super) async fn write_pause(&self, left: Duration) -> Result<(), StoreError> {
        let tx = self.store.begin().await?;
        let until = micros(now()) + i64::try_from(left.as_micros()).unwrap_or(0);
        let row = control::load_control(&tx, &self.target).await?;
        let row = control::Model { asked_to_wait_until: Some(until), ..row };
        control::save_control(&tx, row, [control::Column::AskedToWaitUntil]).await?;
        tx.commit().await.map_err(StoreError::statement("remember a pause"))
    }

    /// Returns the rest of the pause that the target asked the previous owner for, if it is not over.
    pub(super) async fn pause_left(&self) -> Result<Option<Duration>, StoreError> {
        let row = control::load_control(self.store.reader(), &self.target).await?;
        let left = row.asked_to_wait_until.map(|until| until - micros(now())).filter(|left| *left > 0);
        let cap = Duration::from_secs(self.connection.profile.retry_after_cap_seconds);
        Ok(left.map(|left| Duration::from_micros(left.unsigned_abs()).min(cap)))
    }

    /// Delays rows that may have been created just now until a search can find them, at a target that does not refuse a duplicate.
    async fn let_creates_settle(
        &self,
        tx: &DatabaseTransaction,
        lease: &TargetLease,
    ) -> Result<(), StoreError> {
        let profile = &self.connection.profile;
        // A create of another replica may still be carried out until its timeout is over.
        let under_way = if lease.was_taken() { profile.timeout_seconds } else { 0 };
        let seconds = Ord::max(profile.settle_seconds, under_way);
        let due = micros(now()) + i64::try_from(seconds).unwrap_or(0) * 1_000_000;
        for kind in [ResourceKind::User, ResourceKind::Group] {
            let lookup =
                if kind == ResourceKind::User { &profile.lookups.user } else { &profile.lookups.group };
            if !lookup.unique_on.is_empty() {
                continue;
            }
            resource::Entity::update_many()
                .col_expr(resource::Column::NextAttemptAt, Expr::value(due))
                .filter(resource::Column::Target.eq(&self.target))
                .filter(resource::Column::Kind.eq(kind.as_str()))
                .filter(resource::Column::Queued.eq(true))
                .filter(resource::Column::RemoteId.is_null())
                .filter(resource::Column::InDoubt.eq(true))
                .filter(resource::Column::Lane.ne(lifecycle::Lane::Leaver.rank()))
                .filter(resource::Column::NextAttemptAt.lt(due))
                .exec(tx)
                .await
                .map_err(StoreError::statement("let creates settle"))?;
        }
        Ok(())
    }

    /// Makes rows due now that were postponed because the target failed. Rows that may have been created are excluded: a
    /// search may not show them yet.
    pub(super) async fn wake_postponed(&self) -> Result<(), StoreError> {
        let (now, wake) = (micros(now()), StoreError::statement("wake what waits"));
        let tx = self.store.begin().await?;
        resource::Entity::update_many()
            .col_expr(resource::Column::NextAttemptAt, Expr::value(now))
            .filter(resource::Column::Target.eq(&self.target))
            .filter(resource::Column::Queued.eq(true))
            .filter(resource::Column::Status.eq(RowStatus::Pending))
            .filter(resource::Column::NextAttemptAt.gt(now))
            .filter(resource::Column::Awaits.is_null())
            .filter(resource::Column::InDoubt.eq(false).or(resource::Column::RemoteId.is_not_null()))
            .exec(&tx)
            .await
            .map_err(&wake)?;
        edge::Entity::update_many()
            .col_expr(edge::Column::NextAttemptAt, Expr::value(now))
            .filter(edge::Column::Target.eq(&self.target))
            .filter(edge::Column::Queued.eq(true))
            .filter(edge::Column::NextAttemptAt.gt(now))
            .filter(edge::Column::Attempts.eq(0))
            .exec(&tx)
            .await
            .map_err(&wake)?;
        tx.commit().await.map_err(&wake)
    }

    /// Applies the profile's rule for groups in groups, which may have changed.
    pub(super) async fn apply_nesting(&self) -> Result<(), StoreError> {
        let nested = self.connection.profile.membership.nested;
        let tx = self.store.begin().await?;
        let changed = nesting::apply_nesting(&tx, &self.target, nested, micros(now())).await?;
        tx.commit().await.map_err(StoreError::statement("apply how groups are nested"))?;
        if changed > 0 {
            tracing::info!(target_name = %self.target, changed, ?nested, "memberships follow the changed profile");
        }
        Ok(())
    }

    /// Marks memberships as in doubt whose request was under way when the last owner ended.
    pub(super) async fn doubt_unfinished_memberships(&self, lease: &TargetLease) -> Result<(), StoreError> {
        let tx = self.store.begin().await?;
        let look_again_at = self.second_look(&tx, lease).await?;
        edge::Entity::update_many()
            .col_expr(edge::Column::LookAgainAt, Expr::value(look_again_at))
            .col_expr(edge::Column::Status, Expr::value(RowStatus::Unsure))
            .col_expr(edge::Column::Queued, Expr::value(true))
            .col_expr(edge::Column::NextAttemptAt, Expr::value(micros(now())))
            .filter(edge::Column::Target.eq(&self.target))
            .filter(edge::Column::Status.eq(RowStatus::Sending))
            .exec(&tx)
            .await
            .map_err(StoreError::statement("doubt memberships"))?;
        tx.commit().await.map_err(StoreError::statement("doubt memberships"))
    }
}

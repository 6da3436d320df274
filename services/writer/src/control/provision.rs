//! Verbs `provision` and `row`: converge one person or group now, and report the progress.

use lifecycle::{
    ControlError, Fact, Lane, ProvisionReply, ProvisionRequest, ResourceKind, RowReply, RowRequest,
};
use sea_orm::sea_query::Expr;
use sea_orm::sea_query::ExprTrait as _;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter};
use store::StoreError;

use super::{WriterControl, refuse_with};
use crate::guard::nesting;
use crate::rows::access::takes_away;
use crate::rows::facts::TransactionFacts;
use crate::rows::words::RowStatus;
use crate::rows::{dead, edge, load_resources, resource, save_resources};
use crate::{micros, now};

impl WriterControl {
    /// Checks a request to provision.
    ///
    /// # Errors
    /// If the target is not configured, or if the request names a membership by itself.
    pub(super) fn known_resource(&self, request: ProvisionRequest) -> Result<ProvisionRequest, ControlError> {
        self.configured(&request.target)?;
        if request.kind == ResourceKind::Membership {
            return Err(refuse_with(
                "memberships are provisioned with their group: name the group".to_owned(),
            ));
        }
        Ok(request)
    }

    /// Queues a person or group to be read and corrected now. A group includes its memberships.
    pub(super) async fn provision(&self, request: &ProvisionRequest) -> Result<ProvisionReply, StoreError> {
        let ProvisionRequest { target, kind, subject, actor } = request;
        let tx = self.store.begin().await?;
        let mut rows = load_resources(&tx, target, *kind, std::slice::from_ref(subject), true).await?;
        let Some(row) = rows.get_mut(subject).filter(|row| row.desired_revision > 0) else {
            return Ok(ProvisionReply { queued: false, revision: 0 });
        };
        let at = now();
        let letter = look_at_again(row, micros(at));
        let (revision, trace) = (row.desired_revision, row.trace());
        dead::close_letters(&tx, letter.as_slice(), dead::REPLAYED).await?;
        save_resources(&tx, rows.into_values().collect()).await?;
        if *kind == ResourceKind::Group {
            doubt_memberships(&tx, target, subject, micros(at)).await?;
        }
        let mut news = TransactionFacts::default();
        let fact =
            Fact::Provisioned { target: target.clone(), who: actor.who.clone(), why: actor.why.clone() };
        news.tell(format!("prv:{target}:{}:{subject}:{}", kind.as_str(), micros(at)), subject, trace, fact);
        self.commit(tx, news).await?;
        if let Some(wake_up) = self.wake_ups.get(target) {
            wake_up.notify_one();
        }
        Ok(ProvisionReply { queued: true, revision })
    }

    /// Returns the status of a person or group, with the number of its pending memberships.
    pub(super) async fn row(&self, request: &RowRequest) -> Result<RowReply, StoreError> {
        let RowRequest { target, kind, subject } = request;
        let reader = self.store.reader();
        let mut rows = load_resources(reader, target, *kind, std::slice::from_ref(subject), false).await?;
        let Some(row) = rows.remove(subject).filter(|row| row.desired_revision > 0) else {
            return Ok(RowReply::default());
        };
        let memberships_pending = match kind {
            ResourceKind::Group => edge::Entity::find()
                .filter(edge::Column::Target.eq(target))
                .filter(edge::Column::GroupSubject.eq(subject))
                .filter(edge::Column::Status.ne(RowStatus::InSync))
                .filter(edge::Column::Desired.eq(true).or(edge::Column::Status.ne(RowStatus::Waiting)))
                .count(reader)
                .await
                .map_err(StoreError::statement("count memberships"))?,
            _ => 0,
        };
        Ok(RowReply {
            status: Some(row.status().as_str().to_owned()),
            revision: row.desired_revision,
            applied_revision: row.applied_revision,
            remote_id: row.remote_id,
            error: row.last_error,
            memberships_pending,
        })
    }
}

/// Puts the row at the head of the queue, to be compared with the target, and returns the dead letter that this closes. A
/// person who should have no account and is not linked is searched for without marking the row in doubt: doubt would only
/// make the writer wait for a create that was never sent.
fn look_at_again(row: &mut resource::Model, now: i64) -> Option<String> {
    row.in_doubt |= row.remote_id.is_some() || row.desired().is_ok_and(|desired| !takes_away(&desired));
    row.lane = Lane::Leaver.rank();
    row.attempts = 0;
    row.last_error = None;
    row.enqueue(RowStatus::Pending, now);
    row.dead_letter.take()
}

/// Marks all memberships of the group to be read back. Requests under way are settled anyway.
async fn doubt_memberships(
    tx: &DatabaseTransaction,
    target: &str,
    group: &str,
    now: i64,
) -> Result<(), StoreError> {
    dead::Entity::update_many()
        .col_expr(dead::Column::State, Expr::value(dead::REPLAYED))
        .filter(dead::Column::Target.eq(target))
        .filter(dead::Column::Kind.eq(ResourceKind::Membership.as_str()))
        .filter(dead::Column::Subject.eq(group))
        .filter(dead::Column::State.eq(dead::OPEN))
        .exec(tx)
        .await
        .map_err(StoreError::statement("close dead letters"))?;
    edge::Entity::update_many()
        .col_expr(edge::Column::Status, Expr::value(RowStatus::Unsure))
        .col_expr(edge::Column::Queued, Expr::value(true))
        .col_expr(edge::Column::Lane, Expr::value(Lane::Leaver.rank()))
        .col_expr(edge::Column::NextAttemptAt, Expr::value(now))
        .col_expr(edge::Column::Attempts, Expr::value(0))
        .col_expr(edge::Column::Alone, Expr::value(false))
        .col_expr(edge::Column::LastError, Expr::value(Option::<String>::None))
        .col_expr(edge::Column::DeadLetter, Expr::value(Option::<String>::None))
        .filter(edge::Column::Target.eq(target))
        .filter(edge::Column::GroupSubject.eq(group))
        .filter(edge::Column::Status.ne(RowStatus::Sending))
        .filter(nesting::left_alone().not())
        .exec(tx)
        .await
        .map_err(StoreError::statement("doubt memberships"))?;
    Ok(())
}

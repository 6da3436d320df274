//! Handles results that the database refuses: their rows are given up where an operator sees it, and no other result waits.

use lifecycle::AttemptClass;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use store::StoreError;
use telemetry::chain;

use super::ResultCommitter;
use crate::converge::outcome::{WorkResult, WorkedMembers, WorkedResource};
use crate::delivery::operation::FailedOperation;
use crate::delivery::trouble::ConvergeTrouble;
use crate::rows::facts::TransactionFacts;
use crate::rows::resource::UnseenCreate;
use crate::rows::stored;
use crate::rows::{edge, load_edges, load_resources, resource, save_edges, save_resources};

/// Marks rows to be read back by the replica that owns the target now. The effect of our requests comes after its own
/// reading at the takeover, so it must read them once more.
pub(super) async fn leave_to_be_read_back(
    tx: &DatabaseTransaction,
    target: &str,
    batch: &[WorkResult],
    at: i64,
) -> Result<(), StoreError> {
    let failed = StoreError::statement("leave a result to be read back");
    for worked in batch {
        match worked {
            WorkResult::Resource(worked) => {
                resource::Entity::update_many()
                    .col_expr(resource::Column::LookAgainAt, Expr::value(at))
                    .filter(resource::Column::Target.eq(target))
                    .filter(resource::Column::Kind.eq(&worked.row.kind))
                    .filter(resource::Column::Subject.eq(&worked.row.subject))
                    .exec(tx)
                    .await
                    .map_err(&failed)?;
            }
            WorkResult::Members(worked) => {
                let members: Vec<&str> =
                    worked.edges.iter().map(|edge| edge.member_subject.as_str()).collect();
                for members in members.chunks(store::ROWS_PER_STATEMENT_MAX) {
                    edge::Entity::update_many()
                        .col_expr(edge::Column::LookAgainAt, Expr::value(at))
                        .filter(edge::Column::Target.eq(target))
                        .filter(edge::Column::GroupSubject.eq(&worked.group))
                        .filter(edge::Column::MemberSubject.is_in(members.iter().copied()))
                        .exec(tx)
                        .await
                        .map_err(&failed)?;
                }
            }
        }
    }
    Ok(())
}

impl ResultCommitter {
    /// Gives up the row or rows of the result.
    pub(super) async fn set_aside(&self, worked: &WorkResult, error: &StoreError) {
        let (kind, subject) = super::key_of(worked);
        let source = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        let words = stored::stored_text(&format!("its result cannot be stored: {error}: {source}"));
        tracing::error!(target_name = %self.target, kind = kind.as_str(), subject, error = words, "a result is set aside");
        let trouble = ConvergeTrouble {
            operation: FailedOperation::Store,
            class: AttemptClass::Permanent,
            error: words,
            exchange: None,
        };
        if let Err(error) = self.give_up_result(worked, &trouble).await {
            tracing::error!(target_name = %self.target, kind = kind.as_str(), subject, error = chain(&error), "what cannot be stored could not be set aside: it is tried again");
        }
    }

    /// Gives up the rows of a result in a transaction of its own.
    async fn give_up_result(&self, worked: &WorkResult, trouble: &ConvergeTrouble) -> Result<(), StoreError> {
        let tx = self.store.begin().await?;
        if !self.lease.in_force(&tx).await? {
            return Ok(());
        }
        let mut news = TransactionFacts::default();
        match worked {
            WorkResult::Resource(worked) => self.give_up_resource(&tx, worked, trouble, &mut news).await?,
            WorkResult::Members(worked) => self.give_up_members(&tx, worked, trouble, &mut news).await?,
        }
        let parcel = news.store(&tx).await?;
        tx.commit().await.map_err(StoreError::statement("set a result aside"))?;
        self.relay.send(parcel).await;
        Ok(())
    }

    /// Gives up a resource whose result cannot be stored, in doubt.
    async fn give_up_resource(
        &self,
        tx: &DatabaseTransaction,
        worked: &WorkedResource,
        trouble: &ConvergeTrouble,
        news: &mut TransactionFacts,
    ) -> Result<(), StoreError> {
        let (kind, subjects) = (worked.row.kind(), [worked.row.subject.clone()]);
        let mut rows = load_resources(tx, &self.target, kind, &subjects, true).await?;
        let Some(row) = rows.get_mut(&worked.row.subject) else { return Ok(()) };
        row.in_doubt = true;
        row.sending_epoch = None;
        if row.remote_id.is_none() && worked.progress.remote_id.is_some() {
            row.unseen = Some(UnseenCreate::Created.as_str().to_owned());
        }
        self.give_up(row, trouble, news, tx).await?;
        save_resources(tx, rows.into_values().collect()).await
    }

    /// Gives up memberships whose result cannot be stored.
    async fn give_up_members(
        &self,
        tx: &DatabaseTransaction,
        worked: &WorkedMembers,
        trouble: &ConvergeTrouble,
        news: &mut TransactionFacts,
    ) -> Result<(), StoreError> {
        let members: Vec<String> = worked.edges.iter().map(|edge| edge.member_subject.clone()).collect();
        let mut rows = load_edges(tx, &self.target, &worked.group, &members).await?;
        for row in rows.values_mut() {
            self.give_up_edge(tx, row, trouble, news).await?;
        }
        save_edges(tx, rows.into_values().collect()).await
    }
}

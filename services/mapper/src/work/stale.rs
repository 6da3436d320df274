//! Marks rows as stale if too many changed to decide about them in one batch. The background evaluation finds them.
//!
//! A mark raises the revision as well, so that a batch which read the row before is refused and processed again.

use lifecycle::ContradictionCode;
use sea_orm::sea_query::{Expr, ExprTrait, Query, SimpleExpr};
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use crate::rows::{STALE, edge, finding, group, identity, record};

const RECYCLED_LOGIN: ContradictionCode = ContradictionCode::RecycledLogin;

/// The rows that must be marked.
#[derive(Debug)]
pub(super) enum StaleMarks {
    /// These groups.
    Groups(Vec<String>),
    /// All people in these groups.
    MembersOf(Vec<String>),
    /// All people who report to these people.
    ReportsOf(Vec<String>),
    /// All people who are held because these people had their login.
    HeldBy(Vec<String>),
    /// Records that are matched by these values, as their rows contain them.
    RecordsMatchedBy(Vec<String>),
}

impl StaleMarks {
    /// Writes the marks.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub(super) async fn write(&self, tx: &DatabaseTransaction) -> Result<(), StoreError> {
        let keys = match self {
            Self::Groups(keys) | Self::MembersOf(keys) | Self::ReportsOf(keys) => keys,
            Self::HeldBy(keys) | Self::RecordsMatchedBy(keys) => keys,
        };
        for chunk in keys.chunks(ROWS_PER_STATEMENT_MAX) {
            let chunk = chunk.iter().cloned();
            let mut update = Query::update();
            match self {
                Self::Groups(_) => update
                    .table(group::Entity)
                    .value(group::Column::EvaluatedWith, STALE)
                    .value(group::Column::Revision, raise_version(group::Column::Revision))
                    .and_where(Expr::col(group::Column::Key).is_in(chunk)),
                Self::MembersOf(_) => {
                    let members = Query::select()
                        .column(edge::Column::MemberKey)
                        .from(edge::Entity)
                        .and_where(Expr::col(edge::Column::GroupKey).is_in(chunk))
                        .and_where(Expr::col(edge::Column::Present).eq(true))
                        .to_owned();
                    mark_people(&mut update).and_where(Expr::col(identity::Column::Key).in_subquery(members))
                }
                Self::RecordsMatchedBy(_) => update
                    .table(record::Entity)
                    .value(record::Column::EvaluatedWith, STALE)
                    .value(record::Column::Revision, raise_version(record::Column::Revision))
                    .and_where(Expr::col(record::Column::Matched).is_in(chunk)),
                Self::HeldBy(_) => {
                    let held = Query::select()
                        .column(finding::Column::Person)
                        .from(finding::Entity)
                        .and_where(Expr::col(finding::Column::Field).eq(RECYCLED_LOGIN.as_str()))
                        .and_where(Expr::col(finding::Column::Detail).is_in(chunk))
                        .to_owned();
                    mark_people(&mut update).and_where(Expr::col(identity::Column::Key).in_subquery(held))
                }
                Self::ReportsOf(_) => {
                    mark_people(&mut update).and_where(Expr::col(identity::Column::Manager).is_in(chunk))
                }
            };
            tx.execute(&update).await.map_err(StoreError::statement("mark stale rows"))?;
        }
        Ok(())
    }
}

/// Marks all people who report to `manager`.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn mark_reports_stale(tx: &DatabaseTransaction, manager: &str) -> Result<(), StoreError> {
    StaleMarks::ReportsOf(vec![manager.to_owned()]).write(tx).await
}

/// Starts the statement that marks people.
fn mark_people(update: &mut sea_orm::sea_query::UpdateStatement) -> &mut sea_orm::sea_query::UpdateStatement {
    update
        .table(identity::Entity)
        .value(identity::Column::EvaluatedWith, STALE)
        .value(identity::Column::Revision, raise_version(identity::Column::Revision))
}

fn raise_version(column: impl sea_orm::sea_query::IntoColumnRef) -> SimpleExpr {
    Expr::col(column).add(1)
}

//! Compares the members of one group with our own memberships. Members that are not ours are left alone.

use std::collections::HashSet;

use lifecycle::{DifferenceKind, FoundDifference, Lane, ResourceKind};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use super::{PAGE, ReconcileHalt, ReconcileRun};
use crate::guard::nesting;
use crate::rows::words::RowStatus;
use crate::rows::{edge, resource};
use crate::{micros, now};

impl ReconcileRun {
    /// Compares the members of one group, and queues the memberships that differ.
    pub(super) async fn members(&mut self, group: &resource::Model) -> Result<(), ReconcileHalt> {
        let Some(id) = group.remote_id.clone().filter(|_| self.target.client.profile().membership.readable)
        else {
            return Ok(());
        };
        let Some(there) = self.read_members(group, &id).await? else { return Ok(()) };
        there.iter().for_each(|id| self.listed.name(group, "members", id));
        let there: HashSet<String> = there.into_iter().collect();
        let (mut missing, mut extra) = (Vec::new(), Vec::new());
        let mut after = String::new();
        loop {
            let edges = edge::Entity::find()
                .filter(edge::Column::Target.eq(&self.target.name))
                .filter(edge::Column::GroupSubject.eq(&group.subject))
                .filter(edge::Column::MemberSubject.gt(&after))
                .order_by_asc(edge::Column::MemberSubject)
                .limit(PAGE)
                .all(self.target.store.reader())
                .await
                .map_err(StoreError::statement("read memberships"))?;
            let Some(last) = edges.last() else { break };
            after.clone_from(&last.member_subject);
            let reader = self.target.store.reader();
            let members = edges.iter().map(edge::Model::member);
            let members = nesting::load_members(reader, &self.target.name, members).await?;
            let settled = |edge: &edge::Model| *edge.status() == RowStatus::InSync && !edge.is_left_alone();
            for edge in edges.into_iter().filter(settled) {
                let id = members.get(&edge.member_subject).and_then(|row| row.remote_id.as_ref());
                let Some(id) = id else { continue };
                match (edge.desired, there.contains(id)) {
                    (true, false) => missing.push(edge.member_subject),
                    (false, true) => extra.push(edge.member_subject),
                    _ => {}
                }
            }
        }
        if missing.is_empty() && extra.is_empty() {
            return Ok(());
        }
        let count = |members: &[String]| u64::try_from(members.len()).unwrap_or(0);
        self.newer.iter_mut().for_each(|newer| newer.note_missing(&group.subject, count(&missing)));
        self.report.counts.members_missing += count(&missing);
        self.report.counts.members_extra += count(&extra);
        self.note(FoundDifference {
            difference: DifferenceKind::Members,
            kind: ResourceKind::Group,
            subject: Some(group.subject.clone()),
            remote_id: Some(id),
            what: vec![format!("{} missing", missing.len()), format!("{} too many", extra.len())],
        });
        if self.report.dry_run {
            return Ok(());
        }
        missing.extend(extra);
        self.doubt(&group.subject, &missing).await
    }

    /// Marks memberships as in doubt. The queue reads them back and corrects them.
    async fn doubt(&mut self, group: &str, members: &[String]) -> Result<(), ReconcileHalt> {
        let tx = self.begin().await?;
        for members in members.chunks(ROWS_PER_STATEMENT_MAX) {
            edge::Entity::update_many()
                .col_expr(edge::Column::Status, Expr::value(RowStatus::Unsure))
                .col_expr(edge::Column::Queued, Expr::value(true))
                .col_expr(edge::Column::Lane, Expr::value(Lane::Backfill.rank()))
                .col_expr(edge::Column::NextAttemptAt, Expr::value(micros(now())))
                .col_expr(edge::Column::Attempts, Expr::value(0))
                .filter(edge::Column::Target.eq(&self.target.name))
                .filter(edge::Column::GroupSubject.eq(group))
                .filter(edge::Column::MemberSubject.is_in(members))
                .filter(edge::Column::Status.eq(RowStatus::InSync))
                .exec(&tx)
                .await
                .map_err(StoreError::statement("doubt memberships"))?;
        }
        self.report.counts.queued += 1;
        self.commit(tx).await?;
        Ok(())
    }
}

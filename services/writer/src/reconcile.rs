//! Reconciliation: compares everything that a target has with the desired state, page by page, and queues the differences.
//!
//! Nothing is corrected here. A resource that differs goes through the same queue, in lane backfill. It is read once more
//! before any request is sent, so that later changes are not overwritten, and the guard counts the access that would be
//! taken away. Resources that are not ours are reported and left alone. The position is stored after each page: a restart
//! continues there.

mod belief;
mod compare;
mod dangling;
mod drift;
mod members;
mod newer;
mod orphans;
mod requests;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use lifecycle::{
    DifferenceKind, FOUND_MAX, FoundDifference, Lane, ReconcileState, Reconciliation, ResourceKind,
};
use scim::{PageStart, ScimKind};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use store::StoreError;
use telemetry::chain;
use tokio::sync::Notify;

use crate::delivery::call::OwnedTarget;
use crate::rows::words::RowStatus;
use crate::rows::{load_resources, reconcile, resource, save_resources};
use crate::{micros, now};

use dangling::ReferenceInventory;
pub(crate) use newer::NewerAtTarget;

/// The number of rows that are read per statement.
const PAGE: u64 = 500;

const USERS: &str = "user";
const GROUPS: &str = "group";
const GONE: &str = "gone";

/// The reason for stopping a reconciliation.
enum ReconcileHalt {
    /// The lease is no longer ours, or an operator cancelled the reconciliation.
    Ended,
    /// The reconciliation failed for this reason.
    Failed(String),
}

impl From<StoreError> for ReconcileHalt {
    fn from(error: StoreError) -> Self {
        Self::Failed(format!("the writer's database: {error}"))
    }
}

/// A reconciliation under way.
pub(crate) struct ReconcileRun {
    target: Arc<OwnedTarget>,
    wake_up: Arc<Notify>,
    row: reconcile::Model,
    report: Reconciliation,
    listed: ReferenceInventory,
    newer: Option<NewerAtTarget>,
}

/// The outcome of a reconciliation.
#[derive(Debug)]
pub(crate) enum ReconciliationOutcome {
    /// Everything was read.
    Completely(Option<NewerAtTarget>),
    /// The reconciliation failed for this reason.
    Failed(String),
}

/// Continues the reconciliation of `target` that is under way, if there is one, until it ends. Notes in `newer` the
/// changes at the target that are newer than the stored state.
pub(crate) async fn go_on(
    target: Arc<OwnedTarget>,
    wake_up: Arc<Notify>,
    newer: Option<NewerAtTarget>,
) -> Option<ReconciliationOutcome> {
    let loaded = reconcile::load_reconciliation(target.store.reader(), &target.name).await;
    let row = match loaded {
        Ok(Some(row)) if row.is_running() => row,
        Ok(_) => return None,
        Err(error) => {
            tracing::warn!(target_name = %target.name, error = chain(&error), "could not see whether to compare");
            return None;
        }
    };
    let Ok(report) = row.report() else {
        tracing::error!(target_name = %target.name, "cannot read the comparison that is under way");
        return None;
    };
    let mut run = ReconcileRun { target, wake_up, row, report, listed: ReferenceInventory::default(), newer };
    let ended = match run.work().await {
        Ok(()) => ReconcileState::Finished,
        Err(ReconcileHalt::Ended) => return None,
        Err(ReconcileHalt::Failed(why)) => {
            tracing::warn!(target_name = %run.target.name, why, "the comparison failed");
            run.report.error = Some(why);
            ReconcileState::Failed
        }
    };
    run.report.ended = Some(now());
    run.row.state = ended.as_str().to_owned();
    if let Err(error) = run.keep().await {
        tracing::warn!(target_name = %run.target.name, error = chain(&error), "could not keep the comparison");
    }
    Some(run.report.error.map_or(ReconciliationOutcome::Completely(run.newer), ReconciliationOutcome::Failed))
}

/// Creates the row of a new reconciliation.
pub(crate) fn new_reconciliation(
    target: &str,
    dry_run: bool,
    gone_max: Option<u64>,
    who: &str,
) -> reconcile::Model {
    let started = now();
    let report = Reconciliation {
        target: target.to_owned(),
        state: ReconcileState::Running,
        dry_run,
        gone_max,
        who: who.to_owned(),
        started,
        ended: None,
        total: None,
        counts: lifecycle::ReconcileCounts::default(),
        attributes: std::collections::BTreeMap::new(),
        found: Vec::new(),
        error: None,
    };
    reconcile::Model {
        target: target.to_owned(),
        state: ReconcileState::Running.as_str().to_owned(),
        started_at: micros(started),
        phase: USERS.to_owned(),
        next: None,
        read: 0,
        report: serde_json::to_string(&report).expect("a report is plain data"),
    }
}

/// Begins a reconciliation if the last one began longer ago than `every`, and none is under way.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn begin_if_due(target: &OwnedTarget, every: Duration) -> Result<(), StoreError> {
    let last = reconcile::load_reconciliation(target.store.reader(), &target.name).await?;
    let since = micros(now()) - i64::try_from(every.as_micros()).unwrap_or(i64::MAX);
    if last.is_some_and(|last| last.is_running() || last.started_at > since) {
        return Ok(());
    }
    let tx = target.store.begin().await?;
    reconcile::save_reconciliation(&tx, new_reconciliation(&target.name, false, None, "schedule")).await?;
    tx.commit().await.map_err(StoreError::statement("begin a reconciliation"))
}

impl ReconcileRun {
    /// Runs the phases: users, groups, and resources that are gone.
    async fn work(&mut self) -> Result<(), ReconcileHalt> {
        loop {
            match self.row.phase.as_str() {
                USERS => self.pages(ScimKind::User, GROUPS).await?,
                GROUPS => self.pages(ScimKind::Group, GONE).await?,
                _ => {
                    self.count_dangling().await?;
                    return self.gone().await;
                }
            }
        }
    }

    /// Reads all resources of one kind.
    async fn pages(&mut self, kind: ScimKind, then: &str) -> Result<(), ReconcileHalt> {
        let mut ids: HashSet<String> = HashSet::new();
        if kind == ScimKind::User && self.row.next.is_none() {
            self.listed.begin();
        }
        loop {
            let start = self.row.next.clone().map(|next| match next.parse() {
                Ok(index) if self.target.client.profile().paging == scim::ListPaging::Index => {
                    PageStart::Index(index)
                }
                _ => PageStart::Cursor(next),
            });
            let before = u64::try_from(self.row.read).unwrap_or(0);
            let page = self.list(kind, start.as_ref(), before).await?;
            let is_short = page.total.is_some_and(|total| total > before + page.entries);
            if page.next.is_none() && is_short && page.entries > 0 {
                return Err(ReconcileHalt::Failed(
                    "the target lists fewer resources than it counts".to_owned(),
                ));
            }
            if page.next.is_some() && (page.entries == 0 || page.next == start) {
                return Err(ReconcileHalt::Failed("the target repeats a page".to_owned()));
            }
            // A target that ignores the start of a page shows the previous page again.
            let is_same = !ids.is_empty() && page.resources.iter().all(|found| ids.contains(&found.id));
            let further = page.further(self.target.client.profile().paging, before).filter(|_| !is_same);
            let is_repeated = !is_same && self.take(kind, &page.resources).await?;
            ids = page.resources.iter().map(|found| found.id.clone()).collect();
            self.listed.take(kind, ids.iter());
            if is_repeated && page.next.is_some() {
                return Err(ReconcileHalt::Failed("the target lists the same resources again".to_owned()));
            }
            self.report.counts.read += if is_same { 0 } else { page.entries };
            self.report.total = page.total.or(self.report.total);
            self.row.read += i64::try_from(page.entries).unwrap_or(0);
            match page.next.or(further) {
                Some(next) => self.row.next = Some(next.to_string()),
                None => {
                    if kind == ScimKind::User {
                        self.end_users().await?;
                    }
                    self.row.next = None;
                    self.row.read = 0;
                    self.row.phase = then.to_owned();
                }
            }
            self.keep().await?;
            if self.row.phase == then {
                return Ok(());
            }
        }
    }

    /// Handles linked resources that were on no page.
    async fn gone(&mut self) -> Result<(), ReconcileHalt> {
        self.gone_can_be_believed().await?;
        self.confirm_address().await?;
        self.target.gone.believe();
        let hides = self.target.client.profile().hides_disabled;
        let mut after = (String::new(), String::new());
        loop {
            let rows = self
                .linked_at_rest()
                .filter(self.unseen())
                .filter(
                    resource::Column::Kind
                        .gt(&after.0)
                        .or(resource::Column::Kind.eq(&after.0).and(resource::Column::Subject.gt(&after.1))),
                )
                .order_by_asc(resource::Column::Kind)
                .order_by_asc(resource::Column::Subject)
                .limit(PAGE)
                .all(self.target.store.reader())
                .await
                .map_err(StoreError::statement("read what was not seen"))?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = (last.kind.clone(), last.subject.clone());
            let is_off = |row: &resource::Model| row.applied().get("active") == Some(&false.into());
            let gone: Vec<resource::Model> = rows.into_iter().filter(|row| !(hides && is_off(row))).collect();
            for row in &gone {
                self.newer.iter_mut().for_each(|newer| newer.note_gone(row));
                self.report.counts.gone += 1;
                self.note(FoundDifference {
                    difference: DifferenceKind::Gone,
                    kind: row.kind(),
                    subject: Some(row.subject.clone()),
                    remote_id: row.remote_id.clone(),
                    what: Vec::new(),
                });
            }
            let tx = self.begin().await?;
            let gone = self.still_at_rest(&tx, gone).await?;
            self.enqueue(&tx, gone).await?;
            self.commit(tx).await?;
        }
    }

    /// Returns the rows that have not changed since they were read, locked.
    async fn still_at_rest(
        &self,
        tx: &DatabaseTransaction,
        rows: Vec<resource::Model>,
    ) -> Result<Vec<resource::Model>, StoreError> {
        let mut found = Vec::new();
        for kind in [ResourceKind::User, ResourceKind::Group] {
            let of_kind = rows.iter().filter(|row| row.kind() == kind);
            let subjects: Vec<String> = of_kind.map(|row| row.subject.clone()).collect();
            found.extend(load_resources(tx, &self.target.name, kind, &subjects, true).await?.into_values());
        }
        found.retain(|now| rows.iter().any(|row| row == now));
        Ok(found)
    }

    /// Selects linked rows that were in sync when the reconciliation began.
    fn linked_at_rest(&self) -> sea_orm::Select<resource::Entity> {
        resource::Entity::find()
            .filter(resource::Column::Target.eq(&self.target.name))
            .filter(resource::Column::RemoteId.is_not_null())
            .filter(resource::Column::Status.eq(RowStatus::InSync))
            .filter(resource::Column::NextAttemptAt.lt(self.row.started_at))
    }

    fn unseen(&self) -> Expr {
        resource::Column::SeenAt.is_null().or(resource::Column::SeenAt.lt(self.row.started_at))
    }

    /// Queues rows, to be read and corrected. Does nothing in a dry run.
    async fn enqueue(
        &mut self,
        tx: &DatabaseTransaction,
        mut rows: Vec<resource::Model>,
    ) -> Result<(), StoreError> {
        if self.report.dry_run || rows.is_empty() {
            return Ok(());
        }
        for row in &mut rows {
            row.in_doubt = true;
            row.attempts = 0;
            row.lane = Lane::Backfill.rank();
            row.enqueue(RowStatus::Pending, micros(now()));
        }
        self.report.counts.queued += u64::try_from(rows.len()).unwrap_or(0);
        save_resources(tx, rows).await
    }

    /// Checks that the reconciliation is still wanted.
    ///
    /// # Errors
    /// [`ReconcileHalt::Ended`] if it was cancelled, or if another replica has the target by now.
    async fn still_wanted(&self) -> Result<(), ReconcileHalt> {
        let row = reconcile::load_reconciliation(self.target.store.reader(), &self.target.name).await?;
        let is_ours = row.is_some_and(|row| row.is_running() && row.started_at == self.row.started_at);
        if is_ours && self.target.lease.is_ours() { Ok(()) } else { Err(ReconcileHalt::Ended) }
    }

    /// Adds a difference to the report, which keeps a limited number of them.
    fn note(&mut self, found: FoundDifference) {
        for attribute in found.what.iter().filter(|_| found.difference == DifferenceKind::Drifted) {
            *self.report.attributes.entry(attribute.clone()).or_default() += 1;
        }
        if self.report.found.len() < FOUND_MAX {
            self.report.found.push(found);
        }
    }

    async fn begin(&self) -> Result<DatabaseTransaction, ReconcileHalt> {
        let tx = self.target.store.begin().await?;
        if self.target.lease.in_force(&tx).await? { Ok(tx) } else { Err(ReconcileHalt::Ended) }
    }

    async fn commit(&self, tx: DatabaseTransaction) -> Result<(), StoreError> {
        tx.commit().await.map_err(StoreError::statement("keep the findings of a reconciliation"))?;
        self.wake_up.notify_one();
        Ok(())
    }

    /// Stores the progress, unless an operator has cancelled the reconciliation meanwhile.
    async fn keep(&mut self) -> Result<(), StoreError> {
        self.row.report = serde_json::to_string(&self.report).expect("a report is plain data");
        let tx = self.target.store.begin().await?;
        let kept = reconcile::Entity::update_many()
            .col_expr(reconcile::Column::State, Expr::value(&self.row.state))
            .col_expr(reconcile::Column::Phase, Expr::value(&self.row.phase))
            .col_expr(reconcile::Column::Next, Expr::value(self.row.next.clone()))
            .col_expr(reconcile::Column::Read, Expr::value(self.row.read))
            .col_expr(reconcile::Column::Report, Expr::value(&self.row.report))
            .filter(reconcile::Column::Target.eq(&self.row.target))
            .filter(reconcile::Column::StartedAt.eq(self.row.started_at))
            .filter(reconcile::Column::State.eq(ReconcileState::Running.as_str()))
            .exec(&tx)
            .await;
        kept.map_err(StoreError::statement("keep a reconciliation"))?;
        tx.commit().await.map_err(StoreError::statement("keep a reconciliation"))
    }
}

//! Plans in the database: requested, computed in the background, and kept for a day.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lifecycle::{
    ControlError, PlanId, PlanRequest, PlanState, PlanStatus, PolicyPlan, ResourceKind, unix_micros,
};
use policy::Policy;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};
use store::{Store, StoreError};
use telemetry::chain;
use tokio::sync::Semaphore;

use super::PolicyPlanner;
use crate::now;
use crate::policies::versions;
use crate::rows::plan as row;

/// The maximum number of plans that one replica computes concurrently: each of them uses every processor.
const AT_ONCE_MAX: usize = 2;
/// The maximum number of changes that one plan lists.
const CHANGES_MAX: u32 = 10_000;
/// The interval of heartbeats of a running plan.
const TOLD_EVERY: Duration = Duration::from_secs(1);
/// The time without a heartbeat after which a running plan counts as interrupted. The replica that computes a plan writes a
/// heartbeat every second.
const ALIVE_FOR: time::Duration = time::Duration::seconds(30);
/// The retention of plans.
const KEPT_FOR: time::Duration = time::Duration::hours(24);
/// The maximum number of plans that are kept.
const KEPT_MAX: u64 = 50;

const RUNNING: &str = "running";
const FINISHED: &str = "finished";
const FAILED: &str = "failed";
/// The error of a plan that cannot be read.
const UNREADABLE_PLAN: &str = "another version of Usher wrote it: plan again";

/// Running and finished plans.
#[derive(Debug, Clone)]
pub(crate) struct PlanStore {
    planner: PolicyPlanner,
    slots: Arc<Semaphore>,
}

/// Errors of [`PlanStore`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlansError {
    /// The request is not valid.
    #[error(transparent)]
    Refused(ControlError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn refused_plan(message: impl Into<String>) -> PlansError {
    PlansError::Refused(ControlError::refused(message))
}

impl PlanStore {
    pub(crate) fn new(planner: PolicyPlanner) -> Self {
        Self { planner, slots: Arc::new(Semaphore::new(AT_ONCE_MAX)) }
    }

    /// Starts a plan; `only` is the person or group to which it is limited. The reply contains the id for later requests.
    ///
    /// # Errors
    /// Returns an error if the policy is not valid, or too many plans are running.
    pub(crate) async fn begin(
        &self,
        request: &PlanRequest,
        only: Option<(ResourceKind, String)>,
    ) -> Result<PlanStatus, PlansError> {
        let policy =
            Policy::parse(&request.policy, &request.file).map_err(|error| refused_plan(error.to_string()))?;
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
            return Err(refused_plan(format!(
                "{AT_ONCE_MAX} plans are being worked out: ask again in a moment"
            )));
        };
        self.prune().await?;
        let set = versions::in_force(self.store().reader()).await?;
        let base = set.of(policy.target()).cloned();
        let at = unix_micros(now());
        let model = row::Model {
            id: PlanId::fresh().to_string(),
            target: policy.target().to_owned(),
            state: RUNNING.to_owned(),
            done: 0,
            total: 0,
            base_version: base.as_ref().map(|base| base.version),
            policy: request.policy.clone(),
            person: only.as_ref().map(|(_, key)| key.clone()),
            plan: None,
            error: None,
            created_at: at,
            heartbeat: at,
        };
        let status = plan_status(&model)?;
        row::Entity::insert_many([model.clone().into_active_model().reset_all()])
            .exec_without_returning(self.store().writer())
            .await
            .map_err(StoreError::statement("write a plan"))?;
        let (plans, changes) = (self.clone(), std::cmp::min(request.changes_max, CHANGES_MAX));
        tokio::spawn(async move {
            let _slot = slot;
            let changes = usize::try_from(changes).unwrap_or(usize::MAX);
            let counts = Arc::new((AtomicU64::new(0), AtomicU64::new(0)));
            let heard = Arc::clone(&counts);
            let progress = move |done: u64, total: u64| {
                heard.0.store(done, Ordering::Relaxed);
                heard.1.store(total, Ordering::Relaxed);
            };
            let only = only.as_ref().map(|(kind, key)| (*kind, key.as_str()));
            let work = plans.planner.plan(&policy, base.as_ref(), only, changes, &progress);
            let outcome = plans.alive_while(&model.id, &counts, work).await;
            if let Err(error) = plans.finish(&model.id, &outcome).await {
                tracing::warn!(error = chain(&error), plan = model.id, "could not keep a plan");
            }
        });
        Ok(status)
    }

    fn store(&self) -> &Store {
        &self.planner.store
    }

    /// Runs the work, and writes its progress and a heartbeat every second.
    async fn alive_while(
        &self,
        id: &str,
        counts: &(AtomicU64, AtomicU64),
        work: impl Future<Output = Result<PolicyPlan, StoreError>>,
    ) -> Result<PolicyPlan, StoreError> {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                outcome = &mut work => return outcome,
                () = tokio::time::sleep(TOLD_EVERY) => {}
            }
            let (done, total) = (counts.0.load(Ordering::Relaxed), counts.1.load(Ordering::Relaxed));
            let update = row::Entity::update_many()
                .col_expr(row::Column::Done, Expr::value(i64::try_from(done).unwrap_or(i64::MAX)))
                .col_expr(row::Column::Total, Expr::value(i64::try_from(total).unwrap_or(i64::MAX)))
                .col_expr(row::Column::Heartbeat, Expr::value(unix_micros(now())))
                .filter(row::Column::Id.eq(id));
            if let Err(error) = update.exec(self.store().writer()).await {
                tracing::debug!(error = chain(&error), "could not say how far a plan is");
            }
        }
    }

    /// Writes the outcome of a plan.
    async fn finish(&self, id: &str, outcome: &Result<PolicyPlan, StoreError>) -> Result<(), StoreError> {
        let (state, plan, error) = match outcome {
            Ok(plan) => (FINISHED, Some(serde_json::to_string(plan).expect("a plan is plain data")), None),
            Err(error) => {
                tracing::warn!(error = chain(error), plan = id, "a plan failed");
                (
                    FAILED,
                    None,
                    Some("the mapper's database failed: look at its log, then plan again".to_owned()),
                )
            }
        };
        let evaluated = match outcome {
            Ok(plan) => plan.users.evaluated + plan.groups.evaluated,
            Err(_) => 0,
        };
        let evaluated = i64::try_from(evaluated).unwrap_or(i64::MAX);
        row::Entity::update_many()
            .col_expr(row::Column::State, Expr::value(state))
            .col_expr(row::Column::Plan, Expr::value(plan))
            .col_expr(row::Column::Error, Expr::value(error))
            .col_expr(row::Column::Done, Expr::value(evaluated))
            .col_expr(row::Column::Total, Expr::value(evaluated))
            .filter(row::Column::Id.eq(id))
            .exec(self.store().writer())
            .await
            .map_err(StoreError::statement("write a plan"))?;
        Ok(())
    }

    /// Returns the plan and its status.
    ///
    /// # Errors
    /// Returns an error if there is no plan with this id, or no longer.
    pub(crate) async fn get(&self, id: &PlanId) -> Result<(row::Model, PlanStatus), PlansError> {
        let found = row::Entity::find_by_id(id.as_str()).one(self.store().reader()).await;
        let found = found.map_err(StoreError::statement("read a plan"))?;
        let Some(model) = found else {
            return Err(refused_plan(format!("there is no plan {id}; plans are kept for a day: plan again")));
        };
        let status = plan_status(&model)?;
        Ok((model, status))
    }

    /// Deletes plans that are too old, or beyond the newest [`KEPT_MAX`].
    async fn prune(&self) -> Result<(), StoreError> {
        let failed = StoreError::statement("prune plans");
        let newest: Vec<String> = row::Entity::find()
            .select_only()
            .column(row::Column::Id)
            .order_by_desc(row::Column::CreatedAt)
            .limit(KEPT_MAX - 1)
            .into_tuple()
            .all(self.store().reader())
            .await
            .map_err(&failed)?;
        let before = unix_micros(now() - KEPT_FOR);
        let old = row::Column::CreatedAt.lt(before).or(row::Column::Id.is_not_in(newest));
        row::Entity::delete_many().filter(old).exec(self.store().writer()).await.map_err(&failed)?;
        Ok(())
    }
}

/// Returns the status of a stored plan. A running plan without a recent heartbeat counts as failed.
fn plan_status(model: &row::Model) -> Result<PlanStatus, PlansError> {
    let count = |n: i64| u64::try_from(n).unwrap_or_default();
    let is_alive = model.heartbeat >= unix_micros(now() - ALIVE_FOR);
    let (state, error) = match model.state.as_str() {
        FINISHED => (PlanState::Finished, None),
        RUNNING if is_alive => (PlanState::Running, None),
        RUNNING => (PlanState::Failed, Some("it was interrupted: plan again".to_owned())),
        FAILED => (PlanState::Failed, model.error.clone()),
        _ => (PlanState::Failed, Some(UNREADABLE_PLAN.to_owned())),
    };
    let id = model.id.parse().map_err(|error: lifecycle::IdError| refused_plan(error.to_string()))?;
    let plan = model.plan.as_deref().map(serde_json::from_str::<PolicyPlan>).transpose();
    let (state, error, plan) = match plan {
        Ok(plan) => (state, error, plan),
        Err(_) => (PlanState::Failed, Some(UNREADABLE_PLAN.to_owned()), None),
    };
    Ok(PlanStatus {
        id,
        target: model.target.clone(),
        state,
        done: count(model.done),
        total: count(model.total),
        error,
        plan,
    })
}

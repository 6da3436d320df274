//! Plans: what a policy would do to everybody, worked out with the same `decide` as events, and nothing changed.
//!
//! People are read page by page in order of their keys, together with what was last asked for them; pages are decided about
//! on as many threads as there are processors. What counts is a few numbers and the first changes, so that memory does not
//! grow with the company.

mod change;
mod people;
mod store;
mod tally;

use std::sync::Arc;

use ::store::{Store, StoreError};
use lifecycle::{GrantsTrip, GuardTrip, Plan, ResourceKind, unix_micros};
use policy::Policy;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

pub(crate) use store::{Plans, PlansError};
use tally::Tally;

use crate::now;
use crate::policies::InForce;
use crate::rows::{desired, group, identity};
use crate::subjects::{GroupIndex, Seeds};

/// Hears how many were evaluated, and of how many.
pub(crate) type Progress<'a> = &'a (dyn Fn(u64, u64) + Send + Sync);

/// Works out plans.
#[derive(Debug, Clone)]
pub(crate) struct Planner {
    pub(crate) store: Store,
    pub(crate) seeds: Seeds,
}

/// One plan that is being worked out.
struct Run<'a> {
    store: &'a Store,
    seeds: &'a Seeds,
    new: &'a Policy,
    base: Option<&'a InForce>,
    now: time::OffsetDateTime,
    index: Arc<GroupIndex>,
    tally: Tally,
    done: u64,
    total: u64,
    progress: Progress<'a>,
}

impl Planner {
    /// What `new` would do, beside `base` which is in force; with `only`, to this person or group alone. Lists the first
    /// `changes_max` changes.
    ///
    /// # Errors
    /// As the database reports them.
    pub(crate) async fn plan(
        &self,
        new: &Policy,
        base: Option<&InForce>,
        only: Option<(ResourceKind, &str)>,
        changes_max: usize,
        progress: Progress<'_>,
    ) -> Result<Plan, StoreError> {
        let now = now();
        let reader = self.store.reader();
        let uses_groups =
            new.has_groups() || new.uses_groups() || base.is_some_and(|b| b.policy.uses_groups());
        let index = match uses_groups {
            true => GroupIndex::load(reader, unix_micros(now)).await?,
            false => GroupIndex::default(),
        };
        let mut run = Run {
            store: &self.store,
            seeds: &self.seeds,
            new,
            base,
            now,
            index: Arc::new(index),
            tally: Tally::new(changes_max, only.is_some()),
            done: 0,
            total: if only.is_some() { 1 } else { known(&self.store).await? },
            progress,
        };
        run.groups(only.map(|(kind, key)| (kind == ResourceKind::Group).then_some(key))).await?;
        run.people(only.map(|(kind, key)| (kind == ResourceKind::User).then_some(key))).await?;
        let has_access = self.having_access(new.target()).await?;
        let mut plan = run.tally.into_plan(new.target(), base.map(|base| base.version));
        let orphans = base.map(|base| base.policy.orphans().clone()).unwrap_or_default();
        plan.orphans = (*new.orphans() != orphans && only.is_none()).then(|| new.orphans().clone());
        let removals = plan.removals();
        let guard = base.map_or(new.guard(), |base| base.policy.guard().stricter(new.guard()));
        let exceeded = guard.exceeded(removals, has_access);
        plan.guard =
            exceeded.into_iter().map(|threshold| GuardTrip { threshold, removals, of: has_access }).collect();
        // The first policy of a target gives access to everybody whom it gives any.
        let grants = plan.grants();
        let of = has_access.max(grants);
        let exceeded = if base.is_some() { guard.exceeded(grants, of) } else { Vec::new() };
        plan.grants_guard =
            exceeded.into_iter().map(|threshold| GrantsTrip { threshold, grants, of: has_access }).collect();
        Ok(plan)
    }

    /// Accounts and groups that have access now.
    async fn having_access(&self, target: &str) -> Result<u64, StoreError> {
        desired::Entity::find()
            .filter(desired::Column::Target.eq(target))
            .filter(desired::Column::State.is_in(["active", "exists"]))
            .count(self.store.reader())
            .await
            .map_err(StoreError::statement("count accounts"))
    }
}

async fn known(store: &Store) -> Result<u64, StoreError> {
    let failed = StoreError::statement("count people and groups");
    let people = identity::Entity::find().count(store.reader()).await.map_err(&failed)?;
    Ok(people + group::Entity::find().count(store.reader()).await.map_err(&failed)?)
}

impl Run<'_> {
    fn told(&mut self, count: usize) {
        self.done += u64::try_from(count).unwrap_or(u64::MAX);
        (self.progress)(self.done.min(self.total), self.total);
    }
}

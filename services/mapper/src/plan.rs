//! Plans: the effect of a policy on all people and groups, computed with the same `decide` as events. A plan changes nothing.
//!
//! People are read page by page in order of their keys, together with the states that were last requested for them. Pages are
//! decided about on as many threads as there are processors. Only counts and the first changes are kept, so that memory does
//! not grow with the number of people.

mod change;
mod people;
mod store;
mod tally;

use std::sync::Arc;

use ::store::{Store, StoreError};
use lifecycle::{GrantsTrip, GuardTrip, PolicyPlan, RemovalGuard, ResourceKind, unix_micros};
use policy::Policy;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

pub(crate) use store::{PlanStore, PlansError};
use tally::PlanTally;

use crate::now;
use crate::policies::InForce;
use crate::rows::{desired, group, identity};
use crate::subjects::{GroupIndex, SeedMaker};

/// Receives the number of evaluated subjects and the total.
pub(crate) type PlanProgress<'a> = &'a (dyn Fn(u64, u64) + Send + Sync);

/// Computes plans.
#[derive(Debug, Clone)]
pub(crate) struct PolicyPlanner {
    pub(crate) store: Store,
    pub(crate) seeds: SeedMaker,
}

/// A plan that is being computed.
struct PlanRun<'a> {
    store: &'a Store,
    seeds: &'a SeedMaker,
    new: &'a Policy,
    base: Option<&'a InForce>,
    now: time::OffsetDateTime,
    index: Arc<GroupIndex>,
    tally: PlanTally,
    done: u64,
    total: u64,
    progress: PlanProgress<'a>,
}

impl PolicyPlanner {
    /// Computes the effect of `new` compared with `base`, the version in force; with `only`, for this person or group alone. Lists
    /// the first `changes_max` changes.
    ///
    /// # Errors
    /// Returns an error if the database fails.
    pub(crate) async fn plan(
        &self,
        new: &Policy,
        base: Option<&InForce>,
        only: Option<(ResourceKind, &str)>,
        changes_max: usize,
        progress: PlanProgress<'_>,
    ) -> Result<PolicyPlan, StoreError> {
        let now = now();
        let reader = self.store.reader();
        let uses_groups =
            new.has_groups() || new.uses_groups() || base.is_some_and(|b| b.policy.uses_groups());
        let index = match uses_groups {
            true => GroupIndex::load(reader, unix_micros(now)).await?,
            false => GroupIndex::default(),
        };
        let mut run = PlanRun {
            store: &self.store,
            seeds: &self.seeds,
            new,
            base,
            now,
            index: Arc::new(index),
            tally: PlanTally::new(changes_max, only.is_some()),
            done: 0,
            total: if only.is_some() { 1 } else { count_known(&self.store).await? },
            progress,
        };
        run.groups(only.map(|(kind, key)| (kind == ResourceKind::Group).then_some(key))).await?;
        run.people(only.map(|(kind, key)| (kind == ResourceKind::User).then_some(key))).await?;
        let has_access = self.having_access(new.target()).await?;
        let mut plan = run.tally.into_plan(new.target(), base.map(|base| base.version));
        let orphans = base.map(|base| base.policy.orphans().clone()).unwrap_or_default();
        plan.orphans = (*new.orphans() != orphans && only.is_none()).then(|| new.orphans().clone());
        let guard = base.map_or(new.guard(), |base| base.policy.guard().stricter(new.guard()));
        (plan.guard, plan.grants_guard) =
            judge(guard, base.is_none(), plan.removals(), plan.grants(), has_access);
        Ok(plan)
    }

    /// Returns the number of accounts and groups that have access now.
    async fn having_access(&self, target: &str) -> Result<u64, StoreError> {
        desired::Entity::find()
            .filter(desired::Column::Target.eq(target))
            .filter(desired::Column::State.is_in(["active", "exists"]))
            .count(self.store.reader())
            .await
            .map_err(StoreError::statement("count accounts"))
    }
}

/// Returns the limits that a plan exceeds, relative to `of` accounts and groups that have access now.
fn judge(
    guard: RemovalGuard,
    is_first: bool,
    removals: u64,
    grants: u64,
    of: u64,
) -> (Vec<GuardTrip>, Vec<GrantsTrip>) {
    let exceeded = guard.exceeded(removals, of);
    let removed = exceeded.into_iter().map(|threshold| GuardTrip { threshold, removals, of }).collect();
    // The first policy of a target gives access to all people in its scope.
    let exceeded = if is_first { Vec::new() } else { guard.exceeded(grants, of.max(grants)) };
    let granted = exceeded.into_iter().map(|threshold| GrantsTrip { threshold, grants, of }).collect();
    (removed, granted)
}

/// Returns the number of all people and groups.
async fn count_known(store: &Store) -> Result<u64, StoreError> {
    let failed = StoreError::statement("count people and groups");
    let people = identity::Entity::find().count(store.reader()).await.map_err(&failed)?;
    Ok(people + group::Entity::find().count(store.reader()).await.map_err(&failed)?)
}

impl PlanRun<'_> {
    /// Reports that `count` more subjects were evaluated.
    fn told(&mut self, count: usize) {
        self.done += u64::try_from(count).unwrap_or(u64::MAX);
        (self.progress)(self.done.min(self.total), self.total);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../../docs/policy.md");

    fn guard(text: &str) -> RemovalGuard {
        let (name, number) = text.split_once(' ').unwrap();
        let all = RemovalGuard { deletions: 1_000, percent: 100, ..RemovalGuard::default() };
        match name {
            "deletions" => RemovalGuard { deletions: number.parse().unwrap(), ..all },
            "percent" => RemovalGuard { percent: number.parse().unwrap(), ..all },
            _ => panic!("{text}"),
        }
    }

    #[test]
    fn a_change_of_the_policy_is_held_where_the_table_of_the_page_says_so() {
        let table = PAGE.lines().skip_while(|line| !line.starts_with("| policy before |"));
        let mut rows = 0;
        for line in table.skip(2).take_while(|line| line.starts_with('|')) {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [before, removals, grants, limits, of, expected] = cells[..] else { panic!("{line}") };
            let number = |text: &str| text.parse::<u64>().unwrap();
            let (removals, grants) = (number(removals), number(grants));
            let (removed, granted) = judge(guard(limits), before == "none", removals, grants, number(of));
            let outcome = match (removed.is_empty(), granted.is_empty()) {
                (true, true) => "applied".to_owned(),
                (false, true) => format!("held: --allow-deletes {removals}"),
                (true, false) => format!("held: --allow-grants {grants}"),
                (false, false) => "held".to_owned(),
            };
            assert_eq!(outcome, expected, "{line}");
            rows += 1;
        }
        assert!(rows > 5, "the table is gone");
    }
}

//! Puts the policy of a finished plan in force.

use lifecycle::{ApplyReply, ApplyRequest, PlanState, PolicyPlan};

use super::{MapperControl, MapperRefusal, wrong_request};
use crate::later::to_evaluate;
use crate::policies::versions::{self, NewVersion};
use crate::policy_keeper::adopt_newest;

impl MapperControl {
    /// Answers `apply`: puts the policy of a finished plan in force, unless it exceeds a guard or the base version has changed.
    pub(super) async fn apply(&self, request: &ApplyRequest) -> Result<ApplyReply, MapperRefusal> {
        let (row, status) = self.plans.get(&request.plan).await?;
        let plan = match (status.state, status.plan) {
            (PlanState::Finished, Some(plan)) => plan,
            (PlanState::Running, _) => {
                return Err(wrong_request("the plan is still being worked out: wait for it"));
            }
            (_, _) => return Err(wrong_request("the plan failed: plan again")),
        };
        if row.person.is_some() {
            return Err(wrong_request("the plan is about one person or group only: plan without `--person`"));
        }
        let in_force = versions::get_version(self.parts.store.reader(), &row.target, None).await?;
        let base = in_force.as_ref().map(|row| row.version);
        if base != plan.base_version {
            let by = in_force.map_or_else(String::new, |row| format!(" by {} ({})", row.who, row.why));
            return Err(wrong_request(format!(
                "another version came into force{by} since the plan was made: plan again"
            )));
        }
        if in_force.is_some_and(|in_force| in_force.policy == row.policy) {
            return self.applied(&row.target, base.unwrap_or_default(), true).await;
        }
        check_guard(&plan, request.allow_deletes)?;
        guard_grants(&plan, request.allow_grants)?;
        let new = NewVersion {
            target: &row.target,
            text: &row.policy,
            who: &request.actor.who,
            why: &request.actor.why,
            removals: plan.removals(),
            base,
            is_file: false,
        };
        let Some(version) = versions::put_in_force(&self.parts.store, &self.parts.relay, &new).await? else {
            return Err(wrong_request("another version came into force at the same moment: plan again"));
        };
        tracing::info!(
            target_name = row.target,
            version,
            who = request.actor.who,
            "a policy came into force"
        );
        adopt_newest(&self.parts.store, &self.publish).await?;
        self.applied(&row.target, version, false).await
    }

    /// Builds the reply, with the number of people and groups that are not evaluated with the new policies yet.
    async fn applied(
        &self,
        target: &str,
        version: i64,
        unchanged: bool,
    ) -> Result<ApplyReply, MapperRefusal> {
        let set = self.in_force().await?;
        let (to_evaluate, _) = to_evaluate(&self.parts.store, set.fingerprint()).await?;
        Ok(ApplyReply { target: target.to_owned(), version, unchanged, to_evaluate })
    }
}

/// # Errors
/// Refused if the plan exceeds a threshold and the operator does not allow enough removals.
fn check_guard(plan: &PolicyPlan, allowed: Option<u64>) -> Result<(), MapperRefusal> {
    let removals = plan.removals();
    if plan.guard.is_empty() || allowed.is_some_and(|allowed| allowed >= removals) {
        return Ok(());
    }
    let thresholds: Vec<String> = plan.guard.iter().map(|trip| format!("`{}`", trip.threshold)).collect();
    let of = plan.guard.first().map_or(0, |trip| trip.of);
    Err(wrong_request(format!(
        "it would take access from {removals} of {of} accounts and groups, more than {} allows: if that is meant, say \
         `--allow-deletes {removals}`",
        thresholds.join(" and ")
    )))
}

/// # Errors
/// Refused if the creations and activations of the plan exceed a threshold and the operator does not allow enough of them.
fn guard_grants(plan: &PolicyPlan, allowed: Option<u64>) -> Result<(), MapperRefusal> {
    let grants = plan.grants();
    if plan.grants_guard.is_empty() || allowed.is_some_and(|allowed| allowed >= grants) {
        return Ok(());
    }
    let thresholds: Vec<String> =
        plan.grants_guard.iter().map(|trip| format!("`{}`", trip.threshold)).collect();
    let of = plan.grants_guard.first().map_or(0, |trip| trip.of);
    Err(wrong_request(format!(
        "it would create or switch on {grants} accounts beside {of} accounts and groups that have access now, more than {} allows: if \
         that is meant, say `--allow-grants {grants}`",
        thresholds.join(" and ")
    )))
}

//! Converges memberships of one group, a chunk at a time.

use std::collections::HashMap;

use lifecycle::AttemptClass;
use scim::{UpdateMethod, diff};

use crate::converge::outcome::MembersOutcome;
use crate::delivery::call::{CallStop, TargetCall};
use crate::delivery::client::TargetClient;
use crate::delivery::operation::ScimOperation;
use crate::delivery::trouble::ConvergeTrouble;
use crate::rows::edge::HeldMembership;
use crate::rows::{edge, leftover};

/// Memberships of one group that fit into one request, with the ids that the target knows.
#[derive(Debug, Clone)]
pub(crate) struct MembersJob {
    pub(crate) group: String,
    pub(crate) group_id: String,
    pub(crate) edges: Vec<edge::Model>,
    /// The remote ids of the members, by key.
    pub(crate) member_ids: HashMap<String, String>,
    /// The ids of accounts that are gone and may still be listed. A job has either these or memberships.
    pub(crate) leftovers: Vec<leftover::Model>,
    /// The group's name, if it is known.
    pub(crate) group_name: Option<String>,
    /// The memberships that the never list concerns: they are not sent.
    pub(crate) barred: Vec<HeldMembership>,
}

impl MembersJob {
    /// Returns whether an earlier request about these memberships may have been carried out.
    pub(crate) fn is_unsure(&self) -> bool {
        self.edges.iter().any(edge::Model::is_unsure)
    }

    fn ids(&self, desired: bool) -> Vec<String> {
        let edges = self.edges.iter().filter(|edge| edge.desired == desired);
        edges.filter_map(|edge| self.member_ids.get(&edge.member_subject).cloned()).collect()
    }
}

/// Sends the changes of the job. If an earlier request is in doubt, reads its effect first.
pub(crate) async fn converge_members(call: &mut TargetCall, job: &MembersJob) -> MembersOutcome {
    let membership = &call.target.client.profile().membership;
    let (readable, asked_by) = (membership.readable, membership.asked_by.is_some());
    let only_removes = job.edges.iter().all(|edge| !edge.desired);
    let mut shows_nobody = false;
    if job.is_unsure() && readable {
        match look_at_members(call, job).await {
            MembersReading::Told(seen) => return seen,
            MembersReading::ShowsNobody => shows_nobody = true,
            MembersReading::Refused => {}
        }
    } else if job.is_unsure() && asked_by && only_removes {
        return ask_members(call, job).await;
    }
    let outcome = change_members(call, job, job.ids(true), job.ids(false)).await;
    match outcome {
        // The group lists no members and the target accepts the removal again: they are not in it.
        MembersOutcome::Settled if shows_nobody && only_removes => {
            MembersOutcome::Seen { present: Vec::new() }
        }
        outcome => outcome,
    }
}

/// Asks for each person whether they are in the group, for targets whose groups do not show their members.
async fn ask_members(call: &mut TargetCall, job: &MembersJob) -> MembersOutcome {
    let group = &job.group_id;
    let mut present = Vec::new();
    for (key, id) in &job.member_ids {
        let asked = async |client: &TargetClient| {
            client.is_member(group, id).await.expect("the profile says how it is asked")
        };
        match call.send(ScimOperation::ReadMembers, asked).await {
            Ok(true) => present.push(key.clone()),
            Ok(false) => {}
            Err(CallStop::Failed(failed)) if failed.class() == AttemptClass::NotFound => {
                return MembersOutcome::GroupGone;
            }
            Err(stop) => return judge_stop(stop, true),
        }
    }
    MembersOutcome::Seen { present }
}

/// Removes the ids of accounts that are gone from the group, if the target keeps them. Many targets remove them by themselves.
pub(crate) async fn take_out_leftovers(call: &mut TargetCall, job: &MembersJob) -> MembersOutcome {
    if call.target.leftovers.takes_them_out() {
        return MembersOutcome::Settled;
    }
    let mut ids: Vec<String> = job.leftovers.iter().map(|leftover| leftover.member_id.clone()).collect();
    if call.target.client.profile().membership.readable {
        let group = &job.group_id;
        match call.send(ScimOperation::ReadMembers, async |client| client.members(group).await).await {
            Ok(there) => {
                let there = there.unwrap_or_default();
                ids.retain(|id| there.contains(id));
            }
            Err(CallStop::Failed(failed)) if failed.class() == AttemptClass::NotFound => {
                return MembersOutcome::GroupGone;
            }
            Err(stop) => return judge_stop(stop, false),
        }
        call.target.leftovers.seen(!ids.is_empty());
    }
    if ids.is_empty() {
        return MembersOutcome::Settled;
    }
    change_members(call, job, Vec::new(), ids).await
}

/// Sends the additions and removals in as many requests as the profile requires.
async fn change_members(
    call: &mut TargetCall,
    job: &MembersJob,
    add: Vec<String>,
    remove: Vec<String>,
) -> MembersOutcome {
    if let Err(stop) = call.clear_members(add.iter().chain(&remove)) {
        return judge_stop(stop, false);
    }
    if call.target.client.profile().membership.method == UpdateMethod::Put {
        return put_group(call, job, &add, &remove).await;
    }
    let requests = diff::member_ops(call.target.client.profile(), &add, &remove);
    let operation = if remove.is_empty() {
        ScimOperation::AddMembers
    } else if add.is_empty() {
        ScimOperation::RemoveMembers
    } else {
        ScimOperation::ChangeMembers
    };
    let mut sent = false;
    for ops in requests {
        let group = &job.group_id;
        call.next_has(|profile| diff::patch_body(profile, &ops));
        match call.patch(operation, (scim::ScimKind::Group, group), &ops).await {
            Ok(_) => sent = true,
            Err(CallStop::Failed(failed)) if failed.class() == AttemptClass::NotFound => {
                return not_found(call, group, failed.trouble).await;
            }
            Err(stop) => return judge_stop(stop, sent || call.in_doubt()),
        }
    }
    MembersOutcome::Settled
}

/// Replaces the group with its current state and changed members, for targets that do not support PATCH.
async fn put_group(
    call: &mut TargetCall,
    job: &MembersJob,
    add: &[String],
    remove: &[String],
) -> MembersOutcome {
    let group = &job.group_id;
    let current = match call
        .send(ScimOperation::Read, async |client| client.get(scim::ScimKind::Group, group).await)
        .await
    {
        Ok(current) => current,
        Err(CallStop::Failed(failed)) if failed.class() == AttemptClass::NotFound => {
            return MembersOutcome::GroupGone;
        }
        Err(stop) => return judge_stop(stop, false),
    };
    let profile = call.target.client.profile();
    let whole = scim::with_members(profile, &current.attributes, add, remove);
    let version = current.version.as_deref();
    call.next_has(|_| whole.clone());
    let sent =
        call.replace(ScimOperation::ChangeMembers, (scim::ScimKind::Group, group), &whole, version).await;
    match sent {
        Ok(_) => MembersOutcome::Settled,
        Err(stop) => {
            let in_doubt = call.in_doubt();
            judge_stop(stop, in_doubt)
        }
    }
}

/// Handles a 404. Some targets answer 404 for one unknown member: only a group that cannot be read is gone.
async fn not_found(call: &mut TargetCall, group: &str, trouble: ConvergeTrouble) -> MembersOutcome {
    match call.send(ScimOperation::Read, async |client| client.get(scim::ScimKind::Group, group).await).await
    {
        Err(CallStop::Failed(failed)) if failed.class() == AttemptClass::NotFound => {
            MembersOutcome::GroupGone
        }
        Err(CallStop::Deferred | CallStop::Postponed { .. }) => MembersOutcome::Unsure(None),
        Ok(_) | Err(CallStop::Failed(_) | CallStop::Never(_)) => MembersOutcome::Refused(trouble),
    }
}

/// The result of reading the members of a group.
enum MembersReading {
    Told(MembersOutcome),
    /// The group has no members, or does not show them: sending the change again is right in both cases.
    ShowsNobody,
    /// The target does not allow reading: sending the change again is the only way, and harmless.
    Refused,
}

/// Reads the members of the group to settle earlier requests.
async fn look_at_members(call: &mut TargetCall, job: &MembersJob) -> MembersReading {
    let group = &job.group_id;
    MembersReading::Told(
        match call.send(ScimOperation::ReadMembers, async |client| client.members(group).await).await {
            Ok(None) => return MembersReading::ShowsNobody,
            Ok(Some(ids)) => {
                let there: std::collections::HashSet<String> = ids.into_iter().collect();
                let present =
                    job.member_ids.iter().filter(|(_, id)| there.contains(*id)).map(|(key, _)| key.clone());
                MembersOutcome::Seen { present: present.collect() }
            }
            Err(CallStop::Deferred) => MembersOutcome::Deferred,
            Err(CallStop::Never(reason)) => MembersOutcome::Never(reason),
            // The effect of the earlier request is still unknown.
            Err(CallStop::Postponed { trouble, times }) => {
                MembersOutcome::Postponed { trouble: *trouble, times, sent: true }
            }
            Err(CallStop::Failed(failed)) => match failed.class() {
                AttemptClass::Permanent => return MembersReading::Refused,
                AttemptClass::NotFound => MembersOutcome::GroupGone,
                // The effect of the earlier request is still unknown.
                _ => MembersOutcome::Unsure(Some(failed.trouble)),
            },
        },
    )
}

/// Returns the outcome of a stopped job. `sent`: a request of the same job was carried out, or may have been, so nothing
/// may be assumed about the memberships.
fn judge_stop(stop: CallStop, sent: bool) -> MembersOutcome {
    match stop {
        CallStop::Deferred if sent => MembersOutcome::Unsure(None),
        CallStop::Postponed { trouble, times } => {
            MembersOutcome::Postponed { trouble: *trouble, times, sent }
        }
        CallStop::Deferred => MembersOutcome::Deferred,
        CallStop::Never(reason) => MembersOutcome::Never(reason),
        CallStop::Failed(failed) => match failed.class() {
            AttemptClass::Permanent if !sent => MembersOutcome::Refused(failed.trouble),
            _ => MembersOutcome::Unsure(Some(failed.trouble)),
        },
    }
}

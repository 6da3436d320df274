//! Runs one job from its first permit to its result.

use std::sync::Arc;

use lifecycle::{Lane, ResourceKind, TraceContext};
use scim::ScimKind;
use tokio::sync::mpsc;

use crate::converge::outcome::{
    ConvergeOutcome, ConvergeProgress, MembersOutcome, WorkResult, WorkedMembers, WorkedResource,
};
use crate::converge::{self, members};
use crate::delivery::call::{CallSubject, KnownResource, OwnedTarget, TargetCall};
use crate::delivery::pacer::RequestPermit;
use crate::guard::never;
use crate::rows::access::RemovalConsent;
use crate::rows::edge::HeldMembership;
use crate::rows::resource;

/// Converges one resource and sends the result to the committer.
pub(super) async fn work_on_resource(
    target: Arc<OwnedTarget>,
    (job, only_switch_offs): (crate::ownership::ready::ResourceJob, bool),
    mut progress: ConvergeProgress,
    trace: TraceContext,
    permit: RequestPermit,
    results: mpsc::Sender<WorkResult>,
) {
    let row = job.row;
    let about = CallSubject {
        kind: row.kind(),
        subject: row.subject.clone(),
        revision: row.desired_revision,
        lane: row.lane(),
        trace: Some(trace),
        attempts: row.attempts,
        consent: row.consent(),
        only_switch_offs,
        known: known_resource(&row),
    };
    let mut call = TargetCall::new(target, about, permit);
    let outcome: ConvergeOutcome = converge::converge_resource(&mut call, &job.wanted, &mut progress).await;
    let (facts, failed) = call.into_attempts();
    let references = job.wanted.references;
    let worked = WorkedResource { row, progress, outcome, facts, failed, references };
    // The committer ends first only if the lease is lost; then the result must not count.
    let _ = results.send(WorkResult::Resource(Box::new(worked))).await;
}

/// Converges memberships, or removes leftovers, of one group and sends the result to the committer.
pub(super) async fn work_on_members(
    target: Arc<OwnedTarget>,
    (job, held): (members::MembersJob, Vec<HeldMembership>),
    lane: Lane,
    trace: TraceContext,
    permit: RequestPermit,
    results: mpsc::Sender<WorkResult>,
) {
    let about = CallSubject {
        kind: ResourceKind::Membership,
        subject: job.group.clone(),
        revision: 0,
        lane,
        trace: Some(trace),
        attempts: 0,
        consent: RemovalConsent::Unknown,
        only_switch_offs: false,
        known: job.group_name.clone().map(|name| KnownResource {
            kind: ScimKind::Group,
            id: job.group_id.clone(),
            name,
        }),
    };
    let mut call = TargetCall::new(target, about, permit);
    if !job.leftovers.is_empty() {
        let outcome = members::take_out_leftovers(&mut call, &job).await;
        let _ =
            results.send(WorkResult::Members(Box::new(members_result(job, call, Vec::new(), outcome)))).await;
        return;
    }
    let outcome = match job.edges.is_empty() {
        true => MembersOutcome::Settled,
        false => members::converge_members(&mut call, &job).await,
    };
    let _ = results.send(WorkResult::Members(Box::new(members_result(job, call, held, outcome)))).await;
}

/// Builds the result of a job for memberships.
fn members_result(
    job: members::MembersJob,
    call: TargetCall,
    held: Vec<HeldMembership>,
    outcome: MembersOutcome,
) -> WorkedMembers {
    let members::MembersJob { group, group_id, edges, member_ids, leftovers, .. } = job;
    let membership = &call.target.client.profile().membership;
    let shows_members = membership.readable || membership.asked_by.is_some();
    let (facts, failed) = call.into_attempts();
    WorkedMembers {
        shows_members,
        group,
        group_id,
        member_ids,
        edges,
        leftovers,
        held,
        outcome,
        facts,
        failed,
    }
}

/// Returns the linked resource of a row, if its name is known.
fn known_resource(row: &resource::Model) -> Option<KnownResource> {
    let (id, name) = row.remote_id.clone().zip(never::known_name(row))?;
    Some(KnownResource { kind: never::scim_kind(row.kind()), id, name })
}

//! One piece of work from its first permit to its result.

use std::sync::Arc;

use lifecycle::{Lane, ResourceKind, TraceContext};
use tokio::sync::mpsc;

use crate::call::{About, Call, Consent, OwnedTarget};
use crate::converge::{self, members};
use crate::outcome::{MembersOutcome, Outcome, Progress, Worked, WorkedMembers, WorkedResource};
use crate::pacer::Permit;
use crate::rows::edge;

pub(super) async fn work_on_resource(
    target: Arc<OwnedTarget>,
    (job, only_switch_offs): (crate::ready::ResourceJob, bool),
    mut progress: Progress,
    trace: TraceContext,
    permit: Permit,
    results: mpsc::Sender<Worked>,
) {
    let row = job.row;
    let about = About {
        kind: row.kind(),
        subject: row.subject.clone(),
        revision: row.desired_revision,
        lane: row.lane(),
        trace: Some(trace),
        attempts: row.attempts,
        consent: row.consent(),
        only_switch_offs,
    };
    let mut call = Call::new(target, about, permit);
    let outcome: Outcome = converge::converge(&mut call, &job.wanted, &mut progress).await;
    let (facts, failed) = call.into_attempts();
    let references = job.wanted.references;
    let worked = WorkedResource { row, progress, outcome, facts, failed, references };
    // The committer ends first only when the lease is lost; then the result must not count.
    let _ = results.send(Worked::Resource(Box::new(worked))).await;
}

pub(super) async fn work_on_members(
    target: Arc<OwnedTarget>,
    (job, held): (members::MembersJob, Option<(Vec<edge::Model>, String)>),
    lane: Lane,
    trace: TraceContext,
    permit: Permit,
    results: mpsc::Sender<Worked>,
) {
    let about = About {
        kind: ResourceKind::Membership,
        subject: job.group.clone(),
        revision: 0,
        lane,
        trace: Some(trace),
        attempts: 0,
        consent: Consent::Unknown,
        only_switch_offs: false,
    };
    let mut call = Call::new(target, about, permit);
    if !job.leftovers.is_empty() {
        let outcome = members::take_out_leftovers(&mut call, &job).await;
        let _ = results.send(Worked::Members(Box::new(worked(job, call, None, outcome)))).await;
        return;
    }
    let outcome = match job.edges.is_empty() {
        true => MembersOutcome::Settled,
        false => members::converge(&mut call, &job).await,
    };
    let _ = results.send(Worked::Members(Box::new(worked(job, call, held, outcome)))).await;
}

fn worked(
    job: members::MembersJob,
    call: Call,
    held: Option<(Vec<edge::Model>, String)>,
    outcome: MembersOutcome,
) -> WorkedMembers {
    let members::MembersJob { group, group_id, edges, member_ids, leftovers } = job;
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

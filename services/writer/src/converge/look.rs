//! Previews a change: reads the target and describes the request that would be sent. Changes nothing.

use std::sync::Arc;

use lifecycle::{AttemptClass, PlannedOperation};
use scim::{FoundResource, ScimKind, UpdateMethod, diff};

use super::WantedState;
use super::create::find_adoption_objection;
use super::locate::{self, LocateResult};
use super::step::{self, ConvergeStep, TargetState};
use crate::delivery::call::{CallStop, TargetCall};
use crate::delivery::client::TargetClient;
use crate::delivery::links::linked_already;
use crate::delivery::operation::ScimOperation;
use crate::rows::settled::SettledOutcome;

/// The relation of what was found at the target to the person or group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResourceMatch {
    /// The resource that is linked.
    Linked,
    /// A resource that can be linked.
    Found,
    /// There is none.
    Nothing,
    /// A resource of another person or group.
    Foreign,
}

impl ResourceMatch {
    /// Returns the name in replies.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Linked => "linked",
            Self::Found => "found",
            Self::Nothing => "nothing",
            Self::Foreign => "foreign",
        }
    }
}

/// The resource that was found, and the planned operation.
#[derive(Debug)]
pub(crate) struct LookupPreview {
    pub(crate) matched: ResourceMatch,
    pub(crate) remote_id: Option<String>,
    pub(crate) action: PlannedOperation,
}

/// Previews the change of a resource. It sends only requests that read. `link` is the remote id that we know.
///
/// # Errors
/// If the target cannot be asked now, or if it answers with an error.
pub(crate) async fn preview_change(
    call: &mut TargetCall,
    wanted: &WantedState,
    link: Option<&str>,
) -> Result<LookupPreview, CallStop> {
    if let Some(id) = link {
        match locate::read_linked(call, wanted.kind, id).await {
            Ok(found) => return preview_update(call, wanted, found, ResourceMatch::Linked).await,
            Err(CallStop::Failed(failed)) if failed.class() == AttemptClass::NotFound => {}
            Err(stop) => return Err(stop),
        }
    }
    match locate::locate_resource(call, wanted, true).await? {
        LocateResult::Nothing => Ok(preview_create(call, wanted)),
        LocateResult::Foreign(foreign) => Ok(LookupPreview {
            matched: ResourceMatch::Foreign,
            remote_id: None,
            action: preview_conflict(foreign.found),
        }),
        LocateResult::Adoptable(hit) => match call.linked_to_another(&hit.resource.id).await? {
            Some(other) => {
                let action = preview_conflict(linked_already(&hit.resource.id, &other));
                Ok(LookupPreview {
                    matched: ResourceMatch::Foreign,
                    remote_id: Some(hit.resource.id),
                    action,
                })
            }
            None => preview_update(call, wanted, hit.resource, ResourceMatch::Found).await,
        },
    }
}

fn preview_create(call: &TargetCall, wanted: &WantedState) -> LookupPreview {
    let client = &call.target.client;
    let step = step::next_step(client.profile(), wanted, TargetState::Nothing);
    let action = planned_operation(&step, step::step_request(client, wanted, &step, None), false);
    LookupPreview { matched: ResourceMatch::Nothing, remote_id: None, action }
}

/// Previews the change of an existing resource.
async fn preview_update(
    call: &mut TargetCall,
    wanted: &WantedState,
    mut found: FoundResource,
    matched: ResourceMatch,
) -> Result<LookupPreview, CallStop> {
    let objection = match matched {
        ResourceMatch::Found => find_adoption_objection(call, wanted, &found).await?.map(|it| it.reason),
        _ => call.note_shown(wanted.kind, &found),
    };
    if let Some(why) = objection {
        let action =
            PlannedOperation { action: "held".to_owned(), why: Some(why), request: None, body: None };
        return Ok(LookupPreview { matched, remote_id: Some(found.id), action });
    }
    let applied = scim::observe_resource(&found.attributes, wanted.paths());
    let surely_ours = matched == ResourceMatch::Linked || locate::is_ours(wanted, &found);
    let there = TargetState::Something { applied: &applied, surely_ours };
    let profile = call.target.client.profile();
    let step = step::next_step(profile, wanted, there);
    let writes = matches!(step, ConvergeStep::Write { .. } | ConvergeStep::SwitchOff);
    if writes
        && matched == ResourceMatch::Found
        && *profile.update_method.of(wanted.kind) == UpdateMethod::Put
    {
        // A PUT starts from this reading: a search may have omitted attributes.
        found = locate::read_linked(call, wanted.kind, &found.id).await?;
    }
    let request = step::step_request(&call.target.client, wanted, &step, Some(&found));
    let action = planned_operation(&step, request, matched == ResourceMatch::Found);
    Ok(LookupPreview { matched, remote_id: Some(found.id), action })
}

/// Previews the request that adds a member to a group or removes one. It sends only requests that read.
///
/// # Errors
/// If the target cannot be asked now, or if it answers with an error.
pub(crate) async fn look_membership(
    call: &mut TargetCall,
    group_id: &str,
    member_id: &str,
    present: bool,
) -> Result<PlannedOperation, CallStop> {
    let target = Arc::clone(&call.target);
    let profile = target.client.profile();
    if profile.membership.readable {
        let members =
            call.send(ScimOperation::ReadMembers, async |client| client.members(group_id).await).await?;
        // A group that shows no members may hide them: sending the change is right in both cases.
        if members.is_some_and(|members| members.iter().any(|id| id == member_id) == present) {
            return Ok(planned_operation(
                &ConvergeStep::Rest { how: SettledOutcome::Unchanged },
                None,
                false,
            ));
        }
    } else if profile.membership.asked_by.is_some() {
        let asked = async |client: &TargetClient| {
            client.is_member(group_id, member_id).await.expect("the profile says how it is asked")
        };
        if call.send(ScimOperation::ReadMembers, asked).await? == present {
            return Ok(planned_operation(
                &ConvergeStep::Rest { how: SettledOutcome::Unchanged },
                None,
                false,
            ));
        }
    }
    let member = [member_id.to_owned()];
    let (add, remove): (&[String], &[String]) = if present { (&member, &[]) } else { (&[], &member) };
    let ops = diff::member_ops(profile, add, remove).into_iter().next().unwrap_or_default();
    let body = diff::patch_body(profile, &ops);
    let (request, body) = target.client.show("PATCH", ScimKind::Group, Some(group_id), Some(&body));
    let action = if present { "add_member" } else { "remove_member" };
    let together = profile.membership.members_per_request_max > 1;
    let why = together.then(|| "in one request with other memberships of the group that wait".to_owned());
    Ok(PlannedOperation { action: action.to_owned(), why, request: Some(request), body })
}

fn preview_conflict(why: String) -> PlannedOperation {
    PlannedOperation { action: "conflict".to_owned(), why: Some(why), request: None, body: None }
}

/// Describes a step and its request for an operator.
fn planned_operation(
    step: &ConvergeStep,
    request: Option<(String, Option<serde_json::Value>)>,
    adopted: bool,
) -> PlannedOperation {
    let (action, why) = match step {
        ConvergeStep::Create => ("create", None),
        ConvergeStep::Write { .. } if adopted => ("adopt", None),
        ConvergeStep::Write { how: SettledOutcome::Disabled, .. } | ConvergeStep::SwitchOff => {
            ("disable", None)
        }
        ConvergeStep::Write { how: SettledOutcome::Enabled, .. } => ("enable", None),
        ConvergeStep::Write { .. } => ("update", None),
        ConvergeStep::Delete => ("delete", None),
        ConvergeStep::Rest { how: SettledOutcome::Unchanged } if adopted => {
            ("adopt", Some("it agrees already; only the link is kept"))
        }
        ConvergeStep::Rest { how: SettledOutcome::Unchanged } => ("none", Some("the target agrees already")),
        ConvergeStep::Rest { how: SettledOutcome::Absent } => ("none", Some("there is nothing to remove")),
        ConvergeStep::Rest { .. } => ("none", Some("all access that can be removed is removed already")),
        ConvergeStep::Forbidden { why, .. } => ("forbidden", Some(*why)),
    };
    let (request, body) = match request {
        Some((request, body)) => (Some(request), body),
        None => (None, None),
    };
    PlannedOperation { action: action.to_owned(), why: why.map(str::to_owned), request, body }
}

//! Decides the next request from what is known of the target. This pure module is the only place that decides it.
//!
//! Both converging and previewing go through [`next_step`] and [`step_request`], so that they agree.

use lifecycle::{AccountState, AttributeMap};
use scim::{DeleteMethod, FoundResource, PatchOp, ScimKind, TargetProfile, UpdateMethod, diff};
use serde_json::Value;

use super::WantedState;
use crate::delivery::client::TargetClient;
use crate::rows::access::DeletionRule;
use crate::rows::settled::SettledOutcome;

/// The reason shown with a resource that is not created.
pub(crate) const NOT_CREATED: &str = "not created: the policy's actions forbid it";
/// The reason shown with a resource that differs from the desired state.
pub(crate) const NOT_CHANGED: &str = "not changed: the policy's actions forbid it";
/// The reason shown with an account of a person who should have none.
pub(crate) const NOT_TAKEN_AWAY: &str = "neither deleted nor disabled: the policy's actions forbid it";

/// The reason shown with an account that is off and not deleted.
const ONLY_DISABLES: &str = "disabled, not deleted: the target's profile only disables (`delete`)";
const GRACE: &str = "disabled; it is deleted when its grace is over (`deleteAfterDays`), counted from the first evidence that it is off";
const NOT_CREATED_BY_US: &str = "stays disabled: adopted (Usher did not create it, or that is not known; see `delete_adopted` of the target)";
const GROUP_NOT_CREATED_BY_US: &str = "stays at the target: adopted (Usher did not create it, or that is not known; see `delete_adopted` of the target)";
const NOT_SURELY_OURS: &str = "disabled, not deleted: it was not certain to be ours when it was found";

/// Returns the reason why a person who should have no account keeps one that is off, although the policy says to delete it.
pub(crate) fn why_kept(profile: &TargetProfile, wanted: &WantedState) -> Option<&'static str> {
    let should_be_gone = wanted.state == AccountState::Deleted && wanted.actions.delete;
    match profile.delete {
        _ if !should_be_gone => None,
        DeleteMethod::Hard => match wanted.deletion {
            DeletionRule::AfterGrace(_) => Some(GRACE),
            DeletionRule::NotOurs if wanted.kind == ScimKind::Group => Some(GROUP_NOT_CREATED_BY_US),
            DeletionRule::NotOurs => Some(NOT_CREATED_BY_US),
            DeletionRule::Due => Some(NOT_SURELY_OURS),
        },
        DeleteMethod::Disable | DeleteMethod::Unsupported => Some(ONLY_DISABLES),
    }
}

/// The state of the target, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub(crate) enum TargetState<'a> {
    /// The target has no such resource.
    Nothing,
    /// The target has the resource with the attributes `applied`. `surely_ours`: it is linked, or carries our externalId.
    Something { applied: &'a AttributeMap, surely_ours: bool },
}

/// The next step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ConvergeStep {
    /// Create the resource.
    Create,
    /// Change the resource by these operations, or by a PUT with the same effect. `how` names the change in the past tense.
    Write { ops: Vec<PatchOp>, how: SettledOutcome },
    /// Switch the account off and change nothing else.
    SwitchOff,
    /// Delete it.
    Delete,
    /// Nothing needs to be done. `how` names the state.
    Rest { how: SettledOutcome },
    /// A change is needed, but not allowed.
    Forbidden { how: SettledOutcome, why: &'static str },
}

/// Returns the next step towards `wanted`.
pub(crate) fn next_step(
    profile: &TargetProfile,
    wanted: &WantedState,
    there: TargetState<'_>,
) -> ConvergeStep {
    match (there, wanted.state) {
        (TargetState::Nothing, AccountState::Active) if wanted.actions.create => ConvergeStep::Create,
        (TargetState::Nothing, AccountState::Active) => {
            ConvergeStep::Forbidden { how: SettledOutcome::Skipped, why: NOT_CREATED }
        }
        (TargetState::Nothing, _) => ConvergeStep::Rest { how: SettledOutcome::Absent },
        (TargetState::Something { applied, surely_ours }, AccountState::Deleted) => {
            take_away(profile, wanted, applied, surely_ours)
        }
        (TargetState::Something { applied, .. }, _) => write_step(profile, wanted, applied),
    }
}

/// Deletes a resource only if it is surely ours and both the policy and the target allow it. Otherwise at least switches
/// the account off.
fn take_away(
    profile: &TargetProfile,
    wanted: &WantedState,
    applied: &AttributeMap,
    surely_ours: bool,
) -> ConvergeStep {
    let may_be_deleted = surely_ours && wanted.deletion == DeletionRule::Due;
    if may_be_deleted && wanted.actions.delete && profile.delete == DeleteMethod::Hard {
        return ConvergeStep::Delete;
    }
    let kept = if wanted.actions.delete {
        ConvergeStep::Rest { how: SettledOutcome::Kept }
    } else {
        ConvergeStep::Forbidden { how: SettledOutcome::Kept, why: NOT_TAKEN_AWAY }
    };
    match wanted.kind {
        ScimKind::Group => kept,
        ScimKind::User if applied.get("active") == Some(&false.into()) => {
            ConvergeStep::Rest { how: SettledOutcome::Kept }
        }
        ScimKind::User if wanted.actions.disable => ConvergeStep::SwitchOff,
        ScimKind::User => ConvergeStep::Forbidden { how: SettledOutcome::Kept, why: NOT_TAKEN_AWAY },
    }
}

/// Returns the step for the differing attributes that the actions allow to change.
fn write_step(profile: &TargetProfile, wanted: &WantedState, applied: &AttributeMap) -> ConvergeStep {
    let (set, clear) = wanted.to_write();
    let ops = diff::patch_operations(profile, wanted.kind, applied, &set, clear);
    if !ops.is_empty() {
        return ConvergeStep::Write { ops, how: wanted.outcome_of_change(applied) };
    }
    let restricted = !(wanted.actions.update && wanted.actions.disable);
    let differs = || {
        !diff::patch_operations(profile, wanted.kind, applied, &wanted.attributes, &wanted.clear).is_empty()
    };
    if restricted && differs() {
        return ConvergeStep::Forbidden { how: SettledOutcome::Unchanged, why: NOT_CHANGED };
    }
    ConvergeStep::Rest { how: SettledOutcome::Unchanged }
}

/// Returns the operations and attributes that switch a leaver's account off.
pub(crate) fn switch_off_request(profile: &TargetProfile) -> (Vec<PatchOp>, AttributeMap) {
    let active = |value: bool| -> AttributeMap { [("active".to_owned(), value.into())].into() };
    (diff::patch_operations(profile, ScimKind::User, &active(true), &active(false), &[]), active(false))
}

/// Returns the request that carries out `step` (method and path, and the body), redacted for an operator. `current` is
/// the resource at the target.
pub(crate) fn step_request(
    client: &TargetClient,
    wanted: &WantedState,
    step: &ConvergeStep,
    current: Option<&FoundResource>,
) -> Option<(String, Option<Value>)> {
    let (profile, kind) = (client.profile(), wanted.kind);
    let id = current.map(|found| found.id.as_str());
    let change = |ops: &[PatchOp], set: &AttributeMap, clear: &[String]| match (
        *profile.update_method.of(kind),
        current,
    ) {
        (UpdateMethod::Put, Some(found)) => {
            let whole = scim::overlay_resource(profile, kind, &found.attributes, set, clear);
            client.show("PUT", kind, id, Some(&whole))
        }
        _ => client.show("PATCH", kind, id, Some(&diff::patch_body(profile, ops))),
    };
    match step {
        ConvergeStep::Create => {
            let body = diff::to_resource(profile, kind, &wanted.to_create());
            Some(client.show("POST", kind, None, Some(&body)))
        }
        ConvergeStep::Write { ops, .. } => {
            let (set, clear) = wanted.to_write();
            Some(change(ops, &set, clear))
        }
        ConvergeStep::SwitchOff => {
            let (ops, set) = switch_off_request(profile);
            Some(change(&ops, &set, &[]))
        }
        ConvergeStep::Delete => Some(client.show("DELETE", kind, id, None)),
        ConvergeStep::Rest { .. } | ConvergeStep::Forbidden { .. } => None,
    }
}

#[cfg(test)]
mod tests;

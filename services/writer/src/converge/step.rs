//! What is to be sent next, given what is known of the target: the only place that decides it. Pure.
//!
//! Making it so and saying beforehand what would be done both go through [`next_step`] and [`step_request`], so that they agree.

use lifecycle::{AccountState, AttributeMap};
use scim::{DeleteMethod, FoundResource, PatchOp, ScimClient, ScimKind, TargetProfile, UpdateMethod, diff};
use serde_json::Value;

use super::WantedState;
use crate::rows::access::DeletionRule;

/// Shown with a resource that is not created.
pub(crate) const NOT_CREATED: &str = "not created: the policy's actions forbid it";
/// Shown with a resource that is not as it should be.
pub(crate) const NOT_CHANGED: &str = "not changed: the policy's actions forbid it";
/// Shown with an account of somebody who should have none.
pub(crate) const NOT_TAKEN_AWAY: &str = "neither deleted nor disabled: the policy's actions forbid it";

/// Shown with an account that is off and not deleted.
const ONLY_DISABLES: &str = "disabled, not deleted: the target's profile only disables (`delete`)";
const GRACE: &str = "disabled; it is deleted when its grace is over (`deleteAfterDays`), counted from when it was seen that it is off";
const NOT_CREATED_BY_US: &str =
    "disabled, not deleted: it was there before, or it is not known that Usher created it";
const NOT_SURELY_OURS: &str = "disabled, not deleted: it was not ours for sure when it was found";

/// Why somebody who should have no account keeps one that is off, where the policy would have it deleted.
pub(crate) fn why_kept(profile: &TargetProfile, wanted: &WantedState) -> Option<&'static str> {
    let should_be_gone = wanted.state == AccountState::Deleted && wanted.actions.delete;
    match profile.delete {
        _ if !should_be_gone => None,
        DeleteMethod::Hard => match wanted.deletion {
            DeletionRule::AfterGrace(_) => Some(GRACE),
            DeletionRule::NotOurs => Some(NOT_CREATED_BY_US),
            DeletionRule::Due => Some(NOT_SURELY_OURS),
        },
        DeleteMethod::Disable | DeleteMethod::Unsupported => Some(ONLY_DISABLES),
    }
}

/// What the target has, as far as we know.
#[derive(Debug, Clone, Copy)]
pub(crate) enum TargetState<'a> {
    /// Nothing.
    Nothing,
    /// The resource, with this; `surely_ours`: linked, or with our externalId.
    Something { applied: &'a AttributeMap, surely_ours: bool },
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ConvergeStep {
    /// Create it.
    Create,
    /// Change it by these operations, or by a PUT that comes to the same. Says what that is called, in the past tense.
    Write { ops: Vec<PatchOp>, how: &'static str },
    /// Switch the account off and change nothing else.
    SwitchOff,
    /// Delete it.
    Delete,
    /// Nothing needs to be done. Says what that is called.
    Rest { how: &'static str },
    /// Something would need to be done, but may not be.
    Forbidden { how: &'static str, why: &'static str },
}

/// What to do next to make `wanted` true.
pub(crate) fn next_step(
    profile: &TargetProfile,
    wanted: &WantedState,
    there: TargetState<'_>,
) -> ConvergeStep {
    match (there, wanted.state) {
        (TargetState::Nothing, AccountState::Active) if wanted.actions.create => ConvergeStep::Create,
        (TargetState::Nothing, AccountState::Active) => {
            ConvergeStep::Forbidden { how: "skipped", why: NOT_CREATED }
        }
        (TargetState::Nothing, _) => ConvergeStep::Rest { how: "absent" },
        (TargetState::Something { applied, surely_ours }, AccountState::Deleted) => {
            take_away(profile, wanted, applied, surely_ours)
        }
        (TargetState::Something { applied, .. }, _) => write_step(profile, wanted, applied),
    }
}

/// Deletes only what is surely ours, where the policy and the target let it; else nobody may use it at least.
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
        ConvergeStep::Rest { how: "kept" }
    } else {
        ConvergeStep::Forbidden { how: "kept", why: NOT_TAKEN_AWAY }
    };
    match wanted.kind {
        ScimKind::Group => kept,
        ScimKind::User if applied.get("active") == Some(&false.into()) => ConvergeStep::Rest { how: "kept" },
        ScimKind::User if wanted.actions.disable => ConvergeStep::SwitchOff,
        ScimKind::User => ConvergeStep::Forbidden { how: "kept", why: NOT_TAKEN_AWAY },
    }
}

fn write_step(profile: &TargetProfile, wanted: &WantedState, applied: &AttributeMap) -> ConvergeStep {
    let (set, clear) = wanted.to_write();
    let ops = diff::patch_operations(profile, wanted.kind, applied, &set, clear);
    if !ops.is_empty() {
        return ConvergeStep::Write { ops, how: wanted.name_of_change(applied) };
    }
    let restricted = !(wanted.actions.update && wanted.actions.disable);
    let differs = || {
        !diff::patch_operations(profile, wanted.kind, applied, &wanted.attributes, &wanted.clear).is_empty()
    };
    if restricted && differs() {
        return ConvergeStep::Forbidden { how: "unchanged", why: NOT_CHANGED };
    }
    ConvergeStep::Rest { how: "unchanged" }
}

/// What a leaver's account is switched off by.
pub(crate) fn switch_off_request(profile: &TargetProfile) -> (Vec<PatchOp>, AttributeMap) {
    let active = |value: bool| -> AttributeMap { [("active".to_owned(), value.into())].into() };
    (diff::patch_operations(profile, ScimKind::User, &active(true), &active(false), &[]), active(false))
}

/// The request that carries out `step`: method and path, and the body, as an operator may see them. `current` is what
/// the target has.
pub(crate) fn step_request(
    client: &ScimClient,
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

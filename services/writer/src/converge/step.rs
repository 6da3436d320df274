//! What is to be sent next, given what is known of the target: the only place that decides it. Pure.
//!
//! Making it so and saying beforehand what would be done both go through [`next`] and [`request`], so that they agree.

use lifecycle::{AccountState, Attributes};
use scim::{Client, DeleteMethod, Found, Kind, PatchOp, TargetProfile, UpdateMethod, diff};
use serde_json::Value;

use super::Wanted;
use crate::rows::access::Deletion;

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
pub(crate) fn why_kept(profile: &TargetProfile, wanted: &Wanted) -> Option<&'static str> {
    let should_be_gone = wanted.state == AccountState::Deleted && wanted.actions.delete;
    match profile.delete {
        _ if !should_be_gone => None,
        DeleteMethod::Hard => match wanted.deletion {
            Deletion::AfterGrace(_) => Some(GRACE),
            Deletion::NotOurs => Some(NOT_CREATED_BY_US),
            Deletion::Due => Some(NOT_SURELY_OURS),
        },
        DeleteMethod::Disable | DeleteMethod::Unsupported => Some(ONLY_DISABLES),
    }
}

/// What the target has, as far as we know.
#[derive(Debug, Clone, Copy)]
pub(crate) enum There<'a> {
    /// Nothing.
    Nothing,
    /// The resource, with this; `surely_ours`: linked, or with our externalId.
    Something { applied: &'a Attributes, surely_ours: bool },
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
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
pub(crate) fn next(profile: &TargetProfile, wanted: &Wanted, there: There<'_>) -> Step {
    match (there, wanted.state) {
        (There::Nothing, AccountState::Active) if wanted.actions.create => Step::Create,
        (There::Nothing, AccountState::Active) => Step::Forbidden { how: "skipped", why: NOT_CREATED },
        (There::Nothing, _) => Step::Rest { how: "absent" },
        (There::Something { applied, surely_ours }, AccountState::Deleted) => {
            take_away(profile, wanted, applied, surely_ours)
        }
        (There::Something { applied, .. }, _) => write(profile, wanted, applied),
    }
}

/// Deletes only what is surely ours, where the policy and the target let it; else nobody may use it at least.
fn take_away(profile: &TargetProfile, wanted: &Wanted, applied: &Attributes, surely_ours: bool) -> Step {
    let may_be_deleted = surely_ours && wanted.deletion == Deletion::Due;
    if may_be_deleted && wanted.actions.delete && profile.delete == DeleteMethod::Hard {
        return Step::Delete;
    }
    let kept = if wanted.actions.delete {
        Step::Rest { how: "kept" }
    } else {
        Step::Forbidden { how: "kept", why: NOT_TAKEN_AWAY }
    };
    match wanted.kind {
        Kind::Group => kept,
        Kind::User if applied.get("active") == Some(&false.into()) => Step::Rest { how: "kept" },
        Kind::User if wanted.actions.disable => Step::SwitchOff,
        Kind::User => Step::Forbidden { how: "kept", why: NOT_TAKEN_AWAY },
    }
}

fn write(profile: &TargetProfile, wanted: &Wanted, applied: &Attributes) -> Step {
    let (set, clear) = wanted.to_write();
    let ops = diff::ops(profile, wanted.kind, applied, &set, clear);
    if !ops.is_empty() {
        return Step::Write { ops, how: wanted.name_of_change(applied) };
    }
    let restricted = !(wanted.actions.update && wanted.actions.disable);
    let differs = || !diff::ops(profile, wanted.kind, applied, &wanted.attributes, &wanted.clear).is_empty();
    if restricted && differs() {
        return Step::Forbidden { how: "unchanged", why: NOT_CHANGED };
    }
    Step::Rest { how: "unchanged" }
}

/// What a leaver's account is switched off by.
pub(crate) fn off(profile: &TargetProfile) -> (Vec<PatchOp>, Attributes) {
    let active = |value: bool| -> Attributes { [("active".to_owned(), value.into())].into() };
    (diff::ops(profile, Kind::User, &active(true), &active(false), &[]), active(false))
}

/// The request that carries out `step`: method and path, and the body, as an operator may see them. `current` is what
/// the target has.
pub(crate) fn request(
    client: &Client,
    wanted: &Wanted,
    step: &Step,
    current: Option<&Found>,
) -> Option<(String, Option<Value>)> {
    let (profile, kind) = (client.profile(), wanted.kind);
    let id = current.map(|found| found.id.as_str());
    let change = |ops: &[PatchOp], set: &Attributes, clear: &[String]| match (
        *profile.update_method.of(kind),
        current,
    ) {
        (UpdateMethod::Put, Some(found)) => {
            let whole = scim::overlay(profile, kind, &found.attributes, set, clear);
            client.show("PUT", kind, id, Some(&whole))
        }
        _ => client.show("PATCH", kind, id, Some(&diff::patch_body(profile, ops))),
    };
    match step {
        Step::Create => {
            let body = diff::to_resource(profile, kind, &wanted.to_create());
            Some(client.show("POST", kind, None, Some(&body)))
        }
        Step::Write { ops, .. } => {
            let (set, clear) = wanted.to_write();
            Some(change(ops, &set, clear))
        }
        Step::SwitchOff => {
            let (ops, set) = off(profile);
            Some(change(&ops, &set, &[]))
        }
        Step::Delete => Some(client.show("DELETE", kind, id, None)),
        Step::Rest { .. } | Step::Forbidden { .. } => None,
    }
}

#[cfg(test)]
mod tests;

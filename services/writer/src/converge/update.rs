//! Changes existing resources, and checks the effect.

use lifecycle::{AccountState, AttemptClass, AttributeMap};
use scim::{FoundResource, PatchOp, ReadBack, ScimKind, UpdateMethod};

use super::locate;
use super::parts;
use super::proof::{AbsenceProof, prove_absence};
use super::step;
use super::{ConvergeMove, WantedState, settled_outcome};
use crate::converge::outcome::{ConvergeOutcome, ConvergeProgress};
use crate::delivery::call::{CallStop, TargetCall};
use crate::delivery::operation::ScimOperation;
use crate::rows::access::{AccessChange, OffEvidence};
use crate::rows::settled::SettledOutcome;

/// Sends the differing attributes in one request. If that is refused, sends as many as are needed to find the refused ones.
pub(super) async fn update_resource(
    call: &mut TargetCall,
    wanted: &WantedState,
    progress: &mut ConvergeProgress,
    id: &str,
    ops: &[PatchOp],
    how: SettledOutcome,
) -> Result<ConvergeMove, CallStop> {
    let operation = change_operation(how == SettledOutcome::Disabled);
    let (set, clear) = wanted.to_write();
    let answer_counts = !progress.answer_disproved;
    let change = ResourceChange { kind: wanted.kind, id, operation, ops, set: &set, clear, answer_counts };
    match write_change(call, &change).await {
        Ok(shown) => {
            progress.in_doubt = true; // until the effect is seen
            match see_done(call, &change, shown).await? {
                UpdateEffect::Yes(evidence) => progress.off = progress.off.or(evidence),
                UpdateEffect::No(undone) => return Ok(ConvergeMove::End(*undone)),
            }
            progress.in_doubt = false;
            call.target.gone.was_there();
            if wanted.takes_access_away(&progress.applied) {
                progress.changed = Some(AccessChange::Disable);
            } else if wanted.gives_access_back(&progress.applied) {
                progress.changed = Some(AccessChange::Enable);
            }
            progress.applied = wanted.written(&progress.applied);
            Ok(ConvergeMove::End(settled_outcome(how, wanted)))
        }
        Err(CallStop::Failed(failed)) if failed.class() == AttemptClass::NotFound => {
            Ok(ConvergeMove::RecoverGone)
        }
        Err(CallStop::Failed(failed)) if parts::is_refusal(&failed) => {
            parts::one_by_one(call, wanted, progress, id, *failed, how).await
        }
        Err(CallStop::Failed(failed))
            if matches!(failed.class(), AttemptClass::Permanent | AttemptClass::Unauthorised) =>
        {
            parts::active_alone(call, wanted, progress, id, *failed).await
        }
        Err(stop) => Err(stop),
    }
}

/// Returns the operation of a change of an existing resource.
pub(super) fn change_operation(switches_off: bool) -> ScimOperation {
    if switches_off { ScimOperation::Disable } else { ScimOperation::Update }
}

/// Sends one change: a PATCH of the difference, or, if the profile says so, a PUT of the resource as read with the
/// difference. Returns the resource as it is now, if the target's answer shows it.
pub(super) async fn write_change(
    call: &mut TargetCall,
    change: &ResourceChange<'_>,
) -> Result<Option<FoundResource>, CallStop> {
    let ResourceChange { kind, id, operation, ops, set, clear, .. } = *change;
    if *call.target.client.profile().update_method.of(kind) == UpdateMethod::Patch {
        call.next_has(|profile| scim::diff::patch_body(profile, ops));
        return call.patch(operation, (kind, id), ops).await;
    }
    let current = locate::read_linked(call, kind, id).await?;
    let whole = scim::overlay_resource(call.target.client.profile(), kind, &current.attributes, set, clear);
    let version = current.version.as_deref();
    call.next_has(|_| whole.clone());
    call.replace(operation, (kind, id), &whole, version).await
}

/// The effect of a change that the target answered with success.
pub(super) enum UpdateEffect {
    /// It was carried out, as far as can be seen, with the evidence that the account is off if it was switched off.
    Yes(Option<OffEvidence>),
    /// It was not carried out.
    No(Box<ConvergeOutcome>),
}

/// Checks whether a change was carried out that the target answered with success: the answer is only a claim. The
/// resource is read back if the profile says so, or if the answer does not show that an account is off which should be.
pub(super) async fn see_done(
    call: &mut TargetCall,
    change: &ResourceChange<'_>,
    shown: Option<FoundResource>,
) -> Result<UpdateEffect, CallStop> {
    call.was_shown();
    let switches_off = change.kind == ScimKind::User && change.set.get("active") == Some(&false.into());
    let active = shown.and_then(|found| found.active);
    let insists = (switches_off && !change.answer_counts)
        || match call.target.client.profile().read_back {
            ReadBack::Never => false,
            ReadBack::Disable => switches_off,
            ReadBack::Always => true,
        };
    // The target contradicted itself about this account: only a reading counts.
    if !insists && (!switches_off || active == Some(false)) {
        return Ok(UpdateEffect::Yes(switches_off.then_some(OffEvidence::Answer)));
    }
    let found = match locate::read_linked(call, change.kind, change.id).await {
        Ok(found) => found,
        Err(CallStop::Failed(failed)) if failed.class() == AttemptClass::NotFound => {
            let proven = switches_off && matches!(prove_absence(call).await?, AbsenceProof::Proven);
            return Ok(UpdateEffect::Yes(proven.then_some(OffEvidence::GoneProven)));
        }
        // The target does not show whether the account is off, and did not say that it is on.
        Err(CallStop::Failed(_)) if !insists && active.is_none() => return Ok(UpdateEffect::Yes(None)),
        Err(stop) => return Err(stop),
    };
    let observed = scim::observe_resource(&found.attributes, change.set.keys().chain(change.clear));
    let ops = scim::diff::patch_operations(
        call.target.client.profile(),
        change.kind,
        &observed,
        change.set,
        change.clear,
    );
    let left: Vec<&str> = ops.iter().map(PatchOp::path).collect();
    let shows_active = found.active.is_some();
    let matters =
        if switches_off && !insists { shows_active && left.contains(&"active") } else { !left.is_empty() };
    if !matters {
        return Ok(UpdateEffect::Yes(
            (switches_off && found.active == Some(false)).then_some(OffEvidence::ReadBack),
        ));
    }
    let error = format!("the target answered with success, but did not apply: {}", left.join(", "));
    Ok(UpdateEffect::No(Box::new(ConvergeOutcome::Retry(call.trouble(
        change.operation,
        AttemptClass::Transient,
        error,
    )))))
}

/// A change of one resource.
#[derive(Clone, Copy)]
pub(super) struct ResourceChange<'a> {
    pub(super) kind: ScimKind,
    pub(super) id: &'a str,
    pub(super) operation: ScimOperation,
    pub(super) ops: &'a [PatchOp],
    pub(super) set: &'a AttributeMap,
    pub(super) clear: &'a [String],
    /// True unless a reading has disproved an answer of the target about this account.
    pub(super) answer_counts: bool,
}

/// Switches the account off and changes nothing else. Returns an outcome if the target did not carry it out.
pub(super) async fn switch_off(
    call: &mut TargetCall,
    id: &str,
    progress: &mut ConvergeProgress,
) -> Result<Option<ConvergeOutcome>, CallStop> {
    let (ops, set) = step::switch_off_request(call.target.client.profile());
    let answer_counts = !progress.answer_disproved;
    let change = ResourceChange {
        kind: ScimKind::User,
        id,
        operation: ScimOperation::Disable,
        ops: &ops,
        set: &set,
        clear: &[],
        answer_counts,
    };
    let shown = write_change(call, &change).await?;
    progress.in_doubt = true; // until the effect is seen
    match see_done(call, &change, shown).await? {
        UpdateEffect::Yes(evidence) => progress.off = progress.off.or(evidence),
        UpdateEffect::No(undone) => return Ok(Some(*undone)),
    }
    progress.in_doubt = false;
    if progress.applied.get("active") != Some(&false.into()) {
        progress.changed = Some(AccessChange::Disable);
    }
    progress.applied.extend(set);
    Ok(None)
}

/// Returns whether a resource that answers 404 is an account that we switched off ourselves, at a target that hides such accounts.
pub(super) fn is_hidden(call: &TargetCall, wanted: &WantedState, progress: &ConvergeProgress) -> bool {
    call.target.client.profile().hides_disabled
        && wanted.kind == ScimKind::User
        && wanted.state != AccountState::Active
        && progress.applied.get("active") == Some(&false.into())
}

//! Removes resources, and handles links to resources that vanished.

use lifecycle::{AccountState, AttemptClass, AttributeMap};
use scim::ScimKind;

use super::locate::{self, LocateResult, locate_resource};
use super::proof::{self, AbsenceProof, prove_absence};
use super::step;
use super::update::{is_hidden, switch_off};
use super::{ConvergeMove, WantedState, settle_absent, settled_outcome, withheld_outcome};
use crate::converge::outcome::{ConvergeOutcome, ConvergeProgress};
use crate::delivery::call::{CallStop, TargetCall};
use crate::delivery::operation::ScimOperation;
use crate::delivery::trouble::ConvergeTrouble;
use crate::rows::access::{AccessChange, OffEvidence, RemovalConsent};
use crate::rows::settled::SettledOutcome;
use crate::{micros, now};

/// Handles a link that leads nowhere. A search that works tells a vanished account from a credential that lost its sight.
pub(super) async fn recover_gone(
    call: &mut TargetCall,
    wanted: &WantedState,
    progress: &mut ConvergeProgress,
) -> Result<ConvergeMove, CallStop> {
    if is_hidden(call, wanted, progress) {
        if progress.off.is_none()
            && let AbsenceProof::Proven = prove_absence(call).await?
        {
            progress.off = Some(OffEvidence::GoneProven);
        }
        return Ok(ConvergeMove::End(settled_outcome(SettledOutcome::Unchanged, wanted)));
    }
    let located = locate_resource(call, wanted, true).await?;
    if let LocateResult::Adoptable(hit) = &located
        && progress.remote_id.as_ref() == Some(&hit.resource.id)
    {
        let error = "the target says that it is gone, and finds it all the same".to_owned();
        return Ok(ConvergeMove::End(ConvergeOutcome::Retry(call.trouble(
            ScimOperation::Read,
            AttemptClass::Transient,
            error,
        ))));
    }
    if matches!(located, LocateResult::Nothing)
        && wanted.state == AccountState::Active
        && let Some(why) = call.target.address.doubt().or_else(|| call.target.gone.is_gone())
    {
        return Ok(ConvergeMove::End(ConvergeOutcome::Doubtful { why, at: micros(now()) }));
    }
    if matches!(located, LocateResult::Nothing)
        && wanted.state != AccountState::Active
        && wanted.kind == ScimKind::User
    {
        return settle_absent(call, wanted, progress, OffEvidence::GoneProven).await.map(ConvergeMove::End);
    }
    if matches!(located, LocateResult::Nothing)
        && wanted.state == AccountState::Active
        && wanted.kind == ScimKind::User
        && call.about.consent != RemovalConsent::Approved
        && call.is_withheld().await?
    {
        return Ok(ConvergeMove::End(withheld_outcome()));
    }
    progress.remote_id = None;
    progress.applied = AttributeMap::new();
    match located {
        LocateResult::Adoptable(hit) => Ok(ConvergeMove::Adopt(hit)),
        LocateResult::Nothing if wanted.state == AccountState::Active => {
            progress.in_doubt = true;
            Ok(ConvergeMove::Create)
        }
        LocateResult::Nothing => Ok(ConvergeMove::End(settled_outcome(SettledOutcome::Absent, wanted))),
        LocateResult::Foreign(foreign) => match foreign.holder(call).await? {
            Some(_) if wanted.state == AccountState::Active => Ok(ConvergeMove::Create), // which waits for it
            Some(_) => Ok(ConvergeMove::End(settled_outcome(SettledOutcome::Absent, wanted))),
            None => Ok(ConvergeMove::End(ConvergeOutcome::Conflict { found: foreign.found })),
        },
    }
}

/// Deletes a resource, and checks that it is gone. A user that the target refuses to delete is switched off.
pub(super) async fn remove_resource(
    call: &mut TargetCall,
    wanted: &WantedState,
    progress: &mut ConvergeProgress,
    id: &str,
) -> Result<ConvergeOutcome, CallStop> {
    // If no other account is known that can be visible afterwards, this one must be visible before.
    let was_there = wanted.kind == ScimKind::User
        && proof::has_no_witness(call).await?
        && locate::read_linked(call, wanted.kind, id).await.is_ok();
    let evidence = match call.delete(wanted.kind, id).await {
        Ok(()) if wanted.kind == ScimKind::User => {
            progress.in_doubt = true; // until the effect is seen
            progress.changed = Some(AccessChange::Delete);
            match see_deleted(call, progress, id, was_there).await? {
                DeletionOutcome::Gone(evidence) => evidence,
                DeletionOutcome::Still(outcome) => return Ok(*outcome),
            }
        }
        Ok(()) => Some(OffEvidence::Deleted),
        // A leaver must not keep an account because a target lost sight of it for a moment.
        Err(CallStop::Failed(failed)) if failed.class() == AttemptClass::NotFound => {
            if !matches!(locate_resource(call, wanted, true).await?, LocateResult::Nothing) {
                let error = "the target says that it is gone, and finds it all the same".to_owned();
                return Ok(ConvergeOutcome::Retry(ConvergeTrouble { error, ..failed.trouble }));
            }
            if wanted.kind == ScimKind::User {
                return settle_absent(call, wanted, progress, OffEvidence::GoneProven).await;
            }
            Some(OffEvidence::GoneProven)
        }
        Err(CallStop::Failed(failed))
            if failed.class() == AttemptClass::Permanent
                && wanted.kind == ScimKind::User
                && wanted.actions.disable =>
        {
            // The account cannot be deleted, so it is switched off: a leaver must not use it.
            if let Some(undone) = switch_off(call, id, progress).await? {
                return Ok(undone);
            }
            let error =
                format!("the account is disabled, but deleting it was refused: {}", failed.trouble.error);
            return Ok(ConvergeOutcome::Dead(ConvergeTrouble { error, ..failed.trouble }));
        }
        Err(stop) => return Err(stop),
    };
    *progress = ConvergeProgress {
        off: progress.off.or(evidence),
        was_on: progress.was_on,
        remote_id: None,
        applied: AttributeMap::new(),
        in_doubt: false,
        changed: Some(AccessChange::Delete),
        unseen: None,
        delete_after: None,
        origin: None,
        answer_disproved: progress.answer_disproved,
        duplicates: progress.duplicates.take(),
        candidate: None,
    };
    Ok(settled_outcome(SettledOutcome::Deleted, wanted))
}

/// The effect of a deletion that the target answered with success.
enum DeletionOutcome {
    /// The account is no longer there, with the evidence for it, if there is any.
    Gone(Option<OffEvidence>),
    /// The account is still there.
    Still(Box<ConvergeOutcome>),
}

/// Checks whether an account was deleted: the answer is only a claim. An account that is still there is at least switched off.
async fn see_deleted(
    call: &mut TargetCall,
    progress: &mut ConvergeProgress,
    id: &str,
    was_there: bool,
) -> Result<DeletionOutcome, CallStop> {
    let found = match locate::read_linked(call, ScimKind::User, id).await {
        Ok(found) => found,
        Err(CallStop::Failed(failed)) if failed.class() == AttemptClass::NotFound => {
            let is_proven = was_there || matches!(prove_absence(call).await?, AbsenceProof::Proven);
            return Ok(DeletionOutcome::Gone(is_proven.then_some(OffEvidence::Deleted)));
        }
        Err(stop) => return Err(stop),
    };
    call.was_shown();
    progress.see_use(found.active);
    progress.changed = None;
    let is_off = found.active == Some(false);
    if !is_off {
        match switch_off(call, id, progress).await {
            Ok(None) => {}
            Ok(Some(undone)) => return Ok(DeletionOutcome::Still(Box::new(undone))),
            // The account has been deleted in the meantime.
            Err(CallStop::Failed(failed)) if failed.class() == AttemptClass::NotFound => {
                progress.in_doubt = true;
                return Ok(DeletionOutcome::Still(Box::new(ConvergeOutcome::Retry(failed.trouble))));
            }
            Err(stop) => return Err(stop),
        }
    }
    let error =
        "the target answered the deletion with success and still shows the account, which is off".to_owned();
    let trouble = call.trouble(ScimOperation::Delete, AttemptClass::OutcomeUnknown, error);
    progress.in_doubt = true;
    Ok(DeletionOutcome::Still(Box::new(ConvergeOutcome::Retry(trouble))))
}

/// Switches an account off that cannot or must not be deleted.
pub(super) async fn disable_instead(
    call: &mut TargetCall,
    wanted: &WantedState,
    progress: &mut ConvergeProgress,
    id: &str,
) -> Result<ConvergeMove, CallStop> {
    match switch_off(call, id, progress).await {
        Ok(None) => {}
        Ok(Some(undone)) => return Ok(ConvergeMove::End(undone)),
        // The account may have been created again under another id.
        Err(CallStop::Failed(failed)) if failed.class() == AttemptClass::NotFound => {
            return Ok(ConvergeMove::RecoverGone);
        }
        Err(stop) => return Err(stop),
    }
    progress.delete_after = progress.delete_after.or(wanted.delete_after(&progress.applied));
    let note = step::why_kept(call.target.client.profile(), wanted);
    Ok(ConvergeMove::End(ConvergeOutcome::Settled {
        how: SettledOutcome::Disabled,
        awaits: wanted.awaits.clone(),
        note,
    }))
}

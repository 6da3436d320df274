//! Settles a person or group without a resource at the target: nothing is linked, and nothing should be usable.

use lifecycle::{AttemptClass, AttributeMap};

use super::locate::{self, ForeignResource, LocateResult, locate_resource};
use super::proof::{self, AbsenceProof};
use super::{ConvergeMove, WantedState, settled_outcome};
use crate::converge::outcome::{ConvergeOutcome, ConvergeProgress};
use crate::delivery::call::{CallStop, TargetCall};
use crate::delivery::operation::ScimOperation;
use crate::rows::access::OffEvidence;
use crate::rows::settled::SettledOutcome;
use crate::{micros, now};

/// The note for an account that is not there if no other account is known at the target.
const NOT_PROVEN: &str = "not there, which cannot be proven: no other account is known at the target";
/// The number of searches for a leaver whose create got no answer, before the absence of an account is certain.
const LATE_CREATE_LOOKS: i32 = 3;

/// Searches for a resource if none is linked and none should be usable, so that a leaver whose account we never linked
/// does not keep it.
pub(super) async fn look_for_unlinked(
    call: &mut TargetCall,
    wanted: &WantedState,
    progress: &mut ConvergeProgress,
) -> Result<ConvergeMove, CallStop> {
    let outcome = match locate_resource(call, wanted, true).await? {
        LocateResult::Adoptable(hit) => return Ok(ConvergeMove::Adopt(hit)),
        // The resource carries the key of another person, whose account it is: this person has none.
        LocateResult::Foreign(foreign) if foreign.holder(call).await?.is_some() => {
            no_account_of_its_own(call, wanted, progress, foreign).await?
        }
        LocateResult::Foreign(foreign) => ConvergeOutcome::Conflict { found: foreign.found },
        // The target has answered that the account exists: a person who should be off may have it.
        LocateResult::Nothing if progress.unseen.is_some() => {
            let error = "the target has answered that it exists, but does not show it".to_owned();
            ConvergeOutcome::Retry(call.trouble(ScimOperation::Lookup, AttemptClass::OutcomeUnknown, error))
        }
        LocateResult::Nothing if progress.in_doubt && call.about.attempts < LATE_CREATE_LOOKS => {
            let error = "a create that got no answer may still be under way".to_owned();
            ConvergeOutcome::Retry(call.trouble(ScimOperation::Lookup, AttemptClass::OutcomeUnknown, error))
        }
        LocateResult::Nothing => settle_absent(call, wanted, progress, OffEvidence::NoAccountProven).await?,
    };
    Ok(ConvergeMove::End(outcome))
}

/// Settles a person without an account: the account with the person's value is another person's, and was visible a moment
/// ago. The person has an account only if one is found by the other attributes that the policy matches on.
async fn no_account_of_its_own(
    call: &mut TargetCall,
    wanted: &WantedState,
    progress: &mut ConvergeProgress,
    foreign: ForeignResource,
) -> Result<ConvergeOutcome, CallStop> {
    if let Some(found) = locate::of_nobody_else(call, wanted, &foreign).await? {
        return Ok(ConvergeOutcome::Conflict { found });
    }
    if !progress.in_doubt && progress.unseen.is_none() && call.target.address.doubt().is_none() {
        progress.off = progress.off.or(Some(OffEvidence::NoAccountProven));
    }
    progress.remote_id = None;
    progress.applied = AttributeMap::new();
    Ok(settled_outcome(SettledOutcome::Absent, wanted))
}

/// Returns whether the target shows the resource again that it did not show a moment ago.
async fn is_back(
    call: &mut TargetCall,
    wanted: &WantedState,
    progress: &ConvergeProgress,
) -> Result<bool, CallStop> {
    if let Some(id) = progress.remote_id.clone() {
        match locate::read_linked(call, wanted.kind, &id).await {
            Ok(_) => return Ok(true),
            Err(CallStop::Failed(failed)) if failed.class() == AttemptClass::NotFound => {}
            Err(stop) => return Err(stop),
        }
    }
    Ok(!matches!(locate_resource(call, wanted, true).await?, LocateResult::Nothing))
}

/// Settles a resource that is not there and should not be, if the target shows other resources. Otherwise it is searched
/// for again later.
pub(super) async fn settle_absent(
    call: &mut TargetCall,
    wanted: &WantedState,
    progress: &mut ConvergeProgress,
    evidence: OffEvidence,
) -> Result<ConvergeOutcome, CallStop> {
    let note = match proof::prove_absence(call).await? {
        // The target may have recovered between the two requests: only a resource that is missing after that is gone.
        AbsenceProof::Proven if is_back(call, wanted, progress).await? => {
            progress.in_doubt = true;
            let error = "it was missing, and is there again".to_owned();
            return Ok(ConvergeOutcome::Retry(call.trouble(
                ScimOperation::Lookup,
                AttemptClass::Transient,
                error,
            )));
        }
        AbsenceProof::Proven => {
            progress.off = progress.off.or(Some(evidence));
            None
        }
        AbsenceProof::NothingToCompare => Some(NOT_PROVEN),
        AbsenceProof::Unproven { why, pauses } => {
            let trouble = call.trouble(ScimOperation::Lookup, AttemptClass::NotFound, why);
            return Ok(ConvergeOutcome::Unproven { trouble, pauses: pauses.map(|why| (why, micros(now()))) });
        }
    };
    progress.remote_id = None;
    progress.applied = AttributeMap::new();
    Ok(ConvergeOutcome::Settled { how: SettledOutcome::Absent, awaits: wanted.awaits.clone(), note })
}

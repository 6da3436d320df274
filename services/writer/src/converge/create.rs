//! Creates resources, and adopts resources that exist already.

use lifecycle::{AttemptClass, HeldBy};
use scim::FoundResource;

use super::locate::{
    self, ForeignResource, LocateResult, LocatedResource, locate_resource, matching_is_unique,
};
use super::step::{ConvergeStep, TargetState, next_step};
use super::taken;
use super::{
    ConvergeMove, ResourceStanding, WantedState, forbidden_outcome, refused_by_profile, settled_outcome,
};
use crate::converge::outcome::{ConvergeOutcome, ConvergeProgress};
use crate::delivery::call::{CallStop, FailedCall, TargetCall};
use crate::delivery::links::linked_already;
use crate::delivery::operation::{FailedOperation, ScimOperation};
use crate::delivery::trouble::ConvergeTrouble;
use crate::guard::adoption::AdoptionMatch;
use crate::rows::access::AccountOrigin;
use crate::rows::claims::TakenValue;
use crate::rows::resource::{AdoptionCandidate, UnseenCreate};
use crate::rows::settled::SettledOutcome;
use crate::rows::stored;

/// The note for a person who should have no access, if the account that matches is not linked and is off.
const OFF_ALREADY: &str = "the account that matches is off at the target; it is not linked";

/// Creates the resource, unless a search finds one that can be adopted or that stands in the way.
pub(super) async fn create_resource(
    call: &mut TargetCall,
    wanted: &WantedState,
    progress: &mut ConvergeProgress,
) -> Result<ConvergeMove, CallStop> {
    let look_first = !wanted.assume_empty || progress.in_doubt || progress.unseen.is_some();
    if look_first {
        let thoroughly = progress.in_doubt || !wanted.actions.create || !matching_is_unique(call, wanted);
        // The holder of a name may have changed since the list was read: only a fresh search can stand in the way.
        let located = match locate::from_list(call, wanted, progress.in_doubt) {
            Some(located) if !matches!(located, LocateResult::Foreign(_)) => located,
            listed => locate_resource(call, wanted, thoroughly || listed.is_some()).await?,
        };
        match located {
            // The create succeeded even if a search does not show it: another create would make a duplicate.
            LocateResult::Nothing if progress.unseen == Some(UnseenCreate::Created) => {
                return Ok(not_shown(call));
            }
            LocateResult::Nothing => {}
            LocateResult::Adoptable(hit) => return Ok(ConvergeMove::Adopt(hit)),
            LocateResult::Foreign(foreign) => return in_the_way(call, progress, foreign).await,
        }
    }
    match next_step(call.target.client.profile(), wanted, TargetState::Nothing) {
        ConvergeStep::Create => {}
        ConvergeStep::Forbidden { how, why } => {
            return Ok(ConvergeMove::End(forbidden_outcome(how, why, wanted)));
        }
        _ => return Ok(ConvergeMove::End(settled_outcome(SettledOutcome::Absent, wanted))),
    }
    let attributes = wanted.to_create();
    if let Some(held) = refused_by_profile(call, wanted, &attributes, true) {
        return Ok(ConvergeMove::End(held));
    }
    let id = match call.create(wanted.kind, &attributes).await {
        Ok(created) => created.id,
        Err(CallStop::Failed(failed)) if taken::is_said_by(&failed) => {
            return resolve_existing(call, wanted, progress, *failed).await;
        }
        Err(stop) => return Err(stop),
    };
    progress.in_doubt = true;
    if let Some(fault) = id.as_deref().and_then(stored::remote_id_fault) {
        // The resource exists, so the create must never be sent again. Nothing can be done with it by this id.
        progress.unseen = Some(UnseenCreate::Created);
        return Ok(ConvergeMove::End(ConvergeOutcome::Dead(call.trouble(
            ScimOperation::Create,
            AttemptClass::Permanent,
            fault,
        ))));
    }
    match id {
        Some(id) => link_created(call, wanted, progress, id).await,
        None => {
            progress.unseen = Some(UnseenCreate::Created);
            find_created(call, wanted, progress).await
        }
    }
}

/// Handles another resource that has a value which this one should have. The row waits if one of our resources may give
/// the value up; otherwise only an operator can decide, and it is a conflict.
async fn in_the_way(
    call: &mut TargetCall,
    progress: &mut ConvergeProgress,
    foreign: ForeignResource,
) -> Result<ConvergeMove, CallStop> {
    let Some(taken) = foreign.holder(call).await? else {
        return Ok(ConvergeMove::End(ConvergeOutcome::Conflict { found: foreign.found }));
    };
    Ok(ConvergeMove::End(wait_for_value(call, progress, taken, foreign.found)))
}

/// Returns the outcome of a create that waits for a value. Nothing of the create was carried out.
fn wait_for_value(
    call: &TargetCall,
    progress: &mut ConvergeProgress,
    taken: TakenValue,
    error: String,
) -> ConvergeOutcome {
    progress.in_doubt = false;
    progress.unseen = None;
    ConvergeOutcome::Waiting {
        taken,
        trouble: call.trouble(ScimOperation::Create, AttemptClass::AlreadyExists, error),
    }
}

/// Finds a created resource whose create succeeded without an id in the answer.
pub(super) async fn find_created(
    call: &mut TargetCall,
    wanted: &WantedState,
    progress: &mut ConvergeProgress,
) -> Result<ConvergeMove, CallStop> {
    match locate_resource(call, wanted, true).await? {
        LocateResult::Adoptable(hit) => {
            if let Some(fault) = stored::remote_id_fault(&hit.resource.id) {
                let outcome = ConvergeOutcome::Dead(call.trouble(
                    ScimOperation::Create,
                    AttemptClass::Permanent,
                    fault,
                ));
                return Ok(ConvergeMove::End(outcome));
            }
            link_created(call, wanted, progress, hit.resource.id).await
        }
        LocateResult::Foreign(foreign) => {
            Ok(ConvergeMove::End(ConvergeOutcome::Conflict { found: foreign.found }))
        }
        LocateResult::Nothing => Ok(not_shown(call)),
    }
}

/// Links a resource that our create made, unless another subject found it first, or the target answered with an account
/// that it already had.
async fn link_created(
    call: &TargetCall,
    wanted: &WantedState,
    progress: &mut ConvergeProgress,
    id: String,
) -> Result<ConvergeMove, CallStop> {
    if let Some(reason) = call.target.never.concern(wanted.kind, &id, None) {
        return Ok(ConvergeMove::End(ConvergeOutcome::Held { by: HeldBy::Never, reason }));
    }
    progress.unseen = Some(UnseenCreate::Created); // until the owner is known
    let other = call.claim(&id).await?;
    progress.unseen = None;
    if let Some(other) = other {
        progress.in_doubt = false;
        return Ok(ConvergeMove::End(ConvergeOutcome::Conflict { found: linked_already(&id, &other) }));
    }
    progress.remote_id = Some(id);
    progress.origin = Some(AccountOrigin::Created);
    progress.applied = wanted.created();
    Ok(ConvergeMove::End(settled_outcome(SettledOutcome::Created, wanted)))
}

fn not_shown(call: &TargetCall) -> ConvergeMove {
    let error = "the target accepted the create but does not show the resource".to_owned();
    ConvergeMove::End(ConvergeOutcome::Retry(call.trouble(
        ScimOperation::Create,
        AttemptClass::OutcomeUnknown,
        error,
    )))
}

/// Handles the answer of the target that the resource exists already.
async fn resolve_existing(
    call: &mut TargetCall,
    wanted: &WantedState,
    progress: &mut ConvergeProgress,
    failed: FailedCall,
) -> Result<ConvergeMove, CallStop> {
    let may_have_created = progress.in_doubt || progress.unseen == Some(UnseenCreate::Created);
    progress.in_doubt = true;
    progress.unseen = Some(UnseenCreate::Exists);
    match locate_resource(call, wanted, true).await? {
        LocateResult::Adoptable(hit) => {
            // A 409 on the first try means that the resource is not a create of ours.
            progress.in_doubt = may_have_created;
            Ok(ConvergeMove::Adopt(hit))
        }
        LocateResult::Foreign(foreign) => in_the_way(call, progress, foreign).await,
        LocateResult::Nothing => {
            // Another of its values may be one that the target keeps unique.
            if let Some(taken) = taken::held_by_ours(call, wanted.kind, &wanted.attributes).await? {
                return Ok(ConvergeMove::End(wait_for_value(call, progress, taken, failed.trouble.error)));
            }
            let error =
                format!("the target says that it exists, but finds nothing: {}", failed.trouble.error);
            Ok(ConvergeMove::End(ConvergeOutcome::Retry(ConvergeTrouble { error, ..failed.trouble })))
        }
    }
}

/// Links a found resource, after claiming it, and observes its attributes.
pub(super) async fn adopt_resource(
    call: &mut TargetCall,
    wanted: &WantedState,
    progress: &mut ConvergeProgress,
    LocatedResource { resource: found, by }: LocatedResource,
) -> Result<ConvergeMove, CallStop> {
    if let Some(fault) = stored::remote_id_fault(&found.id) {
        return Ok(ConvergeMove::End(ConvergeOutcome::Dead(call.trouble(
            FailedOperation::Adopt,
            AttemptClass::Permanent,
            fault,
        ))));
    }
    if let Some(other) = call.claim(&found.id).await? {
        let error = linked_already(&found.id, &other);
        let outcome = match by.filter(|_| wanted.state == lifecycle::AccountState::Active) {
            Some(claim) => wait_for_value(call, progress, TakenValue::by(claim, other), error),
            None => ConvergeOutcome::Conflict { found: error },
        };
        return Ok(ConvergeMove::End(outcome));
    }
    let found = read_marks(call, wanted, found).await?;
    let standing = ResourceStanding { surely_ours: locate::is_ours(wanted, &found), adopted: true };
    if let Some(AdoptionObjection { by, reason }) = find_adoption_objection(call, wanted, &found).await? {
        if wanted.state != lifecycle::AccountState::Active && found.active == Some(false) {
            progress.see_use(found.active);
            return Ok(ConvergeMove::End(forbidden_outcome(SettledOutcome::Kept, OFF_ALREADY, wanted)));
        }
        progress.candidate = (by == HeldBy::Adoption).then_some(AdoptionCandidate { id: found.id });
        return Ok(ConvergeMove::End(ConvergeOutcome::Held { by, reason }));
    }
    progress.see_use(found.active);
    progress.applied = scim::observe_resource(&found.attributes, wanted.paths());
    progress.remote_id = Some(found.id);
    // Our create that got no answer made it, or we created it earlier: it carries our externalId.
    let created_it = progress.in_doubt || progress.unseen == Some(UnseenCreate::Created);
    let is_created = standing.surely_ours && (created_it || progress.origin == Some(AccountOrigin::Created));
    progress.origin = Some(if is_created { AccountOrigin::Created } else { AccountOrigin::Adopted });
    progress.unseen = None;
    Ok(ConvergeMove::BringAbout(standing))
}

/// Reads the resource by itself if the never list depends on values that a search may leave out.
async fn read_marks(
    call: &mut TargetCall,
    wanted: &WantedState,
    found: FoundResource,
) -> Result<FoundResource, CallStop> {
    if !call.target.never.needs_reading(wanted.kind, true) {
        return Ok(found);
    }
    locate::read_linked(call, wanted.kind, &found.id).await
}

/// The reason why a resource that matches is not linked now.
pub(super) struct AdoptionObjection {
    pub(super) by: HeldBy,
    pub(super) reason: String,
}

/// Returns the objection to linking a resource, if there is one. A resource that carries our externalId was written by
/// Usher before, and is linked unless the never list concerns it.
pub(super) async fn find_adoption_objection(
    call: &mut TargetCall,
    wanted: &WantedState,
    found: &FoundResource,
) -> Result<Option<AdoptionObjection>, CallStop> {
    if let Some(reason) = call.note_shown(wanted.kind, found) {
        return Ok(Some(AdoptionObjection { by: HeldBy::Never, reason }));
    }
    if locate::is_ours(wanted, found) {
        return Ok(None);
    }
    if let Some(reason) = call.excepted(wanted.kind, found).await? {
        return Ok(Some(AdoptionObjection { by: HeldBy::Never, reason }));
    }
    let pair = AdoptionMatch {
        kind: wanted.kind,
        subject: &call.about.subject,
        wanted: &wanted.attributes,
        match_on: &wanted.match_on,
        found,
    };
    let reason = pair.objection(&call.target.adoption);
    Ok(reason.map(|reason| AdoptionObjection { by: HeldBy::Adoption, reason }))
}

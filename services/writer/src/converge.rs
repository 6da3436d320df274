//! Converges one account or group: look, create, adopt, update, disable, delete.
//!
//! The order of searching is fixed: the known link, then our externalId, then the attributes that the policy matches on.
//! An account is adopted only if its externalId is empty or ours. A create with an unknown result is never repeated
//! blindly. [`step`] alone decides which request to send.

mod absent;
mod create;
mod duplicates;
mod locate;
pub(crate) mod look;
pub(crate) mod members;
pub(crate) mod outcome;
mod parts;
pub(crate) mod proof;
mod remove;
pub(crate) mod step;
pub(crate) mod taken;
mod update;
mod wanted;

use absent::{look_for_unlinked, settle_absent};
use create::{adopt_resource, create_resource};
use locate::LocatedResource;
use remove::{disable_instead, recover_gone, remove_resource};
use step::{ConvergeStep, TargetState, next_step};
use update::update_resource;

use lifecycle::{AccountState, AttemptClass, AttributeMap, HeldBy};
use scim::ScimKind;

use crate::converge::outcome::{ConvergeOutcome, ConvergeProgress};
use crate::delivery::call::{CallStop, FailedCall, TargetCall};
use crate::delivery::operation::ScimOperation;
use crate::rows::access::RemovalConsent;
use crate::rows::settled::SettledOutcome;

use crate::guard::never::NeverList;
use crate::guard::restored::RESTORED;
use crate::guard::safety::PROTECTED;
use crate::rows::access::{AccessChange, AccountOrigin};
use crate::rows::orphan;

pub(crate) use wanted::WantedState;

/// The maximum number of moves for one resource. The longest sensible sequence has seven: a change finds the account gone, nothing is
/// found, the create is refused because the account exists, that one is adopted, and changed; and each may end there.
const MOVES_MAX: usize = 8;

/// The note for an account on the never list that should be off and is.
const NEVER_AND_OFF: &str =
    "the account is on the never list of the target, and off: nothing else is changed";

/// The next move for one resource.
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it ends as what is large")]
enum ConvergeMove {
    /// Stop with this outcome.
    End(ConvergeOutcome),
    /// Create the resource, unless a search finds it.
    Create,
    /// Link the resource that was found.
    Adopt(Box<LocatedResource>),
    /// Converge the linked resource.
    BringAbout(ResourceStanding),
    /// The link leads nowhere: find out which resource is there instead.
    RecoverGone,
    /// No resource is linked and none should be usable: search for one that may be there.
    LookForUnlinked,
}

/// Works until the target agrees or an obstacle stops it. `progress` holds everything that was learned in both cases.
pub(crate) async fn converge_resource(
    call: &mut TargetCall,
    wanted: &WantedState,
    progress: &mut ConvergeProgress,
) -> ConvergeOutcome {
    let linked = progress.remote_id.clone();
    let outcome = match settle_moves(call, wanted, progress).await {
        Ok(outcome) => outcome,
        Err(CallStop::Deferred) => ConvergeOutcome::Deferred,
        Err(CallStop::Postponed { trouble, times }) => {
            ConvergeOutcome::Postponed { trouble: *trouble, times }
        }
        Err(CallStop::Failed(failed)) => judge_failure(*failed),
        Err(CallStop::Never(_)) if wanted.is_off(&progress.applied) && progress.off.is_some() => {
            forbidden_outcome(SettledOutcome::Kept, NEVER_AND_OFF, wanted)
        }
        Err(CallStop::Never(reason)) => ConvergeOutcome::Held { by: HeldBy::Never, reason },
    };
    let linked = progress.remote_id.clone().or(linked);
    let outcome = duplicates::look(call, wanted, progress, linked.as_deref(), outcome).await;
    let settled = matches!(outcome, ConvergeOutcome::Settled { .. });
    progress.in_doubt = !settled && (progress.in_doubt || call.in_doubt());
    outcome
}

/// Returns the outcome of a failed request for its resource.
fn judge_failure(failed: FailedCall) -> ConvergeOutcome {
    match failed.class() {
        AttemptClass::Permanent => ConvergeOutcome::Dead(failed.trouble),
        _ => ConvergeOutcome::Retry(failed.trouble),
    }
}

/// Makes moves until one of them ends. The maximum stops a loop at a target that shows another resource on each request.
async fn settle_moves(
    call: &mut TargetCall,
    wanted: &WantedState,
    progress: &mut ConvergeProgress,
) -> Result<ConvergeOutcome, CallStop> {
    let mut next = first_move(call, wanted, progress).await?;
    for _ in 0..MOVES_MAX {
        next = match next {
            ConvergeMove::End(outcome) => return Ok(outcome),
            ConvergeMove::Create => create_resource(call, wanted, progress).await?,
            ConvergeMove::Adopt(hit) => adopt_resource(call, wanted, progress, *hit).await?,
            ConvergeMove::BringAbout(standing) => bring_about(call, wanted, progress, standing).await?,
            ConvergeMove::RecoverGone => recover_gone(call, wanted, progress).await?,
            ConvergeMove::LookForUnlinked => look_for_unlinked(call, wanted, progress).await?,
        };
    }
    if let ConvergeMove::End(outcome) = next {
        return Ok(outcome);
    }
    progress.in_doubt = true;
    let error =
        format!("the target shows something else each time it is asked: gave up after {MOVES_MAX} moves");
    Ok(ConvergeOutcome::Retry(call.trouble(ScimOperation::Read, AttemptClass::Transient, error)))
}

/// Chooses the first move.
async fn first_move(
    call: &mut TargetCall,
    wanted: &WantedState,
    progress: &mut ConvergeProgress,
) -> Result<ConvergeMove, CallStop> {
    if let Some(outcome) = anothers(call, wanted, progress).await? {
        return Ok(ConvergeMove::End(outcome));
    }
    let unseen_off = wanted.is_off(&progress.applied) && progress.off.is_none();
    if progress.remote_id.is_some()
        && (progress.in_doubt || unseen_off || wanted.must_read(&progress.applied))
    {
        let gone = !look_again(call, wanted, progress).await?;
        if gone && wanted.state != AccountState::Deleted {
            return Ok(ConvergeMove::RecoverGone);
        }
    }
    Ok(match (&progress.remote_id, wanted.state) {
        (Some(_), _) => ConvergeMove::BringAbout(ResourceStanding::LINKED),
        (None, AccountState::Active) => ConvergeMove::Create,
        (None, AccountState::Disabled | AccountState::Deleted) => ConvergeMove::LookForUnlinked,
    })
}

/// Checks the externalId of the linked resource at an unconfirmed address. The id may belong to another subject there:
/// nothing is sent to a resource that carries another externalId.
async fn anothers(
    call: &mut TargetCall,
    wanted: &WantedState,
    progress: &ConvergeProgress,
) -> Result<Option<ConvergeOutcome>, CallStop> {
    let (Some(id), Some(why)) = (progress.remote_id.clone(), call.target.address.doubt()) else {
        return Ok(None);
    };
    let found = match locate::read_linked(call, wanted.kind, &id).await {
        Ok(found) => found,
        Err(CallStop::Failed(failed)) if failed.class() == AttemptClass::NotFound => return Ok(None),
        Err(stop) => return Err(stop),
    };
    let carries = found.external_id.as_deref().filter(|id| !id.is_empty());
    if carries.is_none() || carries == wanted.external_id() {
        return Ok(None);
    }
    let error = format!("resource {id} carries another externalId: {why}");
    let trouble = call.trouble(ScimOperation::Read, AttemptClass::NotFound, error);
    Ok(Some(ConvergeOutcome::Unproven { trouble, pauses: None }))
}

/// Reads the resource again because the state at the target is uncertain: an earlier request may have been carried out,
/// or a policy mentions a new attribute. Without the reading, a change back to the believed state would look like no
/// change at all. Returns whether the resource is there.
async fn look_again(
    call: &mut TargetCall,
    wanted: &WantedState,
    progress: &mut ConvergeProgress,
) -> Result<bool, CallStop> {
    let Some(id) = progress.remote_id.clone() else { return Ok(false) };
    match locate::read_linked(call, wanted.kind, &id).await {
        Ok(found) => {
            call.was_shown();
            progress.see_use(found.active);
            progress.applied = scim::observe_resource(&found.attributes, wanted.paths());
            progress.in_doubt = false;
            Ok(true)
        }
        Err(CallStop::Failed(failed)) if failed.class() == AttemptClass::NotFound => Ok(false),
        Err(stop) => Err(stop),
    }
}

/// The relation of a resource to Usher.
#[derive(Debug, Clone, Copy)]
struct ResourceStanding {
    surely_ours: bool,
    /// True if it was found a moment ago.
    adopted: bool,
}

impl ResourceStanding {
    const LINKED: Self = Self { surely_ours: true, adopted: false };
}

/// Carries out the next step for the existing resource.
async fn bring_about(
    call: &mut TargetCall,
    wanted: &WantedState,
    progress: &mut ConvergeProgress,
    standing: ResourceStanding,
) -> Result<ConvergeMove, CallStop> {
    let Some(id) = progress.remote_id.clone() else { return Ok(ConvergeMove::Create) };
    let there = TargetState::Something { applied: &progress.applied, surely_ours: standing.surely_ours };
    let adopted = standing.adopted && wanted.state != AccountState::Deleted;
    let outcome = |how| if adopted { SettledOutcome::Adopted } else { how };
    let step = match next_step(call.target.client.profile(), wanted, there) {
        ConvergeStep::Delete if call.about.only_switch_offs && wanted.kind == ScimKind::User => {
            progress.delete_after = Some(0);
            ConvergeStep::SwitchOff
        }
        step => step,
    };
    let change = match &step {
        ConvergeStep::Write { .. } if wanted.takes_access_away(&progress.applied) => {
            Some(AccessChange::Disable)
        }
        ConvergeStep::Write { .. } if wanted.gives_access_back(&progress.applied) => {
            Some(AccessChange::Enable)
        }
        ConvergeStep::Delete => Some(AccessChange::Delete),
        ConvergeStep::SwitchOff => Some(AccessChange::Disable),
        ConvergeStep::Write { .. }
        | ConvergeStep::Create
        | ConvergeStep::Rest { .. }
        | ConvergeStep::Forbidden { .. } => None,
    };
    let takes_away = change.is_some_and(AccessChange::takes_away);
    if let Some(change) = change
        && let Some(held) = find_objection(call, wanted, progress.origin, change).await?
    {
        return Ok(ConvergeMove::End(held));
    }
    // A person who must be off is switched off, even if other changes cannot be written.
    let refused = refused_by_profile(call, wanted, &wanted.to_write().0, false)
        .or_else(|| refused_by_never(call, wanted, &progress.applied));
    let step = match (step, refused) {
        (ConvergeStep::Write { .. }, Some(_)) if takes_away => ConvergeStep::SwitchOff,
        (ConvergeStep::Write { .. }, Some(held)) => return Ok(ConvergeMove::End(held)),
        (step, _) => step,
    };
    match step {
        ConvergeStep::Write { ops, how } => match &wanted.step_aside {
            Some(taken) if !takes_away => taken::step_aside(call, wanted, progress, &id, taken).await,
            _ => update_resource(call, wanted, progress, &id, &ops, outcome(how)).await,
        },
        ConvergeStep::Delete => remove_resource(call, wanted, progress, &id).await.map(ConvergeMove::End),
        ConvergeStep::SwitchOff => disable_instead(call, wanted, progress, &id).await,
        ConvergeStep::Forbidden { how, why } => {
            Ok(ConvergeMove::End(forbidden_outcome(outcome(how), why, wanted)))
        }
        ConvergeStep::Rest { how } => {
            progress.delete_after = wanted.delete_after(&progress.applied);
            if wanted.state != AccountState::Deleted {
                progress.applied = wanted.written(&progress.applied);
            }
            let note = step::why_kept(call.target.client.profile(), wanted);
            Ok(ConvergeMove::End(ConvergeOutcome::Settled {
                how: outcome(how),
                awaits: wanted.awaits.clone(),
                note,
            }))
        }
        ConvergeStep::Create => Ok(ConvergeMove::Create),
    }
}

/// Returns the hold for attributes that the target would refuse according to its profile.
fn refused_by_profile(
    call: &TargetCall,
    wanted: &WantedState,
    attributes: &AttributeMap,
    is_new: bool,
) -> Option<ConvergeOutcome> {
    let profile = call.target.client.profile();
    let reason = scim::profile_violation(profile, wanted.kind, attributes, is_new)?;
    Some(ConvergeOutcome::Held { by: HeldBy::Profile, reason })
}

/// Returns the hold for a name on the never list that the resource does not have yet.
fn refused_by_never(
    call: &TargetCall,
    wanted: &WantedState,
    applied: &AttributeMap,
) -> Option<ConvergeOutcome> {
    let (set, _) = wanted.to_write();
    let name = NeverList::name_in(wanted.kind, &set)?;
    if NeverList::name_in(wanted.kind, applied) == Some(name) {
        return None;
    }
    let entry = call.target.never.name_concern(wanted.kind, name)?;
    let reason = format!(
        "{name:?} is on the never list of the target (`{entry}`): no account or group gets this name"
    );
    Some(ConvergeOutcome::Held { by: HeldBy::Never, reason })
}

/// Returns the hold for a change of access that needs an operator's approval.
async fn find_objection(
    call: &TargetCall,
    wanted: &WantedState,
    origin: Option<AccountOrigin>,
    change: AccessChange,
) -> Result<Option<ConvergeOutcome>, CallStop> {
    // What Usher did not create was shown to be disabled when it was approved: its deletion counts by itself.
    let is_shown = change != AccessChange::Delete
        || origin == Some(AccountOrigin::Created)
        || orphan::is_orphan(&call.about.subject);
    match call.about.consent {
        RemovalConsent::Approved if is_shown => Ok(None),
        _ if change == AccessChange::Enable && call.is_withheld().await? => Ok(Some(withheld_outcome())),
        _ if wanted.protected && change.takes_away() => {
            Ok(Some(ConvergeOutcome::Held { by: HeldBy::Protected, reason: PROTECTED.to_owned() }))
        }
        RemovalConsent::Planned => Ok(None),
        // An account that may be deleted may be switched off instead.
        RemovalConsent::Counted(counted) if counted == change || counted == AccessChange::Delete => Ok(None),
        RemovalConsent::Approved | RemovalConsent::Counted(_) | RemovalConsent::Unknown => {
            let reason = call.ask_permission(change).await?;
            Ok(reason.map(|reason| ConvergeOutcome::Held { by: HeldBy::Guard, reason }))
        }
    }
}

/// Returns the hold for access that a restored state gives and no source has confirmed since.
fn withheld_outcome() -> ConvergeOutcome {
    ConvergeOutcome::Held { by: HeldBy::Restored, reason: RESTORED.to_owned() }
}

fn settled_outcome(how: SettledOutcome, wanted: &WantedState) -> ConvergeOutcome {
    ConvergeOutcome::Settled { how, awaits: wanted.awaits.clone(), note: None }
}

fn forbidden_outcome(how: SettledOutcome, why: &'static str, wanted: &WantedState) -> ConvergeOutcome {
    ConvergeOutcome::Settled { how, awaits: wanted.awaits.clone(), note: Some(why) }
}

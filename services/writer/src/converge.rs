//! Makes one account or group agree: look, create, adopt, update, disable, delete.
//!
//! The order of looking is fixed: the known link, then our externalId, then what the policy matches on. An account is
//! adopted only when its externalId is empty or ours. A create whose result is not known is never repeated blindly.
//! What is sent is decided in [`step`] alone.

mod create;
mod locate;
pub(crate) mod look;
pub(crate) mod members;
mod remove;
pub(crate) mod step;
mod update;
mod wanted;

use create::{adopt, create};
use locate::{Located, locate};
use remove::{disable_instead, recover_gone, remove};
use step::{Step, There, next};
use update::update;

use lifecycle::{AccountState, AttemptClass, Attributes, HeldBy};

use crate::call::{Call, Consent, Failed, Stop};
use crate::outcome::{Outcome, Progress};

use crate::safety::PROTECTED;

pub(crate) use wanted::Wanted;

/// How often a leaver whose create got no answer is looked for before there is surely no account.
const LATE_CREATE_LOOKS: i32 = 3;

/// Works until the target agrees or something stands in the way. Whatever was learned is in `progress`, also then.
pub(crate) async fn converge(call: &mut Call, wanted: &Wanted, progress: &mut Progress) -> Outcome {
    let outcome = match settle(call, wanted, progress).await {
        Ok(outcome) => outcome,
        Err(Stop::Deferred) => Outcome::Deferred,
        Err(Stop::Postponed { trouble, times }) => Outcome::Postponed { trouble: *trouble, times },
        Err(Stop::Failed(failed)) => judge(*failed),
    };
    let settled = matches!(outcome, Outcome::Settled { .. });
    progress.in_doubt = !settled && (progress.in_doubt || call.in_doubt());
    outcome
}

/// What a failed request means for its resource.
fn judge(failed: Failed) -> Outcome {
    match failed.class() {
        AttemptClass::Permanent => Outcome::Dead(failed.trouble),
        _ => Outcome::Retry(failed.trouble),
    }
}

async fn settle(call: &mut Call, wanted: &Wanted, progress: &mut Progress) -> Result<Outcome, Stop> {
    if progress.remote_id.is_some() && (progress.in_doubt || wanted.must_read(&progress.applied)) {
        let gone = !look_again(call, wanted, progress).await?;
        if gone && wanted.state != AccountState::Deleted {
            return recover_gone(call, wanted, progress).await;
        }
    }
    match (&progress.remote_id, wanted.state) {
        (Some(_), _) => bring_about(call, wanted, progress, Standing::LINKED).await,
        (None, AccountState::Active) => create(call, wanted, progress).await,
        (None, AccountState::Disabled | AccountState::Deleted) => {
            look_for_unlinked(call, wanted, progress).await
        }
    }
}

/// What the target holds is not certain: an earlier request may have been carried out, or a policy speaks of something
/// new. Without this, a change back to what we believe to be there would look like no change at all. Returns whether it
/// is there.
async fn look_again(call: &mut Call, wanted: &Wanted, progress: &mut Progress) -> Result<bool, Stop> {
    let Some(id) = progress.remote_id.clone() else { return Ok(false) };
    match locate::read(call, wanted.kind, &id).await {
        Ok(found) => {
            progress.applied = scim::observe(&found.attributes, wanted.paths());
            progress.in_doubt = false;
            Ok(true)
        }
        Err(Stop::Failed(failed)) if failed.class() == AttemptClass::NotFound => Ok(false),
        Err(stop) => Err(stop),
    }
}

/// Nothing is linked and nothing should be usable: whatever may be there is found, so that a leaver whose account we
/// never linked does not keep it.
async fn look_for_unlinked(
    call: &mut Call,
    wanted: &Wanted,
    progress: &mut Progress,
) -> Result<Outcome, Stop> {
    match locate(call, wanted, true).await? {
        // It has said that there is one: whoever should be off may have it.
        Located::Nothing if progress.unseen.is_some() => {
            let error = "the target has said that it is there, and does not show it".to_owned();
            Ok(Outcome::Retry(call.trouble("lookup", AttemptClass::OutcomeUnknown, error)))
        }
        Located::Nothing if progress.in_doubt && call.about.attempts < LATE_CREATE_LOOKS => {
            let error = "a create that got no answer may still be under way".to_owned();
            Ok(Outcome::Retry(call.trouble("lookup", AttemptClass::OutcomeUnknown, error)))
        }
        Located::Nothing => Ok(settled("absent", wanted)),
        Located::Foreign(found) => Ok(Outcome::Conflict { found }),
        Located::Adoptable(found) => adopt(call, wanted, progress, *found).await,
    }
}

/// How we came to a resource.
#[derive(Debug, Clone, Copy)]
struct Standing {
    surely_ours: bool,
    /// Found a moment ago.
    adopted: bool,
}

impl Standing {
    const LINKED: Self = Self { surely_ours: true, adopted: false };
}

/// Does what is next with the resource that is there.
async fn bring_about(
    call: &mut Call,
    wanted: &Wanted,
    progress: &mut Progress,
    standing: Standing,
) -> Result<Outcome, Stop> {
    let Some(id) = progress.remote_id.clone() else { return Box::pin(create(call, wanted, progress)).await };
    let there = There::Something { applied: &progress.applied, surely_ours: standing.surely_ours };
    let adopted = standing.adopted && wanted.state != AccountState::Deleted;
    let name = |how| if adopted { "adopted" } else { how };
    let step = next(call.target.client.profile(), wanted, there);
    let takes_away = match &step {
        Step::Write { .. } => wanted.takes_access_away(&progress.applied),
        Step::Delete | Step::SwitchOff => true,
        Step::Create | Step::Rest { .. } | Step::Forbidden { .. } => false,
    };
    if takes_away && let Some(held) = objection(call, wanted).await? {
        return Ok(held);
    }
    // Whoever must be off is switched off, whatever else could not be written.
    let step = match (step, refused_by_profile(call, wanted, &wanted.to_write().0, false)) {
        (Step::Write { .. }, Some(_)) if takes_away => Step::SwitchOff,
        (Step::Write { .. }, Some(held)) => return Ok(held),
        (step, _) => step,
    };
    match step {
        Step::Write { ops, how } => update(call, wanted, progress, &id, &ops, name(how)).await,
        Step::Delete => remove(call, wanted, progress, &id).await,
        Step::SwitchOff => disable_instead(call, wanted, progress, &id).await,
        Step::Forbidden { how, why } => Ok(forbidden(name(how), why, wanted)),
        Step::Rest { how } => {
            if wanted.state != AccountState::Deleted {
                progress.applied = wanted.written(&progress.applied);
            }
            let note = step::why_kept(call.target.client.profile(), wanted);
            Ok(Outcome::Settled { how: name(how), awaits: wanted.awaits.clone(), note })
        }
        Step::Create => Box::pin(create(call, wanted, progress)).await,
    }
}

/// What the profile knows that the target would refuse.
fn refused_by_profile(
    call: &Call,
    wanted: &Wanted,
    attributes: &Attributes,
    is_new: bool,
) -> Option<Outcome> {
    let profile = call.target.client.profile();
    let reason = scim::violation(profile, wanted.kind, attributes, is_new)?;
    Some(Outcome::Held { by: HeldBy::Profile, reason })
}

/// Why access is not taken away before a human said so.
async fn objection(call: &Call, wanted: &Wanted) -> Result<Option<Outcome>, Stop> {
    match call.about.consent {
        Consent::Approved => Ok(None),
        _ if wanted.protected => {
            Ok(Some(Outcome::Held { by: HeldBy::Protected, reason: PROTECTED.to_owned() }))
        }
        Consent::Planned | Consent::Counted => Ok(None),
        Consent::Unknown => {
            let reason = call.too_many_removals().await?;
            Ok(reason.map(|reason| Outcome::Held { by: HeldBy::Guard, reason }))
        }
    }
}

fn settled(how: &'static str, wanted: &Wanted) -> Outcome {
    Outcome::Settled { how, awaits: wanted.awaits.clone(), note: None }
}

fn forbidden(how: &'static str, why: &'static str, wanted: &Wanted) -> Outcome {
    Outcome::Settled { how, awaits: wanted.awaits.clone(), note: Some(why) }
}

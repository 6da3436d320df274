//! Makes one account or group agree: look, create, adopt, update, disable, delete.
//!
//! The order of looking is fixed: the known link, then our externalId, then what the policy matches on. An account is
//! adopted only when its externalId is empty or ours. A create whose result is not known is never repeated blindly.
//! What is sent is decided in [`step`] alone.

mod create;
mod duplicates;
mod locate;
pub(crate) mod look;
pub(crate) mod members;
mod parts;
pub(crate) mod proof;
mod remove;
pub(crate) mod step;
pub(crate) mod taken;
mod update;
mod wanted;

use create::{adopt, create};
use locate::{Foreign, Hit, Located, locate};
use proof::Proof;
use remove::{disable_instead, recover_gone, remove};
use step::{Step, There, next};
use update::update;

use lifecycle::{AccountState, AttemptClass, Attributes, HeldBy};
use scim::Kind;

use crate::call::{Call, Consent, Failed, Stop};
use crate::outcome::{Outcome, Progress};

use crate::rows::access::{AccessChange, OffEvidence};
use crate::safety::PROTECTED;
use crate::{micros, now};

pub(crate) use wanted::Wanted;

/// Shown with an account that is not there, where no other one is known at the target.
const NOT_PROVEN: &str = "not there, which cannot be proven: no other account is known at the target";
/// How often a leaver whose create got no answer is looked for before there is surely no account.
const LATE_CREATE_LOOKS: i32 = 3;
/// Moves of one piece of work at most. The longest way that makes sense has seven: a change finds the account gone, nothing
/// is found, the create is refused because there is one, that one is adopted, and changed; and each may end there.
const MOVES_MAX: usize = 8;

/// What comes next in one piece of work.
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it ends as what is large")]
enum Move {
    /// Nothing: this is what came of it.
    End(Outcome),
    /// Create it, unless it is found.
    Create,
    /// Link what was found.
    Adopt(Box<Hit>),
    /// Make what is linked agree.
    BringAbout(Standing),
    /// The link leads nowhere: find out what is there instead.
    RecoverGone,
    /// Nothing is linked and nothing should be usable: find what may be there.
    LookForUnlinked,
}

/// Works until the target agrees or something stands in the way. Whatever was learned is in `progress`, also then.
pub(crate) async fn converge(call: &mut Call, wanted: &Wanted, progress: &mut Progress) -> Outcome {
    let linked = progress.remote_id.clone();
    let outcome = match settle(call, wanted, progress).await {
        Ok(outcome) => outcome,
        Err(Stop::Deferred) => Outcome::Deferred,
        Err(Stop::Postponed { trouble, times }) => Outcome::Postponed { trouble: *trouble, times },
        Err(Stop::Failed(failed)) => judge(*failed),
    };
    let linked = progress.remote_id.clone().or(linked);
    let outcome = duplicates::look(call, wanted, progress, linked.as_deref(), outcome).await;
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

/// Moves until one of them ends it. A target that shows another resource each time it is asked is not followed for ever.
async fn settle(call: &mut Call, wanted: &Wanted, progress: &mut Progress) -> Result<Outcome, Stop> {
    let mut next = begin(call, wanted, progress).await?;
    for _ in 0..MOVES_MAX {
        next = match next {
            Move::End(outcome) => return Ok(outcome),
            Move::Create => create(call, wanted, progress).await?,
            Move::Adopt(hit) => adopt(call, wanted, progress, *hit).await?,
            Move::BringAbout(standing) => bring_about(call, wanted, progress, standing).await?,
            Move::RecoverGone => recover_gone(call, wanted, progress).await?,
            Move::LookForUnlinked => look_for_unlinked(call, wanted, progress).await?,
        };
    }
    if let Move::End(outcome) = next {
        return Ok(outcome);
    }
    progress.in_doubt = true;
    let error =
        format!("the target shows something else each time it is asked: {MOVES_MAX} moves led nowhere");
    Ok(Outcome::Retry(call.trouble("read", AttemptClass::Transient, error)))
}

/// The first move.
async fn begin(call: &mut Call, wanted: &Wanted, progress: &mut Progress) -> Result<Move, Stop> {
    if let Some(outcome) = anothers(call, wanted, progress).await? {
        return Ok(Move::End(outcome));
    }
    let unseen_off = wanted.is_off(&progress.applied) && progress.off.is_none();
    if progress.remote_id.is_some()
        && (progress.in_doubt || unseen_off || wanted.must_read(&progress.applied))
    {
        let gone = !look_again(call, wanted, progress).await?;
        if gone && wanted.state != AccountState::Deleted {
            return Ok(Move::RecoverGone);
        }
    }
    Ok(match (&progress.remote_id, wanted.state) {
        (Some(_), _) => Move::BringAbout(Standing::LINKED),
        (None, AccountState::Active) => Move::Create,
        (None, AccountState::Disabled | AccountState::Deleted) => Move::LookForUnlinked,
    })
}

/// At an unconfirmed address the id of the link may be another's: nothing is sent to what carries another externalId.
async fn anothers(call: &mut Call, wanted: &Wanted, progress: &Progress) -> Result<Option<Outcome>, Stop> {
    let (Some(id), Some(why)) = (progress.remote_id.clone(), call.target.address.doubt()) else {
        return Ok(None);
    };
    let found = match locate::read(call, wanted.kind, &id).await {
        Ok(found) => found,
        Err(Stop::Failed(failed)) if failed.class() == AttemptClass::NotFound => return Ok(None),
        Err(stop) => return Err(stop),
    };
    let carries = found.external_id.as_deref().filter(|id| !id.is_empty());
    if carries.is_none() || carries == wanted.external_id() {
        return Ok(None);
    }
    let error = format!("resource {id} carries another externalId: {why}");
    let trouble = call.trouble("read", AttemptClass::NotFound, error);
    Ok(Some(Outcome::Unproven { trouble, pauses: None }))
}

/// What the target holds is not certain: an earlier request may have been carried out, or a policy speaks of something
/// new. Without this, a change back to what we believe to be there would look like no change at all. Returns whether it
/// is there.
async fn look_again(call: &mut Call, wanted: &Wanted, progress: &mut Progress) -> Result<bool, Stop> {
    let Some(id) = progress.remote_id.clone() else { return Ok(false) };
    match locate::read(call, wanted.kind, &id).await {
        Ok(found) => {
            call.was_shown();
            progress.see_use(found.active);
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
async fn look_for_unlinked(call: &mut Call, wanted: &Wanted, progress: &mut Progress) -> Result<Move, Stop> {
    let outcome = match locate(call, wanted, true).await? {
        Located::Adoptable(hit) => return Ok(Move::Adopt(hit)),
        // It carries the key of another person, whose account it is: this one has none.
        Located::Foreign(foreign) if foreign.holder(call).await?.is_some() => {
            no_account_of_its_own(call, wanted, progress, foreign).await?
        }
        Located::Foreign(foreign) => Outcome::Conflict { found: foreign.found },
        // It has said that there is one: whoever should be off may have it.
        Located::Nothing if progress.unseen.is_some() => {
            let error = "the target has said that it is there, and does not show it".to_owned();
            Outcome::Retry(call.trouble("lookup", AttemptClass::OutcomeUnknown, error))
        }
        Located::Nothing if progress.in_doubt && call.about.attempts < LATE_CREATE_LOOKS => {
            let error = "a create that got no answer may still be under way".to_owned();
            Outcome::Retry(call.trouble("lookup", AttemptClass::OutcomeUnknown, error))
        }
        Located::Nothing => absent(call, wanted, progress, OffEvidence::NoAccountProven).await?,
    };
    Ok(Move::End(outcome))
}

/// The account that has the person's value is another's, which was visible a moment ago: the person has none, unless one is found
/// by what else the policy matches on.
async fn no_account_of_its_own(
    call: &mut Call,
    wanted: &Wanted,
    progress: &mut Progress,
    foreign: Foreign,
) -> Result<Outcome, Stop> {
    if let Some(found) = locate::of_nobody_else(call, wanted, &foreign).await? {
        return Ok(Outcome::Conflict { found });
    }
    if !progress.in_doubt && progress.unseen.is_none() && call.target.address.doubt().is_none() {
        progress.off = progress.off.or(Some(OffEvidence::NoAccountProven));
    }
    progress.remote_id = None;
    progress.applied = Attributes::new();
    Ok(settled("absent", wanted))
}

/// Whether the target shows by now what it did not show a moment ago.
async fn is_back(call: &mut Call, wanted: &Wanted, progress: &Progress) -> Result<bool, Stop> {
    if let Some(id) = progress.remote_id.clone() {
        match locate::read(call, wanted.kind, &id).await {
            Ok(_) => return Ok(true),
            Err(Stop::Failed(failed)) if failed.class() == AttemptClass::NotFound => {}
            Err(stop) => return Err(stop),
        }
    }
    Ok(!matches!(locate(call, wanted, true).await?, Located::Nothing))
}

/// Nothing is there, and nothing should be: so it is, if the target shows others; otherwise it is looked for again.
async fn absent(
    call: &mut Call,
    wanted: &Wanted,
    progress: &mut Progress,
    evidence: OffEvidence,
) -> Result<Outcome, Stop> {
    let note = match proof::prove(call).await? {
        // The target may have come back between the two: only what is not there after that is gone.
        Proof::Proven if is_back(call, wanted, progress).await? => {
            progress.in_doubt = true;
            let error = "it was not there, and is there again".to_owned();
            return Ok(Outcome::Retry(call.trouble("lookup", AttemptClass::Transient, error)));
        }
        Proof::Proven => {
            progress.off = progress.off.or(Some(evidence));
            None
        }
        Proof::NothingToCompare => Some(NOT_PROVEN),
        Proof::Unproven { why, pauses } => {
            let trouble = call.trouble("lookup", AttemptClass::NotFound, why);
            return Ok(Outcome::Unproven { trouble, pauses: pauses.map(|why| (why, micros(now()))) });
        }
    };
    progress.remote_id = None;
    progress.applied = Attributes::new();
    Ok(Outcome::Settled { how: "absent", awaits: wanted.awaits.clone(), note })
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
) -> Result<Move, Stop> {
    let Some(id) = progress.remote_id.clone() else { return Ok(Move::Create) };
    let there = There::Something { applied: &progress.applied, surely_ours: standing.surely_ours };
    let adopted = standing.adopted && wanted.state != AccountState::Deleted;
    let name = |how| if adopted { "adopted" } else { how };
    let step = match next(call.target.client.profile(), wanted, there) {
        Step::Delete if call.about.only_switch_offs && wanted.kind == Kind::User => {
            progress.delete_after = Some(0);
            Step::SwitchOff
        }
        step => step,
    };
    let change = match &step {
        Step::Write { .. } if wanted.takes_access_away(&progress.applied) => Some(AccessChange::Disable),
        Step::Write { .. } if wanted.gives_access_back(&progress.applied) => Some(AccessChange::Enable),
        Step::Delete => Some(AccessChange::Delete),
        Step::SwitchOff => Some(AccessChange::Disable),
        Step::Write { .. } | Step::Create | Step::Rest { .. } | Step::Forbidden { .. } => None,
    };
    let takes_away = change.is_some_and(AccessChange::takes_away);
    if let Some(change) = change
        && let Some(held) = objection(call, wanted, change).await?
    {
        return Ok(Move::End(held));
    }
    // Whoever must be off is switched off, whatever else could not be written.
    let step = match (step, refused_by_profile(call, wanted, &wanted.to_write().0, false)) {
        (Step::Write { .. }, Some(_)) if takes_away => Step::SwitchOff,
        (Step::Write { .. }, Some(held)) => return Ok(Move::End(held)),
        (step, _) => step,
    };
    match step {
        Step::Write { ops, how } => match &wanted.step_aside {
            Some(taken) if !takes_away => taken::step_aside(call, wanted, progress, &id, taken).await,
            _ => update(call, wanted, progress, &id, &ops, name(how)).await,
        },
        Step::Delete => remove(call, wanted, progress, &id).await.map(Move::End),
        Step::SwitchOff => disable_instead(call, wanted, progress, &id).await,
        Step::Forbidden { how, why } => Ok(Move::End(forbidden(name(how), why, wanted))),
        Step::Rest { how } => {
            progress.delete_after = wanted.delete_after(&progress.applied);
            if wanted.state != AccountState::Deleted {
                progress.applied = wanted.written(&progress.applied);
            }
            let note = step::why_kept(call.target.client.profile(), wanted);
            Ok(Move::End(Outcome::Settled { how: name(how), awaits: wanted.awaits.clone(), note }))
        }
        Step::Create => Ok(Move::Create),
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
async fn objection(call: &Call, wanted: &Wanted, change: AccessChange) -> Result<Option<Outcome>, Stop> {
    match call.about.consent {
        Consent::Approved => Ok(None),
        _ if wanted.protected && change.takes_away() => {
            Ok(Some(Outcome::Held { by: HeldBy::Protected, reason: PROTECTED.to_owned() }))
        }
        Consent::Planned => Ok(None),
        // Who may be deleted may be switched off instead.
        Consent::Counted(counted) if counted == change || counted == AccessChange::Delete => Ok(None),
        Consent::Counted(_) | Consent::Unknown => {
            let reason = call.ask_permission(change).await?;
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

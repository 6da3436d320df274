//! Makes one account or group agree: look, create, adopt, update, disable, delete.
//!
//! The order of looking is fixed: the known link, then our externalId, then what the policy matches on. An account is
//! adopted only when its externalId is empty or ours. A create whose result is not known is never repeated blindly.
//! What is sent is decided in [`step`] alone.

mod locate;
pub(crate) mod look;
pub(crate) mod members;
pub(crate) mod step;
mod wanted;

use locate::{Located, linked_already, locate, matching_is_unique};
use step::{Step, There, next};

use lifecycle::{AccountState, AttemptClass, Attributes, HeldBy};
use scim::{Found, Kind, PatchOp, ReadBack, UpdateMethod};

use crate::call::{Call, Consent, Failed, Stop};
use crate::outcome::{Outcome, Progress, Trouble};
use crate::rows::resource::Unseen;
use crate::safety::PROTECTED;
use crate::{micros, now};

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

async fn create(call: &mut Call, wanted: &Wanted, progress: &mut Progress) -> Result<Outcome, Stop> {
    let look_first = !wanted.assume_empty || progress.in_doubt || progress.unseen.is_some();
    if look_first {
        let thoroughly = progress.in_doubt || !wanted.actions.create || !matching_is_unique(call, wanted);
        let located = match locate::from_list(call, wanted, progress.in_doubt) {
            Some(located) => located,
            None => locate(call, wanted, thoroughly).await?,
        };
        match located {
            // It was done, whatever a search says: once more would make a second one.
            Located::Nothing if progress.unseen == Some(Unseen::Created) => return Ok(not_shown(call)),
            Located::Nothing => {}
            Located::Adoptable(found) => return Box::pin(adopt(call, wanted, progress, *found)).await,
            Located::Foreign(found) => return Ok(Outcome::Conflict { found }),
        }
    }
    match next(call.target.client.profile(), wanted, There::Nothing) {
        Step::Create => {}
        Step::Forbidden { how, why } => return Ok(forbidden(how, why, wanted)),
        _ => return Ok(settled("absent", wanted)),
    }
    let attributes = wanted.to_create();
    if let Some(held) = refused_by_profile(call, wanted, &attributes, true) {
        return Ok(held);
    }
    let posted = call.send("create", async |client| client.create(wanted.kind, &attributes).await).await;
    let id = match posted {
        Ok(created) => created.id,
        Err(Stop::Failed(failed)) if failed.class() == AttemptClass::AlreadyExists => {
            return Box::pin(resolve_existing(call, wanted, progress, *failed)).await;
        }
        Err(stop) => return Err(stop),
    };
    progress.in_doubt = true;
    match id {
        Some(id) => {
            progress.remote_id = Some(id);
            progress.unseen = None;
            progress.applied = wanted.created();
            Ok(settled("created", wanted))
        }
        None => {
            progress.unseen = Some(Unseen::Created);
            find_created(call, wanted, progress).await
        }
    }
}

/// A create succeeded but its answer named no id.
async fn find_created(call: &mut Call, wanted: &Wanted, progress: &mut Progress) -> Result<Outcome, Stop> {
    match locate(call, wanted, true).await? {
        Located::Adoptable(found) => {
            progress.remote_id = Some(found.id);
            progress.unseen = None;
            progress.applied = wanted.created();
            Ok(settled("created", wanted))
        }
        Located::Foreign(found) => Ok(Outcome::Conflict { found }),
        Located::Nothing => Ok(not_shown(call)),
    }
}

fn not_shown(call: &Call) -> Outcome {
    let error = "the target took the create but does not show the resource".to_owned();
    Outcome::Retry(call.trouble("create", AttemptClass::OutcomeUnknown, error))
}

/// The target says that it is there already.
async fn resolve_existing(
    call: &mut Call,
    wanted: &Wanted,
    progress: &mut Progress,
    failed: Failed,
) -> Result<Outcome, Stop> {
    progress.in_doubt = true;
    progress.unseen = Some(Unseen::Exists);
    match locate(call, wanted, true).await? {
        Located::Adoptable(found) => adopt(call, wanted, progress, *found).await,
        Located::Foreign(found) => Ok(Outcome::Conflict { found }),
        Located::Nothing => {
            let error =
                format!("the target says that it exists, but finds nothing: {}", failed.trouble.error);
            Ok(Outcome::Retry(Trouble { error, ..failed.trouble }))
        }
    }
}

async fn adopt(
    call: &mut Call,
    wanted: &Wanted,
    progress: &mut Progress,
    found: Found,
) -> Result<Outcome, Stop> {
    if let Some(other) = call.linked_to_another(&found.id).await? {
        return Ok(Outcome::Conflict { found: linked_already(&found.id, &other) });
    }
    let standing = Standing { surely_ours: locate::is_ours(wanted, &found), adopted: true };
    progress.applied = scim::observe(&found.attributes, wanted.paths());
    progress.remote_id = Some(found.id);
    progress.unseen = None;
    bring_about(call, wanted, progress, standing).await
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

/// Sends what differs, in one request.
async fn update(
    call: &mut Call,
    wanted: &Wanted,
    progress: &mut Progress,
    id: &str,
    ops: &[PatchOp],
    how: &'static str,
) -> Result<Outcome, Stop> {
    let operation = if how == "disabled" { "disable" } else { "update" };
    let (set, clear) = wanted.to_write();
    let change = Change { kind: wanted.kind, id, operation, ops, set: &set, clear };
    match write(call, &change).await {
        Ok(shown) => {
            if let Some(undone) = not_done(call, &change, shown).await? {
                progress.in_doubt = true;
                return Ok(undone);
            }
            call.target.gone.was_there();
            progress.removed |= wanted.takes_access_away(&progress.applied);
            progress.applied = wanted.written(&progress.applied);
            Ok(settled(how, wanted))
        }
        Err(Stop::Failed(failed)) => match failed.class() {
            AttemptClass::NotFound => Box::pin(recover_gone(call, wanted, progress)).await,
            AttemptClass::Permanent | AttemptClass::AlreadyExists
                if wanted.takes_access_away(&progress.applied) && ops.len() > 1 =>
            {
                disable_only(call, progress, id, *failed).await
            }
            _ => Err(Stop::Failed(failed)),
        },
        Err(stop) => Err(stop),
    }
}

/// One change: a PATCH of what differs, or where the profile says so a PUT of what was read with that changed.
/// What is there now, if the target's answer shows it.
async fn write(call: &mut Call, change: &Change<'_>) -> Result<Option<Found>, Stop> {
    let Change { kind, id, operation, ops, set, clear } = *change;
    if call.target.client.profile().update_method == UpdateMethod::Patch {
        return call.send(operation, async |client| client.patch(kind, id, ops).await).await;
    }
    let current = locate::read(call, kind, id).await?;
    let whole = scim::overlay(call.target.client.profile(), kind, &current.attributes, set, clear);
    let version = current.version.as_deref();
    call.send(operation, async |client| client.replace(kind, id, &whole, version).await).await
}

/// What a change came to that the target answered with success and did not carry out. It is read back where the profile
/// says so, and where the answer itself shows an account that should be off.
async fn not_done(
    call: &mut Call,
    change: &Change<'_>,
    shown: Option<Found>,
) -> Result<Option<Outcome>, Stop> {
    let switches_off = change.kind == Kind::User && change.set.get("active") == Some(&false.into());
    let is_doubtful = switches_off && shown.is_some_and(|found| found.active == Some(true));
    let read_back = match call.target.client.profile().read_back {
        ReadBack::Never => false,
        ReadBack::Disable => switches_off,
        ReadBack::Always => true,
    };
    if !is_doubtful && !read_back {
        return Ok(None);
    }
    let found = match locate::read(call, change.kind, change.id).await {
        Ok(found) => found,
        Err(Stop::Failed(failed)) if failed.class() == AttemptClass::NotFound => return Ok(None),
        Err(stop) => return Err(stop),
    };
    let observed = scim::observe(&found.attributes, change.set.keys().chain(change.clear));
    let ops = scim::diff::ops(call.target.client.profile(), change.kind, &observed, change.set, change.clear);
    let left: Vec<&str> = ops.iter().map(PatchOp::path).collect();
    let matters = if switches_off && !read_back { left.contains(&"active") } else { !left.is_empty() };
    Ok(matters.then(|| {
        let error = format!("the target answered with success, and did not do it: {}", left.join(", "));
        Outcome::Retry(call.trouble(change.operation, AttemptClass::Transient, error))
    }))
}

/// A change of one resource.
#[derive(Clone, Copy)]
struct Change<'a> {
    kind: Kind,
    id: &'a str,
    operation: &'static str,
    ops: &'a [PatchOp],
    set: &'a Attributes,
    clear: &'a [String],
}

/// Switches the account off and changes nothing else; says what that came to if the target did not do it.
async fn switch_off(call: &mut Call, id: &str, progress: &mut Progress) -> Result<Option<Outcome>, Stop> {
    let (ops, set) = step::off(call.target.client.profile());
    let change = Change { kind: Kind::User, id, operation: "disable", ops: &ops, set: &set, clear: &[] };
    let shown = write(call, &change).await?;
    if let Some(undone) = not_done(call, &change, shown).await? {
        progress.in_doubt = true;
        return Ok(Some(undone));
    }
    progress.removed |= progress.applied.get("active") != Some(&false.into());
    progress.applied.extend(set);
    Ok(None)
}

/// The whole change was refused, but a leaver must be off: switch off the account alone, and say what is left.
async fn disable_only(
    call: &mut Call,
    progress: &mut Progress,
    id: &str,
    refused: Failed,
) -> Result<Outcome, Stop> {
    if let Some(undone) = switch_off(call, id, progress).await? {
        return Ok(undone);
    }
    let error =
        format!("the account is disabled, but its other changes were refused: {}", refused.trouble.error);
    Ok(Outcome::Dead(Trouble { error, ..refused.trouble }))
}

/// Whether what answers 404 is an account that we switched off ourselves, at a target that hides such accounts.
fn is_hidden(call: &Call, wanted: &Wanted, progress: &Progress) -> bool {
    call.target.client.profile().hides_disabled
        && wanted.kind == Kind::User
        && wanted.state != AccountState::Active
        && progress.applied.get("active") == Some(&false.into())
}

/// The link leads nowhere. A search that works tells a vanished account from a credential that lost its sight.
async fn recover_gone(call: &mut Call, wanted: &Wanted, progress: &mut Progress) -> Result<Outcome, Stop> {
    if is_hidden(call, wanted, progress) {
        return Ok(settled("unchanged", wanted));
    }
    let located = locate(call, wanted, true).await?;
    if let Located::Adoptable(found) = &located
        && progress.remote_id.as_ref() == Some(&found.id)
    {
        let error = "the target says that it is gone, and finds it all the same".to_owned();
        return Ok(Outcome::Retry(call.trouble("read", AttemptClass::Transient, error)));
    }
    if matches!(located, Located::Nothing)
        && wanted.state == AccountState::Active
        && let Some(why) = call.target.gone.is_gone()
    {
        return Ok(Outcome::Doubtful { why, at: micros(now()) });
    }
    progress.remote_id = None;
    progress.applied = Attributes::new();
    match located {
        Located::Adoptable(found) => adopt(call, wanted, progress, *found).await,
        Located::Foreign(found) => Ok(Outcome::Conflict { found }),
        Located::Nothing if wanted.state == AccountState::Active => {
            progress.in_doubt = true;
            create(call, wanted, progress).await
        }
        Located::Nothing => Ok(settled("absent", wanted)),
    }
}

async fn remove(
    call: &mut Call,
    wanted: &Wanted,
    progress: &mut Progress,
    id: &str,
) -> Result<Outcome, Stop> {
    match call.send("delete", async |client| client.delete(wanted.kind, id).await).await {
        Ok(()) => {}
        // Whoever left must not keep an account because a target lost sight of it for a moment.
        Err(Stop::Failed(failed)) if failed.class() == AttemptClass::NotFound => {
            if !matches!(locate(call, wanted, true).await?, Located::Nothing) {
                let error = "the target says that it is gone, and finds it all the same".to_owned();
                return Ok(Outcome::Retry(Trouble { error, ..failed.trouble }));
            }
        }
        Err(Stop::Failed(failed))
            if failed.class() == AttemptClass::Permanent
                && wanted.kind == Kind::User
                && wanted.actions.disable =>
        {
            // It cannot be deleted, but nobody who left may use it.
            if let Some(undone) = switch_off(call, id, progress).await? {
                return Ok(undone);
            }
            let error =
                format!("the account is disabled, but deleting it was refused: {}", failed.trouble.error);
            return Ok(Outcome::Dead(Trouble { error, ..failed.trouble }));
        }
        Err(stop) => return Err(stop),
    }
    *progress = Progress {
        remote_id: None,
        applied: Attributes::new(),
        in_doubt: false,
        removed: true,
        unseen: None,
    };
    Ok(settled("deleted", wanted))
}

/// The account cannot or must not be deleted: taking away its use is all that can be done.
async fn disable_instead(
    call: &mut Call,
    wanted: &Wanted,
    progress: &mut Progress,
    id: &str,
) -> Result<Outcome, Stop> {
    match switch_off(call, id, progress).await {
        Ok(None) => {}
        Ok(Some(undone)) => return Ok(undone),
        // Somebody may have made it anew under another id.
        Err(Stop::Failed(failed)) if failed.class() == AttemptClass::NotFound => {
            return Box::pin(recover_gone(call, wanted, progress)).await;
        }
        Err(stop) => return Err(stop),
    }
    let note = step::why_kept(call.target.client.profile(), wanted);
    Ok(Outcome::Settled { how: "disabled", awaits: wanted.awaits.clone(), note })
}

fn settled(how: &'static str, wanted: &Wanted) -> Outcome {
    Outcome::Settled { how, awaits: wanted.awaits.clone(), note: None }
}

fn forbidden(how: &'static str, why: &'static str, wanted: &Wanted) -> Outcome {
    Outcome::Settled { how, awaits: wanted.awaits.clone(), note: Some(why) }
}

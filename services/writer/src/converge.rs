//! Makes one account or group agree: look, create, adopt, update, disable, delete.
//!
//! The order of looking is fixed: the known link, then our externalId, then what the policy matches on. An account is
//! adopted only when its externalId is empty or ours. A create whose result is not known is never repeated blindly.

mod locate;
pub(crate) mod members;
mod wanted;

use locate::{Located, locate, matching_is_unique};

use lifecycle::{AccountState, AttemptClass, Attributes};
use scim::{DeleteMethod, Found, Kind, PatchOp, UpdateMethod, diff};

use crate::call::{Call, Failed, Stop};
use crate::outcome::{Outcome, Progress, Trouble};

pub(crate) use wanted::Wanted;

const ACTIVE: &str = "active";
/// How often a leaver whose create got no answer is looked for before there is surely no account.
const LATE_CREATE_LOOKS: i32 = 3;

/// Works until the target agrees or something stands in the way. Whatever was learned is in `progress`, also then.
pub(crate) async fn converge(call: &mut Call, wanted: &Wanted, progress: &mut Progress) -> Outcome {
    let outcome = match settle(call, wanted, progress).await {
        Ok(outcome) => outcome,
        Err(Stop::Deferred) => Outcome::Deferred,
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
    if progress.in_doubt && progress.remote_id.is_some() {
        look_again(call, wanted, progress).await?;
    }
    match (&progress.remote_id, wanted.state) {
        (Some(_), AccountState::Deleted) => remove(call, wanted, progress).await,
        (Some(_), _) => update(call, wanted, progress, None).await,
        (None, AccountState::Active) => create(call, wanted, progress).await,
        (None, AccountState::Disabled | AccountState::Deleted) => {
            look_for_unlinked(call, wanted, progress).await
        }
    }
}

/// What the target holds is not certain: an earlier request may have been carried out. Without this, a change back to
/// what we believe to be there would look like no change at all.
async fn look_again(call: &mut Call, wanted: &Wanted, progress: &mut Progress) -> Result<(), Stop> {
    let Some(id) = progress.remote_id.clone() else { return Ok(()) };
    let kind = kind_of(wanted);
    match call.send("read", async |client| client.get(kind, &id).await).await {
        Ok(found) => {
            let paths: std::collections::BTreeSet<&String> =
                progress.applied.keys().chain(wanted.attributes.keys()).collect();
            progress.applied = scim::observe(&found.attributes, paths);
            progress.in_doubt = false;
            Ok(())
        }
        // The steps that follow find out what that means.
        Err(Stop::Failed(failed)) if failed.class() == AttemptClass::NotFound => Ok(()),
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
        Located::Nothing if progress.in_doubt && call.about.attempts < LATE_CREATE_LOOKS => {
            let error = "a create that got no answer may still be under way".to_owned();
            Ok(Outcome::Retry(call.trouble("lookup", AttemptClass::OutcomeUnknown, error)))
        }
        Located::Nothing => Ok(settled("absent", wanted)),
        Located::Foreign(found) => Ok(Outcome::Conflict { found }),
        Located::Adoptable(found) if wanted.state == AccountState::Deleted => {
            progress.applied = scim::observe(&found.attributes, wanted.attributes.keys());
            let ours = found.external_id.is_some() && found.external_id.as_deref() == wanted.external_id();
            let id = found.id.clone();
            progress.remote_id = Some(found.id);
            if ours {
                remove(call, wanted, progress).await
            } else {
                // Not surely ours: deleting it is not ours to decide, but nobody who left may use it.
                disable_instead(call, wanted, progress, &id).await
            }
        }
        Located::Adoptable(found) => adopt(call, wanted, progress, *found).await,
    }
}

async fn create(call: &mut Call, wanted: &Wanted, progress: &mut Progress) -> Result<Outcome, Stop> {
    let look_first = !wanted.assume_empty || progress.in_doubt;
    if look_first {
        let thoroughly = progress.in_doubt || !matching_is_unique(call, wanted);
        match locate(call, wanted, thoroughly).await? {
            Located::Nothing => {}
            Located::Adoptable(found) => return Box::pin(adopt(call, wanted, progress, *found)).await,
            Located::Foreign(found) => return Ok(Outcome::Conflict { found }),
        }
    }
    let kind = kind_of(wanted);
    let posted = call.send("create", async |client| client.create(kind, &wanted.attributes).await).await;
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
            progress.applied = wanted.attributes.clone();
            Ok(settled("created", wanted))
        }
        None => find_created(call, wanted, progress).await,
    }
}

/// A create succeeded but its answer named no id.
async fn find_created(call: &mut Call, wanted: &Wanted, progress: &mut Progress) -> Result<Outcome, Stop> {
    match locate(call, wanted, true).await? {
        Located::Adoptable(found) => {
            progress.remote_id = Some(found.id);
            progress.applied = wanted.attributes.clone();
            Ok(settled("created", wanted))
        }
        Located::Foreign(found) => Ok(Outcome::Conflict { found }),
        Located::Nothing => {
            let error = "the target took the create but does not show the resource".to_owned();
            Ok(Outcome::Retry(call.trouble("create", AttemptClass::OutcomeUnknown, error)))
        }
    }
}

/// The target says that it is there already.
async fn resolve_existing(
    call: &mut Call,
    wanted: &Wanted,
    progress: &mut Progress,
    failed: Failed,
) -> Result<Outcome, Stop> {
    progress.in_doubt = true;
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
        return Ok(Outcome::Conflict {
            found: format!("resource {} is linked to {other} already", found.id),
        });
    }
    progress.applied = scim::observe(&found.attributes, wanted.attributes.keys());
    progress.remote_id = Some(found.id);
    update(call, wanted, progress, Some("adopted")).await
}

/// Sends what differs, in one request. `because` overrides the outcome's name.
async fn update(
    call: &mut Call,
    wanted: &Wanted,
    progress: &mut Progress,
    because: Option<&'static str>,
) -> Result<Outcome, Stop> {
    let Some(id) = progress.remote_id.clone() else { return Box::pin(create(call, wanted, progress)).await };
    let ops = diff::ops(call.target.client.profile(), kind_of(wanted), &progress.applied, &wanted.attributes);
    if ops.is_empty() {
        return Ok(settled(because.unwrap_or("unchanged"), wanted));
    }
    let how = because.unwrap_or_else(|| wanted.name_of_change(&progress.applied));
    let operation = if how == "disabled" { "disable" } else { "update" };
    let change = Change {
        kind: kind_of(wanted),
        id: &id,
        operation,
        ops: &ops,
        applied: &progress.applied,
        desired: &wanted.attributes,
    };
    match write(call, &change).await {
        Ok(()) => {
            progress.applied = wanted.attributes.clone();
            Ok(settled(how, wanted))
        }
        Err(Stop::Failed(failed)) => match failed.class() {
            AttemptClass::NotFound => Box::pin(recover_gone(call, wanted, progress)).await,
            AttemptClass::Permanent | AttemptClass::AlreadyExists
                if wanted.takes_access_away(&progress.applied) && ops.len() > 1 =>
            {
                disable_only(call, progress, &id, *failed).await
            }
            _ => Err(Stop::Failed(failed)),
        },
        Err(stop) => Err(stop),
    }
}

/// One change: a PATCH of what differs, or where the profile says so a PUT of what was read with that changed.
async fn write(call: &mut Call, change: &Change<'_>) -> Result<(), Stop> {
    let Change { kind, id, operation, ops, applied, desired } = *change;
    if call.target.client.profile().update_method == UpdateMethod::Patch {
        return call.send(operation, async |client| client.patch(kind, id, ops).await).await;
    }
    let current = call.send("read", async |client| client.get(kind, id).await).await?;
    let whole = scim::overlay(call.target.client.profile(), kind, &current.attributes, applied, desired);
    call.send(operation, async |client| client.replace(kind, id, &whole).await).await
}

/// A change of one resource.
#[derive(Clone, Copy)]
struct Change<'a> {
    kind: Kind,
    id: &'a str,
    operation: &'static str,
    ops: &'a [PatchOp],
    applied: &'a Attributes,
    desired: &'a Attributes,
}

/// Switches the account off and changes nothing else.
async fn switch_off(call: &mut Call, id: &str, progress: &mut Progress) -> Result<(), Stop> {
    let mut off = progress.applied.clone();
    off.insert(ACTIVE.to_owned(), false.into());
    let ops = [PatchOp::Replace { path: ACTIVE.to_owned(), value: false.into() }];
    let change = Change {
        kind: Kind::User,
        id,
        operation: "disable",
        ops: &ops,
        applied: &progress.applied,
        desired: &off,
    };
    write(call, &change).await?;
    progress.applied = off;
    Ok(())
}

/// The whole change was refused, but a leaver must be off: switch off the account alone, and say what is left.
async fn disable_only(
    call: &mut Call,
    progress: &mut Progress,
    id: &str,
    refused: Failed,
) -> Result<Outcome, Stop> {
    switch_off(call, id, progress).await?;
    let error =
        format!("the account is disabled, but its other changes were refused: {}", refused.trouble.error);
    Ok(Outcome::Dead(Trouble { error, ..refused.trouble }))
}

/// The link leads nowhere. A search that works tells a vanished account from a credential that lost its sight.
async fn recover_gone(call: &mut Call, wanted: &Wanted, progress: &mut Progress) -> Result<Outcome, Stop> {
    let located = locate(call, wanted, true).await?;
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

async fn remove(call: &mut Call, wanted: &Wanted, progress: &mut Progress) -> Result<Outcome, Stop> {
    let Some(id) = progress.remote_id.clone() else { return Ok(settled("absent", wanted)) };
    match call.target.client.profile().delete {
        DeleteMethod::Hard => {}
        DeleteMethod::Disable | DeleteMethod::Unsupported => {
            return disable_instead(call, wanted, progress, &id).await;
        }
    }
    let kind = kind_of(wanted);
    match call.send("delete", async |client| client.delete(kind, &id).await).await {
        Ok(()) => {}
        Err(Stop::Failed(failed)) if failed.class() == AttemptClass::NotFound => {}
        Err(Stop::Failed(failed)) if failed.class() == AttemptClass::Permanent && kind == Kind::User => {
            // It cannot be deleted, but nobody who left may use it.
            switch_off(call, &id, progress).await?;
            let error =
                format!("the account is disabled, but deleting it was refused: {}", failed.trouble.error);
            return Ok(Outcome::Dead(Trouble { error, ..failed.trouble }));
        }
        Err(stop) => return Err(stop),
    }
    *progress = Progress { remote_id: None, applied: Attributes::new(), in_doubt: false };
    Ok(settled("deleted", wanted))
}

/// The target cannot delete accounts: taking away their use is all that can be done.
async fn disable_instead(
    call: &mut Call,
    wanted: &Wanted,
    progress: &mut Progress,
    id: &str,
) -> Result<Outcome, Stop> {
    if kind_of(wanted) == Kind::Group || progress.applied.get(ACTIVE) == Some(&false.into()) {
        return Ok(settled("kept", wanted));
    }
    match switch_off(call, id, progress).await {
        Ok(()) => {}
        Err(Stop::Failed(failed)) if failed.class() == AttemptClass::NotFound => {}
        Err(stop) => return Err(stop),
    }
    Ok(settled("disabled", wanted))
}

fn kind_of(wanted: &Wanted) -> Kind {
    wanted.kind
}

fn settled(how: &'static str, wanted: &Wanted) -> Outcome {
    Outcome::Settled { how, awaits: wanted.awaits.clone() }
}

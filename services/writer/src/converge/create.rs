//! Creates, and adopts what turns out to be there.

use lifecycle::AttemptClass;

use super::locate::{self, Foreign, Hit, Located, locate, matching_is_unique};
use super::step::{Step, There, next};
use super::taken::{self, Taken};
use super::{Move, Standing, Wanted, forbidden, refused_by_profile, settled};
use crate::call::{Call, Failed, Stop};
use crate::links::linked_already;
use crate::outcome::{Outcome, Progress, Trouble};
use crate::rows::access::Origin;
use crate::rows::resource::Unseen;
use crate::stored;

pub(super) async fn create(call: &mut Call, wanted: &Wanted, progress: &mut Progress) -> Result<Move, Stop> {
    let look_first = !wanted.assume_empty || progress.in_doubt || progress.unseen.is_some();
    if look_first {
        let thoroughly = progress.in_doubt || !wanted.actions.create || !matching_is_unique(call, wanted);
        // Whose a name is may have changed since the list was read: only what is looked for now stands in the way.
        let located = match locate::from_list(call, wanted, progress.in_doubt) {
            Some(located) if !matches!(located, Located::Foreign(_)) => located,
            listed => locate(call, wanted, thoroughly || listed.is_some()).await?,
        };
        match located {
            // It was done, whatever a search says: once more would make a second one.
            Located::Nothing if progress.unseen == Some(Unseen::Created) => return Ok(not_shown(call)),
            Located::Nothing => {}
            Located::Adoptable(hit) => return Ok(Move::Adopt(hit)),
            Located::Foreign(foreign) => return in_the_way(call, progress, foreign).await,
        }
    }
    match next(call.target.client.profile(), wanted, There::Nothing) {
        Step::Create => {}
        Step::Forbidden { how, why } => return Ok(Move::End(forbidden(how, why, wanted))),
        _ => return Ok(Move::End(settled("absent", wanted))),
    }
    let attributes = wanted.to_create();
    if let Some(held) = refused_by_profile(call, wanted, &attributes, true) {
        return Ok(Move::End(held));
    }
    let posted = call.send("create", async |client| client.create(wanted.kind, &attributes).await).await;
    let id = match posted {
        Ok(created) => created.id,
        Err(Stop::Failed(failed)) if taken::is_said_by(&failed) => {
            return resolve_existing(call, wanted, progress, *failed).await;
        }
        Err(stop) => return Err(stop),
    };
    progress.in_doubt = true;
    if let Some(fault) = id.as_deref().and_then(stored::remote_id_fault) {
        // It is there, and must never be sent again; nothing can be done with it by this id.
        progress.unseen = Some(Unseen::Created);
        return Ok(Move::End(Outcome::Dead(call.trouble("create", AttemptClass::Permanent, fault))));
    }
    match id {
        Some(id) => link_created(call, wanted, progress, id).await,
        None => {
            progress.unseen = Some(Unseen::Created);
            find_created(call, wanted, progress).await
        }
    }
}

/// Another resource has a value that this one should have: it waits where that may be given up by us, and is a conflict
/// where only a human can tell.
async fn in_the_way(call: &mut Call, progress: &mut Progress, foreign: Foreign) -> Result<Move, Stop> {
    let Some(taken) = foreign.holder(call).await? else {
        return Ok(Move::End(Outcome::Conflict { found: foreign.found }));
    };
    Ok(Move::End(wait(call, progress, taken, foreign.found)))
}

/// Nothing of the create was carried out: it waits for the value.
fn wait(call: &Call, progress: &mut Progress, taken: Taken, error: String) -> Outcome {
    progress.in_doubt = false;
    progress.unseen = None;
    Outcome::Waiting { taken, trouble: call.trouble("create", AttemptClass::AlreadyExists, error) }
}

/// A create succeeded but its answer named no id.
pub(super) async fn find_created(
    call: &mut Call,
    wanted: &Wanted,
    progress: &mut Progress,
) -> Result<Move, Stop> {
    match locate(call, wanted, true).await? {
        Located::Adoptable(hit) => {
            if let Some(fault) = stored::remote_id_fault(&hit.resource.id) {
                let outcome = Outcome::Dead(call.trouble("create", AttemptClass::Permanent, fault));
                return Ok(Move::End(outcome));
            }
            link_created(call, wanted, progress, hit.resource.id).await
        }
        Located::Foreign(foreign) => Ok(Move::End(Outcome::Conflict { found: foreign.found })),
        Located::Nothing => Ok(not_shown(call)),
    }
}

/// Links what a create of ours made, unless another subject found it first, or the target answered with an account that it had.
async fn link_created(
    call: &Call,
    wanted: &Wanted,
    progress: &mut Progress,
    id: String,
) -> Result<Move, Stop> {
    progress.unseen = Some(Unseen::Created); // until it is known whose it is
    let other = call.claim(&id).await?;
    progress.unseen = None;
    if let Some(other) = other {
        progress.in_doubt = false;
        return Ok(Move::End(Outcome::Conflict { found: linked_already(&id, &other) }));
    }
    progress.remote_id = Some(id);
    progress.origin = Some(Origin::Created);
    progress.applied = wanted.created();
    Ok(Move::End(settled("created", wanted)))
}

fn not_shown(call: &Call) -> Move {
    let error = "the target took the create but does not show the resource".to_owned();
    Move::End(Outcome::Retry(call.trouble("create", AttemptClass::OutcomeUnknown, error)))
}

/// The target says that it is there already.
async fn resolve_existing(
    call: &mut Call,
    wanted: &Wanted,
    progress: &mut Progress,
    failed: Failed,
) -> Result<Move, Stop> {
    let may_have_created = progress.in_doubt || progress.unseen == Some(Unseen::Created);
    progress.in_doubt = true;
    progress.unseen = Some(Unseen::Exists);
    match locate(call, wanted, true).await? {
        Located::Adoptable(hit) => {
            // A 409 at the first try is no create of ours.
            progress.in_doubt = may_have_created;
            Ok(Move::Adopt(hit))
        }
        Located::Foreign(foreign) => in_the_way(call, progress, foreign).await,
        Located::Nothing => {
            // Another of its values may be what the target wants only once.
            if let Some(taken) = taken::held_by_ours(call, wanted.kind, &wanted.attributes).await? {
                return Ok(Move::End(wait(call, progress, taken, failed.trouble.error)));
            }
            let error =
                format!("the target says that it exists, but finds nothing: {}", failed.trouble.error);
            Ok(Move::End(Outcome::Retry(Trouble { error, ..failed.trouble })))
        }
    }
}

pub(super) async fn adopt(
    call: &mut Call,
    wanted: &Wanted,
    progress: &mut Progress,
    Hit { resource: found, by }: Hit,
) -> Result<Move, Stop> {
    if let Some(fault) = stored::remote_id_fault(&found.id) {
        return Ok(Move::End(Outcome::Dead(call.trouble("adopt", AttemptClass::Permanent, fault))));
    }
    if let Some(other) = call.claim(&found.id).await? {
        let error = linked_already(&found.id, &other);
        let outcome = match by.filter(|_| wanted.state == lifecycle::AccountState::Active) {
            Some(claim) => wait(call, progress, Taken::by(claim, other), error),
            None => Outcome::Conflict { found: error },
        };
        return Ok(Move::End(outcome));
    }
    let standing = Standing { surely_ours: locate::is_ours(wanted, &found), adopted: true };
    progress.see_use(found.active);
    progress.applied = scim::observe(&found.attributes, wanted.paths());
    progress.remote_id = Some(found.id);
    // A create of ours that got no answer made it, or it is what we created before: it carries our externalId.
    let created_it = progress.in_doubt || progress.unseen == Some(Unseen::Created);
    let is_created = standing.surely_ours && (created_it || progress.origin == Some(Origin::Created));
    progress.origin = Some(if is_created { Origin::Created } else { Origin::Adopted });
    progress.unseen = None;
    Ok(Move::BringAbout(standing))
}

//! Creates, and adopts what turns out to be there.

use lifecycle::AttemptClass;
use scim::Found;

use super::locate::{self, Located, linked_already, locate, matching_is_unique};
use super::step::{Step, There, next};
use super::{Standing, Wanted, bring_about, forbidden, refused_by_profile, settled};
use crate::call::{Call, Failed, Stop};
use crate::outcome::{Outcome, Progress, Trouble};
use crate::rows::resource::Unseen;

pub(super) async fn create(
    call: &mut Call,
    wanted: &Wanted,
    progress: &mut Progress,
) -> Result<Outcome, Stop> {
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
pub(super) async fn find_created(
    call: &mut Call,
    wanted: &Wanted,
    progress: &mut Progress,
) -> Result<Outcome, Stop> {
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
pub(super) async fn resolve_existing(
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

pub(super) async fn adopt(
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

//! Takes away, and makes good what vanished.

use lifecycle::{AccountState, AttemptClass, Attributes};
use scim::Kind;

use super::create::adopt;
use super::create::create;
use super::locate::{Located, locate};
use super::step;
use super::update::{is_hidden, switch_off};
use super::{Wanted, settled};
use crate::call::{Call, Stop};
use crate::outcome::{Outcome, Progress, Trouble};
use crate::{micros, now};

/// The link leads nowhere. A search that works tells a vanished account from a credential that lost its sight.
pub(super) async fn recover_gone(
    call: &mut Call,
    wanted: &Wanted,
    progress: &mut Progress,
) -> Result<Outcome, Stop> {
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

pub(super) async fn remove(
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
pub(super) async fn disable_instead(
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

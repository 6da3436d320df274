//! Takes away, and makes good what vanished.

use lifecycle::{AccountState, AttemptClass, Attributes};
use scim::Kind;

use super::locate::{self, Located, locate};
use super::proof::{self, Proof, prove};
use super::step;
use super::update::{is_hidden, switch_off};
use super::{Move, Wanted, absent, settled};
use crate::call::{Call, Stop};
use crate::outcome::{Outcome, Progress, Trouble};
use crate::rows::access::{AccessChange, OffEvidence};
use crate::{micros, now};

/// The link leads nowhere. A search that works tells a vanished account from a credential that lost its sight.
pub(super) async fn recover_gone(
    call: &mut Call,
    wanted: &Wanted,
    progress: &mut Progress,
) -> Result<Move, Stop> {
    if is_hidden(call, wanted, progress) {
        if progress.off.is_none()
            && let Proof::Proven = prove(call).await?
        {
            progress.off = Some(OffEvidence::GoneProven);
        }
        return Ok(Move::End(settled("unchanged", wanted)));
    }
    let located = locate(call, wanted, true).await?;
    if let Located::Adoptable(hit) = &located
        && progress.remote_id.as_ref() == Some(&hit.resource.id)
    {
        let error = "the target says that it is gone, and finds it all the same".to_owned();
        return Ok(Move::End(Outcome::Retry(call.trouble("read", AttemptClass::Transient, error))));
    }
    if matches!(located, Located::Nothing)
        && wanted.state == AccountState::Active
        && let Some(why) = call.target.address.doubt().or_else(|| call.target.gone.is_gone())
    {
        return Ok(Move::End(Outcome::Doubtful { why, at: micros(now()) }));
    }
    if matches!(located, Located::Nothing)
        && wanted.state != AccountState::Active
        && wanted.kind == Kind::User
    {
        return absent(call, wanted, progress, OffEvidence::GoneProven).await.map(Move::End);
    }
    progress.remote_id = None;
    progress.applied = Attributes::new();
    match located {
        Located::Adoptable(hit) => Ok(Move::Adopt(hit)),
        Located::Nothing if wanted.state == AccountState::Active => {
            progress.in_doubt = true;
            Ok(Move::Create)
        }
        Located::Nothing => Ok(Move::End(settled("absent", wanted))),
        Located::Foreign(foreign) => match foreign.holder(call).await? {
            Some(_) if wanted.state == AccountState::Active => Ok(Move::Create), // which waits for it
            Some(_) => Ok(Move::End(settled("absent", wanted))),
            None => Ok(Move::End(Outcome::Conflict { found: foreign.found })),
        },
    }
}

pub(super) async fn remove(
    call: &mut Call,
    wanted: &Wanted,
    progress: &mut Progress,
    id: &str,
) -> Result<Outcome, Stop> {
    // Where no other account is known that can be visible afterwards, this one has to be visible before.
    let was_there = wanted.kind == Kind::User
        && proof::has_no_witness(call).await?
        && locate::read(call, wanted.kind, id).await.is_ok();
    let evidence = match call.send("delete", async |client| client.delete(wanted.kind, id).await).await {
        Ok(()) if wanted.kind == Kind::User => {
            progress.in_doubt = true; // until it is seen
            progress.changed = Some(AccessChange::Delete);
            match see_deleted(call, progress, id, was_there).await? {
                Deleted::Gone(evidence) => evidence,
                Deleted::Still(outcome) => return Ok(*outcome),
            }
        }
        Ok(()) => Some(OffEvidence::Deleted),
        // Whoever left must not keep an account because a target lost sight of it for a moment.
        Err(Stop::Failed(failed)) if failed.class() == AttemptClass::NotFound => {
            if !matches!(locate(call, wanted, true).await?, Located::Nothing) {
                let error = "the target says that it is gone, and finds it all the same".to_owned();
                return Ok(Outcome::Retry(Trouble { error, ..failed.trouble }));
            }
            if wanted.kind == Kind::User {
                return absent(call, wanted, progress, OffEvidence::GoneProven).await;
            }
            Some(OffEvidence::GoneProven)
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
    };
    *progress = Progress {
        off: progress.off.or(evidence),
        was_on: progress.was_on,
        remote_id: None,
        applied: Attributes::new(),
        in_doubt: false,
        changed: Some(AccessChange::Delete),
        unseen: None,
        delete_after: None,
        origin: None,
        answer_disproved: progress.answer_disproved,
        duplicates: progress.duplicates.take(),
    };
    Ok(settled("deleted", wanted))
}

/// What a deletion came to that the target answered with success.
enum Deleted {
    /// The account is not there any more; with what shows it, if anything does.
    Gone(Option<OffEvidence>),
    /// The account is there.
    Still(Box<Outcome>),
}

/// Sees whether an account was deleted: the answer is a claim. An account that is still there is switched off at least.
async fn see_deleted(
    call: &mut Call,
    progress: &mut Progress,
    id: &str,
    was_there: bool,
) -> Result<Deleted, Stop> {
    let found = match locate::read(call, Kind::User, id).await {
        Ok(found) => found,
        Err(Stop::Failed(failed)) if failed.class() == AttemptClass::NotFound => {
            let is_proven = was_there || matches!(prove(call).await?, Proof::Proven);
            return Ok(Deleted::Gone(is_proven.then_some(OffEvidence::Deleted)));
        }
        Err(stop) => return Err(stop),
    };
    call.was_shown();
    progress.see_use(found.active);
    progress.changed = None;
    let is_off = found.active == Some(false);
    if !is_off {
        match switch_off(call, id, progress).await {
            Ok(None) => {}
            Ok(Some(undone)) => return Ok(Deleted::Still(Box::new(undone))),
            // It is deleted by now.
            Err(Stop::Failed(failed)) if failed.class() == AttemptClass::NotFound => {
                progress.in_doubt = true;
                return Ok(Deleted::Still(Box::new(Outcome::Retry(failed.trouble))));
            }
            Err(stop) => return Err(stop),
        }
    }
    let error =
        "the target answered the deletion with success and still shows the account, which is off".to_owned();
    let trouble = call.trouble("delete", AttemptClass::OutcomeUnknown, error);
    progress.in_doubt = true;
    Ok(Deleted::Still(Box::new(Outcome::Retry(trouble))))
}

/// The account cannot or must not be deleted: taking away its use is all that can be done.
pub(super) async fn disable_instead(
    call: &mut Call,
    wanted: &Wanted,
    progress: &mut Progress,
    id: &str,
) -> Result<Move, Stop> {
    match switch_off(call, id, progress).await {
        Ok(None) => {}
        Ok(Some(undone)) => return Ok(Move::End(undone)),
        // Somebody may have made it anew under another id.
        Err(Stop::Failed(failed)) if failed.class() == AttemptClass::NotFound => {
            return Ok(Move::RecoverGone);
        }
        Err(stop) => return Err(stop),
    }
    progress.delete_after = progress.delete_after.or(wanted.delete_after(&progress.applied));
    let note = step::why_kept(call.target.client.profile(), wanted);
    Ok(Move::End(Outcome::Settled { how: "disabled", awaits: wanted.awaits.clone(), note }))
}

//! Duplicate accounts of a person who must be off: accounts that carry the person's externalId and are not linked.
//!
//! Just-in-time provisioning or an administrator may have made a second account. One search looks for it once the linked
//! account is off. Only Usher writes the person's key as externalId, so such an account is switched off, too. An account
//! that has only the same login name, or cannot be switched off, is kept in the row: the person does not count as off
//! before it is off.

use lifecycle::{AccountState, AttemptClass};
use scim::ScimKind;

use super::update::{ResourceChange, UpdateEffect, see_done, write_change};
use super::{WantedState, locate, step};
use crate::converge::outcome::{ConvergeOutcome, ConvergeProgress};
use crate::delivery::call::{CallStop, TargetCall};
use crate::delivery::operation::ScimOperation;
use crate::rows::access::OffEvidence;

/// The maximum number of duplicate accounts that are handled for one person.
const DUPLICATES_MAX: usize = 5;

/// The note for a person whose second account was switched off.
const SWITCHED_OFF: &str = "another account carried the same externalId and was switched off, too";

/// Looks for duplicate accounts if the linked account was shown to be off and it is not yet known that there are none.
/// `linked` is the id that the work began with. A search that fails is repeated when the account is read back.
pub(super) async fn look(
    call: &mut TargetCall,
    wanted: &WantedState,
    progress: &mut ConvergeProgress,
    linked: Option<&str>,
    outcome: ConvergeOutcome,
) -> ConvergeOutcome {
    let ConvergeOutcome::Settled { how, awaits, note } = outcome else { return outcome };
    let is_due = progress.duplicates.as_ref().is_none_or(|known| !known.is_empty());
    let is_shown_off = progress.off.is_some() && wanted.state != AccountState::Active;
    // A person without an account was searched for a moment ago.
    let may_be_further = progress.remote_id.is_some() || progress.off == Some(OffEvidence::Deleted);
    if wanted.kind != ScimKind::User || !is_shown_off || !is_due || linked.is_none() || !may_be_further {
        return ConvergeOutcome::Settled { how, awaits, note };
    }
    let note = match find(call, wanted, progress, linked).await {
        Ok(Some(found)) => settle(call, wanted, progress, found).await.or(note),
        Ok(None) => note,
        Err(stop) => {
            tracing::warn!(target_name = %call.target.name, subject = %call.about.subject, stop = ?stop, "could not look for further accounts of a person who is off");
            note
        }
    };
    ConvergeOutcome::Settled { how, awaits, note }
}

/// Returns the ids of duplicate accounts that are on, or `None` if the target cannot be searched and no duplicate is known.
async fn find(
    call: &mut TargetCall,
    wanted: &WantedState,
    progress: &ConvergeProgress,
    linked: Option<&str>,
) -> Result<Option<Vec<String>>, CallStop> {
    let known = progress.duplicates.clone().unwrap_or_default();
    let mut on = Vec::new();
    let mut seen = Vec::new();
    let search = search_by(call, wanted);
    let can_search = search.is_some();
    if let Some((path, value)) = search {
        for found in locate::find_by_value(call, ScimKind::User, path, &value).await? {
            if Some(found.id.as_str()) == linked || call.linked_to_another(&found.id).await?.is_some() {
                continue;
            }
            seen.push(found.id.clone());
            if found.active != Some(false) {
                on.push(found.id);
            }
        }
    }
    for id in known.iter().filter(|id| !seen.contains(id)).take(DUPLICATES_MAX) {
        match locate::read_linked(call, ScimKind::User, id).await {
            Ok(found) if found.active == Some(false) => {}
            Ok(found) if call.linked_to_another(&found.id).await?.is_none() => on.push(found.id),
            Ok(_) => {}
            Err(CallStop::Failed(failed)) if failed.class() == AttemptClass::NotFound => {}
            Err(stop) => return Err(stop),
        }
    }
    on.truncate(DUPLICATES_MAX);
    Ok((can_search || !known.is_empty()).then_some(on))
}

/// Returns the value that a duplicate account has: our externalId, or the login name if the target does not keep externalIds.
fn search_by(call: &TargetCall, wanted: &WantedState) -> Option<(&'static str, String)> {
    let profile = call.target.client.profile();
    let by = |path: &'static str| Some((path, wanted.text(path)?.to_owned()));
    if profile.can_filter(ScimKind::User, "externalId") {
        return by("externalId");
    }
    let may_be_twice = !profile.is_unique(ScimKind::User, "userName");
    (may_be_twice && profile.can_filter(ScimKind::User, "userName")).then(|| by("userName")).flatten()
}

/// Switches off the accounts that carry the person's key, and keeps the others in the row.
async fn settle(
    call: &mut TargetCall,
    wanted: &WantedState,
    progress: &mut ConvergeProgress,
    found: Vec<String>,
) -> Option<&'static str> {
    let is_our_key = wanted.external_id() == Some(call.about.subject.as_str())
        && call.target.client.profile().can_filter(ScimKind::User, "externalId");
    let mut left = Vec::new();
    let mut note = None;
    for id in found {
        match is_our_key && wanted.actions.disable && switch_off(call, &id).await {
            true => note = Some(SWITCHED_OFF),
            false => left.push(id),
        }
    }
    progress.duplicates = Some(left);
    note
}

/// Switches the account off. Returns whether the target shows that it is off.
async fn switch_off(call: &mut TargetCall, id: &str) -> bool {
    tracing::warn!(target_name = %call.target.name, subject = %call.about.subject, remote_id = id, "a further account of a person who must be off is on: it is switched off");
    let (ops, set) = step::switch_off_request(call.target.client.profile());
    let change = ResourceChange {
        kind: ScimKind::User,
        id,
        operation: ScimOperation::Disable,
        ops: &ops,
        set: &set,
        clear: &[],
        answer_counts: true,
    };
    let done = async {
        let shown = write_change(call, &change).await?;
        see_done(call, &change, shown).await
    };
    matches!(done.await, Ok(UpdateEffect::Yes(Some(_))))
}

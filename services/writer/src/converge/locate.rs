//! Looks for what is there already: by our externalId, then by what the policy matches on.
//!
//! Something is only ever adopted when its externalId is empty or ours.

use lifecycle::AttemptClass;
use scim::{FoundResource, ResourceSearch, ScimKind};

use super::WantedState;
use super::taken::{TakenValue, ValueClaim};
use crate::call::{CallStop, TargetCall};
use crate::listing::CatalogueEntry;

const EXTERNAL_ID: &str = "externalId";
/// Of several that were found, so many are named.
const NAMED_MAX: usize = 5;

/// What a search brought up.
pub(super) enum LocateResult {
    Nothing,
    /// Ours, or nobody's.
    Adoptable(Box<LocatedResource>),
    /// Somebody else's, or more than one.
    Foreign(ForeignResource),
}

/// A resource that was found, and by which value; by none where it carries our externalId.
pub(super) struct LocatedResource {
    pub(super) resource: FoundResource,
    pub(super) by: Option<ValueClaim>,
}

/// A resource that is not ours.
pub(super) struct ForeignResource {
    /// What was found, in words.
    pub(super) found: String,
    /// The one that has the value, and its id.
    by: Option<(ValueClaim, String)>,
}

impl ForeignResource {
    /// The other person or group of ours that has it, and the value that it was found by.
    pub(super) async fn holder(&self, call: &TargetCall) -> Result<Option<TakenValue>, CallStop> {
        let Some((claim, id)) = &self.by else { return Ok(None) };
        let holder = call.linked_to_another(id).await?;
        Ok(holder.map(|holder| TakenValue::by(claim.clone(), holder)))
    }
}

/// Whether the target itself refuses a second resource with the same matching value, so that a create shows what a
/// search would.
pub(super) fn matching_is_unique(call: &TargetCall, wanted: &WantedState) -> bool {
    let profile = call.target.client.profile();
    let kind = wanted.kind;
    let ours_can_be_found = profile.can_filter(kind, EXTERNAL_ID);
    ours_can_be_found && wanted.match_on.iter().all(|path| profile.is_unique(kind, path))
}

/// What the list of the whole target says, where it was read; none when it has to be looked for. A create in doubt may have
/// happened after the list was read.
pub(super) fn from_list(call: &TargetCall, wanted: &WantedState, in_doubt: bool) -> Option<LocateResult> {
    if in_doubt || wanted.kind != ScimKind::User {
        return None;
    }
    let catalogue = call.target.listing.catalogue()?;
    match catalogue.look(wanted)? {
        CatalogueEntry::Absent { is_fresh } => {
            let profile = call.target.client.profile();
            let refuses =
                |path: &String| wanted.text(path).is_some() && profile.is_unique(ScimKind::User, path);
            let is_sure = is_fresh || wanted.match_on.iter().any(refuses);
            is_sure.then_some(LocateResult::Nothing)
        }
        CatalogueEntry::There(path, found) => {
            let ids = ids_of(&found);
            Some(match (found.len(), found.into_iter().next()) {
                (1, Some(found)) if path == EXTERNAL_ID => our_resource(found),
                (1, Some(found)) => claim_found(wanted, &path, found),
                _ => several_found(&ids, &path),
            })
        }
    }
}

/// Looks by externalId and, if `thoroughly`, by what the policy matches on.
pub(super) async fn locate_resource(
    call: &mut TargetCall,
    wanted: &WantedState,
    thoroughly: bool,
) -> Result<LocateResult, CallStop> {
    let kind = wanted.kind;
    if let Some(external_id) = wanted.external_id()
        && call.target.client.profile().can_filter(kind, EXTERNAL_ID)
    {
        let found = find_by_value(call, kind, EXTERNAL_ID, external_id).await?;
        let ids = ids_of(&found);
        match (found.len(), found.into_iter().next()) {
            (1, Some(found)) => return Ok(our_resource(found)),
            (0, _) => {}
            _ => return Ok(several_found(&ids, EXTERNAL_ID)),
        }
    }
    if !thoroughly {
        return Ok(LocateResult::Nothing);
    }
    for path in wanted.match_on.iter().filter(|path| *path != EXTERNAL_ID) {
        let Some(value) = wanted.text(path) else { continue };
        let found = find_by_value(call, kind, path, value).await?;
        let ids = ids_of(&found);
        match (found.len(), found.into_iter().next()) {
            (1, Some(found)) => return Ok(claim_found(wanted, path, found)),
            (0, _) => {}
            _ => return Ok(several_found(&ids, path)),
        }
    }
    Ok(LocateResult::Nothing)
}

/// What is found by the paths behind the one at which another's resource was found, and is linked to no other subject; in words.
///
/// # Errors
/// When the target cannot be asked now.
pub(super) async fn of_nobody_else(
    call: &mut TargetCall,
    wanted: &WantedState,
    foreign: &ForeignResource,
) -> Result<Option<String>, CallStop> {
    let at = foreign.by.as_ref().map(|(claim, _)| claim.path.clone());
    let behind = wanted.match_on.iter().skip_while(|path| Some(*path) != at.as_ref()).skip(1);
    for path in behind.filter(|path| *path != EXTERNAL_ID) {
        let Some(value) = wanted.text(path) else { continue };
        for found in find_by_value(call, wanted.kind, path, value).await? {
            if call.linked_to_another(&found.id).await?.is_none() {
                return Ok(Some(format!("{} with the same {path} is not linked", describe_found(&found))));
            }
        }
    }
    Ok(None)
}

fn ids_of(found: &[FoundResource]) -> Vec<String> {
    found.iter().map(|found| found.id.clone()).collect()
}

/// Names them, so that a human can say which one it is.
fn several_found(ids: &[String], path: &str) -> LocateResult {
    let named = ids.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
    let more = if ids.len() > NAMED_MAX { ", ..." } else { "" };
    let what =
        if path == EXTERNAL_ID { "carry our externalId".to_owned() } else { format!("have the same {path}") };
    let found = format!("{} resources {what}: {named}{more}", ids.len());
    LocateResult::Foreign(ForeignResource { found, by: None })
}

fn our_resource(resource: FoundResource) -> LocateResult {
    LocateResult::Adoptable(Box::new(LocatedResource { resource, by: None }))
}

fn claim_found(wanted: &WantedState, path: &str, found: FoundResource) -> LocateResult {
    let by = wanted.text(path).map(|value| ValueClaim::new(path, value));
    match found.external_id.as_deref() {
        Some(_) if is_ours(wanted, &found) => our_resource(found),
        None | Some("") => LocateResult::Adoptable(Box::new(LocatedResource { resource: found, by })),
        Some(foreign) => {
            let what = format!("resource {} carries externalId {foreign:?}", found.id);
            LocateResult::Foreign(ForeignResource { found: what, by: by.map(|claim| (claim, found.id)) })
        }
    }
}

/// Whether it carries our externalId.
pub(super) fn is_ours(wanted: &WantedState, found: &FoundResource) -> bool {
    found.external_id.is_some() && found.external_id.as_deref() == wanted.external_id()
}

/// Asks for resources with this value.
pub(super) async fn find_by_value(
    call: &mut TargetCall,
    kind: ScimKind,
    path: &str,
    value: &str,
) -> Result<Vec<FoundResource>, CallStop> {
    let mut search = ResourceSearch::new(kind, path, value);
    let found = loop {
        let page = call.send("lookup", async |client| client.find_next(&mut search).await).await?;
        if let Some(found) = page {
            break found;
        }
    };
    call.saw(match found.as_slice() {
        [] => "nothing".to_owned(),
        [one] => describe_found(one),
        several => format!("{} resources", several.len()),
    });
    Ok(found)
}

/// Reads the resource that is linked.
pub(super) async fn read_linked(
    call: &mut TargetCall,
    kind: ScimKind,
    id: &str,
) -> Result<FoundResource, CallStop> {
    let found = call.send("read", async |client| client.get(kind, id).await).await;
    match &found {
        Ok(found) => call.saw(describe_found(found)),
        Err(CallStop::Failed(failed)) if failed.class() == AttemptClass::NotFound => {
            call.saw("nothing: the link leads nowhere".to_owned());
        }
        Err(_) => {}
    }
    found
}

fn describe_found(found: &FoundResource) -> String {
    match &found.external_id {
        Some(external_id) => format!("resource {} with externalId {external_id:?}", found.id),
        None => format!("resource {} without externalId", found.id),
    }
}

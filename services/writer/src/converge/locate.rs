//! Searches for existing resources: by our externalId, then by the attributes that the policy matches on.
//!
//! A resource is adopted only if its externalId is empty or ours.

use lifecycle::AttemptClass;
use scim::{FoundResource, ResourceSearch, ScimKind};

use super::WantedState;
use crate::delivery::call::{CallStop, TargetCall};
use crate::delivery::listing::CatalogueEntry;
use crate::delivery::operation::ScimOperation;
use crate::rows::claims::{TakenValue, ValueClaim};

const EXTERNAL_ID: &str = "externalId";
/// The maximum number of found resources that are named in a message.
const NAMED_MAX: usize = 5;

/// The result of a search.
pub(super) enum LocateResult {
    Nothing,
    /// One resource that is ours or that carries no externalId.
    Adoptable(Box<LocatedResource>),
    /// A resource with another owner's externalId, or more than one resource.
    Foreign(ForeignResource),
}

/// A resource that was found, and the value by which it was found; `by` is `None` if it carries our externalId.
pub(super) struct LocatedResource {
    pub(super) resource: FoundResource,
    pub(super) by: Option<ValueClaim>,
}

/// A resource that is not ours.
pub(super) struct ForeignResource {
    /// The description of the found resources, for an operator.
    pub(super) found: String,
    /// The value by which the resource was found, and the resource's id.
    by: Option<(ValueClaim, String)>,
}

impl ForeignResource {
    /// Returns the other person or group of ours that the resource is linked to, and the value by which it was found.
    pub(super) async fn holder(&self, call: &TargetCall) -> Result<Option<TakenValue>, CallStop> {
        let Some((claim, id)) = &self.by else { return Ok(None) };
        let holder = call.linked_to_another(id).await?;
        Ok(holder.map(|holder| TakenValue::by(claim.clone(), holder)))
    }
}

/// Returns whether the target itself refuses a second resource with the same matching value, so that a create reveals
/// what a search would.
pub(super) fn matching_is_unique(call: &TargetCall, wanted: &WantedState) -> bool {
    let profile = call.target.client.profile();
    let kind = wanted.kind;
    let ours_can_be_found = profile.can_filter(kind, EXTERNAL_ID);
    ours_can_be_found && wanted.match_on.iter().all(|path| profile.is_unique(kind, path))
}

/// Returns the result according to the list of the whole target, if it was read; `None` if a search is needed. A create
/// in doubt may have happened after the list was read.
pub(super) fn from_list(call: &TargetCall, wanted: &WantedState, in_doubt: bool) -> Option<LocateResult> {
    if in_doubt || wanted.kind != ScimKind::User {
        return None;
    }
    let catalogue = call.target.listing.catalogue()?;
    match catalogue.look(wanted.search_keys())? {
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

/// Searches by externalId and, if `thoroughly`, by the attributes that the policy matches on.
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

/// Searches by the matching paths after the one at which another subject's resource was found. Describes the first
/// resource that is not linked to another subject.
///
/// # Errors
/// If the target cannot be asked now.
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

/// Names the resources, so that an operator can choose one.
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

/// Decides whether a resource that was found by a matching attribute can be adopted.
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

/// Returns whether the resource carries our externalId.
pub(super) fn is_ours(wanted: &WantedState, found: &FoundResource) -> bool {
    found.external_id.is_some() && found.external_id.as_deref() == wanted.external_id()
}

/// Searches for resources with this value.
pub(super) async fn find_by_value(
    call: &mut TargetCall,
    kind: ScimKind,
    path: &str,
    value: &str,
) -> Result<Vec<FoundResource>, CallStop> {
    let mut search = ResourceSearch::new(kind, path, value);
    let found = loop {
        let page =
            call.send(ScimOperation::Lookup, async |client| client.find_next(&mut search).await).await?;
        if let Some(found) = page {
            break found;
        }
    };
    for found in &found {
        call.note_shown(kind, found);
    }
    call.saw(match found.as_slice() {
        [] => "nothing".to_owned(),
        [one] => describe_found(one),
        several => format!("{} resources", several.len()),
    });
    Ok(found)
}

/// Reads the linked resource.
pub(super) async fn read_linked(
    call: &mut TargetCall,
    kind: ScimKind,
    id: &str,
) -> Result<FoundResource, CallStop> {
    let found = call.send(ScimOperation::Read, async |client| client.get(kind, id).await).await;
    match &found {
        Ok(found) => {
            call.saw(describe_found(found));
            call.note_shown(kind, found);
        }
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

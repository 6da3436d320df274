//! Looks for what is there already: by our externalId, then by what the policy matches on.
//!
//! Something is only ever adopted when its externalId is empty or ours.

use lifecycle::AttemptClass;
use scim::{Found, Kind, Search};

use super::Wanted;
use super::taken::{Claim, Taken};
use crate::call::{Call, Stop};
use crate::listing::Entry;

const EXTERNAL_ID: &str = "externalId";
/// Of several that were found, so many are named.
const NAMED_MAX: usize = 5;

/// What a search brought up.
pub(super) enum Located {
    Nothing,
    /// Ours, or nobody's.
    Adoptable(Box<Hit>),
    /// Somebody else's, or more than one.
    Foreign(Foreign),
}

/// A resource that was found, and by which value; by none where it carries our externalId.
pub(super) struct Hit {
    pub(super) resource: Found,
    pub(super) by: Option<Claim>,
}

/// A resource that is not ours.
pub(super) struct Foreign {
    /// What was found, in words.
    pub(super) found: String,
    /// The one that has the value, and its id.
    by: Option<(Claim, String)>,
}

impl Foreign {
    /// The other person or group of ours that has it, and the value that it was found by.
    pub(super) async fn holder(&self, call: &Call) -> Result<Option<Taken>, Stop> {
        let Some((claim, id)) = &self.by else { return Ok(None) };
        let holder = call.linked_to_another(id).await?;
        Ok(holder.map(|holder| Taken::by(claim.clone(), holder)))
    }
}

/// Whether the target itself refuses a second resource with the same matching value, so that a create shows what a
/// search would.
pub(super) fn matching_is_unique(call: &Call, wanted: &Wanted) -> bool {
    let profile = call.target.client.profile();
    let kind = wanted.kind;
    let ours_can_be_found = profile.can_filter(kind, EXTERNAL_ID);
    ours_can_be_found && wanted.match_on.iter().all(|path| profile.is_unique(kind, path))
}

/// What the list of the whole target says, where it was read; none when it has to be looked for. A create in doubt may have
/// happened after the list was read.
pub(super) fn from_list(call: &Call, wanted: &Wanted, in_doubt: bool) -> Option<Located> {
    if in_doubt || wanted.kind != Kind::User {
        return None;
    }
    let catalogue = call.target.listing.catalogue()?;
    match catalogue.look(wanted)? {
        Entry::Absent { is_fresh } => {
            let profile = call.target.client.profile();
            let refuses = |path: &String| wanted.text(path).is_some() && profile.is_unique(Kind::User, path);
            let is_sure = is_fresh || wanted.match_on.iter().any(refuses);
            is_sure.then_some(Located::Nothing)
        }
        Entry::There(path, found) => {
            let ids = ids_of(&found);
            Some(match (found.len(), found.into_iter().next()) {
                (1, Some(found)) if path == EXTERNAL_ID => ours(found),
                (1, Some(found)) => claim(wanted, &path, found),
                _ => several(&ids, &path),
            })
        }
    }
}

/// Looks by externalId and, if `thoroughly`, by what the policy matches on.
pub(super) async fn locate(call: &mut Call, wanted: &Wanted, thoroughly: bool) -> Result<Located, Stop> {
    let kind = wanted.kind;
    if let Some(external_id) = wanted.external_id()
        && call.target.client.profile().can_filter(kind, EXTERNAL_ID)
    {
        let found = look(call, kind, EXTERNAL_ID, external_id).await?;
        let ids = ids_of(&found);
        match (found.len(), found.into_iter().next()) {
            (1, Some(found)) => return Ok(ours(found)),
            (0, _) => {}
            _ => return Ok(several(&ids, EXTERNAL_ID)),
        }
    }
    if !thoroughly {
        return Ok(Located::Nothing);
    }
    for path in wanted.match_on.iter().filter(|path| *path != EXTERNAL_ID) {
        let Some(value) = wanted.text(path) else { continue };
        let found = look(call, kind, path, value).await?;
        let ids = ids_of(&found);
        match (found.len(), found.into_iter().next()) {
            (1, Some(found)) => return Ok(claim(wanted, path, found)),
            (0, _) => {}
            _ => return Ok(several(&ids, path)),
        }
    }
    Ok(Located::Nothing)
}

/// What is found by the paths behind the one at which another's resource was found, and is linked to no other subject; in words.
///
/// # Errors
/// When the target cannot be asked now.
pub(super) async fn of_nobody_else(
    call: &mut Call,
    wanted: &Wanted,
    foreign: &Foreign,
) -> Result<Option<String>, Stop> {
    let at = foreign.by.as_ref().map(|(claim, _)| claim.path.clone());
    let behind = wanted.match_on.iter().skip_while(|path| Some(*path) != at.as_ref()).skip(1);
    for path in behind.filter(|path| *path != EXTERNAL_ID) {
        let Some(value) = wanted.text(path) else { continue };
        for found in look(call, wanted.kind, path, value).await? {
            if call.linked_to_another(&found.id).await?.is_none() {
                return Ok(Some(format!("{} with the same {path} is not linked", describe(&found))));
            }
        }
    }
    Ok(None)
}

fn ids_of(found: &[Found]) -> Vec<String> {
    found.iter().map(|found| found.id.clone()).collect()
}

/// Names them, so that a human can say which one it is.
fn several(ids: &[String], path: &str) -> Located {
    let named = ids.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
    let more = if ids.len() > NAMED_MAX { ", ..." } else { "" };
    let what =
        if path == EXTERNAL_ID { "carry our externalId".to_owned() } else { format!("have the same {path}") };
    let found = format!("{} resources {what}: {named}{more}", ids.len());
    Located::Foreign(Foreign { found, by: None })
}

fn ours(resource: Found) -> Located {
    Located::Adoptable(Box::new(Hit { resource, by: None }))
}

fn claim(wanted: &Wanted, path: &str, found: Found) -> Located {
    let by = wanted.text(path).map(|value| Claim::new(path, value));
    match found.external_id.as_deref() {
        Some(_) if is_ours(wanted, &found) => ours(found),
        None | Some("") => Located::Adoptable(Box::new(Hit { resource: found, by })),
        Some(foreign) => {
            let what = format!("resource {} carries externalId {foreign:?}", found.id);
            Located::Foreign(Foreign { found: what, by: by.map(|claim| (claim, found.id)) })
        }
    }
}

/// Whether it carries our externalId.
pub(super) fn is_ours(wanted: &Wanted, found: &Found) -> bool {
    found.external_id.is_some() && found.external_id.as_deref() == wanted.external_id()
}

/// Asks for resources with this value.
pub(super) async fn look(call: &mut Call, kind: Kind, path: &str, value: &str) -> Result<Vec<Found>, Stop> {
    let mut search = Search::new(kind, path, value);
    let found = loop {
        let page = call.send("lookup", async |client| client.find_next(&mut search).await).await?;
        if let Some(found) = page {
            break found;
        }
    };
    call.saw(match found.as_slice() {
        [] => "nothing".to_owned(),
        [one] => describe(one),
        several => format!("{} resources", several.len()),
    });
    Ok(found)
}

/// Reads the resource that is linked.
pub(super) async fn read(call: &mut Call, kind: Kind, id: &str) -> Result<Found, Stop> {
    let found = call.send("read", async |client| client.get(kind, id).await).await;
    match &found {
        Ok(found) => call.saw(describe(found)),
        Err(Stop::Failed(failed)) if failed.class() == AttemptClass::NotFound => {
            call.saw("nothing: the link leads nowhere".to_owned());
        }
        Err(_) => {}
    }
    found
}

fn describe(found: &Found) -> String {
    match &found.external_id {
        Some(external_id) => format!("resource {} with externalId {external_id:?}", found.id),
        None => format!("resource {} without externalId", found.id),
    }
}

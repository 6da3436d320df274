//! Looks at the target and says what would be sent, without changing anything.

use std::sync::Arc;

use lifecycle::{AttemptClass, Planned};
use scim::{Found, Kind, UpdateMethod, diff};

use super::Wanted;
use super::locate::{self, Located};
use super::step::{self, Step, There};
use crate::call::{Call, Stop};
use crate::links::linked_already;

/// What was found, and what would be done.
#[derive(Debug)]
pub(crate) struct Looked {
    /// `linked`, `found`, `nothing` or `foreign`.
    pub(crate) matched: &'static str,
    pub(crate) remote_id: Option<String>,
    pub(crate) action: Planned,
}

/// Sends only requests that read. `link` is the remote id that we know.
///
/// # Errors
/// When the target cannot be asked now, or answers with an error.
pub(crate) async fn look(call: &mut Call, wanted: &Wanted, link: Option<&str>) -> Result<Looked, Stop> {
    if let Some(id) = link {
        match locate::read(call, wanted.kind, id).await {
            Ok(found) => return something(call, wanted, found, "linked").await,
            Err(Stop::Failed(failed)) if failed.class() == AttemptClass::NotFound => {}
            Err(stop) => return Err(stop),
        }
    }
    match locate::locate(call, wanted, true).await? {
        Located::Nothing => Ok(nothing(call, wanted)),
        Located::Foreign(foreign) => {
            Ok(Looked { matched: "foreign", remote_id: None, action: conflict(foreign.found) })
        }
        Located::Adoptable(hit) => match call.linked_to_another(&hit.resource.id).await? {
            Some(other) => {
                let action = conflict(linked_already(&hit.resource.id, &other));
                Ok(Looked { matched: "foreign", remote_id: Some(hit.resource.id), action })
            }
            None => something(call, wanted, hit.resource, "found").await,
        },
    }
}

fn nothing(call: &Call, wanted: &Wanted) -> Looked {
    let client = &call.target.client;
    let step = step::next(client.profile(), wanted, There::Nothing);
    let action = planned(&step, step::request(client, wanted, &step, None), false);
    Looked { matched: "nothing", remote_id: None, action }
}

async fn something(
    call: &mut Call,
    wanted: &Wanted,
    mut found: Found,
    matched: &'static str,
) -> Result<Looked, Stop> {
    let applied = scim::observe(&found.attributes, wanted.paths());
    let surely_ours = matched == "linked" || locate::is_ours(wanted, &found);
    let there = There::Something { applied: &applied, surely_ours };
    let profile = call.target.client.profile();
    let step = step::next(profile, wanted, there);
    let writes = matches!(step, Step::Write { .. } | Step::SwitchOff);
    if writes && matched == "found" && *profile.update_method.of(wanted.kind) == UpdateMethod::Put {
        // A PUT begins with this reading: a search may have left something out.
        found = locate::read(call, wanted.kind, &found.id).await?;
    }
    let request = step::request(&call.target.client, wanted, &step, Some(&found));
    let action = planned(&step, request, matched == "found");
    Ok(Looked { matched, remote_id: Some(found.id), action })
}

/// What would be sent to put somebody into a group, or to take them out. Sends only requests that read.
///
/// # Errors
/// When the target cannot be asked now, or answers with an error.
pub(crate) async fn look_membership(
    call: &mut Call,
    group_id: &str,
    member_id: &str,
    present: bool,
) -> Result<Planned, Stop> {
    let target = Arc::clone(&call.target);
    let profile = target.client.profile();
    if profile.membership.readable {
        let members = call.send("read_members", async |client| client.members(group_id).await).await?;
        // A group that shows nobody may hide them: sending it is right for either.
        if members.is_some_and(|members| members.iter().any(|id| id == member_id) == present) {
            return Ok(planned(&Step::Rest { how: "unchanged" }, None, false));
        }
    } else if profile.membership.asked_by.is_some() {
        let asked = async |client: &scim::Client| {
            client.is_member(group_id, member_id).await.expect("the profile says how it is asked")
        };
        if call.send("read_members", asked).await? == present {
            return Ok(planned(&Step::Rest { how: "unchanged" }, None, false));
        }
    }
    let member = [member_id.to_owned()];
    let (add, remove): (&[String], &[String]) = if present { (&member, &[]) } else { (&[], &member) };
    let ops = diff::member_ops(profile, add, remove).into_iter().next().unwrap_or_default();
    let body = diff::patch_body(profile, &ops);
    let (request, body) = target.client.show("PATCH", Kind::Group, Some(group_id), Some(&body));
    let action = if present { "add_member" } else { "remove_member" };
    let together = profile.membership.members_per_request_max > 1;
    let why = together.then(|| "in one request with other memberships of the group that wait".to_owned());
    Ok(Planned { action: action.to_owned(), why, request: Some(request), body })
}

fn conflict(why: String) -> Planned {
    Planned { action: "conflict".to_owned(), why: Some(why), request: None, body: None }
}

fn planned(step: &Step, request: Option<(String, Option<serde_json::Value>)>, adopted: bool) -> Planned {
    let (action, why) = match step {
        Step::Create => ("create", None),
        Step::Write { .. } if adopted => ("adopt", None),
        Step::Write { how: "disabled", .. } | Step::SwitchOff => ("disable", None),
        Step::Write { how: "enabled", .. } => ("enable", None),
        Step::Write { .. } => ("update", None),
        Step::Delete => ("delete", None),
        Step::Rest { how: "unchanged" } if adopted => {
            ("adopt", Some("it agrees already; only the link is kept"))
        }
        Step::Rest { how: "unchanged" } => ("none", Some("the target agrees already")),
        Step::Rest { how: "absent" } => ("none", Some("there is nothing to take away")),
        Step::Rest { .. } => ("none", Some("all that can be taken away is")),
        Step::Forbidden { why, .. } => ("forbidden", Some(*why)),
    };
    let (request, body) = match request {
        Some((request, body)) => (Some(request), body),
        None => (None, None),
    };
    Planned { action: action.to_owned(), why: why.map(str::to_owned), request, body }
}

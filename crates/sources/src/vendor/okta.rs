//! Okta's event hooks: several entries of the system log in one body, each with targets, in any order.

use lifecycle::EventKind::{
    GroupDeleted, GroupMemberAdded, GroupMemberRemoved, GroupUpserted, WorkerChanged, WorkerDeleted,
    WorkerJoined, WorkerLeft, WorkerRehired,
};
use serde_json::json;

use crate::context::ReadContext;
use crate::draft::NoticeDraft;
use crate::error::ReadError;
use crate::meaning::EventMeaning::{self, Asks, Nothing, Says};
use crate::meaning::VendorTable;
use crate::node::JsonNode;
use crate::notice::SourceNotice;

pub(super) const WORDS: VendorTable = &[
    ("user.lifecycle.create", Asks(Some(WorkerJoined))),
    ("user.lifecycle.activate", Asks(Some(WorkerJoined))),
    ("user.lifecycle.reactivate", Asks(Some(WorkerRehired))),
    ("user.lifecycle.deactivate", Says(WorkerLeft)),
    // A suspension is temporary: the record has the status.
    ("user.lifecycle.suspend", Asks(Some(WorkerChanged))),
    ("user.lifecycle.unsuspend", Asks(Some(WorkerChanged))),
    ("user.lifecycle.delete.initiated", Says(WorkerDeleted)),
    ("user.lifecycle.delete.completed", Says(WorkerDeleted)),
    ("user.account.update_profile", Asks(Some(WorkerChanged))),
    ("group.lifecycle.create", Asks(Some(GroupUpserted))),
    ("group.lifecycle.delete", Says(GroupDeleted)),
    ("group.profile.update", Asks(Some(GroupUpserted))),
    ("group.user_membership.add", Says(GroupMemberAdded)),
    ("group.user_membership.remove", Says(GroupMemberRemoved)),
];

pub(super) fn okta_notices(cx: ReadContext<'_>, body: &JsonNode<'_>) -> Result<Vec<SourceNotice>, ReadError> {
    body.object()?;
    let events = body.key("data").key("events").list(cx.rules.notices_max)?;
    let mut notices = Vec::with_capacity(events.len());
    for event in &events {
        notices.extend(of_event(cx, event)?);
    }
    Ok(notices)
}

/// Reads one entry of the system log.
fn of_event(cx: ReadContext<'_>, event: &JsonNode<'_>) -> Result<Vec<SourceNotice>, ReadError> {
    event.object()?;
    let meaning = match cx.meaning(&event.key("eventType"))? {
        Ok(meaning) => meaning,
        Err(ignored) => return Ok(vec![ignored]),
    };
    let outcome = event.key("outcome").key("result");
    if outcome.value.as_str().is_some_and(|result| !result.eq_ignore_ascii_case("success")) {
        return Ok(vec![SourceNotice::Ignored {
            why: "it is about something that did not succeed".to_owned(),
        }]);
    }
    let targets = event.key("target").list(cx.rules.notices_max)?;
    let of_kind = |kind: &str| {
        let is = |target: &&JsonNode<'_>| target.key("type").value.as_str() == Some(kind);
        targets.iter().filter(is).map(|target| target.key("id")).collect::<Vec<_>>()
    };
    let (users, groups) = (of_kind("User"), of_kind("UserGroup"));
    let kind = match meaning {
        Says(kind) | Asks(Some(kind)) => kind,
        Asks(None) | Nothing(_) | EventMeaning::Withdraws(_) => WorkerChanged,
    };
    let subjects = if kind.is_group() { &groups } else { &users };
    if subjects.is_empty() {
        let what = if kind.is_group() {
            "the event has no group as a target"
        } else {
            "the event has no user as a target"
        };
        let fix = "take the event type out of the event hook, or map it to `ignored` in `types`";
        return Err(ReadError::invalid(event.key("target").at, what, fix));
    }
    let is_edge = matches!(kind, GroupMemberAdded | GroupMemberRemoved);
    let members = if is_edge {
        Some(users.iter().map(JsonNode::subject).collect::<Result<Vec<_>, _>>()?)
    } else {
        None
    };
    let id = event.key("uuid").id()?;
    let at = cx.at(&event.key("published"), None)?;
    let mut notices = Vec::new();
    for (index, subject) in subjects.iter().enumerate() {
        let id = id.as_ref().map(|id| if index == 0 { id.clone() } else { format!("{id}#{index}") });
        let draft = NoticeDraft::new(meaning, subject.subject()?, at);
        let draft = NoticeDraft { id, members: members.clone(), ..draft };
        notices.extend(draft.notices(cx.rules, cx.now));
    }
    name_groups(&mut notices, &targets);
    Ok(notices)
}

/// Adds the name of groups. The log has the name of a group, and there are no other values to fetch.
fn name_groups(notices: &mut [SourceNotice], targets: &[JsonNode<'_>]) {
    for notice in notices {
        let SourceNotice::Changed { key, id, at, hint: Some(GroupUpserted) } = notice else { continue };
        let named = targets.iter().find(|target| target.key("id").value.as_str() == Some(key.as_str()));
        let name = named.and_then(|target| target.key("displayName").value.as_str());
        let Some(name) = name.filter(|name| !name.trim().is_empty()) else { continue };
        let attributes = [("displayName".to_owned(), json!(name))].into();
        let said = crate::NoticeEvent::new(GroupUpserted, std::mem::take(key), *at);
        *notice = SourceNotice::Event(crate::NoticeEvent { id: id.take(), attributes, ..said });
    }
}

//! Lists all resources of one kind at a target, page by page.

use super::exchange::{AnswerBody, ScimRequest};
use super::{ScimClient, ScimReply};
use crate::classify::RequestAction;
use crate::decode::{FoundResource, ListPage};
use crate::{ListPaging, ScimKind, TargetProfile};

/// The start of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageStart {
    /// The 1-based index of its first resource.
    Index(u64),
    /// The cursor that the page before named.
    Cursor(String),
}

impl std::fmt::Display for PageStart {
    /// Formats the index or the cursor as it is sent.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Index(index) => write!(f, "{index}"),
            Self::Cursor(cursor) => f.write_str(cursor),
        }
    }
}

impl PageStart {
    /// Returns the query parameter for the start of a page.
    pub(super) fn parameter(&self) -> (&'static str, String) {
        match self {
            Self::Index(index) => ("startIndex", index.to_string()),
            Self::Cursor(cursor) => ("cursor", cursor.clone()),
        }
    }
}

/// One page of a list.
#[derive(Debug, Clone)]
pub struct ListedPage {
    /// The resources on the page that can be parsed.
    pub resources: Vec<FoundResource>,
    /// The number of entries on the page, including those that cannot be parsed.
    pub entries: u64,
    /// The number of entries in the whole list, if the target states it.
    pub total: Option<u64>,
    /// The start of the next page; `None` if this is the last.
    pub next: Option<PageStart>,
}

impl ListedPage {
    /// Returns the start of a further page although the target names none. Some targets count
    /// only the entries of the page, and return fewer per page than requested. `before` entries
    /// were read before this page. Returns `None` if the total covered more than this page.
    pub fn further(&self, paging: ListPaging, before: u64) -> Option<PageStart> {
        let says_nothing = self.total.is_none_or(|total| total == self.entries);
        let is_doubtful = paging == ListPaging::Index && self.entries > 0 && says_nothing;
        is_doubtful.then_some(PageStart::Index(before + self.entries + 1))
    }
}

/// Returns the start of the page after `page`. `entries` were read so far, including this page.
///
/// Some targets omit the total, or state the number of entries on the page. For them, more
/// pages may follow after a full page.
pub(super) fn next_page(profile: &TargetProfile, page: &ListPage, entries: u64) -> Option<PageStart> {
    match profile.paging {
        ListPaging::Index => {
            let is_counted = page.total.is_some_and(|total| total > entries);
            let says_nothing = page.total.is_none_or(|total| total == page.entries);
            let is_full = page.entries > 0 && page.entries >= u64::from(profile.page_size);
            (is_counted || (says_nothing && is_full)).then_some(PageStart::Index(entries + 1))
        }
        ListPaging::Cursor => page.next_cursor.clone().map(PageStart::Cursor),
        ListPaging::None => None,
    }
}

/// Reads the page of resources of `kind` at `start` (`None`: the first page). `before` entries were
/// read before it. Members of groups are excluded if the profile says that the target supports this.
pub(super) async fn list_page(
    client: &ScimClient,
    kind: ScimKind,
    start: Option<&PageStart>,
    before: u64,
) -> ScimReply<ListedPage> {
    let profile = client.profile();
    let mut query = Vec::new();
    match (start, profile.paging) {
        (Some(start), _) => query.push(start.parameter()),
        (None, ListPaging::Index) => query.push(PageStart::Index(1).parameter()),
        (None, ListPaging::Cursor) => query.push(PageStart::Cursor(String::new()).parameter()),
        (None, ListPaging::None) => {}
    }
    if profile.paging != ListPaging::None {
        query.push(("count", profile.page_size.to_string()));
    }
    if kind == ScimKind::Group && profile.membership.exclude_on_lookup {
        query.push(("excludedAttributes", "members".to_owned()));
    }
    let reply = client.send(ScimRequest { query, ..ScimRequest::new(RequestAction::List, kind) }).await;
    reply.map(|answer| {
        let unreadable = answer.unreadable();
        let page = match answer.body {
            AnswerBody::Json(json) => ListPage::from_value(json),
            _ => None,
        };
        let page = page.ok_or(unreadable)?;
        let next = next_page(profile, &page, before + page.entries);
        Ok(ListedPage { resources: page.resources, entries: page.entries, total: page.total, next })
    })
}

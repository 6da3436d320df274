//! Everything that a target has of one kind, page by page.

use super::exchange::{AnswerBody, ScimRequest};
use super::{ScimClient, ScimReply};
use crate::classify::RequestAction;
use crate::decode::{FoundResource, ListPage};
use crate::{ListPaging, ScimKind, TargetProfile};

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageStart {
    /// 1-based index of its first resource.
    Index(u64),
    /// What the page before named.
    Cursor(String),
}

impl std::fmt::Display for PageStart {
    /// The index or the cursor, as it is sent.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Index(index) => write!(f, "{index}"),
            Self::Cursor(cursor) => f.write_str(cursor),
        }
    }
}

impl PageStart {
    pub(super) fn parameter(&self) -> (&'static str, String) {
        match self {
            Self::Index(index) => ("startIndex", index.to_string()),
            Self::Cursor(cursor) => ("cursor", cursor.clone()),
        }
    }
}

/// One page.
#[derive(Debug, Clone)]
pub struct ListedPage {
    /// What is on it, as far as it can be read.
    pub resources: Vec<FoundResource>,
    /// How many entries the page has, readable or not.
    pub entries: u64,
    /// How many the whole list has, if the target says.
    pub total: Option<u64>,
    /// Where the next one begins; none: this is the last.
    pub next: Option<PageStart>,
}

impl ListedPage {
    /// Where a further page would begin although the target names none: some count only what is on the page, and take
    /// fewer per page than were asked for. `before` entries were read before this page. None where the total was right
    /// for more than this page.
    pub fn further(&self, paging: ListPaging, before: u64) -> Option<PageStart> {
        let says_nothing = self.total.is_none_or(|total| total == self.entries);
        let is_doubtful = paging == ListPaging::Index && self.entries > 0 && says_nothing;
        is_doubtful.then_some(PageStart::Index(before + self.entries + 1))
    }
}

/// Where the page after `page` begins, when `entries` have been read with it.
///
/// Some targets say nothing of a total, or say how many are on the page: after a full page there may be more.
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

/// The page of resources of `kind` that begins at `start` (none: the first one), when `before` entries were read.
/// Members of groups are left out where the profile says that this can be asked for.
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

//! Lookups with verification: a target's answer to a filter is checked.

use std::collections::HashSet;

use lifecycle::AttemptClass;

use super::exchange::{AnswerBody, ScimRequest};
use super::list::{PageStart, next_page};
use super::{ScimClient, ScimFailure, ScimReply, refused_reply};
use crate::classify::RequestAction;
use crate::decode::{FoundResource, ListPage};
use crate::filter::any_of;
use crate::{ListPaging, PathError, ScimKind, TargetProfile};

/// The maximum number of pages of one lookup. A target that filters
/// needs one; the limit applies to a target that ignores filters.
const PAGES_MAX: u32 = 200;

/// The state of a lookup after a page.
enum SearchStep {
    Done(Vec<FoundResource>),
    Next(PageStart),
    Fail(ScimFailure),
}

/// A lookup that may take several requests. [`ScimClient::find_next`] sends one of them. At
/// a target that ignores or does not support filters, all resources are read page by page.
#[derive(Debug)]
pub struct ResourceSearch {
    kind: ScimKind,
    terms: Vec<(String, String)>,
    /// The start of the next page; `None` before the first.
    start: Option<PageStart>,
    requests: u32,
    /// The ids on earlier pages.
    seen: HashSet<String>,
    entries: u64,
}

impl ResourceSearch {
    /// Creates a lookup of resources of `kind` whose attribute at `path` has `value`.
    pub fn new(kind: ScimKind, path: &str, value: &str) -> Self {
        Self::any(kind, &[(path, value)])
    }

    /// Creates a lookup for any of several pairs of path and value.
    pub(super) fn any(kind: ScimKind, terms: &[(&str, &str)]) -> Self {
        let terms = terms.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect();
        Self { kind, terms, start: None, requests: 0, seen: HashSet::new(), entries: 0 }
    }
}

/// Sends the next request of a lookup. Returns the resources found, or `None` if there are more pages to read.
pub(super) async fn find_next(
    client: &ScimClient,
    search: &mut ResourceSearch,
) -> ScimReply<Option<Vec<FoundResource>>> {
    let kind = search.kind;
    let terms: Vec<(&str, &str)> =
        search.terms.iter().map(|(path, value)| (path.as_str(), value.as_str())).collect();
    let filter = match search_filter(client, kind, &terms) {
        Ok(filter) => filter.map(|filter| (filter, terms.as_slice())),
        Err(why) => return refused_reply(RequestAction::List, kind, why),
    };
    let query = search_query(client, kind, search.start.as_ref(), filter.is_some());
    let reply =
        client.send(ScimRequest { filter, query, ..ScimRequest::new(RequestAction::List, kind) }).await;
    search.requests += 1;
    let profile = client.profile();
    reply.map(|answer| {
        let unreadable = answer.unreadable();
        let page = match answer.body {
            AnswerBody::Json(json) => ListPage::from_value(json),
            _ => None,
        };
        match search.take(page.ok_or(unreadable)?, profile) {
            SearchStep::Done(found) => Ok(Some(found)),
            SearchStep::Fail(failure) => Err(failure),
            SearchStep::Next(next) => {
                search.start = Some(next);
                Ok(None)
            }
        }
    })
}

/// Returns the filter, or `None` if the profile says that the target does not support any.
fn search_filter(
    client: &ScimClient,
    kind: ScimKind,
    terms: &[(&str, &str)],
) -> Result<Option<String>, &'static str> {
    let filter = match any_of(terms) {
        Ok(Some(filter)) => filter.to_string(),
        Ok(None) => return Err("a lookup needs a path and a value"),
        Err(PathError { .. }) => return Err("the path of a lookup is not an attribute path"),
    };
    let profile = client.profile();
    let most = profile.filter_terms_max.and_then(|most| usize::try_from(most).ok());
    if most.is_some_and(|most| terms.len() > most) {
        return Err("the profile says that filters of this target have fewer terms");
    }
    if terms.len() > 1 && !profile.lookups.of(kind).or {
        return Err("the profile says that filters of this target take no `or`");
    }
    Ok(Some(filter).filter(|_| !profile.lookups.of(kind).filterable.is_empty()))
}

/// Returns the query of a page. The first page with a filter has no
/// paging parameters, because every target understands that form.
fn search_query(
    client: &ScimClient,
    kind: ScimKind,
    start: Option<&PageStart>,
    filters: bool,
) -> Vec<(&'static str, String)> {
    let mut query = Vec::new();
    if kind == ScimKind::Group && client.profile().membership.exclude_on_lookup {
        query.push(("excludedAttributes", "members".to_owned()));
    }
    if let Some(start) = start {
        query.push(start.parameter());
    }
    if start.is_some() || (!filters && client.profile().paging != ListPaging::None) {
        query.push(("count", client.profile().page_size.to_string()));
    }
    query
}

impl ResourceSearch {
    /// Takes a page into the search, and decides on the next step.
    fn take(&mut self, page: ListPage, profile: &TargetProfile) -> SearchStep {
        let (pages, takes_filters) = (self.requests, !profile.lookups.of(self.kind).filterable.is_empty());
        let unreadable = page.entries > page.resources.len() as u64;
        let asked = |found: &FoundResource| self.terms.iter().any(|(path, value)| found.fits(path, value));
        let before = self.seen.len();
        self.seen.extend(page.resources.iter().map(|found| found.id.clone()));
        let news = self.seen.len() > before;
        self.entries += page.entries;
        let next = next_page(profile, &page, self.entries);
        let more = next.is_some();
        let matching: Vec<FoundResource> = page.resources.into_iter().filter(asked).collect();
        if matching.is_empty() && unreadable {
            return uncertain_failure(
                AttemptClass::Permanent,
                "the target answers a search with a resource that has no id",
            );
        }
        if !matching.is_empty() || !more {
            return SearchStep::Done(matching);
        }
        if pages == 1 && takes_filters {
            if page.entries == 0 {
                return uncertain_failure(
                    AttemptClass::Transient,
                    "the target counts results but lists none",
                );
            }
            tracing::warn!(entries = page.entries, "target ignores filters, reading page by page");
        }
        match (page.entries, news) {
            (0, _) => SearchStep::Done(Vec::new()),
            (_, false) => {
                uncertain_failure(AttemptClass::Permanent, "the target ignores filters and repeats pages")
            }
            _ if pages >= PAGES_MAX => uncertain_failure(
                AttemptClass::Permanent,
                "the target ignores filters and has too many resources to read",
            ),
            _ => next.map_or_else(|| SearchStep::Done(Vec::new()), SearchStep::Next),
        }
    }
}

/// Ends the lookup with a failure. "Not found" would lead to a second account, so it is returned only when it is certain.
fn uncertain_failure(class: AttemptClass, why: &str) -> SearchStep {
    SearchStep::Fail(ScimFailure::new(class, why))
}

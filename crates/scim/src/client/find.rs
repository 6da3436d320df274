//! Lookups, checked: what a target answers to a filter is a claim.

use std::collections::HashSet;

use lifecycle::AttemptClass;

use super::exchange::{Body, Call};
use super::list::{Start, next_page};
use super::{Client, Failure, Reply, refused};
use crate::classify::Action;
use crate::decode::{Found, Page};
use crate::filter::any_of;
use crate::{Kind, Paging, PathError, TargetProfile};

/// How many pages one lookup reads at most. A target that filters needs one; this bounds one that ignores
/// filters.
const PAGES_MAX: u32 = 200;

/// What is known after a page.
enum Step {
    Done(Vec<Found>),
    Next(Start),
    Fail(Failure),
}

/// A lookup that may take more than one request, each of which [`Client::find_next`] sends: at a target that ignores
/// filters, or takes none, whatever it has is read page by page.
#[derive(Debug)]
pub struct Search {
    kind: Kind,
    terms: Vec<(String, String)>,
    /// Where the next page begins; none before the first.
    start: Option<Start>,
    requests: u32,
    /// Ids that were on earlier pages.
    seen: HashSet<String>,
    entries: u64,
}

impl Search {
    /// For resources of `kind` whose attribute at `path` has `value`.
    pub fn new(kind: Kind, path: &str, value: &str) -> Self {
        Self::any(kind, &[(path, value)])
    }

    /// For any of several pairs of path and value.
    pub(super) fn any(kind: Kind, terms: &[(&str, &str)]) -> Self {
        let terms = terms.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect();
        Self { kind, terms, start: None, requests: 0, seen: HashSet::new(), entries: 0 }
    }
}

/// Sends the next request of a search: what was found, or none when there is more to read.
pub(super) async fn find_next(client: &Client, search: &mut Search) -> Reply<Option<Vec<Found>>> {
    let kind = search.kind;
    let terms: Vec<(&str, &str)> =
        search.terms.iter().map(|(path, value)| (path.as_str(), value.as_str())).collect();
    let filter = match filter(client, kind, &terms) {
        Ok(filter) => filter.map(|filter| (filter, terms.as_slice())),
        Err(why) => return refused(Action::List, kind, why),
    };
    let query = query(client, kind, search.start.as_ref(), filter.is_some());
    let reply = client.send(Call { filter, query, ..Call::new(Action::List, kind) }).await;
    search.requests += 1;
    let profile = client.profile();
    reply.map(|answer| {
        let unreadable = answer.unreadable();
        let page = match answer.body {
            Body::Json(json) => Page::from_value(json),
            _ => None,
        };
        match search.take(page.ok_or(unreadable)?, profile) {
            Step::Done(found) => Ok(Some(found)),
            Step::Fail(failure) => Err(failure),
            Step::Next(next) => {
                search.start = Some(next);
                Ok(None)
            }
        }
    })
}

/// The filter; none where the profile says that the target takes none.
fn filter(client: &Client, kind: Kind, terms: &[(&str, &str)]) -> Result<Option<String>, &'static str> {
    let filter = match any_of(terms) {
        Ok(Some(filter)) => filter.to_string(),
        Ok(None) => return Err("a lookup needs a path and a value"),
        Err(PathError { .. }) => return Err("the path of a lookup is no attribute path"),
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

/// The first page of what is filtered is asked for as plainly as can be: every target understands that.
fn query(client: &Client, kind: Kind, start: Option<&Start>, filters: bool) -> Vec<(&'static str, String)> {
    let mut query = Vec::new();
    if kind == Kind::Group && client.profile().membership.exclude_on_lookup {
        query.push(("excludedAttributes", "members".to_owned()));
    }
    if let Some(start) = start {
        query.push(start.parameter());
    }
    if start.is_some() || (!filters && client.profile().paging != Paging::None) {
        query.push(("count", client.profile().page_size.to_string()));
    }
    query
}

impl Search {
    fn take(&mut self, page: Page, profile: &TargetProfile) -> Step {
        let (pages, takes_filters) = (self.requests, !profile.lookups.of(self.kind).filterable.is_empty());
        let unreadable = page.entries > page.resources.len() as u64;
        let asked = |found: &Found| self.terms.iter().any(|(path, value)| found.fits(path, value));
        let before = self.seen.len();
        self.seen.extend(page.resources.iter().map(|found| found.id.clone()));
        let news = self.seen.len() > before;
        self.entries += page.entries;
        let next = next_page(profile, &page, self.entries);
        let more = next.is_some();
        let matching: Vec<Found> = page.resources.into_iter().filter(asked).collect();
        if matching.is_empty() && unreadable {
            return uncertain(
                AttemptClass::Permanent,
                "the target answers a search with a resource that has no id",
            );
        }
        if !matching.is_empty() || !more {
            return Step::Done(matching);
        }
        if pages == 1 && takes_filters {
            if page.entries == 0 {
                return uncertain(AttemptClass::Transient, "the target counts results but lists none");
            }
            tracing::warn!(entries = page.entries, "target ignores filters, reading page by page");
        }
        match (page.entries, news) {
            (0, _) => Step::Done(Vec::new()),
            (_, false) => uncertain(AttemptClass::Permanent, "the target ignores filters and repeats pages"),
            _ if pages >= PAGES_MAX => uncertain(
                AttemptClass::Permanent,
                "the target ignores filters and has too many resources to read",
            ),
            _ => next.map_or_else(|| Step::Done(Vec::new()), Step::Next),
        }
    }
}

/// "Not found" would lead to a second account, so it is said only when it is certain.
fn uncertain(class: AttemptClass, why: &str) -> Step {
    Step::Fail(Failure::new(class, why))
}

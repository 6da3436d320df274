//! Lookups, checked: what a target answers to a filter is a claim.

use std::collections::HashSet;
use std::time::Duration;

use lifecycle::AttemptClass;

use super::exchange::{Body, Call};
use super::list::{Start, next_page};
use super::{Client, Failure, Reply, refused};
use crate::classify::Action;
use crate::decode::{Found, Page};
use crate::filter::any_of;
use crate::path::AttributePath;
use crate::{Kind, Paging, PathError};

/// How many pages one lookup reads at most. A target that filters needs one; this bounds one that ignores
/// filters.
const PAGES_MAX: u32 = 200;

/// What is known after a page.
enum Step {
    Done(Vec<Found>),
    Next(Start),
    Fail(Failure),
}

struct Search {
    terms: Vec<(AttributePath, String)>,
    paging: Paging,
    /// Ids that were on earlier pages.
    seen: HashSet<String>,
    entries: u64,
}

pub(super) async fn find(client: &Client, kind: Kind, terms: &[(&str, &str)]) -> Reply<Vec<Found>> {
    let filter = match any_of(terms) {
        Ok(Some(filter)) => filter.to_string(),
        Ok(None) => return refused(Action::List, kind, "a lookup needs a path and a value"),
        Err(PathError { .. }) => {
            return refused(Action::List, kind, "the path of a lookup is no attribute path");
        }
    };
    let most = client.profile().filter_terms_max.and_then(|most| usize::try_from(most).ok());
    if most.is_some_and(|most| terms.len() > most) {
        return refused(Action::List, kind, "the profile says that filters of this target have fewer terms");
    }
    if terms.len() > 1 && !client.profile().lookups.of(kind).or {
        return refused(Action::List, kind, "the profile says that filters of this target take no `or`");
    }
    let terms_parsed =
        terms.iter().map(|(p, v)| (AttributePath::parse_or_literal(p), (*v).to_owned())).collect();
    let paging = client.profile().paging;
    let mut search = Search { terms: terms_parsed, paging, seen: HashSet::new(), entries: 0 };
    let mut duration = Duration::ZERO;
    let mut start = None;
    for requests in 1.. {
        let query = query(client, kind, start.as_ref());
        let call = Call { filter: Some((filter.clone(), terms)), query, ..Call::new(Action::List, kind) };
        let reply = client.send(call).await;
        duration += reply.duration;
        let step = match reply.outcome {
            Err(failure) => Step::Fail(failure),
            Ok(answer) => {
                let unreadable = answer.unreadable();
                let page = match answer.body {
                    Body::Json(json) => Page::from_value(json),
                    _ => None,
                };
                page.map_or(Step::Fail(unreadable), |page| search.take(page, requests))
            }
        };
        let outcome = match step {
            Step::Next(next) => {
                start = Some(next);
                continue;
            }
            Step::Done(found) => Ok(found),
            Step::Fail(failure) => Err(failure),
        };
        return Reply { outcome, exchange: reply.exchange, duration, requests, spent: reply.spent };
    }
    unreachable!("the number of pages is bounded by PAGES_MAX")
}

/// The first page is asked for as plainly as can be: every target understands that.
fn query(client: &Client, kind: Kind, start: Option<&Start>) -> Vec<(&'static str, String)> {
    let mut query = Vec::new();
    if kind == Kind::Group && client.profile().membership.exclude_on_lookup {
        query.push(("excludedAttributes", "members".to_owned()));
    }
    if let Some(start) = start {
        query.push(start.parameter());
        query.push(("count", client.profile().page_size.to_string()));
    }
    query
}

impl Search {
    fn take(&mut self, page: Page, pages: u32) -> Step {
        let unreadable = page.entries > page.resources.len() as u64;
        let asked = |found: &Found| self.terms.iter().any(|(path, value)| found.has(path, value));
        let before = self.seen.len();
        self.seen.extend(page.resources.iter().map(|found| found.id.clone()));
        let news = self.seen.len() > before;
        self.entries += page.entries;
        // Without a total, a page is all there is.
        let next = next_page(self.paging, &page, self.entries);
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
        if pages == 1 {
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

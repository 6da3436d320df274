//! Walks the pages of a list: finds the next page, and detects loops.

use std::collections::HashSet;

use outbound::{JsonAnswer, Url, encoding};
use serde_json::Value;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::UtcOffset;
use time::format_description::well_known::Rfc3339;

use super::config::{PollConfig, PollPaging, SINCE, SINCE_DATE};

/// Parses an RFC 3339 time.
pub(super) fn parse_moment(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

/// The state of one walk through the pages of a list.
#[derive(Debug)]
pub(super) struct PageWalk<'a> {
    config: &'a PollConfig,
    /// The URL of the list, before paging parameters are added.
    first: Url,
    /// The number of pages so far.
    pages: u64,
    /// The number of rows so far.
    rows: u64,
    /// The URLs of the pages so far, to detect loops.
    seen: HashSet<String>,
    /// The hash of the previous page's rows.
    page_before: Option<[u8; 32]>,
}

impl<'a> PageWalk<'a> {
    /// Starts at the first page. `since` is the time since which changes are requested.
    pub(super) fn new(config: &'a PollConfig, since: OffsetDateTime) -> Result<Self, String> {
        let since = since.to_offset(UtcOffset::UTC).replace_nanosecond(0).unwrap_or(since);
        let moment = since.format(&Rfc3339).map_err(|_| "the time cannot be formatted".to_owned())?;
        let url = config
            .url
            .replace(SINCE_DATE, &since.date().to_string())
            .replace(SINCE, &encoding::encode_segment(&moment));
        let first = Url::parse(&url).map_err(|_| "the address is no URL".to_owned())?;
        Ok(Self { config, first, pages: 0, rows: 0, seen: HashSet::new(), page_before: None })
    }

    /// Returns the URL of the first page.
    pub(super) fn first(&self) -> Url {
        match &self.config.paging {
            Some(PollPaging::Offset { parameter }) => with_parameter(&self.first, parameter, "0"),
            Some(PollPaging::Page { parameter, first }) => {
                with_parameter(&self.first, parameter, &first.to_string())
            }
            _ => self.first.clone(),
        }
    }

    /// Returns the rows of a page.
    ///
    /// # Errors
    /// Returns an error if the answer is not a page, or if it equals the previous page.
    pub(super) fn rows<'r>(&mut self, answer: &'r JsonAnswer) -> Result<&'r [Value], String> {
        let rows = answer.body.pointer(&self.config.rows).and_then(Value::as_array);
        let rows = rows.ok_or_else(|| format!("the page has no list at `{}`", self.config.rows))?;
        self.pages += 1;
        self.rows += rows.len() as u64;
        if !rows.is_empty() {
            let hash: [u8; 32] = Sha256::digest(serde_json::to_vec(rows).expect("JSON is plain data")).into();
            if self.page_before.replace(hash) == Some(hash) {
                return Err("the same page came twice: `paging` does not fit this API".to_owned());
            }
        }
        Ok(rows)
    }

    /// Returns the URL of the next page, if there is one.
    ///
    /// # Errors
    /// Returns an error if the URL was visited before, leads to another host, or exceeds the maximum number of pages.
    pub(super) fn next(&mut self, answer: &JsonAnswer) -> Result<Option<Url>, String> {
        let text = |at: &str| match answer.body.pointer(at) {
            Some(Value::String(text)) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        let is_empty =
            answer.body.pointer(&self.config.rows).and_then(Value::as_array).is_none_or(Vec::is_empty);
        let next = match &self.config.paging {
            None => None,
            Some(PollPaging::NextLink { at }) => text(at).map(|link| self.link(&link)).transpose()?,
            Some(PollPaging::LinkHeader) => {
                answer.next_link.as_deref().map(|link| self.link(link)).transpose()?
            }
            Some(PollPaging::Token { at, parameter }) => {
                text(at).map(|token| with_parameter(&self.first, parameter, &token))
            }
            Some(PollPaging::Offset { .. } | PollPaging::Page { .. }) if is_empty => None,
            Some(PollPaging::Offset { parameter }) => {
                Some(with_parameter(&self.first, parameter, &self.rows.to_string()))
            }
            Some(PollPaging::Page { parameter, first }) => {
                Some(with_parameter(&self.first, parameter, &(first + self.pages).to_string()))
            }
        };
        let Some(next) = next else { return Ok(None) };
        if self.pages >= self.config.pages_max {
            return Err(format!("the list has more than {} pages (`pages_max`)", self.config.pages_max));
        }
        if !self.seen.insert(next.to_string()) {
            return Err("the pages form a loop: the list has no end".to_owned());
        }
        Ok(Some(next))
    }

    /// Resolves a link in an answer. A link to another host is refused, so that our credential is not sent elsewhere.
    fn link(&self, link: &str) -> Result<Url, String> {
        let next = self.first.join(link).map_err(|_| "the link to the next page is no URL".to_owned())?;
        if next.origin() != self.first.origin() {
            return Err("the link to the next page leads to another host, and is not followed".to_owned());
        }
        Ok(next)
    }

    /// Returns the number of rows on all pages, as the last page reports it.
    pub(super) fn total(&self, answer: &JsonAnswer) -> Option<u64> {
        let told = answer.body.pointer(self.config.total.as_deref()?)?;
        told.as_u64().or_else(|| told.as_str()?.trim().parse().ok())
    }

    /// Returns the number of rows on all pages so far.
    pub(super) fn rows_read(&self) -> u64 {
        self.rows
    }
}

/// Returns the URL with this query parameter, which replaces one of the same name.
fn with_parameter(url: &Url, parameter: &str, value: &str) -> Url {
    let mut url = url.clone();
    let others: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| name != parameter)
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    url.query_pairs_mut().clear().extend_pairs(others).append_pair(parameter, value);
    url
}

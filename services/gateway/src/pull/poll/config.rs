//! The configuration of a polled list, and its validation.

use std::collections::BTreeMap;
use std::time::Duration;

use feeds::FeedGuard;
use lifecycle::SenderRights;
use outbound::{AskerOptions, CredentialConfig, SourceClient, Url};
use serde::Deserialize;
use sources::{
    AdapterKind, ConfiguredMeaning, DateForms, EmploymentMapping, EndDate, NoticeAdapter, NoticeReader,
};

use crate::pull::pace::FetchRetry;

/// The placeholder in `url` for the time since which changes are requested (RFC 3339, UTC).
pub(super) const SINCE: &str = "{since}";
/// The placeholder for the same time as a day.
pub(super) const SINCE_DATE: &str = "{since_date}";
/// The maximum `Retry-After` that is respected, even if the API asks for more.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);
/// The default interval between readings of a list of changes, in seconds; below, that of a full list.
const EVERY_SECONDS: u64 = 300;
/// The default interval between readings of a full list, in seconds.
const FULL_EVERY_SECONDS: u64 = 3_600;
/// The maximum of `page_bytes_max`, in bytes: a page is in memory as a whole.
const PAGE_BYTES_MAX: usize = 256 << 20;

/// A list of people in a source's API.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PollConfig {
    /// The name in metrics and logs, and the part after `polls/` in the source of its events.
    pub name: String,
    /// The URL of the list. `{since}` and `{since_date}` stand for the time since which changes are requested.
    pub url: String,
    /// What its rows may say. If left out: everything for the first such sender, the least for others.
    #[serde(default)]
    pub may: Option<SenderRights>,
    /// The credential for the API.
    #[serde(default)]
    pub credential: Option<CredentialConfig>,
    /// Additional headers of each request. A secret belongs in `credential`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The JSON Pointer to the list of rows in a page; the page itself if left out.
    #[serde(default)]
    pub rows: String,
    /// The JSON Pointer to the number of rows on all pages. If given, a shorter list counts as incomplete.
    #[serde(default)]
    pub total: Option<String>,
    /// The way to the next page. Without it the list has one page.
    #[serde(default)]
    pub paging: Option<PollPaging>,
    /// The interval between readings, in seconds. Defaults to 300, or to 3600
    /// for a full list, which makes a statement about every person each time.
    #[serde(default)]
    pub every_seconds: Option<u64>,
    /// The overlap of two readings, in seconds. The source's clock may differ, and changes that it reports late must not be
    /// missed.
    #[serde(default = "overlap_seconds")]
    pub overlap_seconds: u64,
    /// The value of `{since}` in the first reading.
    #[serde(default = "first_since")]
    pub first_since: String,
    /// The JSON Pointer to the person's key in a row.
    pub key: String,
    /// The attributes: each Usher attribute is mapped to an expression over the row, or to a JSON Pointer into it.
    pub attributes: BTreeMap<String, String>,
    /// The part of a row that tells whether the person is employed.
    #[serde(default)]
    pub employment: EmploymentMapping,
    /// The JSON Pointer to the day on which a row takes effect.
    #[serde(default)]
    pub effective_at: Option<String>,
    /// Tells whether a list contains all rows of each person in it. If so, a future row that is missing in a later reading was
    /// withdrawn.
    #[serde(default)]
    pub rows_per_person: RowsPerPerson,
    /// `true` if the list has every person. A person who was listed before and is missing has left, if the list passes its guard.
    #[serde(default)]
    pub full: bool,
    /// The conditions that a full list must meet before a person who is not in it counts as departed.
    #[serde(default)]
    pub guard: FeedGuard,
    /// The full feeds and lists that this full list replaces, by their former names. People whom they listed and who are not in
    /// this list count as missing in it.
    #[serde(default)]
    pub replaces: Vec<String>,
    /// The time zone in which days begin.
    #[serde(default = "default_zone")]
    pub time_zone: String,
    /// The formats of dates in the list.
    #[serde(default)]
    pub dates: DateForms,
    /// The meaning of a departure's date: the last day, or the first day after it.
    #[serde(default)]
    pub end_date: EndDate,
    /// The maximum number of requests per second.
    #[serde(default = "requests_per_second")]
    pub requests_per_second_max: f64,
    /// The timeout of one request, in seconds.
    #[serde(default = "timeout_seconds")]
    pub timeout_seconds: u64,
    /// The maximum length of a page, in bytes.
    #[serde(default = "page_bytes")]
    pub page_bytes_max: usize,
    /// The delays between attempts.
    #[serde(default)]
    pub retry: FetchRetry,
    /// The maximum number of pages in one reading.
    #[serde(default = "default_pages")]
    pub pages_max: u64,
}

/// The way to the next page.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum PollPaging {
    /// The page contains the URL of the next one, such as OData's `/@odata.nextLink`.
    NextLink {
        /// The JSON Pointer to the URL.
        at: String,
    },
    /// The `Link` header has the URL of the next page.
    LinkHeader,
    /// The page contains a token for the query of the next request.
    Token {
        /// The JSON Pointer to the token.
        at: String,
        /// The name of the query parameter.
        parameter: String,
    },
    /// The query contains the number of rows before the page. A page without rows is the last one.
    Offset {
        /// The name of the query parameter.
        parameter: String,
    },
    /// The query contains the number of the page. A page without rows is the last one.
    Page {
        /// The name of the query parameter.
        parameter: String,
        /// The number of the first page.
        #[serde(default = "first_page")]
        first: u64,
    },
}

/// The rows of a person that a list contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowsPerPerson {
    /// Only the rows that changed.
    #[default]
    Changed,
    /// All rows of the person, if there is any.
    All,
}

fn overlap_seconds() -> u64 {
    3_600
}

fn first_since() -> String {
    "1970-01-01T00:00:00Z".to_owned()
}

fn default_zone() -> String {
    "UTC".to_owned()
}

fn requests_per_second() -> f64 {
    2.0
}

fn timeout_seconds() -> u64 {
    60
}

fn page_bytes() -> usize {
    16 << 20
}

fn default_pages() -> u64 {
    10_000
}

fn first_page() -> u64 {
    1
}

impl PollConfig {
    /// Returns the first fault of the list, if any.
    pub(crate) fn fault(&self) -> Option<String> {
        let paging = match &self.paging {
            Some(PollPaging::NextLink { at } | PollPaging::Token { at, .. }) => Some(at),
            _ => None,
        };
        let pointers = [("rows", Some(&self.rows)), ("total", self.total.as_ref()), ("paging.at", paging)];
        let is_wrong = |pointer: &String| !pointer.is_empty() && !pointer.starts_with('/');
        if let Some((name, _)) = pointers.into_iter().find(|(_, pointer)| pointer.is_some_and(is_wrong)) {
            return Some(format!("`{name}` is no JSON Pointer: write one such as /data/rows"));
        }
        let numbers = [
            ("every_seconds", self.every().as_secs(), 31 * 86_400),
            ("timeout_seconds", self.timeout_seconds, 600),
            ("page_bytes_max", self.page_bytes_max as u64, PAGE_BYTES_MAX as u64),
            ("pages_max", self.pages_max, 1_000_000),
            ("retry.initial_ms", self.retry.initial_ms, 3_600_000),
            ("retry.max_ms", self.retry.max_ms, 86_400_000),
        ];
        if let Some((name, _, max)) =
            numbers.into_iter().find(|(_, number, max)| *number == 0 || number > max)
        {
            return Some(format!("`{name}` must be 1 to {max}"));
        }
        if !(self.requests_per_second_max > 0.0 && self.requests_per_second_max <= 1_000.0) {
            return Some("`requests_per_second_max` must be more than 0 and at most 1000".to_owned());
        }
        if self.full && (self.url.contains(SINCE) || self.url.contains(SINCE_DATE)) {
            return Some(
                "a `full` list has every person: its `url` must not ask for changes only".to_owned(),
            );
        }
        if self.guard.shrink_percent_max > 100 || self.guard.bad_rows_percent_max > 100 {
            return Some("a share in `guard` must be at most 100 percent".to_owned());
        }
        if !self.full && !self.replaces.is_empty() {
            return Some("only a `full` list can replace another one: leave out `replaces`".to_owned());
        }
        if self.guard.checksum_required {
            return Some(
                "`guard.checksum_required` is not supported: an API's list has no checksum".to_owned(),
            );
        }
        self.parts_fault()
    }

    /// Returns the first fault of the attributes, the URL, the client or the reader, if any.
    fn parts_fault(&self) -> Option<String> {
        if self.attributes.is_empty() {
            return Some("`attributes` is empty: map at least one".to_owned());
        }
        if super::pages::parse_moment(&self.first_since).is_none() {
            return Some("`first_since` is not a time: write one such as 2020-01-01T00:00:00Z".to_owned());
        }
        let url = self.url.replace(SINCE, "1").replace(SINCE_DATE, "1");
        match Url::parse(&url) {
            Ok(url) if !matches!(url.scheme(), "http" | "https") => {
                return Some("`url` must begin with https:// or http://".to_owned());
            }
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                return Some("`url` must not hold a credential: it belongs in `credential`".to_owned());
            }
            Ok(_) => {}
            Err(_) => return Some("`url` is no URL".to_owned()),
        }
        if let Err(fault) = self.asker() {
            return Some(fault);
        }
        let wrong = self.reader().err()?;
        let snippet = wrong.snippet.as_deref().map(|snippet| format!("\n{snippet}")).unwrap_or_default();
        Some(format!("{wrong}{snippet}"))
    }

    /// Returns the interval between readings.
    pub(super) fn every(&self) -> Duration {
        let usual = if self.full { FULL_EVERY_SECONDS } else { EVERY_SECONDS };
        Duration::from_secs(self.every_seconds.unwrap_or(usual))
    }

    /// Compiles the reader of its rows.
    pub(super) fn reader(&self) -> Result<NoticeReader, sources::AdapterConfigError> {
        let attributes = self.attributes.iter().map(|(name, rule)| (name.clone(), Some(rule.clone())));
        let any = ConfiguredMeaning::Kind(lifecycle::EventKind::WorkerChanged);
        let adapter = NoticeAdapter {
            time_zone: self.time_zone.clone(),
            attributes: attributes.collect(),
            employment: self.employment.clone(),
            types: BTreeMap::from([("*".to_owned(), any)]),
            end_date: self.end_date,
            key: Some(self.key.clone()),
            effective_at: self.effective_at.clone(),
            ..NoticeAdapter::new(AdapterKind::Json)
        };
        adapter.compile()
    }

    /// Creates the HTTP client of the API.
    pub(super) fn asker(&self) -> Result<SourceClient, String> {
        let credential = self.credential.as_ref().map(CredentialConfig::read).transpose()?;
        let options = AskerOptions {
            credential,
            headers: self.headers.clone().into_iter().collect(),
            timeout: Duration::from_secs(self.timeout_seconds),
            answer_bytes_max: self.page_bytes_max,
            retry_after_max: RETRY_AFTER_MAX,
        };
        SourceClient::new(options).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn fault(changes: Value) -> String {
        let mut config = json!({
            "name": "hr", "url": "https://hr.example/people?from={since}&day={since_date}", "key": "/id",
            "attributes": {"department": "[team]"},
        });
        for (name, value) in changes.as_object().unwrap() {
            config[name] = value.clone();
        }
        match serde_json::from_value::<PollConfig>(config) {
            Ok(config) => config.fault().unwrap_or_default(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_cannot_work_is_told_at_the_start() {
        assert_eq!(fault(json!({})), "");
        for (changes, word) in [
            (json!({"url": "hr.example"}), "no URL"),
            (json!({"url": "ftp://hr.example/"}), "https://"),
            (json!({"url": "https://a:b@hr.example/"}), "credential"),
            (json!({"rows": "data"}), "rows"),
            (json!({"total": "data"}), "total"),
            (json!({"paging": {"kind": "next_link", "at": "next"}}), "paging.at"),
            (json!({"paging": {"kind": "cursor"}}), "link_header"),
            (json!({"every_seconds": 0}), "every_seconds"),
            (json!({"pages_max": 0}), "pages_max"),
            (json!({"requests_per_second_max": 0}), "requests_per_second_max"),
            (json!({"first_since": "yesterday"}), "first_since"),
            (json!({"attributes": {}}), "attributes"),
            (json!({"attributes": {"a": "IIF("}}), "attributes.a"),
            (json!({"key": "id"}), "key"),
            (json!({"effective_at": "from"}), "effective_at"),
            (json!({"time_zone": "Nowhere"}), "time_zone"),
            (json!({"full": true}), "changes only"),
            (
                json!({"full": true, "url": "https://hr.example/", "guard": {"checksum_required": true}}),
                "checksum",
            ),
            (json!({"guard": {"shrink_percent_max": 101}}), "100 percent"),
        ] {
            let said = fault(changes);
            assert!(said.contains(word), "{word}: {said:?}");
        }
    }
}

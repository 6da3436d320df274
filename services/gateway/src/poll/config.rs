//! How a list is read, and what can be wrong with that.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::fetch::FetchRetry;
use feeds::FeedGuard;
use outbound::{AskerOptions, CredentialConfig, SourceClient, Url};
use serde::Deserialize;
use sources::{
    AdapterKind, ConfiguredMeaning, DateForms, EmploymentMapping, EndDate, NoticeAdapter, NoticeReader,
};

/// Stands in `url` for the moment from which on changes are wanted (RFC 3339, UTC).
pub(super) const SINCE: &str = "{since}";
/// The same as a day.
pub(super) const SINCE_DATE: &str = "{since_date}";
/// Longest pause that is kept to, whatever the API asks for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);
/// How often a list of changes is read, and one of everybody, unless said otherwise.
const EVERY_SECONDS: u64 = 300;
const FULL_EVERY_SECONDS: u64 = 3_600;
/// Longest page that may be configured, in bytes: it is in memory as a whole.
const PAGE_BYTES_MAX: usize = 256 << 20;

/// A list of people at a source's API.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PollConfig {
    /// Its name in metrics and logs, and what follows `polls/` in the source of its events.
    pub name: String,
    /// Its address. `{since}` and `{since_date}` stand for the moment from which on changes are wanted.
    pub url: String,
    /// How the API knows us.
    #[serde(default)]
    pub credential: Option<CredentialConfig>,
    /// Further headers of each request. A secret belongs into `credential`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// JSON Pointer to the list of rows in a page; the page itself if left out.
    #[serde(default)]
    pub rows: String,
    /// JSON Pointer to how many rows there are on all pages. If given, a list that is shorter is not all of it.
    #[serde(default)]
    pub total: Option<String>,
    /// How the next page is found; without it there is one.
    #[serde(default)]
    pub paging: Option<PollPaging>,
    /// How often the list is read, in seconds: 300 if left out, 3600 for a full list, which says something of everybody each
    /// time.
    #[serde(default)]
    pub every_seconds: Option<u64>,
    /// How much of what was read before is read again, in seconds: the source's clock may differ, and what it tells late
    /// must not be missed.
    #[serde(default = "overlap_seconds")]
    pub overlap_seconds: u64,
    /// What `{since}` stands for the first time.
    #[serde(default = "first_since")]
    pub first_since: String,
    /// JSON Pointer to the key of the person in a row.
    pub key: String,
    /// Our attribute to an expression over the row, or a JSON Pointer into it.
    pub attributes: BTreeMap<String, String>,
    /// Where a row says who works here.
    #[serde(default)]
    pub employment: EmploymentMapping,
    /// JSON Pointer to the day from which on a row holds.
    #[serde(default)]
    pub effective_at: Option<String>,
    /// Whether a list has all rows of each person in it, so that a row of a day to come that is not there any more was
    /// withdrawn.
    #[serde(default)]
    pub rows_per_person: RowsPerPerson,
    /// Whether it lists everybody: who was listed before and is not any more has left, if it can be believed.
    #[serde(default)]
    pub full: bool,
    /// What a full list must look like before somebody who is not in it has left.
    #[serde(default)]
    pub guard: FeedGuard,
    /// Where days begin at midnight.
    #[serde(default = "default_zone")]
    pub time_zone: String,
    /// How the list writes its dates.
    #[serde(default)]
    pub dates: DateForms,
    /// What the date of a departure is.
    #[serde(default)]
    pub end_date: EndDate,
    /// How many requests a second are sent at most.
    #[serde(default = "requests_per_second")]
    pub requests_per_second_max: f64,
    /// How long one may take, in seconds.
    #[serde(default = "timeout_seconds")]
    pub timeout_seconds: u64,
    /// Longest page, in bytes.
    #[serde(default = "page_bytes")]
    pub page_bytes_max: usize,
    /// Delays between tries.
    #[serde(default)]
    pub retry: FetchRetry,
    /// Most pages of one reading.
    #[serde(default = "default_pages")]
    pub pages_max: u64,
}

/// How the next page is found.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum PollPaging {
    /// Its address stands in the page, such as OData's `/@odata.nextLink`.
    NextLink {
        /// JSON Pointer to it.
        at: String,
    },
    /// Its address is in the `Link` header.
    LinkHeader,
    /// A token in the page has to be sent in the query.
    Token {
        /// JSON Pointer to it.
        at: String,
        /// Name in the query.
        parameter: String,
    },
    /// The number of rows before it has to be sent in the query; a page without rows is the last.
    Offset {
        /// Name in the query.
        parameter: String,
    },
    /// Its number has to be sent in the query; a page without rows is the last.
    Page {
        /// Name in the query.
        parameter: String,
        /// The number of the first.
        #[serde(default = "first_page")]
        first: u64,
    },
}

/// Which rows of a person a list has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowsPerPerson {
    /// Those that changed.
    #[default]
    Changed,
    /// All of them, if there is one.
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
    /// What is wrong with it, if anything.
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
            return Some("a `full` list has everybody: its `url` must not ask for changes only".to_owned());
        }
        if self.guard.shrink_percent_max > 100 || self.guard.bad_rows_percent_max > 100 {
            return Some("a share in `guard` must be at most 100 percent".to_owned());
        }
        if self.guard.checksum_required {
            return Some("`guard.checksum_required` cannot be: an API's list has no checksum".to_owned());
        }
        self.parts_fault()
    }

    fn parts_fault(&self) -> Option<String> {
        if self.attributes.is_empty() {
            return Some("`attributes` says nothing: map at least one".to_owned());
        }
        if super::pages::parse_moment(&self.first_since).is_none() {
            return Some("`first_since` is no moment: write one such as 2020-01-01T00:00:00Z".to_owned());
        }
        let url = self.url.replace(SINCE, "1").replace(SINCE_DATE, "1");
        match Url::parse(&url) {
            Ok(url) if !matches!(url.scheme(), "http" | "https") => {
                return Some("`url` must begin with https:// or http://".to_owned());
            }
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                return Some("`url` must not hold a credential: it belongs into `credential`".to_owned());
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

    /// How often it is read.
    pub(super) fn every(&self) -> Duration {
        let usual = if self.full { FULL_EVERY_SECONDS } else { EVERY_SECONDS };
        Duration::from_secs(self.every_seconds.unwrap_or(usual))
    }

    /// What reads its rows.
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

    /// What asks the API.
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

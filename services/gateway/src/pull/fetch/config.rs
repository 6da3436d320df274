//! The configuration of fetching one source's records, and its validation.

use std::collections::BTreeMap;
use std::time::Duration;

use outbound::{AskerOptions, CredentialConfig, SourceClient, Url};
use serde::Deserialize;

use crate::pull::pace::FetchRetry;

/// The placeholder for the person's key in `url`.
pub(super) const KEY: &str = "{key}";
/// The maximum `Retry-After` that is respected, even if the API asks for more.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);
/// The maximum of `answer_bytes_max`, in bytes: a record is in memory as a whole.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// The settings for fetching the records of a source.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FetchConfig {
    /// The URL of a person's record, with `{key}` in place of the key.
    pub url: String,
    /// The credential for the API.
    #[serde(default)]
    pub credential: Option<CredentialConfig>,
    /// Additional headers of each request. A secret belongs in `credential`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The JSON Pointer to the record in the answer; the whole answer if left out.
    #[serde(default)]
    pub record: String,
    /// The JSON Pointer to the key in the record. If given, a record with another key is refused.
    #[serde(default)]
    pub key: Option<String>,
    /// The maximum number of requests per second.
    #[serde(default = "requests_per_second")]
    pub requests_per_second_max: f64,
    /// The maximum number of requests in flight.
    #[serde(default = "default_concurrency")]
    pub concurrency_max: usize,
    /// The timeout of one request, in seconds.
    #[serde(default = "timeout_seconds")]
    pub timeout_seconds: u64,
    /// The maximum length of an answer, in bytes.
    #[serde(default = "answer_bytes")]
    pub answer_bytes_max: usize,
    /// The delay after the first notice about a person, in milliseconds, during which further
    /// notices are combined with it. It also gives the API time to see the change that it announced.
    #[serde(default = "delay_ms")]
    pub delay_ms: u64,
    /// The maximum number of attempts before a record is parked for an operator. Failures of the whole source do not count.
    #[serde(default = "default_attempts")]
    pub attempts_max: i32,
    /// The number of seconds after which a parked record is tried once more automatically.
    #[serde(default = "parked_retry_seconds")]
    pub parked_retry_seconds: u64,
    /// The delays between attempts.
    #[serde(default)]
    pub retry: FetchRetry,
    /// The meaning of an answer that there is no record of the person (404).
    #[serde(default)]
    pub gone: MissingRecordMeaning,
}

/// The meaning of a missing record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingRecordMeaning {
    /// No meaning: the fetch is retried and then parked for an operator. If the notice itself announced a departure, the person has
    /// left.
    #[default]
    Ignore,
    /// The person has left.
    Left,
    /// The person's record was erased.
    Deleted,
}

fn requests_per_second() -> f64 {
    2.0
}

fn default_concurrency() -> usize {
    2
}

fn timeout_seconds() -> u64 {
    20
}

fn answer_bytes() -> usize {
    1 << 20
}

fn delay_ms() -> u64 {
    2_000
}

fn parked_retry_seconds() -> u64 {
    6 * 3_600
}

fn default_attempts() -> i32 {
    8
}

impl FetchConfig {
    /// Returns the first fault of the settings, if any.
    pub(crate) fn fault(&self) -> Option<String> {
        let pointers = [("record", &self.record), ("key", self.key.as_ref().unwrap_or(&self.record))];
        if let Some((name, _)) =
            pointers.into_iter().find(|(_, pointer)| !pointer.is_empty() && !pointer.starts_with('/'))
        {
            return Some(format!("`{name}` is no JSON Pointer: write one such as /data/0"));
        }
        if !(self.requests_per_second_max > 0.0 && self.requests_per_second_max <= 1_000.0) {
            return Some("`requests_per_second_max` must be more than 0 and at most 1000".to_owned());
        }
        let numbers = [
            ("concurrency_max", self.concurrency_max as u64, 100),
            ("timeout_seconds", self.timeout_seconds, 300),
            ("answer_bytes_max", self.answer_bytes_max as u64, ANSWER_BYTES_MAX as u64),
            ("attempts_max", u64::try_from(self.attempts_max).unwrap_or(0), 1_000),
            ("parked_retry_seconds", self.parked_retry_seconds, 31 * 86_400),
            ("retry.initial_ms", self.retry.initial_ms, 3_600_000),
            ("retry.max_ms", self.retry.max_ms, 86_400_000),
        ];
        let wrong = numbers.into_iter().find(|(_, number, max)| *number == 0 || number > max);
        if let Some((name, _, max)) = wrong {
            return Some(format!("`{name}` must be 1 to {max}"));
        }
        self.url_fault().or_else(|| self.asker().err())
    }

    /// Checks that the key stands in the path or the query, so that the sender of a notice cannot choose the host.
    fn url_fault(&self) -> Option<String> {
        if !self.url.contains(KEY) {
            return Some(format!("`url` has no placeholder for the key: write {KEY} there"));
        }
        let (one, other) = (self.url.replace(KEY, "1"), self.url.replace(KEY, "2"));
        let (Ok(one), Ok(other)) = (Url::parse(&one), Url::parse(&other)) else {
            return Some("`url` is no URL".to_owned());
        };
        if !matches!(one.scheme(), "http" | "https") {
            return Some("`url` must begin with https:// or http://".to_owned());
        }
        if !one.username().is_empty() || one.password().is_some() {
            return Some("`url` must not hold a credential: it belongs in `credential`".to_owned());
        }
        (one.origin() != other.origin() || one.fragment().is_some())
            .then(|| format!("`{KEY}` must be in the path or the query of `url`"))
    }

    /// Creates the HTTP client of the API.
    pub(super) fn asker(&self) -> Result<SourceClient, String> {
        let credential = self.credential.as_ref().map(CredentialConfig::read).transpose()?;
        let options = AskerOptions {
            credential,
            headers: self.headers.clone().into_iter().collect(),
            timeout: Duration::from_secs(self.timeout_seconds),
            answer_bytes_max: self.answer_bytes_max,
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
        let mut config = json!({"url": "https://hr.example/v1/people/{key}?fields=all"});
        for (name, value) in changes.as_object().unwrap() {
            config[name] = value.clone();
        }
        match serde_json::from_value::<FetchConfig>(config) {
            Ok(config) => config.fault().unwrap_or_default(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_cannot_work_is_told_at_the_start() {
        assert_eq!(fault(json!({})), "");
        assert_eq!(fault(json!({"url": "http://127.0.0.1:1/?id={key}", "key": "/id", "record": "/a/0"})), "");
        for (changes, word) in [
            (json!({"url": "https://hr.example/people"}), "{key}"),
            (json!({"url": "https://{key}.hr.example/"}), "path or the query"),
            (json!({"url": "https://hr.example/#{key}"}), "path or the query"),
            (json!({"url": "https://hr.example:{key}/"}), "path or the query"),
            (json!({"url": "https://ann:pw@hr.example/{key}"}), "credential"),
            (json!({"url": "ftp://hr.example/{key}"}), "https://"),
            (json!({"url": "hr.example/{key}"}), "no URL"),
            (json!({"record": "data"}), "record"),
            (json!({"key": "id"}), "key"),
            (json!({"requests_per_second_max": 0}), "requests_per_second_max"),
            (json!({"concurrency_max": 0}), "concurrency_max"),
            (json!({"attempts_max": -1}), "attempts_max"),
            (json!({"headers": {"X Y": "1"}}), "X Y"),
            (json!({"credential": {"kind": "bearer", "token": ""}}), "credential"),
            (json!({"credential": {"kind": "bearer"}}), "token_file"),
            (
                json!({"credential": {"kind": "basic", "username": "a", "passwort": "secret-word"}}),
                "passwort",
            ),
            (json!({"gone": "forget"}), "deleted"),
        ] {
            let said = fault(changes);
            assert!(said.contains(word), "{word}: {said:?}");
            assert!(!said.contains("secret-word"), "{said}");
        }
    }
}

//! The rate limits of a profile file.

use axum::http::Method;
use serde::{Deserialize, Serialize};

use crate::RequestKind;
use crate::limiter::RateLimit;

/// The number of additional requests that are accepted, because requests can arrive closer together than they were sent.
const JITTER: u32 = 3;

/// The rate limits of a profile. Field names are those of profile files.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct RateRules {
    requests_per_second: Option<f64>,
    burst: u32,
    buckets: Vec<RateBucket>,
}

/// A limit for some requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct RateBucket {
    #[serde(default)]
    methods: Vec<String>,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    above_bytes: Option<usize>,
    #[serde(default)]
    up_to_bytes: Option<usize>,
    requests: u32,
    seconds: u32,
    #[serde(default)]
    burst: u32,
}

/// A limit, and the requests that it counts.
#[derive(Debug, Clone)]
pub(crate) struct RequestLimit {
    pub(crate) limit: RateLimit,
    bucket: Option<RateBucket>,
}

impl RequestLimit {
    /// Returns a limit for every request.
    pub(crate) fn of_all(limit: RateLimit) -> Self {
        Self { limit, bucket: None }
    }

    /// Returns `true` if the limit counts a request with a body of this size in bytes.
    pub(crate) fn counts(&self, method: &Method, kind: RequestKind, bytes: usize) -> bool {
        let Some(bucket) = &self.bucket else { return true };
        let is_kind = match bucket.kind.as_deref() {
            Some("user") => kind == RequestKind::User,
            Some("group") => kind == RequestKind::Group,
            _ => matches!(kind, RequestKind::User | RequestKind::Group),
        };
        let is_method =
            bucket.methods.is_empty() || bucket.methods.iter().any(|known| method == known.as_str());
        let is_size = bucket.above_bytes.is_none_or(|least| bytes > least)
            && bucket.up_to_bytes.is_none_or(|most| bytes <= most);
        is_kind && is_method && is_size
    }
}

impl RateRules {
    /// Returns all limits, the one for all requests first.
    pub(super) fn limits(&self) -> Vec<RequestLimit> {
        let limit = |requests_per_second: f64, burst: u32| RateLimit {
            requests_per_second,
            burst: burst.max(1) + JITTER,
        };
        let whole = self.requests_per_second.map(|rate| RequestLimit::of_all(limit(rate, self.burst)));
        let buckets = self.buckets.iter().map(|bucket| {
            let rate = f64::from(bucket.requests) / f64::from(bucket.seconds.max(1));
            RequestLimit { limit: limit(rate, bucket.burst), bucket: Some(bucket.clone()) }
        });
        whole.into_iter().chain(buckets).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_counts_the_requests_that_its_profile_names() {
        let yaml =
            "{ buckets: [{ methods: [PATCH], kind: group, above_bytes: 500, requests: 5, seconds: 30 }] }";
        let rate: RateRules = serde_saphyr::from_str(yaml).unwrap();
        let limit = &rate.limits()[0];
        assert!(limit.counts(&Method::PATCH, RequestKind::Group, 501));
        for (method, kind, bytes) in [
            (Method::PUT, RequestKind::Group, 501),
            (Method::PATCH, RequestKind::User, 501),
            (Method::PATCH, RequestKind::Group, 500),
        ] {
            assert!(!limit.counts(&method, kind, bytes));
        }
    }
}

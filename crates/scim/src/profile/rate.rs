//! The rate limits for requests.

use serde::{Deserialize, Serialize};

/// The rate limits for requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RequestRateLimit {
    /// The number of requests per second, above 0; `None` if no limit is known.
    pub requests_per_second: Option<f64>,
    /// The number of requests that may be sent at once after an idle period, at least 1. Default 1.
    pub burst: u32,
    /// Our share of every limit, above 0 and at most 1, if other clients use the rest. Default 1.
    pub share: f64,
    /// Further limits for some requests. All matching limits apply at the same time.
    pub buckets: Vec<RateLimitBucket>,
}

/// A limit for some requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimitBucket {
    /// The methods that it counts, in capitals; all methods if empty.
    #[serde(default)]
    pub methods: Vec<String>,
    /// `user` or `group`, if it counts only one of the two endpoints.
    #[serde(default)]
    pub kind: Option<BucketKind>,
    /// It counts only requests whose body is larger than this, in bytes.
    #[serde(default)]
    pub above_bytes: Option<usize>,
    /// It counts only requests whose body has at most this size, in bytes.
    #[serde(default)]
    pub up_to_bytes: Option<usize>,
    /// The number of requests in the period, at least 1.
    pub requests: u32,
    /// The length of the period in seconds, at least 1.
    pub seconds: u32,
    /// The number of requests that may be sent at once after an idle period, at least 1. Default 1.
    #[serde(default = "default_weight")]
    pub burst: u32,
}

/// The endpoint that a limit applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BucketKind {
    /// Accounts.
    User,
    /// Groups and their members.
    Group,
}

fn default_weight() -> u32 {
    1
}

impl Default for RequestRateLimit {
    fn default() -> Self {
        Self { requests_per_second: None, burst: 1, share: 1.0, buckets: Vec::new() }
    }
}

impl RequestRateLimit {
    /// Returns the number of requests per second in our share.
    pub fn ours_per_second(&self) -> Option<f64> {
        self.requests_per_second.map(|rate| rate * self.share)
    }
}

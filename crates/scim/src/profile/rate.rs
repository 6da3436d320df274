//! How fast requests may be sent.

use serde::{Deserialize, Serialize};

/// How fast requests may be sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RequestRateLimit {
    /// Requests per second, above 0; none: no limit is known.
    pub requests_per_second: Option<f64>,
    /// Requests that may be sent at once after a quiet time, at least 1. Default 1.
    pub burst: u32,
    /// How much of every limit is ours, above 0 and at most 1, where others use the rest. Default 1.
    pub share: f64,
    /// Further limits that hold for some requests; all of those that match hold at the same time.
    pub buckets: Vec<RateLimitBucket>,
}

/// A limit for some requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimitBucket {
    /// Methods that it counts, in capitals; none: every one.
    #[serde(default)]
    pub methods: Vec<String>,
    /// `user` or `group`, if it counts only one of the two endpoints.
    #[serde(default)]
    pub kind: Option<BucketKind>,
    /// Only requests whose body has more bytes than this.
    #[serde(default)]
    pub above_bytes: Option<usize>,
    /// Only requests whose body has at most so many bytes.
    #[serde(default)]
    pub up_to_bytes: Option<usize>,
    /// So many requests, at least 1,
    pub requests: u32,
    /// in so many seconds, at least 1.
    pub seconds: u32,
    /// Requests that may be sent at once after a quiet time, at least 1. Default 1.
    #[serde(default = "default_weight")]
    pub burst: u32,
}

/// The endpoint that a limit is about.
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
    /// Requests per second that are ours.
    pub fn ours_per_second(&self) -> Option<f64> {
        self.requests_per_second.map(|rate| rate * self.share)
    }
}

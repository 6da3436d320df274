//! The token bucket behind 429.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// The limit of requests, as a token bucket.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateLimit {
    /// The number of tokens per second; must be above 0.
    pub requests_per_second: f64,
    /// The number of requests that an idle server accepts at once; at least 1.
    pub burst: u32,
}

/// A token bucket.
#[derive(Debug)]
pub(crate) struct RequestLimiter {
    limit: RateLimit,
    tokens: f64,
    refilled_at: Instant,
}

impl RequestLimiter {
    /// Creates a full bucket.
    pub(crate) fn new(limit: RateLimit, now: Instant) -> Self {
        Self { limit, tokens: f64::from(limit.burst.max(1)), refilled_at: now }
    }

    /// Takes a token, or returns the time until one is available.
    pub(crate) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let passed = now.saturating_duration_since(self.refilled_at).as_secs_f64();
        let capacity = f64::from(self.limit.burst.max(1));
        self.tokens = (self.tokens + passed * self.limit.requests_per_second).min(capacity);
        self.refilled_at = self.refilled_at.max(now);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        let wait = (1.0 - self.tokens) / self.limit.requests_per_second;
        Err(Duration::try_from_secs_f64(wait).unwrap_or(Duration::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let start = Instant::now();
        let mut limiter = RequestLimiter::new(RateLimit { requests_per_second: 5.0, burst: 2 }, start);
        assert!(limiter.take(start).is_ok());
        assert!(limiter.take(start).is_ok());
        let wait = limiter.take(start).unwrap_err();
        assert!((wait.as_secs_f64() - 0.2).abs() < 1e-6, "{wait:?}");
        assert!(limiter.take(start + Duration::from_millis(201)).is_ok());
        assert!(limiter.take(start + Duration::from_millis(202)).is_err());
    }
}

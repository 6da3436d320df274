//! The request rate of a source, and the back-off after failures.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

/// The delays between attempts: exponential back-off with jitter.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FetchRetry {
    /// The delay before the second attempt, in milliseconds.
    pub initial_ms: u64,
    /// The maximum delay, in milliseconds.
    pub max_ms: u64,
}

impl Default for FetchRetry {
    fn default() -> Self {
        Self { initial_ms: 1_000, max_ms: 300_000 }
    }
}

/// Evenly spaced slots for requests.
#[derive(Debug)]
pub(crate) struct RequestPace {
    /// The time between two requests.
    every: Duration,
    /// The time of the next slot.
    next: Instant,
}

impl RequestPace {
    /// Allows `per_second` requests per second, the first one immediately.
    pub(crate) fn new(per_second: f64, now: Instant) -> Self {
        Self { every: Duration::from_secs_f64(1.0 / per_second), next: now }
    }

    /// Returns the time at which the next request may be sent.
    pub(crate) fn next(&self) -> Instant {
        self.next
    }

    /// Takes the next slot for a request. Unused slots are not saved up.
    pub(crate) fn take(&mut self, now: Instant) {
        self.next = self.next.max(now) + self.every;
    }

    /// Sends no request before `until`, as the source asked.
    pub(crate) fn pause(&mut self, until: Instant) {
        self.next = self.next.max(until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn slots_are_evenly_spread_and_never_saved_up() {
        let start = Instant::now();
        let mut pace = RequestPace::new(2.0, start);
        pace.take(start);
        assert_eq!(pace.next() - start, Duration::from_millis(500));
        let later = start + Duration::from_secs(60);
        pace.take(later);
        assert_eq!(pace.next() - later, Duration::from_millis(500));
        pace.pause(later + Duration::from_secs(9));
        pace.pause(later + Duration::from_secs(3));
        assert_eq!(pace.next() - later, Duration::from_secs(9));
    }
}

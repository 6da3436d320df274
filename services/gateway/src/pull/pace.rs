//! The request rate of a source, and the back-off after failures.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

/// The share by which each delay varies in either direction, so that retries do not coincide.
const JITTER: f64 = 0.3;
/// The number of failures beyond which the delay no longer grows.
const DOUBLINGS_MAX: u32 = 32;

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

/// Returns the delay after the `failures`-th consecutive failure (1 is the first), at most `max`. `chance` lies between 0 and 1.
pub(crate) fn retry_delay(failures: u32, initial: Duration, max: Duration, chance: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(DOUBLINGS_MAX);
    let exact = initial.as_secs_f64() * 2f64.powi(i32::try_from(doublings).unwrap_or(i32::MAX));
    let spread = 1.0 - JITTER + 2.0 * JITTER * chance.clamp(0.0, 1.0);
    Duration::from_secs_f64((exact.min(max.as_secs_f64()) * spread).min(max.as_secs_f64()))
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

    #[test]
    fn delays_double_within_their_jitter_and_stop_at_the_maximum() {
        let (initial, max) = (Duration::from_millis(100), Duration::from_secs(10));
        let middle = |failures| retry_delay(failures, initial, max, 0.5).as_secs_f64();
        assert!((middle(1) - 0.1).abs() < 1e-9 && (middle(4) - 0.8).abs() < 1e-9);
        for failures in [0, 1, 5, 40, u32::MAX] {
            let (least, most) =
                (retry_delay(failures, initial, max, 0.0), retry_delay(failures, initial, max, 1.0));
            assert!(least < most || most == max, "{failures}");
            assert!(most <= max, "{failures}: {most:?}");
        }
        assert_eq!(retry_delay(u32::MAX, initial, max, 1.0), max);
    }

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

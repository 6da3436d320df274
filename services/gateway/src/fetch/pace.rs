//! How fast a source is asked, and how long after a failure.

use std::time::Duration;

use tokio::time::Instant;

/// Each delay is spread by this share to either side, so that many do not come back at once.
const JITTER: f64 = 0.3;
/// Beyond this many failures the delay no longer grows.
const DOUBLINGS_MAX: u32 = 32;

/// The delay after the `failures`-th failure in a row (1 is the first), at most `max`. `chance` lies between 0 and 1.
pub(crate) fn retry_delay(failures: u32, initial: Duration, max: Duration, chance: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(DOUBLINGS_MAX);
    let exact = initial.as_secs_f64() * 2f64.powi(i32::try_from(doublings).unwrap_or(i32::MAX));
    let spread = 1.0 - JITTER + 2.0 * JITTER * chance.clamp(0.0, 1.0);
    Duration::from_secs_f64((exact.min(max.as_secs_f64()) * spread).min(max.as_secs_f64()))
}

/// Slots for requests, evenly spread.
#[derive(Debug)]
pub(crate) struct RequestPace {
    every: Duration,
    next: Instant,
}

impl RequestPace {
    pub(crate) fn new(per_second: f64, now: Instant) -> Self {
        Self { every: Duration::from_secs_f64(1.0 / per_second), next: now }
    }

    /// When the next request may be sent.
    pub(crate) fn next(&self) -> Instant {
        self.next
    }

    /// One is sent. What was not used is not saved up.
    pub(crate) fn take(&mut self, now: Instant) {
        self.next = self.next.max(now) + self.every;
    }

    /// The source wants to be left alone.
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

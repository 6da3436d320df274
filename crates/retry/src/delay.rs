//! Delays before retries: exponential, with jitter, up to a maximum.

use std::time::Duration;

use backoff::backoff::Backoff;
use backoff::{ExponentialBackoff, ExponentialBackoffBuilder};

/// The factor between two consecutive delays.
const MULTIPLIER: f64 = 2.0;
/// The random share by which each delay varies to either side, so that retries do not coincide.
const JITTER: f64 = 0.3;
/// The number of failures beyond which the delay no longer grows. It bounds the loop below.
const DOUBLINGS_MAX: u32 = 32;

/// Returns the delay after the `failures`-th failure in a row (1 is the first), with jitter, at most `max`.
pub fn retry_delay(failures: u32, initial: Duration, max: Duration) -> Duration {
    let mut policy: ExponentialBackoff = ExponentialBackoffBuilder::new()
        .with_initial_interval(initial.min(max))
        .with_max_interval(max)
        .with_multiplier(MULTIPLIER)
        .with_randomization_factor(JITTER)
        .with_max_elapsed_time(None)
        .build();
    let mut delay = initial;
    for _ in 0..failures.clamp(1, DOUBLINGS_MAX) {
        delay = policy.next_backoff().unwrap_or(max);
    }
    delay.min(max)
}

/// The delays of one loop that tries again until it succeeds.
#[derive(Debug, Clone)]
pub struct RetryDelays {
    initial: Duration,
    max: Duration,
    failures: u32,
}

impl RetryDelays {
    /// Returns delays that begin at about `initial`, double, and stay at most `max`.
    pub const fn new(initial: Duration, max: Duration) -> Self {
        Self { initial, max, failures: 0 }
    }

    /// Counts a failure and returns the delay before the next attempt.
    pub fn next_delay(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        retry_delay(self.failures, self.initial, self.max)
    }

    /// Returns the number of failures since the last success.
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// Notes a success: the next failure is the first again.
    pub const fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_within_their_jitter_and_stop_at_the_maximum() {
        let (initial, max) = (Duration::from_millis(100), Duration::from_secs(10));
        for failures in 1..=40 {
            let exact = initial.as_secs_f64() * 2f64.powi(failures.min(20) - 1);
            let ceiling = exact.min(max.as_secs_f64());
            let delay = retry_delay(u32::try_from(failures).unwrap(), initial, max).as_secs_f64();
            assert!(delay <= max.as_secs_f64(), "{failures}: {delay}");
            assert!(delay >= ceiling * (1.0 - JITTER) * 0.999, "{failures}: {delay} < {ceiling}");
        }
    }

    #[test]
    fn after_a_success_the_delays_start_at_the_first_again() {
        let mut delays = RetryDelays::new(Duration::from_millis(100), Duration::from_secs(10));
        for _ in 0..6 {
            delays.next_delay();
        }
        assert!(delays.next_delay() > Duration::from_secs(2));
        delays.reset();
        assert!(delays.next_delay() < Duration::from_millis(131));
        assert_eq!(delays.failures(), 1);
    }
}

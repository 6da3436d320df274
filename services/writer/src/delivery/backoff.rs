//! Delays before retries. Only this module uses the `backoff` crate.

use std::time::Duration;

use backoff::backoff::Backoff;
use backoff::{ExponentialBackoff, ExponentialBackoffBuilder};

/// The factor between two consecutive delays.
const MULTIPLIER: f64 = 2.0;
/// The random share by which each delay varies to either side, so that many rows do not come back at once.
const JITTER: f64 = 0.3;
/// The number of failures beyond which the delay no longer grows. It bounds the loop below.
const DOUBLINGS_MAX: u32 = 32;

/// Returns the delay after the `failures`-th failure in a row (1 is the first), with jitter, at most `max`.
pub(crate) fn retry_delay(failures: u32, initial: Duration, max: Duration) -> Duration {
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
}

//! A token bucket that lets the last request overdraw.

use std::time::{Duration, Instant};

/// Allows `rate` events per second on average and holds at most one second's worth.
#[derive(Debug)]
pub(super) struct TokenBucket {
    /// The number of events per second, which is also the capacity.
    rate: f64,
    /// The number of events that may be admitted; negative after an overdraft.
    level: f64,
    /// The time of the last refill.
    at: Instant,
}

impl TokenBucket {
    /// Creates a full bucket.
    pub(super) fn full(rate: u32, now: Instant) -> Self {
        Self { rate: f64::from(rate), level: f64::from(rate), at: now }
    }

    /// Returns `Ok` if a request may be admitted, otherwise the time until one may.
    pub(super) fn check(&mut self, now: Instant) -> Result<(), Duration> {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.level = (self.level + passed * self.rate).min(self.rate);
        self.at = now.max(self.at);
        if self.level > 0.0 { Ok(()) } else { Err(Duration::from_secs_f64((1.0 - self.level) / self.rate)) }
    }

    /// Removes `events` from the bucket if a request may be admitted.
    pub(super) fn spend(&mut self, events: usize, now: Instant) -> Result<(), Duration> {
        self.check(now)?;
        self.level -= events as f64;
        Ok(())
    }

    /// Removes `events` from the bucket even if no request may be admitted.
    pub(super) fn overdraw(&mut self, events: usize, now: Instant) {
        _ = self.check(now);
        self.level -= events as f64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_batch_is_paid_back_in_time() {
        let start = Instant::now();
        let later = |seconds| start + Duration::from_secs(seconds);
        let mut bucket = TokenBucket::full(10, start);
        assert_eq!(bucket.spend(100, start), Ok(()), "larger than the bucket, but never refused for ever");
        let wait = bucket.spend(1, start).unwrap_err();
        assert!((9..=10).contains(&wait.as_secs()), "{wait:?}");
        assert!(bucket.check(later(9)).is_err());
        assert_eq!(bucket.check(later(10)), Ok(()));
        assert_eq!(bucket.spend(10, later(100)), Ok(()), "and holds no more than a second's worth");
        assert!(bucket.check(later(100)).is_err());
    }
}

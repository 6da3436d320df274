//! A clock for times of acceptance that is strictly increasing.

use std::sync::atomic::{AtomicI64, Ordering};

use time::OffsetDateTime;

/// A strictly increasing clock. A later statement must have a later time, even if two changes
/// fall into one microsecond (the resolution of versions), or if the machine's clock is set back.
#[derive(Debug, Default)]
pub(super) struct ChangeClock(AtomicI64);

impl ChangeClock {
    /// Returns the current time in microseconds since the Unix epoch, later than `after` and than every earlier result.
    pub(super) fn next(&self, after: i64) -> i64 {
        let now = lifecycle::unix_micros(store::clock::now()).max(after.saturating_add(1));
        let step = |last: i64| Some(now.max(last.saturating_add(1)));
        let before = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).unwrap_or_default();
        now.max(before.saturating_add(1))
    }
}

/// Converts microseconds since the Unix epoch to a time.
pub(super) fn moment_of(micros: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_stands_still() {
        let clock = ChangeClock::default();
        let first = clock.next(0);
        assert!(clock.next(0) > first);
        let far = first + 60_000_000;
        assert_eq!(clock.next(far), far + 1, "later than what is known already");
        assert_eq!(clock.next(0), far + 2);
        assert_eq!(lifecycle::unix_micros(moment_of(far)), far);
    }
}

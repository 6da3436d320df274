//! The level at which a transaction that is done again is logged, decided in one place.

use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use telemetry::chain;

/// From so many lost races in a row on, each is a warning: work that never gets through is no usual race.
pub const LOST_IN_A_ROW_MAX: u32 = 10;
/// The time after the first of several lost races in a row from which on each is a warning: a locked database lets each
/// attempt wait, so that few of them take long.
const LOST_FOR_MAX: Duration = Duration::from_secs(5);

/// An error that may be a lost optimistic-concurrency race.
pub trait LostRace: Error + Send + Sync + 'static {
    /// Returns whether another replica was quicker, so that the same work can be done again on what is there now.
    fn is_lost_race(&self) -> bool;
}

/// Logs why work is done again: a lost race at debug, from the tenth in a row or after five seconds as a warning, anything
/// else as a warning. One belongs to each loop that tries again.
#[derive(Debug, Default)]
pub struct RetryLog(Mutex<LostRaces>);

/// The races that were lost since the last success.
#[derive(Debug, Default)]
struct LostRaces {
    in_a_row: u32,
    since: Option<Instant>,
}

impl RetryLog {
    /// Returns a log in which nothing was lost yet.
    pub const fn new() -> Self {
        Self(Mutex::new(LostRaces { in_a_row: 0, since: None }))
    }

    /// Logs a failure of `work` (a name for operators, such as a target's), which is done again.
    pub fn failed(&self, work: &str, error: &impl LostRace) {
        self.failed_at(work, error, Instant::now());
    }

    fn failed_at(&self, work: &str, error: &impl LostRace, now: Instant) {
        if !error.is_lost_race() {
            tracing::warn!(work, error = chain(error), "failed, tried again");
            return;
        }
        let (in_a_row, lost_for) = self.note_lost(now);
        if in_a_row >= LOST_IN_A_ROW_MAX || lost_for >= LOST_FOR_MAX {
            tracing::warn!(work, in_a_row, error = chain(error), "lost a race again and again");
        } else {
            tracing::debug!(work, error = chain(error), "lost a race, tried again");
        }
    }

    /// Counts a lost race, and returns how many were lost in a row, and for how long.
    fn note_lost(&self, now: Instant) -> (u32, Duration) {
        let mut lost = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lost.in_a_row = lost.in_a_row.saturating_add(1);
        let since = *lost.since.get_or_insert(now);
        (lost.in_a_row, now.saturating_duration_since(since))
    }

    /// Notes that the work was done: races are counted from zero again.
    pub fn succeeded(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = LostRaces::default();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tracing::{Event, Level, Subscriber};
    use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

    use super::*;

    /// The levels of what was logged, in order.
    #[derive(Clone, Default)]
    struct LoggedLevels(Arc<Mutex<Vec<Level>>>);

    impl<S: Subscriber> Layer<S> for LoggedLevels {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            if let Ok(mut levels) = self.0.lock() {
                levels.push(*event.metadata().level());
            }
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("could not commit")]
    struct SampleFailure {
        lost_race: bool,
    }

    impl LostRace for SampleFailure {
        fn is_lost_race(&self) -> bool {
            self.lost_race
        }
    }

    #[test]
    fn the_tenth_race_lost_in_a_row_is_a_warning_and_what_is_no_race_always() {
        let logged = LoggedLevels::default();
        let subscriber = tracing_subscriber::registry().with(logged.clone());
        tracing::subscriber::with_default(subscriber, || {
            let retries = RetryLog::new();
            for _ in 0..LOST_IN_A_ROW_MAX {
                retries.failed("work", &SampleFailure { lost_race: true });
            }
            retries.failed("work", &SampleFailure { lost_race: false });
            retries.succeeded();
            retries.failed("work", &SampleFailure { lost_race: true });
        });
        let levels = logged.0.lock().map(|levels| levels.clone()).unwrap_or_default();
        let mut expected = vec![Level::DEBUG; 9];
        expected.extend([Level::WARN, Level::WARN, Level::DEBUG]);
        assert_eq!(levels, expected);
    }

    #[test]
    fn races_that_are_lost_for_long_are_warnings_however_few_they_are() {
        let logged = LoggedLevels::default();
        let subscriber = tracing_subscriber::registry().with(logged.clone());
        let begun = Instant::now();
        tracing::subscriber::with_default(subscriber, || {
            let retries = RetryLog::new();
            for seconds in [0, 4, 20] {
                let race = SampleFailure { lost_race: true };
                retries.failed_at("work", &race, begun + Duration::from_secs(seconds));
            }
        });
        let levels = logged.0.lock().map(|levels| levels.clone()).unwrap_or_default();
        assert_eq!(levels, [Level::DEBUG, Level::DEBUG, Level::WARN]);
    }
}

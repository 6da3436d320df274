//! The clock that all replicas share: the database's.
//!
//! Asking it for each decision would cost a request each time, so the difference to our own clock is measured again and
//! again and added. Times that a process stores or judges are read here, never from the machine.

use std::pin::pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use time::OffsetDateTime;

use crate::{Store, StoreError};

/// How often the difference is measured.
const MEASURE_EVERY: Duration = Duration::from_secs(5);
/// A difference that operators are told of, in microseconds.
pub const SKEW_TOLD_MICROS: i64 = 2_000_000;

/// The database's clock minus ours, in microseconds.
static AHEAD_OF_US: AtomicI64 = AtomicI64::new(0);

/// The time by the database's clock, as far as it was measured.
pub fn now() -> OffsetDateTime {
    process_now() + time::Duration::microseconds(AHEAD_OF_US.load(Ordering::Relaxed))
}

/// How far our clock is ahead of the database's, in microseconds; negative when it is behind.
pub fn skew_micros() -> i64 {
    -AHEAD_OF_US.load(Ordering::Relaxed)
}

/// A sentence for operators of `service` when its clock is not the database's.
pub fn notice(service: &str) -> Option<String> {
    let ahead = skew_micros();
    let seconds = (ahead.abs() + 500_000) / 1_000_000;
    let word = if ahead > 0 { "ahead of" } else { "behind" };
    (ahead.abs() > SKEW_TOLD_MICROS)
        .then(|| format!("the {service}'s clock is {seconds} s {word} its database's, which counts"))
}

/// Measures the difference once.
///
/// # Errors
/// As the database reports them; then the last measurement counts.
pub async fn measure_skew(store: &Store) -> Result<i64, StoreError> {
    let before = process_micros();
    let theirs = store.now().await?;
    let difference = theirs - (before + (process_micros() - before) / 2);
    AHEAD_OF_US.store(difference, Ordering::Relaxed);
    Ok(difference)
}

/// Measures the difference until `stop`, tells `report` how far our clock is ahead, and says so when that is much.
pub async fn follow_clock(store: Store, stop: impl Future<Output = ()>, report: impl Fn(i64)) {
    let mut stop = pin!(stop);
    loop {
        match measure_skew(&store).await {
            Ok(difference) => {
                report(-difference);
                if difference.abs() > SKEW_TOLD_MICROS {
                    let seconds = -difference / 1_000_000;
                    tracing::warn!(seconds, "our clock is not the database's: the database's counts");
                }
            }
            Err(error) => {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "the database's clock is not known"
                );
            }
        }
        tokio::select! {
            () = &mut stop => return,
            () = tokio::time::sleep(MEASURE_EVERY) => {}
        }
    }
}

/// Lets the clock of this process be ahead by so many microseconds, or behind.
#[cfg(any(test, feature = "testing"))]
pub fn shift_process_clock(micros: i64) {
    SHIFTED.store(micros, Ordering::Relaxed);
}

#[cfg(any(test, feature = "testing"))]
static SHIFTED: AtomicI64 = AtomicI64::new(0);

/// The clock of this process.
fn process_now() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    #[cfg(any(test, feature = "testing"))]
    let now = now + time::Duration::microseconds(SHIFTED.load(Ordering::Relaxed));
    now
}

fn process_micros() -> i64 {
    i64::try_from(process_now().unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}

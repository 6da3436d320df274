//! The clock that all replicas share: the clock of the database.
//!
//! A query for each decision would be expensive, so this module measures the difference to the process clock repeatedly
//! and adds it. Times that a process stores or judges are read here, never from the machine.

use std::pin::pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use telemetry::chain;
use time::OffsetDateTime;

use crate::{Store, StoreError};

/// The interval between two measurements of the difference.
const MEASURE_EVERY: Duration = Duration::from_secs(5);
/// The difference above which operators are notified, in microseconds.
pub const SKEW_TOLD_MICROS: i64 = 2_000_000;

/// The database's clock minus the process clock, in microseconds.
static AHEAD_OF_US: AtomicI64 = AtomicI64::new(0);

/// Returns the time by the database's clock, according to the last measurement.
pub fn now() -> OffsetDateTime {
    process_now() + time::Duration::microseconds(AHEAD_OF_US.load(Ordering::Relaxed))
}

/// Returns the number of microseconds by which the process clock is ahead of the database's; negative if it is behind.
pub fn skew_micros() -> i64 {
    -AHEAD_OF_US.load(Ordering::Relaxed)
}

/// Returns a sentence for the operators of `service` if its clock differs from the database's.
pub fn notice(service: &str) -> Option<String> {
    let ahead = skew_micros();
    let seconds = (ahead.abs() + 500_000) / 1_000_000;
    let word = if ahead > 0 { "ahead of" } else { "behind" };
    (ahead.abs() > SKEW_TOLD_MICROS).then(|| {
        format!("the {service}'s clock is {seconds} s {word} its database's; the database's clock is used")
    })
}

/// Measures the difference once.
///
/// # Errors
/// Returns the error that the database reports. The last measurement stays in use.
pub async fn measure_skew(store: &Store) -> Result<i64, StoreError> {
    let before = process_micros();
    let theirs = store.now().await?;
    let difference = theirs - (before + (process_micros() - before) / 2);
    AHEAD_OF_US.store(difference, Ordering::Relaxed);
    Ok(difference)
}

/// Measures the difference until `stop`. Passes the skew of the process clock to `report`, and logs a large skew.
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
                tracing::debug!(error = chain(&error), "the database's clock is not known");
            }
        }
        tokio::select! {
            () = &mut stop => return,
            () = tokio::time::sleep(MEASURE_EVERY) => {}
        }
    }
}

/// Shifts the clock of this process by `micros` microseconds: ahead if positive, behind if negative.
#[cfg(any(test, feature = "testing"))]
pub fn shift_process_clock(micros: i64) {
    SHIFTED.store(micros, Ordering::Relaxed);
}

/// The shift of the process clock in microseconds, for tests.
#[cfg(any(test, feature = "testing"))]
static SHIFTED: AtomicI64 = AtomicI64::new(0);

/// Returns the time by the clock of this process.
fn process_now() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    #[cfg(any(test, feature = "testing"))]
    let now = now + time::Duration::microseconds(SHIFTED.load(Ordering::Relaxed));
    now
}

/// Returns the time of the process clock in microseconds since the Unix epoch.
fn process_micros() -> i64 {
    i64::try_from(process_now().unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}

//! Trying again: the delay before the next attempt, and the level at which the failure of the last one is logged.
//!
//! [`retry_delay`] and [`RetryDelays`] are the only users of the `backoff` crate. [`RetryLog`] is the only place that decides
//! whether a failed attempt is a usual lost race or a warning.
//!
//! Never here: the decision whether an operation may be tried again. It belongs where the failure is understood.

mod delay;
mod retry_log;

pub use delay::{RetryDelays, retry_delay};
pub use retry_log::{LOST_IN_A_ROW_MAX, LostRace, RetryLog};

//! How much may be taken away before a human is asked.

use serde::{Deserialize, Serialize};

/// Limits on what may be taken away at one target. Whichever is exceeded first counts.
///
/// The mapper holds a change of policy against them before it comes into force; the writer holds against them whatever
/// events take away within [`Guard::window_hours`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Guard {
    /// This many accounts and groups may lose access.
    pub deletions: u64,
    /// This share of those that have access, in percent; it counts above [`Guard::PERCENT_COUNTS_ABOVE`] removals.
    pub percent: u8,
    /// Over how many hours removals by events are added up, at least 1.
    pub window_hours: u32,
    /// So many resources that could not be made right within the same hours make the target wait for a human.
    pub failures: u64,
}

impl Guard {
    /// In a small company a few people are a large share.
    pub const PERCENT_COUNTS_ABOVE: u64 = 10;

    /// The thresholds that `removals` out of `of` accounts and groups exceed, as the policy writes them.
    pub fn exceeded(self, removals: u64, of: u64) -> Vec<String> {
        let mut exceeded = Vec::new();
        if removals > self.deletions {
            exceeded.push(format!("guard.deletions: {}", self.deletions));
        }
        let share_is_too_large = u128::from(removals) * 100 > u128::from(of) * u128::from(self.percent);
        if removals > Self::PERCENT_COUNTS_ABOVE && share_is_too_large {
            exceeded.push(format!("guard.percent: {}", self.percent));
        }
        exceeded
    }
}

/// The number is the one that Microsoft's documentation uses for its accidental deletion prevention; the share, the hours
/// and the failures are ours.
impl Default for Guard {
    fn default() -> Self {
        Self { deletions: 500, percent: 20, window_hours: 24, failures: 1_000 }
    }
}

//! Limits on removals that apply until an operator approves more.

use serde::{Deserialize, Serialize};

/// Limits on removals at one target. The limit that is exceeded first counts.
///
/// The mapper checks a policy change against them before it comes into force. The writer checks the sum of the
/// removals that events cause within [`RemovalGuard::window_hours`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemovalGuard {
    /// The number of accounts and groups that may lose access.
    pub deletions: u64,
    /// The share of resources with access that may lose it, in percent. It counts above
    /// [`RemovalGuard::PERCENT_COUNTS_ABOVE`] removals.
    pub percent: u8,
    /// The number of hours over which removals by events are added up, at least 1.
    pub window_hours: u32,
    /// The number of accounts and groups that may be deleted for good within the same hours. Every deletion counts,
    /// from the first.
    #[serde(default = "hard_deletions")]
    pub hard_deletions: u64,
    /// The number of resources that may fail to converge within the same hours before the target is paused until an
    /// operator resumes it.
    pub failures: u64,
}

impl RemovalGuard {
    /// Returns the guard of a target whose own guard cannot be read: nothing is revoked before an operator approves
    /// it.
    pub fn closed() -> Self {
        Self { deletions: 0, percent: 0, ..Self::default() }
    }

    /// The number of removals above which the percentage counts. In a small company, a few people are a large share.
    pub const PERCENT_COUNTS_ABOVE: u64 = 10;

    /// Returns the stricter value of each limit. A change is judged by the previously agreed limits as well, so that
    /// it cannot permit itself.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        Self {
            deletions: self.deletions.min(other.deletions),
            percent: self.percent.min(other.percent),
            window_hours: self.window_hours.max(other.window_hours),
            hard_deletions: self.hard_deletions.min(other.hard_deletions),
            failures: self.failures.min(other.failures),
        }
    }

    /// Returns the threshold that `deleted` accounts and groups exceed, as the policy states it.
    pub fn exceeded_by_deletions(self, deleted: u64) -> Option<String> {
        (deleted > self.hard_deletions).then(|| format!("guard.hardDeletions: {}", self.hard_deletions))
    }

    /// Returns the thresholds that `removals` out of `of` accounts and groups exceed, as the policy states them.
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

/// The default of [`RemovalGuard::hard_deletions`].
const fn hard_deletions() -> u64 {
    50
}

/// The number of deletions is the one that Microsoft's documentation uses for its accidental deletion prevention. The
/// share, the hours and the failures are Usher's own defaults.
impl Default for RemovalGuard {
    fn default() -> Self {
        Self {
            deletions: 500,
            percent: 20,
            window_hours: 24,
            hard_deletions: hard_deletions(),
            failures: 1_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RemovalGuard;

    #[test]
    fn the_stricter_of_two_guards_trips_wherever_either_does() {
        let some = [0, 5, 500, 10_000];
        let guards = || {
            let guard = |deletions, percent| RemovalGuard { deletions, percent, ..RemovalGuard::default() };
            some.into_iter().flat_map(move |deletions| [0, 20, 100].map(|percent| guard(deletions, percent)))
        };
        for (one, other) in guards().flat_map(|one| guards().map(move |other| (one, other))) {
            let strict = one.stricter(other);
            for (removals, of) in some.into_iter().flat_map(|removals| some.map(|of| (removals, of))) {
                let trips = |guard: RemovalGuard| !guard.exceeded(removals, of).is_empty();
                assert_eq!(trips(strict), trips(one) || trips(other), "{one:?} {other:?} {removals} of {of}");
            }
        }
    }
}

//! How much may be taken away before a human is asked.

use serde::{Deserialize, Serialize};

/// Limits on what may be taken away at one target. Whichever is exceeded first counts.
///
/// The mapper holds a change of policy against them before it comes into force; the writer holds against them whatever
/// events take away within [`RemovalGuard::window_hours`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemovalGuard {
    /// This many accounts and groups may lose access.
    pub deletions: u64,
    /// This share of those that have access, in percent; it counts above [`RemovalGuard::PERCENT_COUNTS_ABOVE`] removals.
    pub percent: u8,
    /// Over how many hours removals by events are added up, at least 1.
    pub window_hours: u32,
    /// This many accounts and groups may be deleted for good within the same hours: each counts, from the first.
    #[serde(default = "hard_deletions")]
    pub hard_deletions: u64,
    /// So many resources that could not be made right within the same hours make the target wait for a human.
    pub failures: u64,
}

impl RemovalGuard {
    /// The guard of a target whose own cannot be read: nothing is taken away before a human says so.
    pub fn closed() -> Self {
        Self { deletions: 0, percent: 0, ..Self::default() }
    }

    /// In a small company a few people are a large share.
    pub const PERCENT_COUNTS_ABOVE: u64 = 10;

    /// Whatever either of the two lets pass least of: a change is judged by what was agreed before it as well, so that it
    /// cannot bring its own permission along.
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

    /// The threshold that `deleted` accounts and groups exceed, as the policy writes it.
    pub fn exceeded_by_deletions(self, deleted: u64) -> Option<String> {
        (deleted > self.hard_deletions).then(|| format!("guard.hardDeletions: {}", self.hard_deletions))
    }

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

const fn hard_deletions() -> u64 {
    50
}

/// The number is the one that Microsoft's documentation uses for its accidental deletion prevention; the share, the hours
/// and the failures are ours.
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

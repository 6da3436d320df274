//! The linked resources that a target has shown lately: what an absence can be compared with.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

use crate::rows::ResourceKey;

/// The time for which a target that showed none of the witnesses is not asked for others.
const BLIND_FOR: Duration = Duration::from_secs(5);
/// The number of missing accounts in a row that cannot be proven gone before changes that give access are paused.
pub(crate) const UNPROVEN_MAX: usize = 3;

/// The linked resources that a target has shown lately.
#[derive(Debug, Default)]
pub(crate) struct TargetSight(Mutex<SightState>);

/// The state behind [`TargetSight`].
#[derive(Debug, Default)]
struct SightState {
    /// The last two resources that were seen.
    seen: VecDeque<(ResourceKey, Instant)>,
    blind_since: Option<Instant>,
    /// The resources that were missing since the last one was seen.
    unproven: Vec<ResourceKey>,
}

impl TargetSight {
    /// Notes that a linked resource was shown.
    pub(crate) fn saw(&self, key: ResourceKey) {
        let mut state = self.state();
        state.seen.retain(|(seen, _)| *seen != key);
        state.seen.truncate(1);
        state.seen.push_front((key, Instant::now()));
        state.blind_since = None;
        state.unproven.clear();
    }

    /// Returns whether a resource other than this one was shown since then.
    pub(crate) fn saw_another(&self, key: &ResourceKey, since: Instant) -> bool {
        self.state().seen.iter().any(|(seen, at)| seen != key && *at >= since)
    }

    /// Returns whether the target showed none of the witnesses a moment ago.
    pub(crate) fn is_blind(&self) -> bool {
        self.state().blind_since.is_some_and(|since| since.elapsed() < BLIND_FOR)
    }

    /// Notes that the target showed none of the witnesses.
    pub(crate) fn went_blind(&self) {
        self.state().blind_since = Some(Instant::now());
    }

    /// Notes a resource that cannot be proven gone. Returns whether there are too many.
    pub(crate) fn could_not_prove(&self, key: &ResourceKey) -> bool {
        let mut state = self.state();
        if !state.unproven.contains(key) && state.unproven.len() < UNPROVEN_MAX {
            state.unproven.push(key.clone());
        }
        state.unproven.len() >= UNPROVEN_MAX
    }

    fn state(&self) -> MutexGuard<'_, SightState> {
        self.0.lock().expect("nothing panics while holding it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifecycle::ResourceKind;

    fn key(subject: &str) -> ResourceKey {
        (ResourceKind::User, subject.to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn only_another_resource_that_was_shown_since_then_is_a_proof() {
        let (sight, began) = (TargetSight::default(), Instant::now());
        assert!(!sight.saw_another(&key("a"), began));
        sight.saw(key("a"));
        assert!(!sight.saw_another(&key("a"), began), "it says nothing of itself");
        assert!(sight.saw_another(&key("b"), began));
        sight.saw(key("b"));
        assert!(sight.saw_another(&key("a"), began) && sight.saw_another(&key("b"), began));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!sight.saw_another(&key("c"), Instant::now()), "what was shown before says nothing of now");
    }

    #[tokio::test(start_paused = true)]
    async fn several_in_a_row_are_too_many_and_one_that_is_seen_ends_the_row() {
        let sight = TargetSight::default();
        assert!(!sight.could_not_prove(&key("a")));
        assert!(!sight.could_not_prove(&key("a")), "the same one again");
        assert!(!sight.could_not_prove(&key("b")));
        assert!(sight.could_not_prove(&key("c")));
        sight.saw(key("d"));
        assert!(!sight.could_not_prove(&key("c")));
    }
}

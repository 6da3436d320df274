//! Many accounts that were linked and are not there any more say something about the credential, not about people: it may
//! be that of another tenant, where creating everybody again would be the worst that can be done.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

/// What is counted together.
const WINDOW: Duration = Duration::from_secs(3_600);
/// So many may be gone without a question,
const GONE_MAX: u64 = 10;
/// and beyond them one in so many of those that were asked for.
const GONE_ONE_IN: u64 = 5;

/// How many accounts of a target were found gone, and how many were there.
#[derive(Debug)]
pub(crate) struct GoneCounter(Mutex<GoneState>);

#[derive(Debug)]
struct GoneState {
    since: Instant,
    gone: u64,
    there: u64,
    /// A human said that it is right, a window ago at most.
    believed: bool,
}

impl GoneState {
    fn new(believed: bool) -> Self {
        Self { since: Instant::now(), gone: 0, there: 0, believed }
    }
}

impl GoneCounter {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(GoneState::new(false)))
    }

    /// A linked account or group was changed.
    pub(crate) fn was_there(&self) {
        self.state().there += 1;
    }

    /// One is gone; says why that is not to be believed, if it is not.
    pub(crate) fn is_gone(&self) -> Option<String> {
        let mut state = self.state();
        state.gone += 1;
        let GoneState { gone, there, believed, .. } = *state;
        let is_much = gone > GONE_MAX && gone.saturating_mul(GONE_ONE_IN) > gone + there;
        (is_much && !believed).then(|| {
            format!(
                "{gone} of {} accounts and groups that were linked are not there any more: the credential may be that of \
                 another tenant; nothing is created again before a human lets the target go on",
                gone + there
            )
        })
    }

    /// A human has looked.
    pub(crate) fn believe(&self) {
        *self.state() = GoneState::new(true);
    }

    fn state(&self) -> MutexGuard<'_, GoneState> {
        let mut state = self.0.lock().expect("nothing panics while holding it");
        if state.since.elapsed() > WINDOW {
            *state = GoneState::new(false);
        }
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_at_once_are_doubted_until_a_human_has_looked() {
        let gone = GoneCounter::new();
        for _ in 0..GONE_MAX {
            assert_eq!(gone.is_gone(), None);
        }
        assert!(gone.is_gone().is_some_and(|why| why.starts_with("11 of 11")));
        (0..40).for_each(|_| gone.was_there());
        assert!(gone.is_gone().is_some(), "12 of 52");
        (0..20).for_each(|_| gone.was_there());
        assert_eq!(gone.is_gone(), None, "13 of 73");
        gone.believe();
        assert!((0..1_000).all(|_| gone.is_gone().is_none()));
        tokio::time::advance(WINDOW + Duration::from_secs(1)).await;
        assert_eq!((0..20).filter(|_| gone.is_gone().is_some()).count(), 10, "it is forgotten after a while");
    }
}

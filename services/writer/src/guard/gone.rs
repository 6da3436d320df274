//! Counts linked accounts that have vanished. Many at once say something about the credential, not about people: it may
//! be that of another tenant, where creating every account again would cause the most damage.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

/// The window in which accounts are counted together.
const WINDOW: Duration = Duration::from_secs(3_600);
/// The number of accounts and groups that may be gone without an operator's confirmation,
const GONE_MAX: u64 = 10;
/// and the share beyond that number: one in so many of those that were asked for.
const GONE_ONE_IN: u64 = 5;

/// The numbers of accounts of a target that were found gone, and that were there.
#[derive(Debug)]
pub(crate) struct GoneCounter(Mutex<GoneState>);

#[derive(Debug)]
struct GoneState {
    since: Instant,
    gone: u64,
    there: u64,
    /// True if an operator has confirmed it within the window.
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

    /// Notes that a linked account or group was changed.
    pub(crate) fn was_there(&self) {
        self.state().there += 1;
    }

    /// Notes that a resource is gone. Returns the reason if that must not be believed.
    pub(crate) fn is_gone(&self) -> Option<String> {
        let mut state = self.state();
        state.gone += 1;
        let GoneState { gone, there, believed, .. } = *state;
        let is_much = gone > GONE_MAX && gone.saturating_mul(GONE_ONE_IN) > gone + there;
        (is_much && !believed).then(|| {
            format!(
                "{gone} of {} accounts and groups that were linked are not there any more: the credential may be that of \
                 another tenant; no account is created again until an operator resumes the target",
                gone + there
            )
        })
    }

    /// Notes that an operator has confirmed that the accounts are gone.
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

//! Readiness as a set of named latches.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type LatchStates = BTreeMap<&'static str, Option<String>>;

/// The latches of a process. The process is ready if there is at least one latch and all of them are open.
///
/// Without any latch it is not ready: a process that has not yet registered its conditions is still starting.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    closed_because: Arc<Mutex<LatchStates>>,
}

impl Readiness {
    /// Adds a closed latch. A second latch with the same name is the same latch, closed again.
    pub fn latch(&self, name: &'static str) -> ReadinessLatch {
        let latch = ReadinessLatch { name, readiness: self.clone() };
        latch.close("starting");
        latch
    }

    /// Returns whether there are latches and all are open.
    pub fn is_ready(&self) -> bool {
        let states = self.states();
        !states.is_empty() && states.values().all(Option::is_none)
    }

    /// Returns the name and reason of each closed latch.
    pub fn closed(&self) -> Vec<(&'static str, String)> {
        self.states().iter().filter_map(|(name, why)| Some((*name, why.clone()?))).collect()
    }

    /// Locks the states. A panic elsewhere while the lock was held cannot leave the map half changed.
    fn states(&self) -> MutexGuard<'_, LatchStates> {
        self.closed_because.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One condition of readiness.
#[derive(Debug, Clone)]
pub struct ReadinessLatch {
    name: &'static str,
    readiness: Readiness,
}

impl ReadinessLatch {
    /// Reports that the condition holds.
    pub fn open(&self) {
        self.readiness.states().insert(self.name, None);
    }

    /// Reports that the condition does not hold (any longer).
    pub fn close(&self, reason: impl Into<String>) {
        self.readiness.states().insert(self.name, Some(reason.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_only_when_every_latch_is_open() {
        let readiness = Readiness::default();
        assert!(!readiness.is_ready(), "nothing registered yet");
        let (bus, database) = (readiness.latch("bus"), readiness.latch("database"));
        bus.open();
        assert_eq!(readiness.closed(), [("database", "starting".to_owned())]);
        database.open();
        assert!(readiness.is_ready());
        bus.close("disconnected");
        assert_eq!(readiness.closed(), [("bus", "disconnected".to_owned())]);
    }
}

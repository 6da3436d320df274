//! What differs in the same way again each time it was made right: a target that does not keep what it takes would be written
//! to on each comparison for ever.

use lifecycle::AttributeMap;
use serde::{Deserialize, Serialize};

use crate::rows::resource;

/// So often the same is written before the target is said not to keep it.
const WRITES_MAX: u32 = 2;

/// How a resource differed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ResourceDrift {
    /// What was wanted then.
    revision: i64,
    /// What was there instead.
    seen: AttributeMap,
    /// In so many comparisons in a row.
    times: u32,
}

impl ResourceDrift {
    /// That `what` of a resource differs, and `observed` is there.
    pub(super) fn found(row: &resource::Model, what: &[String], observed: &AttributeMap) -> Self {
        let seen: AttributeMap = observed
            .iter()
            .filter(|(path, _)| what.contains(path))
            .map(|(path, value)| (path.clone(), value.clone()))
            .collect();
        let revision = row.desired_revision;
        let before = row.drift.as_deref().and_then(|drift| serde_json::from_str::<Self>(drift).ok());
        let same = before.filter(|before| before.revision == revision && before.seen == seen);
        let times = same.map_or(0, |same| same.times) + 1;
        Self { revision, seen, times }
    }

    /// Whether writing it again is in vain. Whoever should be off is switched off each time, whatever it helps.
    pub(super) fn is_unkept(&self, what: &[String]) -> bool {
        self.times > WRITES_MAX && !what.iter().any(|path| path == "active")
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("attributes are plain data")
    }
}

//! Repeated drift: a resource that differs in the same way again after each correction. A target that does not keep what
//! it accepts would otherwise be written to on each reconciliation for ever.

use lifecycle::AttributeMap;
use serde::{Deserialize, Serialize};

use crate::rows::resource;

/// The number of identical writes before the target counts as not keeping them.
const WRITES_MAX: u32 = 2;

/// The drift of a resource.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ResourceDrift {
    /// The desired revision at the time.
    revision: i64,
    /// The differing attributes as seen at the target.
    seen: AttributeMap,
    /// The number of reconciliations in a row with this drift.
    times: u32,
}

impl ResourceDrift {
    /// Records that the paths `what` of a resource differ and that `observed` is there.
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

    /// Returns whether another write would be in vain. A person who should be off is switched off each time, even if it does not last.
    pub(super) fn is_unkept(&self, what: &[String]) -> bool {
        self.times > WRITES_MAX && !what.iter().any(|path| path == "active")
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("attributes are plain data")
    }
}

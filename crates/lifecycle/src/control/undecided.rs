//! What was received and not decided: as long as there is any, no list of leavers is known to be whole.

use serde::{Deserialize, Serialize};

/// How much of what sources said was not decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UndecidedCounts {
    /// Values of people that could not be read or were refused.
    pub unread: u64,
    /// Contradictions about who works here.
    pub contradictions: u64,
    /// People who cannot be built for a target, or not whole; once for each target.
    pub unbuilt: u64,
    /// Records of sources that may belong to another person.
    pub record_conflicts: u64,
    /// Runs of full feeds that are not believed: who is missing in them is left alone.
    pub held_feeds: u64,
    /// Messages in the mapper's quarantine.
    pub quarantined: u64,
    /// Departures among them.
    pub quarantined_departures: u64,
}

impl UndecidedCounts {
    /// Everything was decided.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

//! Received items without a decision. While there are any, no list of leavers is known to be complete.

use serde::{Deserialize, Serialize};

/// The number of received items without a decision, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct UndecidedCounts {
    /// The number of values of people that could not be read or were refused.
    pub unread: u64,
    /// The number of contradictions about people's employment.
    pub contradictions: u64,
    /// The number of people who cannot be built for a target, or only in part; counted once per target.
    pub unbuilt: u64,
    /// The number of departures whose senders have no right to state them.
    pub refused_departures: u64,
    /// The number of records of sources that may belong to another person.
    pub record_conflicts: u64,
    /// The number of full-feed runs that are held: people who are missing in them are left alone.
    pub held_feeds: u64,
    /// The number of messages in the mapper's quarantine.
    pub quarantined: u64,
    /// The number of departures among them.
    pub quarantined_departures: u64,
}

impl UndecidedCounts {
    /// Returns whether everything was decided.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

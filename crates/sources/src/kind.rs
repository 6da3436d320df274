//! The kinds of senders, and the meaning of their days.

use serde::{Deserialize, Serialize};

/// The sender, which determines the structure of bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdapterKind {
    /// BambooHR: event-based and field-based webhooks, as JSON and as forms.
    Bamboohr,
    /// HiBob's webhooks v2.
    Hibob,
    /// Personio's webhooks v2.
    Personio,
    /// Gusto.
    Gusto,
    /// Rippling's partner webhooks.
    Rippling,
    /// Merge.
    Merge,
    /// Finch.
    Finch,
    /// Okta's event hooks.
    Okta,
    /// `{type, timestamp, data}` of the Standard Webhooks specification.
    StandardWebhooks,
    /// Any other JSON or form: the adapter configures the place of each value.
    Json,
}

impl AdapterKind {
    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::Bamboohr,
        Self::Hibob,
        Self::Personio,
        Self::Gusto,
        Self::Rippling,
        Self::Merge,
        Self::Finch,
        Self::Okta,
        Self::StandardWebhooks,
        Self::Json,
    ];
}

/// The meaning of a departure's date that has no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndDate {
    /// The last day of work: the departure takes effect at its end.
    #[default]
    LastDay,
    /// The first day after the employment: the departure takes effect at its beginning.
    FirstDayAway,
}

//! Notices that say who changed and not what.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{EventId, EventKind};

/// Somebody's record changed at a source: it has to be fetched. Holds no personal data but the source's own key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ThinNotice {
    /// Made from the source and the source's id of the notice; one of its own where the source gives none.
    pub id: EventId,
    /// The source's name in the configuration.
    pub source: String,
    /// The source's key of the person.
    pub key: String,
    /// When the source said it.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// When the gateway took it.
    #[serde(with = "time::serde::rfc3339")]
    pub accepted_at: OffsetDateTime,
    /// What the source says happened; the record decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<EventKind>,
}

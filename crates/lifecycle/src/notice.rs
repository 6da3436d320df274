//! Thin notices: they name the person whose record changed, but not the change.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{EventId, EventKind};

/// A notice that a person's record changed at a source, so that it must be fetched. It contains no personal data
/// except the source's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ThinNotice {
    /// The id, derived from the source and the source's id of the notice; a new id if the source gives none.
    pub id: EventId,
    /// The source's name in the configuration.
    pub source: String,
    /// The source's key of the person.
    pub key: String,
    /// The time at which the source made the statement.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The time at which the gateway accepted the notice.
    #[serde(with = "time::serde::rfc3339")]
    pub accepted_at: OffsetDateTime,
    /// The source's claim about the change; the record decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<EventKind>,
}

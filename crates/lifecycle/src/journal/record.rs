//! The entry of a timeline that contains a fact.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Fact;
use crate::TraceContext;

/// One entry of a person's or group's timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FactRecord {
    /// The id of the fact. It is built from the fact's content, not drawn at random, so that writing a fact twice has
    /// the effect of writing it once.
    pub id: String,
    /// The time at which it happened.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The key of the person or group.
    pub subject: String,
    /// The trace that the causing event started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceContext>,
    /// The fact.
    pub fact: Fact,
}

/// An operator's verdict about the owner of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordVerdict {
    /// The person whom the verdict is about.
    pub person: String,
    /// `true` if the record belongs to this person, `false` if it does not.
    pub same: bool,
}

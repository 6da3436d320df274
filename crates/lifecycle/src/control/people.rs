//! Records of sources that are matched with people: records that match no person or several, and decisions of
//! operators about them.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Actor;

/// The maximum number of records in one answer.
pub const RECORDS_MAX: u64 = 500;

/// The state of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RecordStatus {
    /// The record belongs to a person, and nothing contradicts it.
    Linked,
    /// No known person matches the record.
    Waiting,
    /// The record may belong to another person: an operator must decide.
    Conflict,
    /// The source erased the record, and another record of the source has replaced it.
    Gone,
}

impl RecordStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Linked, Self::Waiting, Self::Conflict, Self::Gone];

    /// Returns the name used in tables and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Linked => "linked",
            Self::Waiting => "waiting",
            Self::Conflict => "conflict",
            Self::Gone => "gone",
        }
    }

    /// Returns the status with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// Asks the mapper for records of one status, in order of source and key; answered by a [`RecordsReply`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordsRequest {
    /// The status of the records.
    pub status: RecordStatus,
    /// Only records of this source.
    #[serde(default)]
    pub source: Option<String>,
    /// The maximum number of records; the mapper answers with at most [`RECORDS_MAX`].
    pub limit: u64,
    /// `nextCursor` of the answer before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// A page of records.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RecordsReply {
    /// The records of this page.
    #[serde(rename = "items", alias = "records")]
    pub records: Vec<SourceRecord>,
    /// The cursor of the next page; `None` on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One record of a source. It contains keys and names of attributes, but no values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SourceRecord {
    /// The source by its name in `mapper.people`.
    pub source: String,
    /// The source's key of the person.
    pub key: String,
    /// The state of the record.
    pub status: RecordStatus,
    /// The time since which the record is in this state.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// The key of the person that the record belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// The attribute that the record is matched by, or `key`; absent if the record has no value of any such
    /// attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The reason for the conflict, with the recommended action.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The keys of people that the record may belong to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<String>,
    /// `true` if the record says that the person left.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub departed: bool,
}

/// Tells the mapper that two keys are one person; answered by a [`JoinPeopleReply`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinPeopleRequest {
    /// The key of the person who stays, with their accounts.
    pub person: String,
    /// The other key, which belongs to the same person from now on.
    pub other: String,
    /// `true` to leave the other key's accounts as they are; Usher does not manage them any more.
    #[serde(default)]
    pub leave_accounts: bool,
    /// The operator and the reason.
    pub actor: Actor,
}

/// The result of a [`JoinPeopleRequest`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct JoinPeopleReply {
    /// The key of the person.
    pub person: String,
    /// The key that also belongs to the person.
    pub other: String,
    /// The targets at which an account of the other key was left as it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_at: Vec<String>,
}

/// Tells the mapper that a record belongs to a person, or does not; answered by the resulting [`SourceRecord`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResolveRecordRequest {
    /// The source by its name in `mapper.people`.
    pub source: String,
    /// The source's key of the person.
    pub key: String,
    /// The key of the person.
    pub person: String,
    /// `true` if the record belongs to the person.
    pub same: bool,
    /// The operator and the reason.
    pub actor: Actor,
}

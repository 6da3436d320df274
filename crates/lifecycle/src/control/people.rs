//! Records of sources that are matched with people: which found nobody or too many, and what a human says of them.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Actor;

/// Most records in one answer.
pub const RECORDS_MAX: u64 = 500;

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordStatus {
    /// It is somebody's, and nothing speaks against it.
    Linked,
    /// Nobody is known whom it matches.
    Waiting,
    /// It may be somebody else's: a human must say.
    Conflict,
    /// The source erased it, and another record of the source has taken its place.
    Gone,
}

impl RecordStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Linked, Self::Waiting, Self::Conflict, Self::Gone];

    /// The name used in tables and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Linked => "linked",
            Self::Waiting => "waiting",
            Self::Conflict => "conflict",
            Self::Gone => "gone",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// Asks the mapper for records of one status, in order of source and key; answered by a [`RecordsReply`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordsRequest {
    /// Which.
    pub status: RecordStatus,
    /// Only of this source.
    #[serde(default)]
    pub source: Option<String>,
    /// How many at most; the mapper answers with at most [`RECORDS_MAX`].
    pub limit: u64,
    /// `nextCursor` of the answer before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Records.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordsReply {
    /// Some of them.
    pub records: Vec<SourceRecord>,
    /// There is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One record of a source. Keys and names of attributes, no values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceRecord {
    /// The source by its name in `mapper.people`.
    pub source: String,
    /// What the source calls the person.
    pub key: String,
    /// What became of it.
    pub status: RecordStatus,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// What it is matched by: an attribute of people, or `key`; nothing if it has no value of any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why it is a conflict, and what to do.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Keys of people it may be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<String>,
}

/// Tells the mapper that two keys are one person; answered by a [`JoinPeopleReply`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinPeopleRequest {
    /// Key of the person who stays, with their accounts.
    pub person: String,
    /// The other key, which is theirs from now on.
    pub other: String,
    /// The other one's accounts are left as they are, and nobody looks after them any more.
    #[serde(default)]
    pub leave_accounts: bool,
    /// Who and why.
    pub actor: Actor,
}

/// What became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinPeopleReply {
    /// Key of the person.
    pub person: String,
    /// The key that is theirs as well.
    pub other: String,
    /// Targets where an account of the other key was left as it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_at: Vec<String>,
}

/// Tells the mapper whose record it is, or is not; answered by the [`SourceRecord`] as it is then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResolveRecordRequest {
    /// The source by its name in `mapper.people`.
    pub source: String,
    /// What the source calls the person.
    pub key: String,
    /// Key of the person.
    pub person: String,
    /// Whether it is theirs.
    pub same: bool,
    /// Who and why.
    pub actor: Actor,
}

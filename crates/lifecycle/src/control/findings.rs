//! What a human should look at in people: what sources say that cannot all be true, what could not be read, who cannot be built.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Most findings in one answer.
pub const FINDINGS_MAX: u64 = 500;

/// A list of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// What sources say of a person's employment cannot all be true; see docs/employment.md.
    Contradiction,
    /// A value of a person could not be read or used; see docs/dates.md.
    Unread,
    /// A person has no account at a target, or one without some values, because it cannot be built.
    Unbuilt,
}

impl FindingKind {
    /// Every list.
    pub const ALL: [Self; 3] = [Self::Contradiction, Self::Unread, Self::Unbuilt];

    /// The name used in tables, metrics and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contradiction => "contradiction",
            Self::Unread => "unread",
            Self::Unbuilt => "unbuilt",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Asks the mapper for findings of one kind, in order of person; answered by a [`FindingsReply`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FindingsRequest {
    /// Which.
    pub kind: FindingKind,
    /// Only of this target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// How many at most; the mapper answers with at most [`FINDINGS_MAX`].
    pub limit: u64,
    /// `nextCursor` of the answer before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Findings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FindingsReply {
    /// Some of them.
    pub findings: Vec<PersonFinding>,
    /// How many there are, on all pages.
    pub total: u64,
    /// There is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One finding. Keys, names of fields and forms, no values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PersonFinding {
    /// Key of the person.
    pub person: String,
    /// Of an account: the target.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub target: String,
    /// The configured source that said it, where one did.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sender: String,
    /// Of a contradiction its code, of an unread value the setting or place that it was read for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub field: String,
    /// Of an unread value its form; of an account why it cannot be built.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Since when; of what a source said, when it said so.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
}

/// How many findings there are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FindingCounts {
    /// What sources say of people's employment that cannot all be true.
    #[serde(default)]
    pub contradictions: u64,
    /// Values of people that could not be read or used.
    #[serde(default)]
    pub unread: u64,
    /// By target: people who cannot be built, or not whole.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unbuilt: BTreeMap<String, u64>,
}

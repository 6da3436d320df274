//! Findings about people that an operator should check: contradictions between sources, unreadable values, and
//! accounts that cannot be built, and statements that their senders have no right to make.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The maximum number of findings in one answer.
pub const FINDINGS_MAX: u64 = 500;

/// The kind of a finding. Each kind has its own list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// The statements about a person's employment cannot all be true; see docs/employment.md.
    Contradiction,
    /// A value of a person could not be read or used; see docs/dates.md.
    Unread,
    /// A person has no account at a target, or one without some values, because it cannot be built.
    Unbuilt,
    /// A sender stated a departure that it has no right to state; see docs/authority.md.
    RefusedDeparture,
    /// A sender stated something else that it has no right to state, listed once per sender and right.
    Refused,
}

impl FindingKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Contradiction, Self::Unread, Self::Unbuilt, Self::RefusedDeparture, Self::Refused];

    /// Returns the name used in tables, metrics and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contradiction => "contradiction",
            Self::Unread => "unread",
            Self::Unbuilt => "unbuilt",
            Self::RefusedDeparture => "refused_departure",
            Self::Refused => "refused",
        }
    }

    /// Returns the kind with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Asks the mapper for findings of one kind, in order of person; answered by a [`FindingsReply`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FindingsRequest {
    /// The kind of the findings.
    pub kind: FindingKind,
    /// Only findings at this target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The maximum number of findings; the mapper answers with at most [`FINDINGS_MAX`].
    pub limit: u64,
    /// `nextCursor` of the answer before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A page of findings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct FindingsReply {
    /// The findings of this page.
    #[serde(rename = "items", alias = "findings")]
    pub findings: Vec<PersonFinding>,
    /// The number of findings on all pages.
    pub total: u64,
    /// The cursor of the next page; `None` on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One finding. It contains keys, names of fields and formats, but no values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PersonFinding {
    /// The key of the person.
    pub person: String,
    /// The target, for an account that cannot be built.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub target: String,
    /// The configured source of the statement, if there is one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sender: String,
    /// For a contradiction its code, for an unreadable value the setting or place that it was read for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub field: String,
    /// For an unreadable value its format, for an account the reason why it cannot be built.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The time since which the finding exists. For a statement, the time at which the source made it.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
}

/// The number of findings of each kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct FindingCounts {
    /// The number of contradictions in statements about people's employment.
    #[serde(default)]
    pub contradictions: u64,
    /// The number of values of people that could not be read or used.
    #[serde(default)]
    pub unread: u64,
    /// The number of people who cannot be built, or only in part, by target.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unbuilt: BTreeMap<String, u64>,
    /// The number of departures whose senders have no right to state them.
    #[serde(default, skip_serializing_if = "is_none")]
    pub refused_departures: u64,
    /// The number of other rights that senders lack for what they send, by sender and right.
    #[serde(default, skip_serializing_if = "is_none")]
    pub refused: u64,
}

/// Returns whether there are none.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

//! Attempts: requests to targets and their results.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{AttemptId, ResourceKind};

/// The result of an attempt, with respect to the next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AttemptClass {
    /// The attempt succeeded.
    Success,
    /// A later attempt will probably succeed: retry with back-off.
    Transient,
    /// The target asked for a pause: the whole target waits.
    Throttled,
    /// The target is unreachable or down: the whole target waits, and no attempts are used up.
    Unavailable,
    /// The credential was refused: the whole target waits for an operator.
    Unauthorised,
    /// A retry cannot help.
    Permanent,
    /// The request may have been carried out: read the resource before repeating it.
    OutcomeUnknown,
    /// The resource does not exist (any more).
    NotFound,
    /// A resource with the same identity already exists.
    AlreadyExists,
}

impl AttemptClass {
    /// Every class, for metrics that start at zero.
    pub const ALL: [Self; 9] = [
        Self::Success,
        Self::Transient,
        Self::Throttled,
        Self::Unavailable,
        Self::Unauthorised,
        Self::Permanent,
        Self::OutcomeUnknown,
        Self::NotFound,
        Self::AlreadyExists,
    ];

    /// Returns the name used in tables, metrics and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Transient => "transient",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::Unauthorised => "unauthorised",
            Self::Permanent => "permanent",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
        }
    }
}

/// One SCIM request, without bodies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestAttempt {
    /// The id of the attempt.
    pub id: AttemptId,
    /// The target.
    pub target: String,
    /// The kind: user, group or membership.
    pub kind: ResourceKind,
    /// The revision that the request served.
    pub revision: i64,
    /// `lookup`, `create`, `update`, `disable`, `delete`, `add_members`, `remove_members`, ...
    pub operation: String,
    /// The HTTP method and the path below the target's base URL (filters redacted).
    pub request: String,
    /// The HTTP status, if there was a response.
    pub status: Option<u16>,
    /// The consequence for the next step.
    pub class: AttemptClass,
    /// The duration in milliseconds.
    pub duration_ms: i64,
    /// A description of the failure, if the request failed.
    pub error: Option<String>,
    /// For an entry on the timeline of a member, the key of the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member_of: Option<String>,
}

/// A request and its response, redacted, as an operator sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RequestExchange {
    /// The HTTP method.
    pub method: String,
    /// The path and query below the target's base URL.
    pub path: String,
    /// The request body with personal values masked.
    pub request_body: Option<Value>,
    /// The HTTP status, if there was a response.
    pub status: Option<u16>,
    /// The response body, truncated, with the same values masked.
    pub response_body: Option<String>,
}

//! Dead letters: resources that could not be converged.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{AttemptClass, DeadLetterId, RequestExchange, ResourceKind};

/// A dead letter, with everything that an operator needs to decide about a resource that could not be converged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// The id of the dead letter.
    pub id: DeadLetterId,
    /// The target.
    pub target: String,
    /// The kind: user, group or membership.
    pub kind: ResourceKind,
    /// The key of the person or group.
    pub subject: String,
    /// For a membership, the key of the group; the subject is the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member_of: Option<String>,
    /// The revision that could not be applied.
    pub revision: i64,
    /// The operation that failed last.
    pub operation: String,
    /// The class of the failure.
    pub class: AttemptClass,
    /// A description of the failure.
    pub error: String,
    /// The number of attempts.
    pub attempts: i32,
    /// The last request and its response.
    pub exchange: Option<RequestExchange>,
    /// The requests that failed before the resource was given up, oldest first: the last [`FAILURES_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<FailedRequest>,
}

impl DeadLetter {
    /// Returns the failure group, which dead letters that failed in the same way share.
    pub fn group(&self) -> String {
        let parts = [&*self.target, self.kind.as_str(), &*self.operation, self.class.as_str()];
        crate::failure_group(parts, &self.error)
    }
}

/// The maximum number of failed requests that a dead letter keeps.
pub const FAILURES_MAX: usize = 10;

/// A failed request in a dead letter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct FailedRequest {
    /// The time of the request.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// `lookup`, `create`, `update`, ...
    pub operation: String,
    /// The class of the failure, which decides the next step.
    pub class: AttemptClass,
    /// A description of the failure.
    pub error: String,
    /// The duration in milliseconds.
    pub duration_ms: i64,
    /// The request and its response.
    pub exchange: RequestExchange,
}

//! Dead letters and their replay.

use lifecycle::{FailedRequest, ReplayOutcome, RequestExchange};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::people::{PersonName, TraceEntry};

/// Response of `GET /v1/dead`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterList {
    /// Dead letters, newest first.
    pub items: Vec<DeadSummary>,
    /// Cursor of the next page, for the parameter `cursor`; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A dead letter without its request and response.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadSummary {
    /// Id of the dead letter (`ded_...`).
    pub id: String,
    /// State of the dead letter: `open`, `replayed` or `discarded`.
    pub state: String,
    /// Time at which the operation failed permanently (RFC 3339).
    pub at: String,
    /// Name of the target.
    pub target: String,
    /// Kind of the resource: `user`, `group` or `membership`.
    pub kind: String,
    /// Key of the person or group.
    pub subject: String,
    /// For a membership: key of the group; the subject is the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member_of: Option<String>,
    /// The revision that could not be applied.
    pub revision: i64,
    /// The operation that failed last.
    pub operation: String,
    /// Class of the failure.
    pub class: String,
    /// Description of the failure.
    pub error: String,
    /// Stable code of the failure; docs/errors.md has the remedy for each code.
    pub code: String,
    /// The letter's group, as `GET /v1/dead/groups` names it.
    pub group: String,
    /// Number of attempts.
    pub attempts: i32,
    /// Details of the replay or discard; absent while the letter is open.
    #[serde(default)]
    pub closed: Option<DeadClosed>,
}

/// Response of `GET /v1/dead/groups`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadGroups {
    /// Groups of open dead letters, largest first.
    pub groups: Vec<DeadGroup>,
}

/// Open dead letters that failed in the same way.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadGroup {
    /// Name of the group: target, kind, operation, class and code (HTTP status with the error keyword), separated by `/`.
    pub group: String,
    /// Number of open dead letters in the group.
    pub count: u64,
    /// Time of the oldest dead letter (RFC 3339).
    pub first: String,
    /// Time of the newest dead letter (RFC 3339).
    pub last: String,
    /// Id of one dead letter of the group.
    pub sample: String,
    /// Description of that dead letter's failure.
    pub error: String,
    /// Stable code of the failure; docs/errors.md has the remedy for each code.
    pub code: String,
}

/// Details of the replay or discard of a dead letter.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadClosed {
    /// Time of the replay or discard (RFC 3339).
    pub at: String,
    /// Name of the operator.
    pub by: String,
    /// Reason that the operator gave.
    pub why: String,
    /// Outcome: `queued`, `superseded`, `no_op` or `discarded`.
    pub outcome: String,
}

/// Response of `GET /v1/dead/{id}`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadDetail {
    /// Summary of the dead letter.
    #[serde(flatten)]
    pub summary: DeadSummary,
    /// The last request and response, redacted.
    #[serde(default)]
    pub exchange: Option<RequestExchange>,
    /// The last ten failed requests, oldest first, each with its response, redacted. Each has `at`, `operation`, `class`, `error`,
    /// `durationMs` and `exchange`.
    #[serde(default)]
    pub failures: Vec<FailedRequest>,
    /// The requests that were sent for the revision, oldest first, as far as the timeline still has them; 100 at most.
    #[serde(default)]
    pub requests: Vec<TraceEntry>,
    /// Remedy for the failure.
    pub remedy: String,
    /// The latest decision about the resource, if the timeline still has it.
    #[serde(default)]
    pub decision: Option<TraceEntry>,
    /// The person or group.
    pub person: PersonName,
}

/// Body of `POST /v1/dead/replay`: exactly one of `ids`, `target` and `group`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReplayRequestBody {
    /// Ids of dead letters, at most 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<String>>,
    /// Replays the oldest open dead letters of this target, at most 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Replays the oldest open dead letters of this group, at most 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Reports the outcome of each dead letter without sending anything.
    #[serde(default, alias = "dry_run")]
    pub dry_run: bool,
    /// Reason, recorded in the timeline. Required.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/dead/replays`: exactly one of `ids`, `target` and `group`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartReplay {
    /// Ids of dead letters, at most 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<String>>,
    /// Replays the oldest open dead letters of this target, at most 100,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Replays the oldest open dead letters of this group, at most 100,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Maximum number of dead letters queued per second: 1 to 1,000. The target's own rate limit always applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_second: Option<u32>,
    /// Reason, recorded in the timeline of each dead letter. Required.
    #[serde(default)]
    pub why: String,
}

/// Response of `POST /v1/dead/replay`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplayAnswer {
    /// Outcome for each dead letter.
    pub outcomes: Vec<LetterOutcome>,
    /// `true` if the target has more open dead letters: send the request again.
    pub more: bool,
}

/// Outcome for one dead letter.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LetterOutcome {
    /// Id of the dead letter.
    pub id: String,
    /// Outcome: `queued`, `superseded`, `no_op` or `not_open`.
    pub outcome: ReplayOutcome,
}

/// Body of `POST /v1/dead/discard`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DiscardRequestBody {
    /// Ids of dead letters, at most 1,000.
    #[serde(default)]
    pub ids: Vec<String>,
    /// Discards the oldest open dead letters of this group instead, at most 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Reason, recorded in the timeline. Required.
    #[serde(default)]
    pub why: String,
}

/// Response of `POST /v1/dead/discard`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiscardAnswer {
    /// Ids of the dead letters that were open and are now discarded.
    pub discarded: Vec<String>,
}

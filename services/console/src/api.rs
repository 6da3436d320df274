//! The operator API's bodies: what the console serves and what `usher` reads.

use lifecycle::{Exchange, ReplayOutcome, TargetStatus};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Answer to `GET /v1/status`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// Every configured target, as the writer sees it.
    #[schema(value_type = Vec<Object>)]
    pub targets: Vec<TargetStatus>,
    /// Messages that the services have not yet dealt with.
    pub lag: Lag,
}

/// Number of messages not yet dealt with; null when it is not known (the service has never run).
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Lag {
    /// Events before the mapper.
    pub events: Option<u64>,
    /// Commands before the writer.
    pub commands: Option<u64>,
    /// Facts (in messages) before the console.
    pub journal: Option<u64>,
}

/// Answer to `GET /v1/people/{person}/trace`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Trace {
    /// Who it is about.
    pub person: PersonName,
    /// What happened, oldest first.
    pub entries: Vec<TraceEntry>,
    /// Pass it as `cursor` to read on; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A person or a group.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PersonName {
    /// Key at the source.
    pub key: String,
    /// The login name that they had last, in lower case.
    #[serde(default)]
    pub user_name: Option<String>,
}

/// One fact.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TraceEntry {
    /// When it happened (RFC 3339).
    pub at: String,
    /// The service that says so.
    pub service: String,
    /// The trace that the causing event started (32 hex digits).
    #[serde(default)]
    pub trace_id: Option<String>,
    /// The fact itself: `fact` names it (`merged`, `decided`, `superseded`, `attempted`, `settled`, `conflict`,
    /// `died`, `replayed`, `discarded`), the other members depend on that.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub fact: Map<String, Value>,
}

/// Answer to `GET /v1/dead`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeadLetters {
    /// Newest first.
    pub dead_letters: Vec<DeadSummary>,
    /// Pass it as `cursor` to read on; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A dead letter without request and answer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeadSummary {
    /// Names it (`ded_...`).
    pub id: String,
    /// `open`, `replayed` or `discarded`.
    pub state: String,
    /// When it died (RFC 3339).
    pub at: String,
    /// The target.
    pub target: String,
    /// `user`, `group` or `membership`.
    pub kind: String,
    /// Key of the person or group.
    pub subject: String,
    /// The revision that could not be applied.
    pub revision: i64,
    /// The operation that failed last.
    pub operation: String,
    /// How it failed.
    pub class: String,
    /// In words.
    pub error: String,
    /// How often it was tried.
    pub attempts: i32,
    /// How it was closed, if it was.
    #[serde(default)]
    pub closed: Option<DeadClosed>,
}

/// How a dead letter was closed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeadClosed {
    /// When (RFC 3339).
    pub at: String,
    /// The operator.
    pub by: String,
    /// In their words.
    pub why: String,
    /// `queued`, `superseded`, `no_op` or `discarded`.
    pub outcome: String,
}

/// Answer to `GET /v1/dead/{id}`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeadDetail {
    /// The letter.
    #[serde(flatten)]
    pub summary: DeadSummary,
    /// The last request and answer, redacted.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub exchange: Option<Exchange>,
    /// The latest decision about the resource, if it is still in the timeline.
    #[serde(default)]
    pub decision: Option<TraceEntry>,
    /// The person or group.
    pub person: PersonName,
}

/// Body of `POST /v1/dead/replay`: `ids` or `target`, not both.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// At most 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<String>>,
    /// Every open one of this target; the oldest 1,000 of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Required: it is kept in the timeline.
    #[serde(default)]
    pub why: String,
}

/// Answer to `POST /v1/dead/replay`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Replayed {
    /// What became of each.
    pub outcomes: Vec<Outcome>,
    /// Whether the target has more open ones: ask again.
    pub more: bool,
}

/// What became of one dead letter.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Outcome {
    /// The dead letter.
    pub id: String,
    /// `queued`, `superseded`, `no_op` or `not_open`.
    #[schema(value_type = String)]
    pub outcome: ReplayOutcome,
}

/// Body of `POST /v1/dead/discard`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Discard {
    /// At most 1,000.
    #[serde(default)]
    pub ids: Vec<String>,
    /// Required: it is kept in the timeline.
    #[serde(default)]
    pub why: String,
}

/// Answer to `POST /v1/dead/discard`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Discarded {
    /// Those that were open and are closed now.
    pub discarded: Vec<String>,
}

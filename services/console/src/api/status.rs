//! The status of the installation.

use lifecycle::{MapperStatus, OutboxStatus, SetAsideMessage, TargetStatus};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Response of `GET /v1/status`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConsoleStatusView {
    /// Status of every configured target, from the writer; empty if the writer does not answer.
    pub targets: Vec<TargetStatus>,
    /// Messages that the services have not processed yet.
    pub lag: LagView,
    /// Status of the mapper: `policies` in force, the number of people and groups that are `known` and still `toEvaluate`, the
    /// number of people with scheduled changes (`scheduled`), of source records that may belong to another person
    /// (`recordConflicts`) and of leavers' accounts that are not proven disabled (`leavers`), and `heldFiles`, the policy files
    /// that are not in force. Null if the mapper does not answer.
    #[serde(default)]
    pub mapper: Option<MapperStatus>,
    /// Unpublished messages of the gateway, the mapper and the writer: the number of waiting rows by lane (`departures`, `commands`, `facts`)
    /// and the age of the oldest, the number of messages that are `setAside`, and `factsDropped`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outboxes: Vec<OutboxStatus>,
    /// Number of quarantined messages: those that services could not read or store.
    #[serde(default)]
    pub quarantined: u64,
    /// Number of departures among the quarantined messages: leavers who may keep access.
    #[serde(default, alias = "quarantined_departures")]
    pub quarantined_departures: u64,
    /// Streams of the broker.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub streams: Vec<StreamStatus>,
    /// The last backup; absent if the broker does not report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<BackupStatus>,
    /// Findings of the services about their databases and streams, such as a restored database or lost messages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
    /// Statements and requests of sources that the gateway could not accept; see docs/sources.md.
    #[serde(default, skip_serializing_if = "Vec::is_empty", alias = "source_problems")]
    pub source_problems: Vec<SourceProblemStatus>,
    /// Number of occurrences for which `sourceProblems` had no room.
    #[serde(default, alias = "source_problems_unlisted")]
    pub source_problems_unlisted: u64,
    /// Services that did not answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unavailable: Vec<ServiceProblem>,
}

/// The last backup.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackupStatus {
    /// Time at which the backup was started (RFC 3339); absent if no backup is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Number of days for which consumed events are kept, so that an older database can read them again
    /// (`nats.backup_interval_days`).
    pub interval_days: u16,
}

/// Status of a broker stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StreamStatus {
    /// Name of the stream.
    pub stream: String,
    /// Reason why the stream cannot be described: it is missing, or the broker does not report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// Size of the stream in bytes; absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Maximum size of the stream in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_max: Option<u64>,
    /// Storage time (RFC 3339) of the newest message that was removed to make room after every consumer had taken it. A backup from
    /// before that time cannot be completed from the stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped_until: Option<String>,
}

/// A statement or request of a source that could not be accepted. The problem ends when the same operation succeeds, or when it
/// does not occur for seven days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceProblemStatus {
    /// The source as its events name it; `(unknown)` for requests of unknown senders.
    pub source: String,
    /// The kind of problem: `unreadable_list`, `bad_rows`, `refused_file`, `unreadable_records`, `parked_records`,
    /// `refused_credentials`, `refused_requests`, `unknown_types` or `unknown_resources`.
    pub kind: String,
    /// Number of occurrences since `first`.
    pub count: u64,
    /// Time of the first occurrence (RFC 3339).
    pub first: String,
    /// Time of the last occurrence (RFC 3339).
    pub last: String,
    /// Description of the last occurrence, without personal values.
    pub detail: String,
}

/// The failure of another service to answer a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceProblem {
    /// Name of the service.
    pub service: String,
    /// Stable code for programs (`writer_not_running`, `mapper_timeout`, `refused`, ...).
    pub code: String,
    /// Description of the failure and its remedy.
    pub detail: String,
}

impl ServiceProblem {
    pub(crate) fn new(service: &str, problem: &edge::Problem) -> Self {
        Self {
            service: service.to_owned(),
            code: problem.code().to_owned(),
            detail: problem.detail().to_owned(),
        }
    }
}

/// Number of messages that are not processed yet; null if unknown (the service has never run).
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LagView {
    /// Events that the mapper has not processed.
    pub events: Option<u64>,
    /// Commands that the writer has not processed.
    pub commands: Option<u64>,
    /// Fact messages that the console has not processed.
    pub journal: Option<u64>,
}

/// Response of `GET /v1/outbox`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutboxList {
    /// Messages that were set aside, oldest first.
    pub items: Vec<OutboxItem>,
    /// Cursor of the next page, for the parameter `cursor`; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// Backlog of each service.
    pub outboxes: Vec<OutboxStatus>,
    /// Services that did not answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unavailable: Vec<ServiceProblem>,
}

/// A message that a service set aside because the broker refuses it permanently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutboxItem {
    /// The service that set the message aside: `gateway`, `mapper` or `writer`.
    pub service: String,
    /// The message.
    #[serde(flatten)]
    pub message: SetAsideMessage,
}

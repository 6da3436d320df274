//! Request and response bodies of the operator API: the console serves them and `usher` reads them.

use lifecycle::{
    ExplainedPerson, FailedRequest, MapperStatus, OutboxStatus, PreviewReply, ProvisionReply, ReplayOutcome,
    RequestExchange, SetAsideMessage, TargetStatus,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Response of `GET /v1/status`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ConsoleStatusView {
    /// Status of every configured target, from the writer; empty if the writer does not answer.
    #[schema(value_type = Vec<Object>)]
    pub targets: Vec<TargetStatus>,
    /// Messages that the services have not processed yet.
    pub lag: LagView,
    /// Status of the mapper: `policies` in force, the number of people and groups that are `known` and still `toEvaluate`, the
    /// number of people with scheduled changes (`scheduled`), of source records that may belong to another person
    /// (`recordConflicts`) and of leavers' accounts that are not proven disabled (`leavers`), and `heldFiles`, the policy files
    /// that are not in force. Null if the mapper does not answer.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub mapper: Option<MapperStatus>,
    /// Unpublished messages of the mapper and the writer: the number of waiting rows by lane (`departures`, `commands`, `facts`)
    /// and the age of the oldest, the number of messages that are `setAside`, and `factsDropped`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub outboxes: Vec<OutboxStatus>,
    /// Number of quarantined messages: those that services could not read or store.
    #[serde(default)]
    pub quarantined: u64,
    /// Number of departures among the quarantined messages: leavers who may keep access.
    #[serde(default)]
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
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source_problems: Vec<SourceProblemStatus>,
    /// Number of occurrences for which `sourceProblems` had no room.
    #[serde(default)]
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
pub struct LagView {
    /// Events that the mapper has not processed.
    pub events: Option<u64>,
    /// Commands that the writer has not processed.
    pub commands: Option<u64>,
    /// Fact messages that the console has not processed.
    pub journal: Option<u64>,
}

/// Response of `GET /v1/people/{person}/trace`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonTrace {
    /// The person or group of the timeline.
    pub person: PersonName,
    /// Entries of the timeline, oldest first.
    pub entries: Vec<TraceEntry>,
    /// Cursor of the next page, for the parameter `cursor`; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A person or a group.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PersonName {
    /// Key at the source.
    pub key: String,
    /// The person's last known login name, in lower case.
    #[serde(default)]
    pub user_name: Option<String>,
}

/// A fact in the timeline.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TraceEntry {
    /// Time of the fact (RFC 3339).
    pub at: String,
    /// The service that reported the fact.
    pub service: String,
    /// The trace that the causing event started (32 hex digits).
    #[serde(default)]
    pub trace_id: Option<String>,
    /// The fact itself. `fact` names it (`merged`, `decided`, `membershipDecided`, `superseded`, `attempted`, `settled`,
    /// `conflict`, `died`, `replayed`, `discarded`); the other members depend on that name.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub fact: Map<String, Value>,
}

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
pub struct DeadGroups {
    /// Groups of open dead letters, largest first.
    pub groups: Vec<DeadGroup>,
}

/// Open dead letters that failed in the same way.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
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
pub struct DeadDetail {
    /// Summary of the dead letter.
    #[serde(flatten)]
    pub summary: DeadSummary,
    /// The last request and response, redacted.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub exchange: Option<RequestExchange>,
    /// The last ten failed requests, oldest first, each with its response, redacted. Each has `at`, `operation`, `class`, `error`,
    /// `durationMs` and `exchange`.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
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
#[serde(deny_unknown_fields)]
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
    #[serde(default)]
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
pub struct ReplayAnswer {
    /// Outcome for each dead letter.
    pub outcomes: Vec<LetterOutcome>,
    /// `true` if the target has more open dead letters: send the request again.
    pub more: bool,
}

/// Outcome for one dead letter.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LetterOutcome {
    /// Id of the dead letter.
    pub id: String,
    /// Outcome: `queued`, `superseded`, `no_op` or `not_open`.
    #[schema(value_type = String)]
    pub outcome: ReplayOutcome,
}

/// Body of `POST /v1/dead/discard`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
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
pub struct DiscardAnswer {
    /// Ids of the dead letters that were open and are now discarded.
    pub discarded: Vec<String>,
}

/// Body of `POST /v1/held/approve` and `/v1/held/reject`: `subjects` or `all`, not both.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideHeld {
    /// Name of the target.
    #[serde(default)]
    pub target: String,
    /// Keys of people and groups, at most 10,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subjects: Option<Vec<String>>,
    /// Decides about all changes that are held at the target.
    #[serde(default)]
    pub all: bool,
    /// Limits the decision to changes that are held for this reason: `guard`, `protected`, `profile` or `taken`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Reason, recorded in the timeline. Required.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/conflicts/resolve`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResolveConflict {
    /// Name of the target.
    #[serde(default)]
    pub target: String,
    /// `true` if the subject is a group.
    #[serde(default)]
    pub group: bool,
    /// Key of the person or group.
    #[serde(default)]
    pub subject: String,
    /// Id at the target of the resource that belongs to the person or group.
    #[serde(default)]
    pub remote_id: String,
    /// Reason, recorded in the timeline. Required.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/quarantine/retry`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryQuarantined {
    /// Ids, as `GET /v1/quarantine` lists them.
    #[serde(default)]
    pub ids: Vec<String>,
    /// Reason, recorded in the log. Required.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/targets/{target}/pause` and `.../resume`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PauseRequestBody {
    /// Reason, recorded in the journal. Required.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/people/records/resolve`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolveRecord {
    /// The source, by its name in `mapper.people`.
    pub source: String,
    /// Key of the record at the source.
    pub key: String,
    /// Key of the person.
    pub person: String,
    /// `true` if the record belongs to the person.
    pub same: bool,
    /// Reason, recorded in the timeline. Required.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/people/join`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JoinPeople {
    /// Key of the person who remains, with their accounts.
    pub person: String,
    /// The other key, which belongs to that person from now on.
    pub other: String,
    /// Leaves the accounts of the other key as they are until the person leaves.
    #[serde(default)]
    pub leave_accounts: bool,
    /// Reason, recorded in the timeline. Required.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/schedule/cancel`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelSchedule {
    /// Ids of statements (`sch_...`), or people whose scheduled statements are all cancelled; at most 1,000.
    pub what: Vec<String>,
    /// Reason, recorded in the timeline. Required.
    #[serde(default)]
    pub why: String,
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
    /// Backlog of the mapper and of the writer.
    #[schema(value_type = Vec<Object>)]
    pub outboxes: Vec<OutboxStatus>,
    /// Services that did not answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unavailable: Vec<ServiceProblem>,
}

/// A message that a service set aside because the broker refuses it permanently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OutboxItem {
    /// The service that set the message aside: `mapper` or `writer`.
    pub service: String,
    /// The message.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub message: SetAsideMessage,
}

/// Body of `POST /v1/outbox/retry` and `POST /v1/outbox/discard`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetrySetAside {
    /// The service that set the message aside: `mapper` or `writer`.
    pub service: String,
    /// Id of the message.
    pub id: String,
    /// Reason, recorded in the log of the service. Required.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/access-orders`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OrderAccess {
    /// The person: key, or login name at the source.
    pub person: String,
    /// The order. `off`: disabled at every target immediately; `keep`: never deleted; `same`: a person who returned under another
    /// name is the same person; `different`: a person who arrived with the login of a person long disabled is a different person.
    pub order: String,
    /// Lifts the order.
    #[serde(default)]
    pub lift: bool,
    /// Time at which the order expires (RFC 3339); without it, the order lasts until it is lifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Reason, recorded in the timeline. Required.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/leavers/keys/rotate`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateEvidenceKey {
    /// Reason for the rotation. Required.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/targets/{target}/reconcile`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReconcileRequestBody {
    /// Reports differences without changing anything.
    #[serde(default)]
    pub dry_run: bool,
    /// Accepts that many resources are gone. Without it, a target that lists far fewer resources than are linked fails the
    /// reconciliation.
    #[serde(default)]
    pub allow_gone: bool,
    /// Cancels the running reconciliation.
    #[serde(default)]
    pub cancel: bool,
    /// Reason, recorded in the log. Required.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/verify`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerifyRequestBody {
    /// Name of the target; without it, all targets that have a policy are verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Reason, recorded in the log. Required.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/plans`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartPlan {
    /// The policy, as YAML; at most 256 KiB.
    #[serde(default)]
    pub policy: String,
    /// Name of the policy's file, for error messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Limits the plan to one person or group (key, or login name at the target in any case). Such a plan cannot be applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Maximum number of changes listed individually: at most 10,000, 100 by default. The counts always include all people and
    /// groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes_max: Option<u32>,
}

/// Body of `POST /v1/policies/apply`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApplyRequestBody {
    /// Id of the plan (`pln_...`) whose policy is applied. The plan must be finished, include all people, and be based on the
    /// version that is still in force.
    #[serde(default)]
    pub plan: String,
    /// Number of accounts and groups that may lose access although the plan exceeds a threshold of the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_deletes: Option<u64>,
    /// Number of accounts that may be created or enabled again although the plan exceeds a threshold of the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_grants: Option<u64>,
    /// Reason, recorded with the version. Required.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/provision`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProvisionRequestBody {
    /// Key of the person or group, or the person's login name at the target in any case.
    #[serde(default)]
    pub person: String,
    /// Name of the target.
    #[serde(default)]
    pub target: String,
    /// Reports the actions without carrying them out.
    #[serde(default)]
    pub dry_run: bool,
    /// Reason, recorded in the timeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Response of `POST /v1/provision`. It contains personal data.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProvisionAnswer {
    /// Import and scope: the known values, each clause of the scope with the value that it saw, the result of each mapping, the
    /// desired state at the target (`desired`) and the last requested state (`askedFor`).
    #[schema(value_type = Object)]
    pub explained: ExplainedPerson,
    /// Match and action: the search at the target, its result, and the request that the writer would send. Absent if nothing is
    /// desired or linked, or if the lookup failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub look: Option<PreviewReply>,
    /// Reason why the lookup at the target failed. Nothing was queued in that case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look_problem: Option<ServiceProblem>,
    /// The queued work; absent after a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued: Option<QueuedProvision>,
}

/// Work queued by provisioning on demand. `GET /v1/targets/{target}/{kind}/{subject}` returns its progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueuedProvision {
    /// `queued` is true if the mapper sent a command; `revision` is that of the desired state, 0 if there is none.
    #[schema(value_type = Object)]
    pub mapper: ProvisionReply,
    /// `queued` is true if the writer processes the resource now; `revision` is the one that it knew at that time. Absent if there
    /// is no desired state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub writer: Option<ProvisionReply>,
}

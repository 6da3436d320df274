//! The operator API's bodies: what the console serves and what `usher` reads.

use lifecycle::{
    ExplainedPerson, FailedRequest, MapperStatus, OutboxReply, OutboxStatus, PreviewReply, ProvisionReply,
    ReplayOutcome, RequestExchange, TargetStatus,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Answer to `GET /v1/status`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ConsoleStatusView {
    /// Every configured target, as the writer sees it; empty when it does not answer.
    #[schema(value_type = Vec<Object>)]
    pub targets: Vec<TargetStatus>,
    /// Messages that the services have not yet dealt with.
    pub lag: LagView,
    /// The mapper's part: `policies` in force, how many people and groups are `known` and still `toEvaluate`, of how many
    /// people something is known that takes effect later (`scheduled`), how many records of sources may be somebody else's
    /// (`recordConflicts`), how many accounts of leavers are not proven to be off (`leavers`), and `heldFiles`, the policy files that are not in force. Null when it does not answer.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub mapper: Option<MapperStatus>,
    /// What the mapper and the writer have decided to publish and the broker does not have: rows that wait by lane
    /// (`departures`, `commands`, `facts`) and how long the oldest has, messages that are `setAside`, and `factsDropped`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub outboxes: Vec<OutboxStatus>,
    /// What services could not read or store, and set aside.
    #[serde(default)]
    pub quarantined: u64,
    /// Departures among it: leavers who may keep access.
    #[serde(default)]
    pub quarantined_departures: u64,
    /// The broker's streams.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub streams: Vec<StreamStatus>,
    /// The last backup; absent when the broker does not tell of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<BackupStatus>,
    /// What services noticed about their databases and streams: a restored store, messages that are lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
    /// What sources said, or would have said, that the gateway could not take; see docs/sources.md.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source_problems: Vec<SourceProblemStatus>,
    /// How often something happened for which that list had no room.
    #[serde(default)]
    pub source_problems_unlisted: u64,
    /// The services that did not answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unavailable: Vec<ServiceProblem>,
}

/// The last backup.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackupStatus {
    /// When it was begun (RFC 3339); absent when none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// For how many days consumed events are kept, so that an older database can read them again (`nats.backup_interval_days`).
    pub interval_days: u16,
}

/// A stream of the broker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StreamStatus {
    /// Its name.
    pub stream: String,
    /// What is wrong: it is missing, or the broker does not tell of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// Bytes that it holds; absent when that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Bytes that it may hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_max: Option<u64>,
    /// When the newest message was stored (RFC 3339) that made room for others after every consumer had taken it: a backup from before
    /// cannot be completed from the stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped_until: Option<String>,
}

/// Something of a source that could not be taken. It ends when the same thing succeeds, or when it did not happen again for
/// seven days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SourceProblemStatus {
    /// The source as its events name it; `(unknown)` for requests of senders that are not known.
    pub source: String,
    /// `unreadable_list`, `bad_rows`, `refused_file`, `unreadable_records`, `parked_records`, `refused_credentials`,
    /// `refused_requests`, `unknown_types` or `unknown_resources`.
    pub kind: String,
    /// How often since `first`.
    pub count: u64,
    /// When it began (RFC 3339).
    pub first: String,
    /// When it happened last (RFC 3339).
    pub last: String,
    /// What was wrong the last time, without values of people.
    pub detail: String,
}

/// What another service did not do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServiceProblem {
    /// The service.
    pub service: String,
    /// Stable; for programs (`writer_not_running`, `mapper_timeout`, `refused`, ...).
    pub code: String,
    /// What happened, and what to do about it.
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

/// Number of messages not yet dealt with; null when it is not known (the service has never run).
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LagView {
    /// Events before the mapper.
    pub events: Option<u64>,
    /// Commands before the writer.
    pub commands: Option<u64>,
    /// Facts (in messages) before the console.
    pub journal: Option<u64>,
}

/// Answer to `GET /v1/people/{person}/trace`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PersonTrace {
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
    /// The fact itself: `fact` names it (`merged`, `decided`, `membershipDecided`, `superseded`, `attempted`, `settled`, `conflict`,
    /// `died`, `replayed`, `discarded`), the other members depend on that.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub fact: Map<String, Value>,
}

/// Answer to `GET /v1/dead`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeadLetterList {
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
    /// For a membership: key of the group; the subject is the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member_of: Option<String>,
    /// The revision that could not be applied.
    pub revision: i64,
    /// The operation that failed last.
    pub operation: String,
    /// How it failed.
    pub class: String,
    /// In words.
    pub error: String,
    /// What kind of failure that is; docs/errors.md says what to do about each.
    pub code: String,
    /// Its group, as `GET /v1/dead/groups` names it.
    pub group: String,
    /// How often it was tried.
    pub attempts: i32,
    /// How it was closed, if it was.
    #[serde(default)]
    pub closed: Option<DeadClosed>,
}

/// Answer to `GET /v1/dead/groups`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeadGroups {
    /// The largest first.
    pub groups: Vec<DeadGroup>,
}

/// Open dead letters that failed in the same way.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeadGroup {
    /// Names it: target, kind, operation, class and code (HTTP status with the error keyword), with `/` between them.
    pub group: String,
    /// How many.
    pub count: u64,
    /// When the first of them died (RFC 3339).
    pub first: String,
    /// When the last of them died.
    pub last: String,
    /// Id of one of them.
    pub sample: String,
    /// Its error, in words.
    pub error: String,
    /// What kind of failure that is; docs/errors.md says what to do about each.
    pub code: String,
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
    pub exchange: Option<RequestExchange>,
    /// The requests that failed, each with its answer, redacted, the oldest first: the last ten. Each has `at`, `operation`,
    /// `class`, `error`, `durationMs` and `exchange`.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub failures: Vec<FailedRequest>,
    /// The requests that were sent for it, oldest first, as far as they are still in the timeline; 100 at most.
    #[serde(default)]
    pub requests: Vec<TraceEntry>,
    /// What to do about it.
    pub remedy: String,
    /// The latest decision about the resource, if it is still in the timeline.
    #[serde(default)]
    pub decision: Option<TraceEntry>,
    /// The person or group.
    pub person: PersonName,
}

/// Body of `POST /v1/dead/replay`: one of `ids`, `target` and `group`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayRequestBody {
    /// At most 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<String>>,
    /// Every open one of this target; the oldest 1,000 of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Every open one of this group; the oldest 1,000 of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Only say what would become of each.
    #[serde(default)]
    pub dry_run: bool,
    /// Required: it is kept in the timeline.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/dead/replays`: one of `ids`, `target` and `group`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartReplay {
    /// At most 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<String>>,
    /// Every open one of this target; the oldest 100,000 of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Every open one of this group; the oldest 100,000 of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// So many a second at most: 1 to 1,000. They are sent at the target's own pace in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_second: Option<u32>,
    /// Required: it is kept in the timeline of each.
    #[serde(default)]
    pub why: String,
}

/// Answer to `POST /v1/dead/replay`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ReplayAnswer {
    /// What became of each.
    pub outcomes: Vec<LetterOutcome>,
    /// Whether the target has more open ones: ask again.
    pub more: bool,
}

/// What became of one dead letter.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LetterOutcome {
    /// The dead letter.
    pub id: String,
    /// `queued`, `superseded`, `no_op` or `not_open`.
    #[schema(value_type = String)]
    pub outcome: ReplayOutcome,
}

/// Body of `POST /v1/dead/discard`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DiscardRequestBody {
    /// At most 1,000.
    #[serde(default)]
    pub ids: Vec<String>,
    /// Every open one of this group, instead; the oldest 1,000 of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Required: it is kept in the timeline.
    #[serde(default)]
    pub why: String,
}

/// Answer to `POST /v1/dead/discard`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DiscardAnswer {
    /// Those that were open and are closed now.
    pub discarded: Vec<String>,
}

/// Body of `POST /v1/held/approve` and `/v1/held/reject`: `subjects` or `all`, not both.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideHeld {
    /// The target.
    #[serde(default)]
    pub target: String,
    /// Keys of people and groups, at most 10,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subjects: Option<Vec<String>>,
    /// Everything that is held there.
    #[serde(default)]
    pub all: bool,
    /// Only what is held for this reason: `guard`, `protected`, `profile` or `taken`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Required: it is kept in the timeline.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/conflicts/resolve`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResolveConflict {
    /// The target.
    #[serde(default)]
    pub target: String,
    /// Whether it is a group.
    #[serde(default)]
    pub group: bool,
    /// Key of the person or group.
    #[serde(default)]
    pub subject: String,
    /// The target's id of the resource that is theirs.
    #[serde(default)]
    pub remote_id: String,
    /// Required: it is kept in the timeline.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/quarantine/retry`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryQuarantined {
    /// Ids as they are listed.
    #[serde(default)]
    pub ids: Vec<String>,
    /// Required: it is kept in the log.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/targets/{target}/pause` and `.../resume`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PauseRequestBody {
    /// Required: it is kept in the journal.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/people/records/resolve`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolveRecord {
    /// The source, by its name in `mapper.people`.
    pub source: String,
    /// What the source calls the person.
    pub key: String,
    /// Key of the person.
    pub person: String,
    /// Whether it is theirs.
    pub same: bool,
    /// Required: it is kept in the timeline.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/people/join`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JoinPeople {
    /// Key of the person who stays, with their accounts.
    pub person: String,
    /// The other key, which is theirs from now on.
    pub other: String,
    /// The other one's accounts are left as they are until the person leaves.
    #[serde(default)]
    pub leave_accounts: bool,
    /// Required: it is kept in the timeline.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/schedule/cancel`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelSchedule {
    /// Ids of statements (`sch_...`), or people all of whose statements are meant; at most 1,000.
    pub what: Vec<String>,
    /// Required: it is kept in the timeline.
    #[serde(default)]
    pub why: String,
}

/// Answer to `GET /v1/outbox`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct OutboxList {
    /// The mapper's and the writer's: `status` and what is `setAside` (`id`, `since`, `bytes`, `cause` of each).
    #[schema(value_type = Vec<Object>)]
    pub outboxes: Vec<OutboxReply>,
    /// The services that did not answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unavailable: Vec<ServiceProblem>,
}

/// Body of `POST /v1/outbox/retry` and `POST /v1/outbox/discard`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetrySetAside {
    /// The service that set the message aside: `mapper` or `writer`.
    pub service: String,
    /// The message.
    pub id: String,
    /// Required: it is kept in the log of the service.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/access-orders`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OrderAccess {
    /// Key, or login name at the source.
    pub person: String,
    /// `off`: off at every target now; `keep`: never deleted; `same`: who came back with another name is the same
    /// person; `different`: who came with the login of a person who was off for long is not that person.
    pub order: String,
    /// The order is lifted.
    #[serde(default)]
    pub lift: bool,
    /// When it ends by itself (RFC 3339); without it, when it is lifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Required: it is kept in the timeline.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/leavers/keys/rotate`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateEvidenceKey {
    /// Required.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/targets/{target}/reconcile`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReconcileRequestBody {
    /// Only report.
    #[serde(default)]
    pub dry_run: bool,
    /// Believe that many are gone: without it, a target that lists far fewer than are linked fails the comparison.
    #[serde(default)]
    pub allow_gone: bool,
    /// End the comparison that is under way.
    #[serde(default)]
    pub cancel: bool,
    /// Required: it is kept in the log.
    #[serde(default)]
    pub why: String,
}

/// Body of `POST /v1/verify`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerifyRequestBody {
    /// Only this target; all that have a policy without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Required: it is kept in the log.
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
    /// Name of the file that it is in, for errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Only this person or group (key, or login name at the target in any case); such a plan cannot be applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// How many changes are listed one by one: at most 10,000, 100 unless said. The counts are always of everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes_max: Option<u32>,
}

/// Body of `POST /v1/policies/apply`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApplyRequestBody {
    /// The plan (`pln_...`) whose policy is to be in force: finished, of everybody, and worked out against the version
    /// that is still in force.
    #[serde(default)]
    pub plan: String,
    /// How many accounts and groups may lose access although the plan exceeds a threshold of the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_deletes: Option<u64>,
    /// How many accounts may be created or switched on again although the plan exceeds a threshold of the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_grants: Option<u64>,
    /// Required: it is kept with the version.
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
    /// The target.
    #[serde(default)]
    pub target: String,
    /// Only say what would be done.
    #[serde(default)]
    pub dry_run: bool,
    /// Why; it is kept in the timeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Answer to `POST /v1/provision`. Holds personal data.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProvisionAnswer {
    /// Import and scope: what is known, each clause of the scope with the value it saw, what each mapping gives, what
    /// should be true at the target (`desired`) and what was last asked for (`askedFor`).
    #[schema(value_type = Object)]
    pub explained: ExplainedPerson,
    /// Match and action: how it was looked for at the target, what was found, and what the writer would send. Absent
    /// when there is nothing to be said about them, or when looking failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub look: Option<PreviewReply>,
    /// Why the target could not be looked at. Nothing was queued then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look_problem: Option<ServiceProblem>,
    /// What was queued; absent after a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued: Option<QueuedProvision>,
}

/// What provisioning on demand set in motion. Ask `GET /v1/targets/{target}/{kind}/{subject}` how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueuedProvision {
    /// Whether the mapper sent a command (`queued`), and the `revision` of what should be true; 0 when there is none.
    #[schema(value_type = Object)]
    pub mapper: ProvisionReply,
    /// Whether the writer will look at it now (`queued`), and the `revision` that it knew of at that moment. Absent when
    /// nothing should be true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub writer: Option<ProvisionReply>,
}

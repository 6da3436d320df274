//! The types of Usher's domain: events, people, groups, commands, journal facts, control verbs and ids.
//!
//! The services exchange only these types. The crate does no I/O, reads no clock and draws no random numbers, except
//! in id constructors that say so. Merging is a pure function of its inputs.
//!
//! To add an event kind: 1. a variant of [`EventKind`] with its wire name, 2. its meaning in
//! [`PersonRecord::merge`] or [`GroupState::merge`], 3. a case in the order-free property test of `merge_tests.rs`.

mod account_names;
mod attempt;
mod command;
mod control;
mod dead_letter;
pub mod digest;
mod employment;
mod error_code;
mod event;
mod feed;
mod group;
mod guard;
mod identity;
mod ids;
mod journal;
mod limits;
#[cfg(test)]
mod merge_tests;
mod notice;
mod orphans;
mod people;
mod register;
mod revision;
mod rights;
mod source_problem;
mod trace;
mod version;

pub use account_names::{AccountLikeness, sought_name_keys, stored_name_keys};
pub use attempt::{AttemptClass, RequestAttempt, RequestExchange};
pub use command::{
    AccountState, Command, DesiredAccount, DesiredMembership, DesiredState, EDGES_PER_COMMAND_MAX,
    GroupResource, Lane, MemberKind, PolicyActions, ResourceKind,
};
pub use control::export;
pub use control::feed::{
    DecideFeedRequest, FEED_RUNS_MAX, FeedFile, FeedRunState, FeedRunStatus, FeedsReply, FeedsRequest,
    KnownRowsReply, KnownRowsRequest, MISSING_NAMED_MAX, SilentFeed, UndecidedFeed,
};
pub use control::findings::{
    FINDINGS_MAX, FindingCounts, FindingKind, FindingsReply, FindingsRequest, PersonFinding,
};
pub use control::held::{
    DecideHeldReply, DecideHeldRequest, HELD_MAX, HeldBy, HeldDecision, HeldReply, HeldRequest, HeldResource,
    PauseReply, PauseRequest, PausedTarget, ResolveConflictRequest, TestReply, TestRequest,
};
pub use control::holds::{ChangedHold, HoldContent, HoldEffect, HoldId, ShownHold};
pub use control::leavers::{
    ACCOUNT_OFF, AccountEvidence, AccountOffEvidence, EVIDENCE_PEOPLE_MAX, EvidenceReply, EvidenceRequest,
    LEAVERS_MAX, LeaverCause, LeaverCounts, LeaversReply, LeaversRequest, MembershipEvidence, MembershipKey,
    Obligation, ObligationState, TargetLeaverCounts, UndecidedDeparture, WaitHelper, WaitReason, WaitingFor,
};
pub use control::orders::{
    ACCESS_ORDERS_MAX, AccessOrderStatus, AccessOrdersReply, AccessOrdersRequest, OrderAccessRequest,
};
pub use control::other_accounts::{
    OTHER_ACCOUNTS_MAX, OTHER_ACCOUNTS_PEOPLE_MAX, OtherAccount, OtherAccounts, OtherAccountsGap,
    OtherAccountsOf, OtherAccountsReply, OtherAccountsRequest,
};
pub use control::outbox::{
    DiscardSetAsideRequest, OutboxReply, OutboxRequest, OutboxStatus, RetrySetAsideRequest, SET_ASIDE_MAX,
    SetAsideMessage,
};
pub use control::people::{
    JoinPeopleReply, JoinPeopleRequest, RECORDS_MAX, RecordStatus, RecordsReply, RecordsRequest,
    ResolveRecordRequest, SourceRecord,
};
pub use control::plan::{
    AttributeChange, GrantsTrip, GuardTrip, PlanCounts, PlanRequest, PlanState, PlanStatus, PlannedAction,
    PlannedChange, PolicyPlan, ScopeChange,
};
pub use control::policy::{
    ApplyReply, ApplyRequest, HeldFile, MapperStatus, PolicyInForce, PolicyRequest, PolicyText,
    PolicyVersion, PolicyVersions,
};
pub use control::provision::{
    ClauseResult, ExplainRequest, ExplainedPerson, MappingResult, MemberResult, PlannedOperation,
    PreviewReply, PreviewRequest, PreviewStep, ProvisionReply, ProvisionRequest, RowReply, RowRequest,
};
pub use control::quarantine::{
    QUARANTINE_MAX, QuarantineReply, QuarantineRequest, QuarantinedMessage, RetriedItem, RetryOutcome,
    RetryQuarantinedReply, RetryQuarantinedRequest,
};
pub use control::reconcile::{
    DifferenceKind, FOUND_MAX, FoundDifference, ReconcileCounts, ReconcileRequest, ReconcileState,
    Reconciliation, ReconciliationRequest,
};
pub use control::replay::{
    CancelReplayRequest, REPLAY_LETTERS_MAX, REPLAYS_MAX, ReplayRun, ReplayRuns, ReplayRunsRequest,
    ReplayState, StartReplayRequest,
};
pub use control::schedule::{
    CancelScheduleReply, CancelScheduleRequest, CancelledStatement, NotCancelled, SCHEDULE_CANCEL_MAX,
    SCHEDULE_MOMENTS_MAX, SCHEDULE_PEOPLE_MAX, ScheduleReply, ScheduleRequest, ScheduledChange,
    ScheduledEffect, ScheduledStatement,
};
pub use control::undecided::UndecidedCounts;
pub use control::verbs::{self, OPERATOR_VERBS, OperatorVerb, VerbEntry, VerbRight, VerbService};
pub use control::verify::{
    DigestsReply, DigestsRequest, ENTRIES_MAX, EntriesReply, EntriesRequest, ScanPosition,
    VERIFICATION_NAMES_MAX, Verification, VerificationState, VerifiedRequest, VerifyReply, VerifyRequest,
    entry_name,
};
pub use control::{
    Actor, ControlError, DiscardReply, DiscardRequest, PreviewReplayReply, PreviewReplayRequest,
    RefusalReason, ReplayOutcome, ReplayReply, ReplayRequest, StatusReply, TargetRemark, TargetRemarkReason,
    TargetStatus,
};
pub use dead_letter::{DeadLetter, FAILURES_MAX, FailedRequest};
pub use employment::{
    Contradiction, ContradictionCode, Employment, EmploymentAuthority, EmploymentCancellation,
    EmploymentDecision, EmploymentKind, EmploymentStatement, EmploymentWord, decide_employment,
};
pub use error_code::{ErrorCode, answer_in, failure_group};
pub use event::{Event, EventKind, StatementDating, SubjectKey, UnreadValue};
pub use feed::FeedRun;
pub use group::{GroupState, MembershipState};
pub use guard::RemovalGuard;
pub use identity::{
    AccessOrder, AccessOrderKind, AccessOrders, FormerState, IdentityView, PersonRecord, PlannedPart,
    UpcomingChange, login_hash, login_hashes, unix_micros,
};
pub use ids::{
    AttemptId, CommandId, DeadLetterId, EventId, FeedRunId, IdError, ObligationId, PlanId, ReplayId,
    ScheduleId,
};
pub use journal::{Fact, FactRecord, RecordVerdict};
pub use limits::RefusedPart;
pub use notice::ThinNotice;
pub use orphans::{OrphanAction, OrphanPolicy, matches_name_pattern};
pub use people::{CorrelationConfig, MatchAttribute, MatchedBy, PeopleConfig};
pub use register::{Register, RegisterStatement, StatementIntake, StatementProvenance};
pub use revision::{is_revision_ahead, next_revision, revision_clock};
pub use rights::{
    AttributeRight, EmploymentRight, GroupRight, KeyPattern, KindPattern, MissingRight, PeopleRight,
    PersonTie, RightsTable, RightsVerdict, SenderRights,
};
pub use source_problem::{SourceProblem, SourceProblemKind, UNKNOWN_SENDER};
pub use trace::TraceContext;
pub use version::StatementVersion;

/// Attributes by name, in a stable order. Names are Entra's (`givenName`, `surname`, ...) or any other.
pub type AttributeMap = std::collections::BTreeMap<String, serde_json::Value>;

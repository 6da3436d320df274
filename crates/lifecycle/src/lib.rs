//! The language of Usher's domain: events, identities, groups, commands, journal facts, control verbs and ids.
//!
//! Every service speaks these types and nothing else to the others. The crate does no I/O, reads no clock and
//! draws no random numbers except where an id constructor says so; merging is a pure function of its inputs.
//!
//! To add an event kind: 1. a variant of [`EventKind`] with its wire name, 2. its meaning in
//! [`Identity::merge`] or [`GroupState::merge`], 3. a case in the order-free property test of `merge_tests.rs`.

mod account_names;
mod command;
mod control;
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
mod source_problem;
mod trace;

pub use account_names::{AccountLikeness, sought_name_keys, stored_name_keys};
pub use command::{
    Account, AccountState, Actions, Command, Desired, EDGES_PER_COMMAND_MAX, Edge, GroupResource, Lane,
    MemberKind, ResourceKind,
};
pub use control::export;
pub use control::feed::{
    DecideFeedRequest, FEED_RUNS_MAX, FeedFile, FeedRunState, FeedRunStatus, FeedsReply, FeedsRequest,
    KnownRowsReply, KnownRowsRequest, MISSING_NAMED_MAX, UndecidedFeed,
};
pub use control::findings::{
    FINDINGS_MAX, Finding, FindingCounts, FindingKind, FindingsReply, FindingsRequest,
};
pub use control::held::{
    DecideHeldReply, DecideHeldRequest, HELD_MAX, Held, HeldBy, HeldReply, HeldRequest, PauseReply,
    PauseRequest, Paused, ResolveConflictRequest, TestReply, TestRequest,
};
pub use control::leavers::{
    ACCOUNT_OFF, AccountEvidence, EVIDENCE_PEOPLE_MAX, EvidenceReply, EvidenceRequest, Helper, LEAVERS_MAX,
    LeaverCause, LeaverCounts, LeaversReply, LeaversRequest, MembershipEvidence, MembershipKey, Obligation,
    ObligationState, OffEvidence, TargetLeaverCounts, UndecidedDeparture, Waiting, WaitingFor,
};
pub use control::orders::{
    ACCESS_ORDERS_MAX, AccessOrderStatus, AccessOrdersReply, AccessOrdersRequest, OrderAccessRequest,
};
pub use control::other_accounts::{
    OTHER_ACCOUNTS_MAX, OTHER_ACCOUNTS_PEOPLE_MAX, OtherAccount, OtherAccounts, OtherAccountsGap,
    OtherAccountsOf, OtherAccountsReply, OtherAccountsRequest,
};
pub use control::outbox::{
    DiscardSetAsideRequest, OutboxReply, OutboxStatus, RetrySetAsideRequest, SetAsideMessage,
};
pub use control::people::{
    JoinPeopleReply, JoinPeopleRequest, RECORDS_MAX, RecordStatus, RecordsReply, RecordsRequest,
    ResolveRecordRequest, SourceRecord,
};
pub use control::plan::{
    AttributeChange, GrantsTrip, GuardTrip, Plan, PlanCounts, PlanRequest, PlanState, PlanStatus,
    PlannedAction, PlannedChange, ScopeChange,
};
pub use control::policy::{
    ApplyReply, ApplyRequest, HeldFile, MapperStatus, PolicyInForce, PolicyRequest, PolicyText,
    PolicyVersion, PolicyVersions,
};
pub use control::provision::{
    ClauseResult, ExplainRequest, Explained, LookReply, LookRequest, LookStep, MappingResult, MemberResult,
    Planned, ProvisionReply, ProvisionRequest, RowReply, RowRequest,
};
pub use control::quarantine::{
    QUARANTINE_MAX, QuarantineReply, QuarantineRequest, QuarantinedMessage, RetriedItem, RetryOutcome,
    RetryQuarantinedReply, RetryQuarantinedRequest,
};
pub use control::reconcile::{
    Difference, FOUND_MAX, Found, ReconcileCounts, ReconcileRequest, ReconcileState, Reconciliation,
    ReconciliationRequest,
};
pub use control::replay::{
    CancelReplayRequest, REPLAY_LETTERS_MAX, ReplayRun, ReplayRuns, ReplayRunsRequest, ReplayState,
    StartReplayRequest,
};
pub use control::schedule::{
    CancelScheduleReply, CancelScheduleRequest, CancelledStatement, NotCancelled, SCHEDULE_CANCEL_MAX,
    SCHEDULE_MOMENTS_MAX, SCHEDULE_PEOPLE_MAX, ScheduleReply, ScheduleRequest, ScheduledChange,
    ScheduledEffect, ScheduledStatement,
};
pub use control::undecided::UndecidedCounts;
pub use control::verify::{
    DigestsReply, DigestsRequest, ENTRIES_MAX, EntriesReply, EntriesRequest, Place, VERIFICATION_NAMES_MAX,
    Verification, VerificationState, VerifiedRequest, VerifyReply, VerifyRequest, entry_name,
};
pub use control::{
    Actor, ControlError, DiscardReply, DiscardRequest, LookLetterReply, LookLetterRequest, RefusalReason,
    ReplayOutcome, ReplayReply, ReplayRequest, StatusReply, TargetRemark, TargetRemarkReason, TargetStatus,
    verb,
};
pub use employment::{
    Contradiction, ContradictionCode, Employment, EmploymentAuthority, EmploymentCancellation,
    EmploymentDecision, EmploymentKind, EmploymentStatement, EmploymentWord, decide_employment,
};
pub use error_code::{ErrorCode, answer_in, failure_group};
pub use event::{Dating, Event, EventKind, Person, UnreadValue};
pub use feed::FeedRun;
pub use group::{EdgeState, GroupState};
pub use guard::Guard;
pub use identity::{
    AccessOrder, AccessOrderKind, AccessOrders, FormerState, Identity, IdentityView, Part, Upcoming,
    login_hash, login_hashes, unix_micros,
};
pub use ids::{
    AttemptId, CommandId, DeadLetterId, EventId, FeedRunId, IdError, ObligationId, PlanId, ReplayId,
    ScheduleId,
};
pub use journal::{
    Attempt, AttemptClass, DeadLetter, Exchange, FAILURES_MAX, Fact, FactRecord, FailedRequest,
};
pub use limits::Refused;
pub use notice::ThinNotice;
pub use orphans::{OrphanAction, Orphans};
pub use people::{Correlate, Match, MatchedBy, People};
pub use register::{Intake, Provenance, Register, Statement, Version};
pub use revision::{is_revision_ahead, next_revision, revision_clock};
pub use source_problem::{SourceProblem, SourceProblemKind, UNKNOWN_SENDER};
pub use trace::TraceContext;

/// Attributes by name, in a stable order. Names are Entra's (`givenName`, `surname`, ...) or any other.
pub type Attributes = std::collections::BTreeMap<String, serde_json::Value>;

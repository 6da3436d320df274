//! The operator verbs: one line for each, with its service, name, right, request and reply.
//!
//! To add a verb: 1. a line in the list below, 2. a handler in the control module of its service.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::export::{ChainReport, ChainRequest, EvidenceKeys, ExportPage, ExportRequest};
use super::feed::{
    DecideFeedRequest, FeedRunStatus, FeedsReply, FeedsRequest, KnownRowsReply, KnownRowsRequest,
};
use super::findings::{FindingsReply, FindingsRequest};
use super::held::{
    DecideHeldReply, DecideHeldRequest, HeldReply, HeldRequest, PauseReply, PauseRequest,
    ResolveConflictRequest, TestReply, TestRequest,
};
use super::leavers::{EvidenceReply, EvidenceRequest, LeaversReply, LeaversRequest};
use super::orders::{AccessOrderStatus, AccessOrdersReply, AccessOrdersRequest, OrderAccessRequest};
use super::other_accounts::{OtherAccountsReply, OtherAccountsRequest};
use super::outbox::{DiscardSetAsideRequest, OutboxReply, OutboxRequest, RetrySetAsideRequest};
use super::people::{
    JoinPeopleReply, JoinPeopleRequest, RecordsReply, RecordsRequest, ResolveRecordRequest, SourceRecord,
};
use super::plan::{PlanRequest, PlanStatus};
use super::policy::{ApplyReply, ApplyRequest, MapperStatus, PolicyRequest, PolicyText, PolicyVersions};
use super::provision::{
    ExplainRequest, ExplainedPerson, PreviewReply, PreviewRequest, ProvisionReply, ProvisionRequest,
    RowReply, RowRequest,
};
use super::quarantine::{QuarantineReply, QuarantineRequest, RetryQuarantinedReply, RetryQuarantinedRequest};
use super::reconcile::{ReconcileRequest, Reconciliation, ReconciliationRequest};
use super::replay::{CancelReplayRequest, ReplayRun, ReplayRuns, ReplayRunsRequest, StartReplayRequest};
use super::schedule::{CancelScheduleReply, CancelScheduleRequest, ScheduleReply, ScheduleRequest};
use super::verify::{
    DigestsReply, DigestsRequest, EntriesReply, EntriesRequest, VerifiedRequest, VerifyReply, VerifyRequest,
};
use super::{
    Actor, DiscardReply, DiscardRequest, PreviewReplayReply, PreviewReplayRequest, ReplayReply,
    ReplayRequest, StatusReply,
};
use crate::PlanId;

/// A service that answers verbs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VerbService {
    /// The gateway.
    Gateway,
    /// The mapper.
    Mapper,
    /// The writer.
    Writer,
}

impl VerbService {
    /// Returns the name of the service, as in subjects and in `usher status`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Mapper => "mapper",
            Self::Writer => "writer",
        }
    }
}

/// The right that a verb needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VerbRight {
    /// Reads. Each operator may.
    Read,
    /// Changes something for an operator, with a reason. It is refused while the journal cannot record it.
    Act,
    /// Asked by other services only. The console does not pass it on.
    Internal,
}

/// A verb that a service answers on the bus.
pub trait OperatorVerb: Send + Sync + 'static {
    /// The service that answers it.
    const SERVICE: VerbService;
    /// The name in the subject.
    const NAME: &'static str;
    /// The right that it needs.
    const RIGHT: VerbRight;
    /// The question.
    type Request: Serialize + DeserializeOwned + Send + Sync + 'static;
    /// The answer.
    type Reply: Serialize + DeserializeOwned + Send + 'static;
}

/// One of [`OPERATOR_VERBS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct VerbEntry {
    /// See [`OperatorVerb::SERVICE`].
    pub service: VerbService,
    /// See [`OperatorVerb::NAME`].
    pub name: &'static str,
    /// See [`OperatorVerb::RIGHT`].
    pub right: VerbRight,
}

macro_rules! operator_verbs {
    ($($(#[$doc:meta])* $verb:ident: $service:ident $name:literal $right:ident, $request:ty => $reply:ty;)+) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub enum $verb {}

            impl OperatorVerb for $verb {
                const SERVICE: VerbService = VerbService::$service;
                const NAME: &'static str = $name;
                const RIGHT: VerbRight = VerbRight::$right;
                type Request = $request;
                type Reply = $reply;
            }
        )+

        /// All verbs.
        pub const OPERATOR_VERBS: &[VerbEntry] = &[$(VerbEntry {
            service: <$verb as OperatorVerb>::SERVICE,
            name: <$verb as OperatorVerb>::NAME,
            right: <$verb as OperatorVerb>::RIGHT,
        }),+];
    };
}

operator_verbs! {
    /// Lists the messages in the gateway's outbox that the broker refuses.
    GatewayOutboxVerb: Gateway "outbox" Read, OutboxRequest => OutboxReply;
    /// Publishes a message of the gateway's outbox again.
    GatewayRetrySetAsideVerb: Gateway "retry_set_aside" Act, RetrySetAsideRequest => OutboxReply;
    /// Discards a message of the gateway's outbox.
    GatewayDiscardSetAsideVerb: Gateway "discard_set_aside" Act, DiscardSetAsideRequest => OutboxReply;

    /// Returns the mapper's policies, counts and notices.
    MapperStatusVerb: Mapper "status" Read, () => MapperStatus;
    /// Lists the messages in the mapper's outbox that the broker refuses.
    MapperOutboxVerb: Mapper "outbox" Read, OutboxRequest => OutboxReply;
    /// Publishes a message of the mapper's outbox again.
    MapperRetrySetAsideVerb: Mapper "retry_set_aside" Act, RetrySetAsideRequest => OutboxReply;
    /// Discards a message of the mapper's outbox.
    MapperDiscardSetAsideVerb: Mapper "discard_set_aside" Act, DiscardSetAsideRequest => OutboxReply;
    /// Lists the mapper's quarantined messages.
    MapperQuarantineVerb: Mapper "quarantine" Read, QuarantineRequest => QuarantineReply;
    /// Retries quarantined messages of the mapper.
    MapperRetryQuarantinedVerb: Mapper "retry_quarantined" Act, RetryQuarantinedRequest => RetryQuarantinedReply;
    /// Starts the computation of a plan, and answers at once.
    PlanVerb: Mapper "plan" Read, PlanRequest => PlanStatus;
    /// Returns the state of a plan.
    PlanStatusVerb: Mapper "plan_status" Read, PlanId => PlanStatus;
    /// Applies a plan as the next version of its policy.
    ApplyVerb: Mapper "apply" Act, ApplyRequest => ApplyReply;
    /// Returns a version of a policy.
    PolicyVerb: Mapper "policy" Read, PolicyRequest => PolicyText;
    /// Lists the versions of a policy.
    PolicyVersionsVerb: Mapper "policy_versions" Read, PolicyRequest => PolicyVersions;
    /// Explains the decision of a policy about one person or group.
    ExplainVerb: Mapper "explain" Read, ExplainRequest => ExplainedPerson;
    /// Decides one person or group again.
    MapperProvisionVerb: Mapper "provision" Act, ProvisionRequest => ProvisionReply;
    /// Lists runs of full feeds.
    FeedsVerb: Mapper "feeds" Read, FeedsRequest => FeedsReply;
    /// Accepts or rejects a held run of a full feed.
    DecideFeedVerb: Mapper "decide_feed" Act, DecideFeedRequest => FeedRunStatus;
    /// Tells the gateway which rows of a full feed the mapper knows.
    KnownRowsVerb: Mapper "known_rows" Internal, KnownRowsRequest => KnownRowsReply;
    /// Lists scheduled changes.
    ScheduleVerb: Mapper "schedule" Read, ScheduleRequest => ScheduleReply;
    /// Cancels scheduled changes.
    CancelScheduleVerb: Mapper "cancel_schedule" Act, CancelScheduleRequest => CancelScheduleReply;
    /// Lists findings about people.
    FindingsVerb: Mapper "findings" Read, FindingsRequest => FindingsReply;
    /// Lists source records.
    RecordsVerb: Mapper "records" Read, RecordsRequest => RecordsReply;
    /// Joins two keys into one person.
    JoinPeopleVerb: Mapper "join_people" Act, JoinPeopleRequest => JoinPeopleReply;
    /// Decides to which person a source record belongs.
    ResolveRecordVerb: Mapper "resolve_record" Act, ResolveRecordRequest => SourceRecord;
    /// Lists leavers with the state of their accounts.
    LeaversVerb: Mapper "leavers" Read, LeaversRequest => LeaversReply;
    /// Returns a page of the signed evidence.
    ExportEvidenceVerb: Mapper "export_evidence" Read, ExportRequest => ExportPage;
    /// Compares seals of exports with the chain of evidence.
    CheckChainVerb: Mapper "check_chain" Read, ChainRequest => ChainReport;
    /// Lists the keys that sign evidence.
    EvidenceKeysVerb: Mapper "evidence_keys" Read, () => EvidenceKeys;
    /// Creates a new key that signs evidence from now on.
    RotateEvidenceKeyVerb: Mapper "rotate_evidence_key" Act, Actor => EvidenceKeys;
    /// Places or lifts an access order about a person.
    OrderAccessVerb: Mapper "order_access" Act, OrderAccessRequest => AccessOrderStatus;
    /// Lists access orders.
    AccessOrdersVerb: Mapper "access_orders" Read, AccessOrdersRequest => AccessOrdersReply;
    /// Starts a verification, and answers at once.
    VerifyVerb: Mapper "verify" Act, VerifyRequest => VerifyReply;
    /// Lists the last verification of each target.
    VerificationsVerb: Mapper "verifications" Read, () => VerifyReply;

    /// Returns the state of each target.
    WriterStatusVerb: Writer "status" Read, () => StatusReply;
    /// Lists the messages in the writer's outbox that the broker refuses.
    WriterOutboxVerb: Writer "outbox" Read, OutboxRequest => OutboxReply;
    /// Publishes a message of the writer's outbox again.
    WriterRetrySetAsideVerb: Writer "retry_set_aside" Act, RetrySetAsideRequest => OutboxReply;
    /// Discards a message of the writer's outbox.
    WriterDiscardSetAsideVerb: Writer "discard_set_aside" Act, DiscardSetAsideRequest => OutboxReply;
    /// Lists the writer's quarantined messages.
    WriterQuarantineVerb: Writer "quarantine" Read, QuarantineRequest => QuarantineReply;
    /// Retries quarantined messages of the writer.
    WriterRetryQuarantinedVerb: Writer "retry_quarantined" Act, RetryQuarantinedRequest => RetryQuarantinedReply;
    /// Replays dead letters.
    ReplayVerb: Writer "replay" Act, ReplayRequest => ReplayReply;
    /// Starts the replay of many dead letters.
    StartReplayVerb: Writer "start_replay" Act, StartReplayRequest => ReplayRun;
    /// Lists replays of many dead letters.
    ReplayRunsVerb: Writer "replay_runs" Read, ReplayRunsRequest => ReplayRuns;
    /// Cancels a replay of many dead letters.
    CancelReplayVerb: Writer "cancel_replay" Act, CancelReplayRequest => ReplayRun;
    /// Previews the replay of a dead letter.
    PreviewReplayVerb: Writer "look_letter" Read, PreviewReplayRequest => PreviewReplayReply;
    /// Closes dead letters without a retry.
    DiscardVerb: Writer "discard" Act, DiscardRequest => DiscardReply;
    /// Corrects one account or group now.
    WriterProvisionVerb: Writer "provision" Act, ProvisionRequest => ProvisionReply;
    /// Reads a resource at its target, and returns the request that would be sent.
    PreviewVerb: Writer "look" Read, PreviewRequest => PreviewReply;
    /// Returns the progress with one account or group.
    RowVerb: Writer "row" Read, RowRequest => RowReply;
    /// Lists held changes.
    HeldVerb: Writer "held" Read, HeldRequest => HeldReply;
    /// Approves or rejects held changes.
    DecideHeldVerb: Writer "decide_held" Act, DecideHeldRequest => DecideHeldReply;
    /// Starts or cancels a reconciliation.
    ReconcileVerb: Writer "reconcile" Act, ReconcileRequest => Reconciliation;
    /// Returns the reconciliation of a target.
    ReconciliationVerb: Writer "reconciliation" Read, ReconciliationRequest => Reconciliation;
    /// Takes over, or leaves alone, a resource that may belong to another person.
    ResolveConflictVerb: Writer "resolve_conflict" Act, ResolveConflictRequest => ReplayReply;
    /// Tests the connection to a target.
    TestTargetVerb: Writer "test_target" Read, TestRequest => TestReply;
    /// Pauses or resumes a target.
    PauseVerb: Writer "pause" Act, PauseRequest => PauseReply;
    /// Tells the mapper what shows that accounts and memberships are off.
    EvidenceVerb: Writer "evidence" Internal, EvidenceRequest => EvidenceReply;
    /// Tells the mapper which other accounts may belong to leavers.
    OtherAccountsVerb: Writer "other_accounts" Internal, OtherAccountsRequest => OtherAccountsReply;
    /// Returns digests of the desired state that the writer has.
    DigestsVerb: Writer "digests" Internal, DigestsRequest => DigestsReply;
    /// Returns entries of the desired state that the writer has.
    EntriesVerb: Writer "entries" Internal, EntriesRequest => EntriesReply;
    /// Tells the writer that a target was verified.
    VerifiedVerb: Writer "verified" Internal, VerifiedRequest => ();
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_verbs_of_a_service_have_one_name() {
        let names: BTreeSet<_> =
            OPERATOR_VERBS.iter().map(|verb| (verb.service.as_str(), verb.name)).collect();
        assert_eq!(names.len(), OPERATOR_VERBS.len());
    }
}

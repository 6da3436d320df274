//! Request and response bodies of the operator API: the console serves them and `usher` reads them.

mod dead;
mod messages;
mod people;
mod policies;
mod status;
mod targets;

pub use dead::{
    DeadClosed, DeadDetail, DeadGroup, DeadGroups, DeadLetterList, DeadSummary, DiscardAnswer,
    DiscardRequestBody, LetterOutcome, ReplayAnswer, ReplayRequestBody, StartReplay,
};
pub use messages::{RetryQuarantined, RetrySetAside, RotateEvidenceKey};
pub use people::{
    CancelSchedule, JoinPeople, OrderAccess, PersonName, PersonTrace, ResolveRecord, TraceEntry,
};
pub use policies::{ApplyRequestBody, ProvisionAnswer, ProvisionRequestBody, QueuedProvision, StartPlan};
pub use status::{
    BackupStatus, ConsoleStatusView, LagView, OutboxItem, OutboxList, ServiceProblem, SourceProblemStatus,
    StreamStatus,
};
pub use targets::{
    AcceptFeedRun, DecideHeld, PauseRequestBody, ReconcileRequestBody, ResolveConflict, VerifyRequestBody,
};

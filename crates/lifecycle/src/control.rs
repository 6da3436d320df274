//! Operator verbs: requests and replies on `usher.control.<service>.<verb>`.

pub mod export;
pub mod feed;
pub mod findings;
pub mod held;
pub mod holds;
pub mod leavers;
pub mod orders;
pub mod other_accounts;
pub mod outbox;
pub mod people;
pub mod plan;
pub mod policy;
pub mod provision;
pub mod quarantine;
pub mod reconcile;
pub mod replay;
pub mod schedule;
pub mod undecided;
pub mod verbs;
pub mod verify;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{DeadLetterId, ResourceKind};

/// The operator who makes a request, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The name of the operator, from their token.
    pub who: String,
    /// The reason that the operator gave.
    pub why: String,
}

/// Asks the writer to replay dead letters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplayRequest {
    /// The dead letters; at most 1,000.
    pub ids: Vec<DeadLetterId>,
    /// `true` to only report the outcome of each replay.
    #[serde(default)]
    pub dry_run: bool,
    /// The operator and the reason.
    pub actor: Actor,
}

/// The outcome of the replay of one dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReplayOutcome {
    /// The change is retried now.
    Queued,
    /// A newer revision has replaced it; nothing is sent.
    Superseded,
    /// The target already agrees.
    NoOp,
    /// There is no such dead letter, or it was already closed.
    NotOpen,
}

impl ReplayOutcome {
    /// Returns the name used in the journal and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Superseded => "superseded",
            Self::NoOp => "no_op",
            Self::NotOpen => "not_open",
        }
    }
}

/// The answer to a [`ReplayRequest`], in the same order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReplayReply {
    /// The outcome of each dead letter.
    pub outcomes: Vec<(DeadLetterId, ReplayOutcome)>,
}

/// Asks the writer to preview the replay of a dead letter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreviewReplayRequest {
    /// The dead letter.
    pub id: DeadLetterId,
}

/// The preview of a replay. It contains personal data: it is sent to an operator and not stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PreviewReplayReply {
    /// The dead letter.
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
    /// The outcome of a replay.
    pub outcome: ReplayOutcome,
    /// The operation that would be sent, unless nothing would be tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<provision::PlannedOperation>,
}

/// Asks the writer to close dead letters without a retry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiscardRequest {
    /// The dead letters; at most 1,000.
    pub ids: Vec<DeadLetterId>,
    /// The operator and the reason.
    pub actor: Actor,
}

/// The answer to a [`DiscardRequest`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiscardReply {
    /// The dead letters that were open and are closed now.
    pub discarded: Vec<DeadLetterId>,
}

/// One target as the writer sees it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TargetStatus {
    /// The name of the target.
    pub target: String,
    /// The replica that converges the target, if one holds the lease.
    pub owner: Option<String>,
    /// The epoch of the lease.
    pub epoch: i64,
    /// `closed` if requests flow, otherwise the reason why they do not.
    pub circuit: String,
    /// The number of resources by kind and status, e.g. `user.in_sync`; memberships are `membership.<status>`.
    pub resources: BTreeMap<String, i64>,
    /// The number of unfinished resources and memberships by lane.
    pub queue: BTreeMap<String, i64>,
    /// The pause, if an operator or Usher itself paused the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<held::PausedTarget>,
    /// The reason why only switch-offs are sent until the mapper's decisions are compared with the writer's state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unverified: Option<String>,
    /// Remarks that an operator should check.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<TargetRemark>,
}

/// A remark about a target that an operator should check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TargetRemark {
    /// The kind of remark.
    pub reason: TargetRemarkReason,
    /// A description of the observation.
    pub detail: String,
}

/// The kind of a remark about a target. docs/targets.md has the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TargetRemarkReason {
    /// Accounts were read as on although the target had answered that they are off.
    AnswersDisproved,
    /// The last reconciliation failed.
    ReconciliationFailed,
    /// The last reconciliation found further accounts of people who have an account.
    Duplicates,
    /// The accounts were linked at another address.
    AddressChanged,
    /// Changes of accounts or groups on the never list of the target were asked for.
    NeverTouched,
    /// Accounts or groups at the target match, and wait for an operator to link them.
    AdoptionsHeld,
    /// A kind that this version does not know.
    #[serde(other)]
    Unknown,
}

/// The answer to [`verbs::WriterStatusVerb`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StatusReply {
    /// Every configured target.
    pub targets: Vec<TargetStatus>,
    /// The messages that wait in the outbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbox: Option<outbox::OutboxStatus>,
    /// The service's notices about its database and streams: a restored store, lost messages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
}

/// A control request that could not be carried out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ControlError {
    /// A description of the error, and of its solution.
    pub message: String,
    /// The kind of refusal.
    #[serde(default)]
    pub reason: RefusalReason,
}

/// The kind of refusal of a control request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalReason {
    /// There is no target of that name.
    UnknownTarget,
    /// The subject of the request has changed since the operator was shown it.
    ChangedSinceShown,
    /// The request is invalid, or cannot be carried out now.
    #[default]
    #[serde(other)]
    Refused,
}

impl ControlError {
    /// Creates the refusal of a cursor that is not from an answer.
    pub fn wrong_cursor() -> Self {
        Self::refused("the cursor is not the `nextCursor` of an answer")
    }

    /// Creates a refusal for a request that is invalid, or that cannot be carried out now.
    pub fn refused(message: impl Into<String>) -> Self {
        Self { message: message.into(), reason: RefusalReason::Refused }
    }

    /// Creates a refusal of a decision about something that has changed since it was shown.
    pub fn changed_since_shown(message: impl Into<String>) -> Self {
        Self { message: message.into(), reason: RefusalReason::ChangedSinceShown }
    }
}

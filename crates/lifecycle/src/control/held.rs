//! Resources that are held at the writer until an operator decides: removals beyond the guard, protected subjects,
//! and values that a target would refuse. Also targets that are paused.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Actor;
use super::holds::{ChangedHold, HoldEffect, HoldId, ShownHold};
use crate::ResourceKind;

/// The reason for a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum HeldBy {
    /// The change would revoke more than the policy's guard allows.
    Guard,
    /// The policy protects the person or group.
    Protected,
    /// The target's profile says that the target would refuse the value.
    Profile,
    /// Another person or group that Usher manages has a value that must be unique. The change continues by itself
    /// once the other resource gives the value up.
    Taken,
    /// The mapper's database was restored and lacks the decision that revoked the access.
    Outdated,
    /// The installation was restored, the account is off or gone at the target, and no source has made a statement about
    /// the person since.
    Restored,
    /// The account or group at the target is on the never list of the target: no request changes it.
    Never,
    /// An account or group at the target matches, and Usher did not create it: an operator decides whether it is linked.
    Adoption,
}

impl HeldBy {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::Guard,
        Self::Protected,
        Self::Profile,
        Self::Taken,
        Self::Outdated,
        Self::Restored,
        Self::Never,
        Self::Adoption,
    ];

    /// Returns the name used in tables and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Guard => "guard",
            Self::Protected => "protected",
            Self::Profile => "profile",
            Self::Taken => "taken",
            Self::Outdated => "outdated",
            Self::Restored => "restored",
            Self::Never => "never",
            Self::Adoption => "adoption",
        }
    }

    /// Returns the decisions of an operator that end the hold.
    pub fn decisions(self) -> Vec<HeldDecision> {
        match self {
            Self::Guard | Self::Protected | Self::Outdated | Self::Restored | Self::Adoption => {
                HeldDecision::both()
            }
            // Approved, it would be held again: the reason is not in the operator's hands.
            Self::Profile | Self::Taken | Self::Never => vec![HeldDecision::Reject],
        }
    }

    /// Returns the reason with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.as_str() == name)
    }
}

/// A decision of an operator about a held change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum HeldDecision {
    /// The writer carries the change out.
    Approve,
    /// The target stays as it is until a new change is decided.
    Reject,
}

impl HeldDecision {
    /// Returns the name used in the API and by the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
        }
    }

    /// Returns both decisions.
    pub fn both() -> Vec<Self> {
        vec![Self::Approve, Self::Reject]
    }
}

/// Asks the writer for held resources; answered by a [`HeldReply`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HeldRequest {
    /// Only resources of this target.
    pub target: Option<String>,
    /// The maximum number of resources; the writer answers with at most [`HELD_MAX`].
    pub limit: u64,
    /// `nextCursor` of the answer before.
    pub cursor: Option<String>,
}

/// The maximum number of held resources in one answer.
pub const HELD_MAX: u64 = 1_000;

/// One held resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct HeldResource {
    /// The target.
    pub target: String,
    /// The kind: user or group.
    pub kind: ResourceKind,
    /// The key of the person or group.
    pub subject: String,
    /// The revision that is held.
    pub revision: i64,
    /// The identity of the hold, for the decision. It changes when the decision would mean something else. Empty for a
    /// membership, about which no operator decides.
    #[serde(default)]
    pub hold: HoldId,
    /// The desired state: `active`, `disabled`, `deleted`, `exists` or `absent`.
    pub wanted: String,
    /// The effect of the change at the target.
    #[serde(default)]
    pub effect: HoldEffect,
    /// The reason for the hold.
    pub by: HeldBy,
    /// A description of the reason, with the recommended action.
    pub reason: String,
    /// The time since which the resource is held.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// The decisions that end the hold. Empty if no decision of an operator does.
    #[serde(default = "HeldDecision::both")]
    pub decisions: Vec<HeldDecision>,
    /// For a hold that cannot be approved, the event that ends it and the person who can bring it about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// A page of held resources: accounts and groups, then memberships, each with the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct HeldReply {
    /// The resources of this page.
    #[serde(alias = "held")]
    pub items: Vec<HeldResource>,
    /// The number of held resources on all pages.
    pub total: u64,
    /// The cursor of the next page; `None` on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Tells the writer to approve or reject held changes; answered by a [`DecideHeldReply`]. A request without `holds` is
/// refused: a decision covers what was shown, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DecideHeldRequest {
    /// The target.
    pub target: String,
    /// The holds as they were shown.
    #[serde(default)]
    pub holds: Vec<ShownHold>,
    /// `true` to leave holds that have changed since, and to decide about the others. Otherwise one hold that has changed
    /// refuses the request.
    #[serde(default)]
    pub leave_changed: bool,
    /// The number of deletions that may be approved.
    #[serde(default)]
    pub deletions: u64,
    /// `true` to approve the changes, `false` to reject them.
    pub approve: bool,
    /// The operator and the reason.
    pub actor: Actor,
}

/// The answer to a [`DecideHeldRequest`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DecideHeldReply {
    /// The number of resources that are no longer held.
    pub decided: u64,
    /// Subjects that were named and are not held.
    #[serde(default)]
    pub not_held: Vec<String>,
    /// Subjects that were named and of which only memberships are held, which no decision ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only_memberships: Vec<String>,
    /// Holds that have changed since they were shown, and that are left.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<ChangedHold>,
}

/// Tells the writer to pause or resume a target; answered by a [`PauseReply`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PauseRequest {
    /// The target.
    pub target: String,
    /// `true` to pause the target, `false` to resume it.
    pub paused: bool,
    /// The operator and the reason.
    pub actor: Actor,
}

/// The state before a [`PauseRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PauseReply {
    /// `true` if the target was already paused.
    pub was_paused: bool,
}

/// Tells the writer which resource belongs to a person or group, after the writer could not adopt one by itself;
/// answered by a [`super::ReplayReply`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResolveConflictRequest {
    /// The target.
    pub target: String,
    /// The kind: user or group.
    pub kind: ResourceKind,
    /// The key of the person or group.
    pub subject: String,
    /// The target's id of the resource that belongs to the person or group.
    pub remote_id: String,
    /// The revision of the conflict, as the operator was shown it. Without it, or if it is another one by now, the
    /// conflict is not resolved.
    #[serde(default)]
    pub revision: Option<i64>,
    /// The operator and the reason.
    pub actor: Actor,
}

/// Asks the writer to check that a target can be reached and accepts the credential; answered by a [`TestReply`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestRequest {
    /// The target.
    pub target: String,
}

/// The result of a [`TestRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TestReply {
    /// `true` if the target answered as expected.
    pub works: bool,
    /// The requests that were sent, and their responses.
    pub steps: Vec<super::provision::PreviewStep>,
    /// The reason why the check failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A target that is paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PausedTarget {
    /// The operator who paused the target, or `usher` after too many failures.
    pub who: String,
    /// The reason for the pause.
    pub why: String,
    /// The time since which the target is paused.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// `true` if only changes that grant access wait: accounts are still switched off, and a reconciliation that
    /// changes nothing works.
    #[serde(default)]
    pub only_grants: bool,
}

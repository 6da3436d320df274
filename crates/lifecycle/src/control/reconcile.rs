//! Reconciliation: the comparison of a target with its desired state.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Actor;
use crate::ResourceKind;

/// Asks the writer to reconcile a target; answered by a [`Reconciliation`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReconcileRequest {
    /// The target.
    pub target: String,
    /// `true` to only report differences.
    #[serde(default)]
    pub dry_run: bool,
    /// The number of resources that may be gone, as the failed reconciliation reported it. Without it, the
    /// reconciliation fails if a target lists far fewer resources than are linked.
    #[serde(default)]
    pub gone_max: Option<u64>,
    /// `true` to cancel the reconciliation that is under way.
    #[serde(default)]
    pub cancel: bool,
    /// The operator and the reason.
    pub actor: Actor,
}

/// Asks for the progress of the last reconciliation of a target; answered by a [`Reconciliation`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReconciliationRequest {
    /// The target.
    pub target: String,
}

/// The state of a reconciliation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReconcileState {
    /// Pages are being read.
    Running,
    /// Everything was read.
    Finished,
    /// The reconciliation failed.
    Failed,
    /// An operator cancelled it.
    Cancelled,
}

impl ReconcileState {
    /// Returns the name used in tables and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Returns the state with this name.
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Running, Self::Finished, Self::Failed, Self::Cancelled];
        all.into_iter().find(|state| state.as_str() == name)
    }
}

/// The kind of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// Attributes that the policy owns have other values, or an account is on that should be off, or vice versa.
    Drifted,
    /// The resource drifted in the same way after each correction: the target does not keep the value. It is not
    /// written again until another value is desired, or the target shows another one.
    Unkept,
    /// The resource is linked, but does not exist any more.
    Gone,
    /// The resource exists, but Usher does not manage it. It is reported and left alone.
    Orphan,
    /// The resource carries a key of Usher, but is not linked.
    Unlinked,
    /// The resource carries the key of a person or group that is linked to another resource. It is reported and left
    /// alone.
    Duplicate,
    /// Members are missing, or present although they should not be.
    Members,
    /// The members of a group could not be read.
    Unreadable,
    /// An account or group refers to an account that does not exist, as its manager or as a member.
    Dangling,
}

impl DifferenceKind {
    /// Returns the name used in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Drifted => "drifted",
            Self::Unkept => "unkept",
            Self::Gone => "gone",
            Self::Orphan => "orphan",
            Self::Unlinked => "unlinked",
            Self::Duplicate => "duplicate",
            Self::Members => "members",
            Self::Unreadable => "unreadable",
            Self::Dangling => "dangling",
        }
    }
}

/// One difference. It contains names of attributes, never values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct FoundDifference {
    /// The kind of difference.
    pub difference: DifferenceKind,
    /// The kind of resource: user or group.
    pub kind: ResourceKind,
    /// The key of the person or group, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The target's id of the resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_id: Option<String>,
    /// The attributes that differ, the number of members, or the id that a duplicate's person is linked to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub what: Vec<String>,
}

/// The number of resources by kind of difference.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ReconcileCounts {
    /// The number of resources that the target listed.
    pub read: u64,
    /// The number of those that are in sync.
    pub in_sync: u64,
    /// The number that are in progress, held, or waiting for an operator. They are not compared.
    pub busy: u64,
    /// See [`DifferenceKind::Drifted`].
    pub drifted: u64,
    /// See [`DifferenceKind::Unkept`].
    pub unkept: u64,
    /// See [`DifferenceKind::Gone`].
    pub gone: u64,
    /// See [`DifferenceKind::Orphan`].
    pub orphans: u64,
    /// See [`DifferenceKind::Unlinked`].
    pub unlinked: u64,
    /// See [`DifferenceKind::Duplicate`].
    pub duplicates: u64,
    /// The number of memberships that are missing.
    pub members_missing: u64,
    /// The number of memberships that Usher had added and removed, and that exist again.
    pub members_extra: u64,
    /// The number of groups whose members could not be read.
    #[serde(default)]
    pub unreadable: u64,
    /// See [`DifferenceKind::Dangling`].
    #[serde(default)]
    pub dangling: u64,
    /// The number of resources that were queued for correction.
    pub queued: u64,
    /// The number of requests that were sent.
    pub requests: u64,
}

/// A reconciliation, with its progress and findings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reconciliation {
    /// The target.
    pub target: String,
    /// The state of the reconciliation.
    pub state: ReconcileState,
    /// `true` if it only reports differences.
    pub dry_run: bool,
    /// The number of resources that may be gone, as an operator allowed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_max: Option<u64>,
    /// The operator who started it, or `schedule`.
    pub who: String,
    /// The time at which it began.
    #[serde(with = "time::serde::rfc3339")]
    pub started: OffsetDateTime,
    /// The time at which it ended.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub ended: Option<OffsetDateTime>,
    /// The number of resources to read, as far as the target says.
    #[serde(default)]
    pub total: Option<u64>,
    /// The number of resources by kind of difference.
    pub counts: ReconcileCounts,
    /// The number of resources in which each attribute differs.
    #[serde(default)]
    pub attributes: BTreeMap<String, u64>,
    /// The first differences, at most [`FOUND_MAX`].
    #[serde(default)]
    pub found: Vec<FoundDifference>,
    /// The reason why it failed.
    #[serde(default)]
    pub error: Option<String>,
}

/// The maximum number of differences that a report names one by one.
pub const FOUND_MAX: usize = 200;

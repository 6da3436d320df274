//! Comparing everything that a target has with what it should have.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Actor;
use crate::ResourceKind;

/// Asks the writer to compare a target; answered by a [`Reconciliation`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReconcileRequest {
    /// The target.
    pub target: String,
    /// Only report.
    #[serde(default)]
    pub dry_run: bool,
    /// Believe that many are gone: without it, a target that lists far fewer than are linked fails the comparison.
    #[serde(default)]
    pub allow_gone: bool,
    /// End the one that is under way.
    #[serde(default)]
    pub cancel: bool,
    /// Who and why.
    pub actor: Actor,
}

/// Asks how far the last comparison of a target is; answered by a [`Reconciliation`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReconciliationRequest {
    /// The target.
    pub target: String,
}

/// Where a comparison stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReconcileState {
    /// Pages are being read.
    Running,
    /// Everything was read.
    Finished,
    /// It could not go on.
    Failed,
    /// An operator ended it.
    Cancelled,
}

impl ReconcileState {
    /// The name used in tables and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Running, Self::Finished, Self::Failed, Self::Cancelled];
        all.into_iter().find(|state| state.as_str() == name)
    }
}

/// What kind of difference was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// Attributes that the policy owns have other values, or an account is on that should be off, or the other way.
    Drifted,
    /// Drifted in the same way again each time we had made it right: the target does not keep it. Not written any more until
    /// something else is wanted, or something else is there.
    Unkept,
    /// Linked, and not there any more.
    Gone,
    /// There, and not ours: reported, and left alone.
    Orphan,
    /// There with our key, and not linked.
    Unlinked,
    /// There with the key of somebody who is linked to another: reported, and left alone.
    Duplicate,
    /// Members are missing, or there although they should not be.
    Members,
    /// A group whose members could not be read.
    Unreadable,
    /// An account or group that names an account which is not there: as its manager, or as a member.
    Dangling,
}

impl DifferenceKind {
    /// The name in the API.
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

/// One difference. Names of attributes, never values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FoundDifference {
    /// What it is.
    pub difference: DifferenceKind,
    /// User or group.
    pub kind: ResourceKind,
    /// Key of the person or group, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The target's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_id: Option<String>,
    /// Attributes that differ, how many members, or the id that a duplicate's person is linked to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub what: Vec<String>,
}

/// How many of each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReconcileCounts {
    /// Resources that the target listed.
    pub read: u64,
    /// Of these, as they should be.
    pub in_sync: u64,
    /// Being worked on, held, or waiting for a human anyway: not judged.
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
    /// Memberships that are missing.
    pub members_missing: u64,
    /// Memberships that we gave, took away, and that are there again.
    pub members_extra: u64,
    /// Groups whose members could not be read.
    #[serde(default)]
    pub unreadable: u64,
    /// See [`DifferenceKind::Dangling`].
    #[serde(default)]
    pub dangling: u64,
    /// Resources that were put into the queue to be made right.
    pub queued: u64,
    /// Requests that it took.
    pub requests: u64,
}

/// A comparison: how far it is, and what it found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reconciliation {
    /// The target.
    pub target: String,
    /// Where it stands.
    pub state: ReconcileState,
    /// Whether it only reports.
    pub dry_run: bool,
    /// Whether many may be gone.
    #[serde(default)]
    pub allow_gone: bool,
    /// Who began it, or `schedule`.
    pub who: String,
    /// When it began.
    #[serde(with = "time::serde::rfc3339")]
    pub started: OffsetDateTime,
    /// When it ended.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub ended: Option<OffsetDateTime>,
    /// How many resources there are to read, as far as the target says.
    #[serde(default)]
    pub total: Option<u64>,
    /// How many of each.
    pub counts: ReconcileCounts,
    /// How often each attribute differs.
    #[serde(default)]
    pub attributes: BTreeMap<String, u64>,
    /// The first differences, at most [`FOUND_MAX`].
    #[serde(default)]
    pub found: Vec<FoundDifference>,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<String>,
}

/// Differences that a report names one by one.
pub const FOUND_MAX: usize = 200;

//! Verification: the comparison of the mapper's decisions with the writer's state.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Actor;
use crate::digest::{DesiredEntry, RangeDigests};
use crate::{ResourceKind, digest};

/// The maximum number of keys that a [`Verification`] names.
pub const VERIFICATION_NAMES_MAX: usize = 100;
/// The maximum number of entries in one [`EntriesReply`].
pub const ENTRIES_MAX: usize = 500;

/// The position at which a scan continues: subject and member of the last row that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanPosition {
    /// The key of the person or group.
    pub subject: String,
    /// The key of the member; empty unless memberships are read.
    #[serde(default)]
    pub member: String,
}

/// Asks the writer for digests of its desired states, a part at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestsRequest {
    /// The target.
    pub target: String,
    /// The kind: accounts, groups or memberships.
    pub kind: ResourceKind,
    /// The position after which the scan continues; `None` to start at the beginning.
    #[serde(default)]
    pub after: Option<ScanPosition>,
}

/// The answer to a [`DigestsRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestsReply {
    /// The writer's time before it read anything, in microseconds since the Unix epoch.
    pub at: i64,
    /// The digests of the rows that were read.
    pub digests: RangeDigests,
    /// The position at which to continue; absent at the end.
    #[serde(default)]
    pub next: Option<ScanPosition>,
    /// The version of the policy whose rules for orphans the writer has; 0 if it has none.
    #[serde(default)]
    pub rules: i64,
    /// The time at which the writer noticed that the target's state was restored, in microseconds since the Unix epoch.
    #[serde(default)]
    pub restored_at: Option<i64>,
}

/// Asks the writer for the entries of some key ranges, a part at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntriesRequest {
    /// The target.
    pub target: String,
    /// The kind: accounts, groups or memberships.
    pub kind: ResourceKind,
    /// The key ranges, see [`digest::bucket_of`].
    pub buckets: std::collections::BTreeSet<u16>,
    /// The position after which the scan continues; `None` to start at the beginning.
    #[serde(default)]
    pub after: Option<ScanPosition>,
}

/// The answer to an [`EntriesRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntriesReply {
    /// The entries, at most [`ENTRIES_MAX`].
    pub entries: Vec<DesiredEntry>,
    /// The position at which to continue; absent at the end.
    #[serde(default)]
    pub next: Option<ScanPosition>,
}

/// Tells the writer that a target is verified: differences were sent again, and the writer received them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedRequest {
    /// The target.
    pub target: String,
    /// [`DigestsReply::at`] of the first answer.
    pub begun: i64,
}

/// Asks the mapper to verify one target or all targets now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyRequest {
    /// The target; `None` for all.
    #[serde(default)]
    pub target: Option<String>,
    /// `true` if the operator confirms that the orders of operators are complete after the mapper's database was restored.
    #[serde(default)]
    pub orders_complete: bool,
    /// The operator and the reason.
    pub actor: Actor,
}

/// The mapper's answer to a [`VerifyRequest`], and to a request for the progress.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct VerifyReply {
    /// The mapper's time of the request.
    #[serde(default)]
    pub asked_at: i64,
    /// The last verification of each target.
    pub verifications: Vec<Verification>,
}

/// The progress of a verification.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum VerificationState {
    /// The verification is under way.
    #[default]
    Running,
    /// The verification is complete: differences were sent again, and the writer has them.
    Finished,
    /// The verification failed; it is retried by itself.
    Failed,
}

/// The last verification of one target.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// The target.
    pub target: String,
    /// The progress.
    pub state: VerificationState,
    /// The cause of the verification: an operator, `writer`, or `schedule`.
    pub who: String,
    /// The time at which it began, in microseconds since the Unix epoch.
    pub began_at: i64,
    /// The time at which it began.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub began: Option<OffsetDateTime>,
    /// The time at which it ended.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub ended: Option<OffsetDateTime>,
    /// The number of accounts, groups and memberships that were compared.
    pub compared: u64,
    /// The number of those for which the writer had another state than the mapper decided.
    pub differed: u64,
    /// The number of those that would lose access, which matters most.
    pub leavers: u64,
    /// The number of decisions that were sent again.
    pub sent_again: u64,
    /// The number of resources that grant access at the writer and that the mapper does not know at all. They are
    /// listed and left alone.
    pub unknown: u64,
    /// The number of memberships that the mapper would grant although the writer has a later decision that revoked
    /// them. The mapper's database was restored, and the statements since then are lost. They are listed and not
    /// granted.
    #[serde(default)]
    pub withheld: u64,
    /// The keys of the first ones that differed; a membership is `<group>/<member>`.
    pub differing: Vec<String>,
    /// The keys of the first ones that are unknown.
    pub unknown_subjects: Vec<String>,
    /// The keys of the first ones that are withheld.
    #[serde(default)]
    pub withheld_subjects: Vec<String>,
    /// The reason why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Verification {
    /// Returns whether anything differed, is unknown or is withheld.
    pub fn found_something(&self) -> bool {
        self.differed > 0 || self.unknown > 0 || self.withheld > 0
    }
}

/// Returns the name of an entry in a [`Verification`].
pub fn entry_name(entry: &digest::DesiredEntry) -> String {
    match &entry.member {
        Some(member) => format!("{}/{member}", entry.subject),
        None => entry.subject.clone(),
    }
}

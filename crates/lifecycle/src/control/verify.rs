//! Verification: what the mapper decided, compared with what the writer knows of it.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Actor;
use crate::digest::{DesiredEntry, RangeDigests};
use crate::{ResourceKind, digest};

/// How many keys a [`Verification`] names.
pub const VERIFICATION_NAMES_MAX: usize = 100;
/// How many entries one [`EntriesReply`] holds at most.
pub const ENTRIES_MAX: usize = 500;

/// Where a scan goes on: subject and member of the last row that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanPosition {
    /// Key of the person or group.
    pub subject: String,
    /// Key of the member; empty unless memberships are read.
    #[serde(default)]
    pub member: String,
}

/// Asks the writer for digests of what it believes is desired, a part at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestsRequest {
    /// The target.
    pub target: String,
    /// Of accounts, groups or memberships.
    pub kind: ResourceKind,
    /// Goes on after this; from the beginning without it.
    #[serde(default)]
    pub after: Option<ScanPosition>,
}

/// Answer to [`DigestsRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestsReply {
    /// The writer's time before it read anything; microseconds since the Unix epoch.
    pub at: i64,
    /// Of the rows that were read.
    pub digests: RangeDigests,
    /// Where to go on; absent at the end.
    #[serde(default)]
    pub next: Option<ScanPosition>,
    /// Version of the policy whose rules for orphans the writer has; 0 when it has none.
    #[serde(default)]
    pub rules: i64,
}

/// Asks the writer for the entries of some ranges, a part at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntriesRequest {
    /// The target.
    pub target: String,
    /// Accounts, groups or memberships.
    pub kind: ResourceKind,
    /// The ranges, see [`digest::bucket_of`].
    pub buckets: std::collections::BTreeSet<u16>,
    /// Goes on after this; from the beginning without it.
    #[serde(default)]
    pub after: Option<ScanPosition>,
}

/// Answer to [`EntriesRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntriesReply {
    /// At most [`ENTRIES_MAX`].
    pub entries: Vec<DesiredEntry>,
    /// Where to go on; absent at the end.
    #[serde(default)]
    pub next: Option<ScanPosition>,
}

/// Tells the writer that a target is verified: what differed was sent again and taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedRequest {
    /// The target.
    pub target: String,
    /// [`DigestsReply::at`] of the first answer.
    pub begun: i64,
}

/// Asks the mapper to verify a target now, or all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyRequest {
    /// The target; all without it.
    #[serde(default)]
    pub target: Option<String>,
    /// Who and why.
    pub actor: Actor,
}

/// The mapper's answer to [`VerifyRequest`], and to being asked how far it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifyReply {
    /// The mapper's time when it was asked.
    #[serde(default)]
    pub asked_at: i64,
    /// The last verification of each target.
    pub verifications: Vec<Verification>,
}

/// How far a verification is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerificationState {
    /// Under way.
    #[default]
    Running,
    /// Done: what differed was sent again, and the writer has it.
    Finished,
    /// Not done; it is tried again by itself.
    Failed,
}

/// The last verification of one target.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// The target.
    pub target: String,
    /// How far it is.
    pub state: VerificationState,
    /// Who asked for it: an operator, `writer`, or `schedule`.
    pub who: String,
    /// When it began; microseconds since the Unix epoch.
    pub began_at: i64,
    /// When it began.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub began: Option<OffsetDateTime>,
    /// When it ended.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub ended: Option<OffsetDateTime>,
    /// How many accounts, groups and memberships were compared.
    pub compared: u64,
    /// Of how many the writer had another state than was decided.
    pub differed: u64,
    /// How many of them would lose access: what matters most.
    pub leavers: u64,
    /// How many were sent again.
    pub sent_again: u64,
    /// How many give access at the writer and are not known to the mapper at all. They are listed and left alone.
    pub unknown: u64,
    /// How many memberships the mapper would give although the writer has a later decision that took them away: the mapper's
    /// database was restored, and what was said since is lost. They are listed and not given.
    #[serde(default)]
    pub withheld: u64,
    /// Keys of the first that differed; a membership is `<group>/<member>`.
    pub differing: Vec<String>,
    /// Keys of the first that are unknown.
    pub unknown_subjects: Vec<String>,
    /// Keys of the first that are withheld.
    #[serde(default)]
    pub withheld_subjects: Vec<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Verification {
    /// True when something differed, is not known or is withheld.
    pub fn found_something(&self) -> bool {
        self.differed > 0 || self.unknown > 0 || self.withheld > 0
    }
}

/// How an entry is named in a [`Verification`].
pub fn entry_name(entry: &digest::DesiredEntry) -> String {
    match &entry.member {
        Some(member) => format!("{}/{member}", entry.subject),
        None => entry.subject.clone(),
    }
}

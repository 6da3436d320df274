//! Leavers: the accounts that must be off, the evidence that they are, and the reasons why others still wait.
//!
//! An obligation is one account of one person at one target that must be off. The mapper owns the obligation; the
//! writer answers for the account ([`EvidenceRequest`]).

mod undecided;
mod waiting;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

pub use undecided::UndecidedDeparture;
pub use waiting::{WaitHelper, WaitingFor};

use super::other_accounts::OtherAccounts;
use super::undecided::UndecidedCounts;

/// The maximum number of people in one [`EvidenceRequest`].
pub const EVIDENCE_PEOPLE_MAX: usize = 500;
/// The kind of evidence for a membership whose person's account is shown to be off, so that the membership grants no
/// access.
pub const ACCOUNT_OFF: &str = "account_off";
/// The maximum number of obligations in one [`LeaversReply`].
pub const LEAVERS_MAX: u64 = 1_000;

/// Asks the writer for its evidence about accounts that must be off; answered by an [`EvidenceReply`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceRequest {
    /// The target.
    pub target: String,
    /// The keys of the people; at most [`EVIDENCE_PEOPLE_MAX`].
    pub people: Vec<String>,
    /// Memberships that must be gone; at most [`EVIDENCE_PEOPLE_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub memberships: Vec<MembershipKey>,
}

/// The key of a membership: one person in one group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MembershipKey {
    /// The key of the group.
    pub group: String,
    /// The key of the person.
    pub person: String,
}

/// The writer's answer, with one entry for each person in the request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceReply {
    /// The accounts of the request, in any order.
    pub accounts: Vec<AccountEvidence>,
    /// The memberships of the request, in any order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub memberships: Vec<MembershipEvidence>,
}

/// One membership as the writer knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MembershipEvidence {
    /// The group and the person.
    #[serde(flatten)]
    pub key: MembershipKey,
    /// The revision of the mapper's newest decision that the writer has; 0 if it has none.
    pub revision: i64,
    /// The first evidence that the person is not in the group, unless something contradicts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub off: Option<AccountOffEvidence>,
    /// Without evidence, the reason for which the membership waits. With evidence, the reason why it cannot be
    /// verified at the target again although that is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<WaitReason>,
}

/// One account as the writer knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountEvidence {
    /// The key of the person.
    pub person: String,
    /// The revision of the newest command that the writer has; 0 if it has none.
    pub revision: i64,
    /// The first evidence that the account is off, unless something contradicts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub off: Option<AccountOffEvidence>,
    /// Without evidence, the reason for which the account waits. With evidence, the reason why it cannot be verified
    /// at the target again although that is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<WaitReason>,
}

/// The evidence that an account is off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AccountOffEvidence {
    /// The kind of evidence, as docs/leavers.md names it.
    pub kind: String,
    /// The time at which the target showed it.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

/// The reason for which an account waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct WaitReason {
    /// The kind of reason.
    pub reason: WaitingFor,
    /// Details for operators, without personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl WaitReason {
    /// Creates a reason without details.
    pub fn new(reason: WaitingFor) -> Self {
        Self { reason, detail: None }
    }

    /// Creates a reason with details.
    pub fn because(reason: WaitingFor, detail: impl Into<String>) -> Self {
        Self { reason, detail: Some(detail.into()) }
    }
}

/// The reason why an account must be off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LeaverCause {
    /// The person left.
    Left,
    /// The person's record was erased at the source.
    Deleted,
    /// The person does not match the policy's scope any more.
    OutOfScope,
    /// No statement in force says that the person is employed: a start was postponed or withdrawn.
    NotEmployed,
    /// An operator ordered it.
    Operator,
    /// The person was removed from a group that grants access.
    RemovedFromGroup,
}

impl LeaverCause {
    /// Every cause.
    pub const ALL: [Self; 6] = [
        Self::Left,
        Self::Deleted,
        Self::OutOfScope,
        Self::NotEmployed,
        Self::Operator,
        Self::RemovedFromGroup,
    ];

    /// Returns the name used in tables and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Deleted => "deleted",
            Self::OutOfScope => "out_of_scope",
            Self::NotEmployed => "not_employed",
            Self::Operator => "operator",
            Self::RemovedFromGroup => "removed_from_group",
        }
    }
}

/// The state of an obligation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ObligationState {
    /// Nothing proves yet that the account is off.
    Open,
    /// The target showed that the account is off.
    Proven,
    /// The policy keeps the account as it is.
    KeptByPolicy,
    /// The person is entitled to access again.
    Ended,
}

impl ObligationState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Open, Self::Proven, Self::KeptByPolicy, Self::Ended];

    /// Returns the name used in tables and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Proven => "proven",
            Self::KeptByPolicy => "kept_by_policy",
            Self::Ended => "ended",
        }
    }
}

/// Asks the mapper for obligations; answered by a [`LeaversReply`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LeaversRequest {
    /// Only obligations at this target.
    pub target: Option<String>,
    /// Only obligations of this person, given by key or by login name at the source.
    pub person: Option<String>,
    /// Only obligations whose objective has passed.
    pub overdue: bool,
    /// Only obligations with other accounts that are active, in any state except ended.
    pub others: bool,
    /// Only obligations that were decided at this time or later.
    #[serde(with = "time::serde::rfc3339::option")]
    pub since: Option<OffsetDateTime>,
    /// Only obligations that were decided before this time.
    #[serde(with = "time::serde::rfc3339::option")]
    pub until: Option<OffsetDateTime>,
    /// Only obligations in these states. If empty, those that are open, kept by policy, or proven but not verifiable
    /// now.
    pub states: Vec<ObligationState>,
    /// The maximum number of obligations; the mapper answers with at most [`LEAVERS_MAX`].
    pub limit: u64,
    /// `nextCursor` of the answer before.
    pub cursor: Option<String>,
}

/// Obligations, in order of their due time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LeaversReply {
    /// The obligations of this page.
    #[serde(rename = "items", alias = "leavers")]
    pub leavers: Vec<Obligation>,
    /// Departures without a decision, which have no obligation yet: the oldest first, at most [`LEAVERS_MAX`], on the
    /// first page of the open obligations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undecided: Vec<UndecidedDeparture>,
    /// The numbers of all obligations, independent of the filters of the request.
    pub counts: LeaverCounts,
    /// The number of received items without a decision. There may be departures among them.
    #[serde(default)]
    pub not_decided: UndecidedCounts,
    /// The cursor of the next page; `None` on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// The number of leavers' accounts that are not proven to be off.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct LeaverCounts {
    /// The number of accounts that must be off and have no evidence that they are.
    pub with_access: u64,
    /// The number of those whose objective has passed.
    pub overdue: u64,
    /// The number of leavers' accounts that the policy keeps as they are.
    pub kept_by_policy: u64,
    /// The number of active accounts that Usher does not know and that may belong to leavers; for open, kept and
    /// verified obligations.
    pub other_accounts: u64,
    /// The number of leavers whose other accounts are not known, or not completely.
    pub other_accounts_unknown: u64,
    /// The number of accounts that were proven to be off and that cannot be verified at the target again although
    /// that is due.
    #[serde(skip_serializing_if = "is_zero")]
    pub unverified: u64,
    /// The number of departures without a decision, at any target.
    #[serde(skip_serializing_if = "is_zero")]
    pub undecided: u64,
    /// The same numbers by target, for targets that have any.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub by_target: BTreeMap<String, TargetLeaverCounts>,
}

pub(crate) fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The numbers of [`LeaverCounts`] for one target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct TargetLeaverCounts {
    /// The number of accounts that must be off and have no evidence that they are.
    pub with_access: u64,
    /// The number of those whose objective has passed.
    pub overdue: u64,
    /// The number of leavers' accounts that the policy keeps as they are.
    pub kept_by_policy: u64,
    /// The number of active accounts that Usher does not know and that may belong to leavers.
    pub other_accounts: u64,
    /// The number of leavers whose other accounts are not known, or not completely.
    pub other_accounts_unknown: u64,
}

/// One account that must be off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Obligation {
    /// The id (`obl_...`).
    pub id: String,
    /// The target.
    pub target: String,
    /// The key of the person.
    pub person: String,
    /// For a membership, the key of the group that the person must not be in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member_of: Option<String>,
    /// The reason why the account must be off.
    pub cause: LeaverCause,
    /// The state of the obligation.
    pub state: ObligationState,
    /// The time at which the source made the statement; absent if the obligation follows from a date or from a
    /// policy.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub said_at: Option<OffsetDateTime>,
    /// The time at which Usher received the statement, or noticed that its day had come.
    #[serde(with = "time::serde::rfc3339")]
    pub received_at: OffsetDateTime,
    /// The first moment without access.
    #[serde(with = "time::serde::rfc3339")]
    pub effective_at: OffsetDateTime,
    /// The time of the mapper's decision.
    #[serde(with = "time::serde::rfc3339")]
    pub decided_at: OffsetDateTime,
    /// The time at which the policy's objective passes.
    #[serde(with = "time::serde::rfc3339")]
    pub due_at: OffsetDateTime,
    /// The revision of the command that switches the account off.
    pub revision: i64,
    /// `true` if the obligation is open beyond its objective.
    pub overdue: bool,
    /// For an open obligation, the reason for which it waits. For a proven one, the reason why it cannot be verified
    /// at the target again although that is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<WaitReason>,
    /// The role that can help if the obligation waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub helper: Option<WaitHelper>,
    /// The evidence that the account is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<AccountOffEvidence>,
    /// The time at which the evidence was last confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub verified_at: Option<OffsetDateTime>,
    /// The time at which the evidence vanished because the account came back.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub reopened_at: Option<OffsetDateTime>,
    /// The time of the last request to the writer.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub checked_at: Option<OffsetDateTime>,
    /// The time at which the person was entitled to access again.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub ended_at: Option<OffsetDateTime>,
    /// Accounts at the target that may also belong to the person. Absent for a membership, for an ended obligation,
    /// and before the writer was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_accounts: Option<OtherAccounts>,
}

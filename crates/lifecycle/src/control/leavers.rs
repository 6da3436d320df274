//! Leavers: the accounts that must be off, what proves it, and what the others wait for.
//!
//! An obligation is one account of one person at one target that must be off. The mapper owns it; the writer answers for
//! the account ([`EvidenceRequest`]).

mod undecided;
mod waiting;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

pub use undecided::UndecidedDeparture;
pub use waiting::{WaitHelper, WaitingFor};

use super::other_accounts::OtherAccounts;
use super::undecided::UndecidedCounts;

/// Most people in one [`EvidenceRequest`].
pub const EVIDENCE_PEOPLE_MAX: usize = 500;
/// Evidence of a membership: the account of the person is shown to be off, so the membership gives no access.
pub const ACCOUNT_OFF: &str = "account_off";
/// Most obligations in one [`LeaversReply`].
pub const LEAVERS_MAX: u64 = 1_000;

/// Asks the writer what it knows of accounts that must be off; answered by an [`EvidenceReply`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceRequest {
    /// The target.
    pub target: String,
    /// Keys of the people; at most [`EVIDENCE_PEOPLE_MAX`].
    pub people: Vec<String>,
    /// Memberships that must be gone; at most [`EVIDENCE_PEOPLE_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub memberships: Vec<MembershipKey>,
}

/// One person in one group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MembershipKey {
    /// Key of the group.
    pub group: String,
    /// Key of the person.
    pub person: String,
}

/// The writer's answer, one entry for each person that it was asked about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceReply {
    /// In any order.
    pub accounts: Vec<AccountEvidence>,
    /// The memberships that it was asked about, in any order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub memberships: Vec<MembershipEvidence>,
}

/// One membership as the writer knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MembershipEvidence {
    /// Of whom, in which group.
    #[serde(flatten)]
    pub key: MembershipKey,
    /// Revision of the newest word of the mapper that the writer has; 0 when it has none.
    pub revision: i64,
    /// The first evidence that the person is not in the group, as long as nothing contradicts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub off: Option<AccountOffEvidence>,
    /// Without evidence: what it waits for. With evidence: why it cannot be verified at the target again, which is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<WaitReason>,
}

/// One account as the writer knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountEvidence {
    /// Key of the person.
    pub person: String,
    /// Revision of the newest command that the writer has; 0 when it has none.
    pub revision: i64,
    /// The first evidence that the account is off, as long as nothing contradicts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub off: Option<AccountOffEvidence>,
    /// Without evidence: what it waits for. With evidence: why it cannot be verified at the target again, which is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<WaitReason>,
}

/// What shows that an account is off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountOffEvidence {
    /// Its kind, as docs/leavers.md names it.
    pub kind: String,
    /// When the target showed it.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

/// What an account waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WaitReason {
    /// The kind of reason.
    pub reason: WaitingFor,
    /// More of it, in words; no personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl WaitReason {
    /// Without details.
    pub fn new(reason: WaitingFor) -> Self {
        Self { reason, detail: None }
    }

    /// With details.
    pub fn because(reason: WaitingFor, detail: impl Into<String>) -> Self {
        Self { reason, detail: Some(detail.into()) }
    }
}

/// Why an account must be off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaverCause {
    /// The person left.
    Left,
    /// The person's record was erased at the source.
    Deleted,
    /// The policy's scope does not hold any more.
    OutOfScope,
    /// Nothing in force says that the person is employed: a start was postponed or withdrawn.
    NotEmployed,
    /// An operator said so.
    Operator,
    /// The person was taken out of a group that gives access.
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

    /// The name used in tables and the API.
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

/// Where an obligation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObligationState {
    /// Nothing proves yet that the account is off.
    Open,
    /// The target showed that the account is off.
    Proven,
    /// The policy keeps the account as it is.
    KeptByPolicy,
    /// The person has access again by right.
    Ended,
}

impl ObligationState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Open, Self::Proven, Self::KeptByPolicy, Self::Ended];

    /// The name used in tables and the API.
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
    /// Only those of this target.
    pub target: Option<String>,
    /// Only those of this person: key, or login name at the source.
    pub person: Option<String>,
    /// Only those whose objective has passed.
    pub overdue: bool,
    /// Only those with other accounts that are active, in any state but ended.
    pub others: bool,
    /// Only those that were decided since then.
    #[serde(with = "time::serde::rfc3339::option")]
    pub since: Option<OffsetDateTime>,
    /// Only those that were decided before then.
    #[serde(with = "time::serde::rfc3339::option")]
    pub until: Option<OffsetDateTime>,
    /// In these states; without any, those that are open, kept by policy, or proven and not to be verified again now.
    pub states: Vec<ObligationState>,
    /// How many; the mapper answers with at most [`LEAVERS_MAX`].
    pub limit: u64,
    /// `nextCursor` of the answer before.
    pub cursor: Option<String>,
}

/// Obligations, those that are due first at the head.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeaversReply {
    /// A page of them.
    pub leavers: Vec<Obligation>,
    /// Departures that are not decided yet, so that they have no obligation: the oldest first, at most [`LEAVERS_MAX`], on the
    /// first page of the obligations that are open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undecided: Vec<UndecidedDeparture>,
    /// How many there are of all, whatever was asked for.
    pub counts: LeaverCounts,
    /// What was received and not decided: a departure may be among it.
    #[serde(default)]
    pub not_decided: UndecidedCounts,
    /// There is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// How many accounts of leavers are not proven to be off.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LeaverCounts {
    /// Accounts that must be off, without evidence that they are.
    pub with_access: u64,
    /// Those of them whose objective has passed.
    pub overdue: u64,
    /// Accounts of leavers that the policy keeps as they are.
    pub kept_by_policy: u64,
    /// Active accounts that Usher does not know and that may be leavers'; of open, kept and verified obligations.
    pub other_accounts: u64,
    /// Leavers whose other accounts are not known, or not all of them.
    pub other_accounts_unknown: u64,
    /// Accounts that were proven to be off, and that cannot be verified at the target again although that is due.
    #[serde(skip_serializing_if = "is_zero")]
    pub unverified: u64,
    /// Departures that are not decided yet, at any target.
    #[serde(skip_serializing_if = "is_zero")]
    pub undecided: u64,
    /// The same by target, where there are any.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub by_target: BTreeMap<String, TargetLeaverCounts>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// [`LeaverCounts`] of one target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TargetLeaverCounts {
    /// Accounts that must be off, without evidence that they are.
    pub with_access: u64,
    /// Those of them whose objective has passed.
    pub overdue: u64,
    /// Accounts of leavers that the policy keeps as they are.
    pub kept_by_policy: u64,
    /// Active accounts that Usher does not know and that may be leavers'.
    pub other_accounts: u64,
    /// Leavers whose other accounts are not known, or not all of them.
    pub other_accounts_unknown: u64,
}

/// One account that must be off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Obligation {
    /// Names it (`obl_...`).
    pub id: String,
    /// The target.
    pub target: String,
    /// Key of the person.
    pub person: String,
    /// Of a membership: key of the group that the person must not be in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member_of: Option<String>,
    /// Why the account must be off.
    pub cause: LeaverCause,
    /// Where it stands.
    pub state: ObligationState,
    /// When the source said so; absent when it follows from a date or from a policy.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub said_at: Option<OffsetDateTime>,
    /// When Usher received it, or noticed that its day had come.
    #[serde(with = "time::serde::rfc3339")]
    pub received_at: OffsetDateTime,
    /// The first moment without access.
    #[serde(with = "time::serde::rfc3339")]
    pub effective_at: OffsetDateTime,
    /// When the mapper decided.
    #[serde(with = "time::serde::rfc3339")]
    pub decided_at: OffsetDateTime,
    /// When the objective of the policy passes.
    #[serde(with = "time::serde::rfc3339")]
    pub due_at: OffsetDateTime,
    /// Revision of the command that switches off.
    pub revision: i64,
    /// Open beyond its objective.
    pub overdue: bool,
    /// Open: what it waits for. Proven: why it cannot be verified at the target again, although that is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<WaitReason>,
    /// Who can help what waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub helper: Option<WaitHelper>,
    /// What shows that the account is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<AccountOffEvidence>,
    /// When the evidence was last found in force.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub verified_at: Option<OffsetDateTime>,
    /// When the evidence vanished: the account came back.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub reopened_at: Option<OffsetDateTime>,
    /// When the writer was last asked.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub checked_at: Option<OffsetDateTime>,
    /// When the person had access again by right.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub ended_at: Option<OffsetDateTime>,
    /// Accounts at the target that may be the person's too. Absent for a membership, when it has ended, and before the writer
    /// was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_accounts: Option<OtherAccounts>,
}

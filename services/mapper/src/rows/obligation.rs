//! `mapper_obligations`: accounts that must be off, and the evidence for it. Times are microseconds since the Unix epoch.

use lifecycle::{
    AccountOffEvidence, LeaverCause, Obligation, ObligationState, OtherAccounts, WaitReason, WaitingFor,
};
use sea_orm::entity::prelude::*;

use crate::moment_of;

/// An account or membership of one person that must be off, since one departure.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_obligations")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) id: String,
    #[sea_orm(column_type = "Text")]
    pub(crate) target: String,
    /// Key of the person.
    #[sea_orm(column_type = "Text")]
    pub(crate) subject: String,
    /// Key of the group for a membership; empty for an account.
    #[sea_orm(column_type = "Text")]
    pub(crate) member_of: String,
    /// A [`LeaverCause`].
    #[sea_orm(column_type = "Text")]
    pub(crate) cause: String,
    /// An [`ObligationState`].
    #[sea_orm(column_type = "Text")]
    pub(crate) state: String,
    pub(crate) received_at: i64,
    pub(crate) effective_at: i64,
    pub(crate) decided_at: i64,
    /// The time at which the objective passes: the account should be off by then.
    pub(crate) due_at: i64,
    /// The end of the time in which the proof is verified again.
    pub(crate) verify_until: i64,
    /// Revision of the command that switched off, or of the one in force when the policy kept the account.
    pub(crate) revision: i64,
    /// Rises by one with each change, for optimistic concurrency.
    pub(crate) version: i64,
    pub(crate) waiting_since: i64,
    /// Kind of the current evidence.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) evidence: Option<String>,
    /// A [`WaitingFor`], while it is open.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) waiting: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) waiting_detail: Option<String>,
    pub(crate) said_at: Option<i64>,
    pub(crate) evidence_at: Option<i64>,
    pub(crate) verified_at: Option<i64>,
    pub(crate) reopened_at: Option<i64>,
    pub(crate) ended_at: Option<i64>,
    pub(crate) checked_at: Option<i64>,
    /// The time at which the writer is asked next.
    pub(crate) next_check_at: Option<i64>,
    /// The time of the alert that it is overdue, while it is.
    pub(crate) alerted_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Returns the state. A state that this version does not know counts as open, so that it is checked and listed.
    pub(crate) fn state(&self) -> ObligationState {
        ObligationState::ALL
            .into_iter()
            .find(|state| state.as_str() == self.state)
            .unwrap_or(ObligationState::Open)
    }

    /// Returns the cause. One that this version does not know counts as a departure.
    pub(crate) fn cause(&self) -> LeaverCause {
        LeaverCause::ALL.into_iter().find(|cause| cause.as_str() == self.cause).unwrap_or(LeaverCause::Left)
    }

    /// Returns whether the obligation is open after its objective has passed; `now` in microseconds.
    pub(crate) fn is_overdue(&self, now: i64) -> bool {
        self.state() == ObligationState::Open && self.due_at < now
    }

    /// Returns the reason why the obligation waits, if it does.
    pub(crate) fn waiting(&self) -> Option<WaitReason> {
        let reason = WaitingFor::named(self.waiting.as_deref()?);
        Some(WaitReason { reason, detail: self.waiting_detail.clone() })
    }

    /// Sets or clears the reason why the obligation waits.
    pub(crate) fn set_waiting(&mut self, waiting: Option<WaitReason>) {
        let (reason, detail) = waiting.map(|waiting| (waiting.reason, waiting.detail)).unzip();
        self.waiting = reason.map(|reason| reason.as_str().to_owned());
        self.waiting_detail = detail.flatten();
    }

    /// Returns the current evidence, if there is any.
    pub(crate) fn evidence(&self) -> Option<AccountOffEvidence> {
        Some(AccountOffEvidence { kind: self.evidence.clone()?, at: moment_of(self.evidence_at?) })
    }

    /// Converts the obligation for operators.
    pub(crate) fn told(&self, now: i64, other_accounts: Option<OtherAccounts>) -> Obligation {
        let waiting = self.waiting();
        Obligation {
            id: self.id.clone(),
            target: self.target.clone(),
            person: self.subject.clone(),
            member_of: Some(self.member_of.clone()).filter(|group| !group.is_empty()),
            cause: self.cause(),
            state: self.state(),
            said_at: self.said_at.map(moment_of),
            received_at: moment_of(self.received_at),
            effective_at: moment_of(self.effective_at),
            decided_at: moment_of(self.decided_at),
            due_at: moment_of(self.due_at),
            revision: self.revision,
            overdue: self.is_overdue(now),
            helper: waiting.as_ref().map(|waiting| waiting.reason.helper()),
            waiting,
            evidence: self.evidence(),
            verified_at: self.verified_at.map(moment_of),
            reopened_at: self.reopened_at.map(moment_of),
            checked_at: self.checked_at.map(moment_of),
            ended_at: self.ended_at.map(moment_of),
            other_accounts,
        }
    }
}

/// Returns the time of the first comparison of an obligation that was decided at `decided_at`; both in microseconds.
pub(crate) fn first_check(decided_at: i64) -> i64 {
    decided_at.saturating_add(1_000_000)
}

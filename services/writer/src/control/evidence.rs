//! Verb `evidence`: the evidence that accounts are off, or the reason why it is missing. Read from the rows, by index.

mod memberships;

use std::collections::HashMap;

use lifecycle::{
    AccountEvidence, AccountOffEvidence, AccountState, ControlError, DesiredState, EVIDENCE_PEOPLE_MAX,
    EvidenceReply, EvidenceRequest, OTHER_ACCOUNTS_PEOPLE_MAX, OtherAccountsReply, OtherAccountsRequest,
    ResourceKind, WaitReason, WaitingFor,
};
use store::StoreError;
use telemetry::chain;
use time::format_description::well_known::Rfc3339;

use super::status::lease_holder;
use super::{WriterControl, refuse_with};
use crate::delivery::pacer::TargetCircuit;
use crate::guard::looks::{DueLooks, account_unverified_since, is_account_due};
use crate::rows::control::PauseScope;
use crate::rows::words::RowStatus;
use crate::rows::{control, load_resources, resource};
use crate::{micros, now};

/// The obstacles that keep requests from a target as a whole.
struct TargetObstacles {
    /// The reason why nothing is sent: the target is paused, not owned, or its circuit is open.
    stopped: Option<WaitReason>,
}

impl TargetObstacles {
    /// Returns the reason why an account that was shown to be off has not been verified since.
    fn unverified(&self, since: Option<i64>) -> Option<WaitReason> {
        let stopped = self.stopped.as_ref()?;
        let since = crate::moment_of(since?).format(&Rfc3339).unwrap_or_default();
        let detail = match &stopped.detail {
            Some(detail) => format!("not verified since {since}: {detail}"),
            None => format!("not verified since {since}"),
        };
        Some(WaitReason::because(stopped.reason, detail))
    }
}

impl WriterControl {
    /// Checks a request for evidence.
    ///
    /// # Errors
    /// If the target is not configured, or if the request names too many people.
    pub(super) fn known_people(&self, request: EvidenceRequest) -> Result<EvidenceRequest, ControlError> {
        self.configured(&request.target)?;
        if request.people.len().max(request.memberships.len()) > EVIDENCE_PEOPLE_MAX {
            return Err(refuse_with(format!("at most {EVIDENCE_PEOPLE_MAX} people at a time")));
        }
        Ok(request)
    }

    /// Checks a request for other accounts.
    ///
    /// # Errors
    /// If the target is not configured, or if the request names too many people.
    pub(super) fn known_leavers(
        &self,
        request: OtherAccountsRequest,
    ) -> Result<OtherAccountsRequest, ControlError> {
        self.configured(&request.target)?;
        if request.people.len() > OTHER_ACCOUNTS_PEOPLE_MAX {
            return Err(refuse_with(format!("at most {OTHER_ACCOUNTS_PEOPLE_MAX} people at a time")));
        }
        Ok(request)
    }

    /// Returns the other accounts that may belong to the requested leavers.
    pub(super) async fn other_accounts(
        &self,
        request: &OtherAccountsRequest,
    ) -> Result<OtherAccountsReply, StoreError> {
        crate::guard::other_accounts::look_up(&self.store, request).await
    }

    /// Returns the evidence for the requested accounts and memberships, and queues those that are due to be read back.
    pub(super) async fn evidence(&self, request: &EvidenceRequest) -> Result<EvidenceReply, StoreError> {
        let EvidenceRequest { target, people, memberships } = request;
        let reader = self.store.reader();
        let mut rows = load_resources(reader, target, ResourceKind::User, people, false).await?;
        let surroundings = self.surroundings(target).await?;
        let at = micros(now());
        let is_due = |row: &&resource::Model| is_wanted_off(row) && is_account_due(row, at);
        let due: Vec<String> = rows.values().filter(is_due).map(|row| row.subject.clone()).collect();
        // Nothing can be read back while nothing is sent.
        let is_stopped = surroundings.stopped.is_some();
        let set_aside = crate::intake::quarantine::departures_of(&self.store, target, people).await?;
        let accounts = account_evidence(people, &mut rows, &surroundings, &set_aside);
        let (memberships, doubtful) = self.memberships(target, memberships, &surroundings).await?;
        if !is_stopped {
            self.look_back(target, DueLooks { people: due, memberships: doubtful }).await;
        }
        Ok(EvidenceReply { accounts, memberships })
    }

    /// Queues the rows to read back. The reply waits for neither the reads nor their success: rows that stay due are
    /// queued again by the next request.
    async fn look_back(&self, target: &str, looks: DueLooks) {
        if looks.is_empty() {
            return;
        }
        if let Err(error) = looks.enqueue(&self.store, target).await {
            let error = chain(&error);
            tracing::warn!(target_name = target, error, "could not look at what must be off yet");
        } else if let Some(wake_up) = self.wake_ups.get(target) {
            wake_up.notify_one();
        }
    }

    /// Returns the obstacles at the target: a pause of everything, no owner, or an open circuit.
    async fn surroundings(&self, target: &str) -> Result<TargetObstacles, StoreError> {
        let row = control::load_control(self.store.reader(), target).await?;
        // A pause of changes that give access stops no switch-off.
        let paused = row.paused().filter(|_| row.pause_scope() == Some(PauseScope::Everything));
        let stopped = match paused {
            Some(paused) => {
                Some(WaitReason::because(WaitingFor::Pause, format!("by {}: {}", paused.who, paused.why)))
            }
            None => self.stopped(target).await?,
        };
        Ok(TargetObstacles { stopped })
    }

    /// Returns the reason why nothing is sent, from memory if this replica owns the target, otherwise as the owner stored it.
    async fn stopped(&self, target: &str) -> Result<Option<WaitReason>, StoreError> {
        if let Some(owned) = self.owned(target) {
            return Ok(match owned.pacer.circuit() {
                TargetCircuit::Open { reason, .. } => Some(WaitReason::because(WaitingFor::Circuit, reason)),
                TargetCircuit::Closed => None,
            });
        }
        Ok(match self.lease(target).await?.filter(|lease| lease_holder(lease).is_some()) {
            None => Some(WaitReason::new(WaitingFor::Owner)),
            Some(lease) => lease.circuit.map(|reason| WaitReason::because(WaitingFor::Circuit, reason)),
        })
    }
}

/// Builds the evidence for each person. A quarantined departure is the reason for a missing one.
fn account_evidence(
    people: &[String],
    rows: &mut HashMap<String, resource::Model>,
    surroundings: &TargetObstacles,
    set_aside: &HashMap<String, WaitReason>,
) -> Vec<AccountEvidence> {
    let evidence = |person: &String| {
        let mut evidence = match rows.remove(person).filter(|row| row.desired_revision > 0) {
            Some(row) => evidence_of_account(&row, surroundings),
            None => AccountEvidence {
                person: person.clone(),
                revision: 0,
                off: None,
                waiting: Some(WaitReason::new(WaitingFor::Delivery)),
            },
        };
        if let Some(waiting) = set_aside.get(person).filter(|_| evidence.off.is_none()) {
            evidence.waiting = Some(waiting.clone());
        }
        evidence
    };
    people.iter().map(evidence).collect()
}

fn evidence_of_account(row: &resource::Model, surroundings: &TargetObstacles) -> AccountEvidence {
    let off = off_evidence(row);
    let waiting = match off {
        Some(_) => surroundings.unverified(account_unverified_since(row, micros(now()))),
        None => Some(waiting_reason(row, surroundings)),
    };
    AccountEvidence { person: row.subject.clone(), revision: row.desired_revision, off, waiting }
}

/// Returns the evidence that an account is off. It counts only while the account is wanted off; an account that must be
/// enabled is about to contradict it.
fn off_evidence(row: &resource::Model) -> Option<AccountOffEvidence> {
    let (kind, at) = shown_off(row).filter(|_| is_wanted_off(row) && !row.has_duplicates())?;
    Some(AccountOffEvidence { kind, at: crate::moment_of(at) })
}

fn is_wanted_off(row: &resource::Model) -> bool {
    matches!(row.desired(), Ok(DesiredState::User(account)) if account.state != AccountState::Active)
}

/// Returns the evidence that first showed the account to be off, and its time (microseconds since the Unix epoch).
fn shown_off(row: &resource::Model) -> Option<(String, i64)> {
    row.off_evidence().map(|evidence| evidence.as_str().to_owned()).zip(row.off_evidence_at)
}

/// Returns the reason why the account of a row is not shown to be off.
fn waiting_reason(row: &resource::Model, surroundings: &TargetObstacles) -> WaitReason {
    let is_referring = row.awaits.is_some();
    if row.off_evidence().is_some() && row.has_duplicates() {
        return WaitReason::because(WaitingFor::Duplicate, duplicates_in_words(row));
    }
    status_reason(row.status(), row.is_queued(), is_referring, surroundings, row.last_error.clone())
}

/// Describes both accounts by their ids.
fn duplicates_in_words(row: &resource::Model) -> String {
    let others = row.duplicates().unwrap_or_default().join(", ");
    match &row.remote_id {
        Some(linked) => format!("account {linked} is off, account {others} of the same person is on"),
        None => format!("account {others} of the same person is on"),
    }
}

/// Returns the reason why a row of this status waits.
fn status_reason(
    row_status: &RowStatus,
    queued: bool,
    is_referring: bool,
    surroundings: &TargetObstacles,
    detail: Option<String>,
) -> WaitReason {
    let reason = match row_status {
        RowStatus::Held => WaitingFor::Hold,
        RowStatus::Rejected => WaitingFor::Rejection,
        RowStatus::Conflict => WaitingFor::Conflict,
        RowStatus::Dead => WaitingFor::DeadLetter,
        RowStatus::Waiting => WaitingFor::Reference,
        _ => match &surroundings.stopped {
            Some(stopped) => return stopped.clone(),
            None if is_referring => WaitingFor::Reference,
            None if *row_status == RowStatus::Retrying => WaitingFor::Retry,
            None if queued => WaitingFor::Queue,
            None => WaitingFor::Evidence,
        },
    };
    WaitReason { reason, detail }
}

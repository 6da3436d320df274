//! Verb `evidence`: what shows that accounts are off, or what they wait for. Read from the rows, by index.

use std::collections::HashMap;

use lifecycle::{
    AccountEvidence, AccountState, ControlError, Desired, EVIDENCE_PEOPLE_MAX, EvidenceReply,
    EvidenceRequest, OffEvidence, ResourceKind, Waiting, WaitingFor,
};
use store::StoreError;

use super::status::holder;
use super::{Control, refusal};
use crate::pacer::Circuit;
use crate::rows::control::PauseScope;
use crate::rows::{control, load_resources, resource, status};

/// What keeps everything at a target from being sent.
struct Surroundings {
    /// Paused, not owned, or not to be asked.
    stopped: Option<Waiting>,
}

impl Control {
    /// # Errors
    /// When the target is not configured, or too many people are asked about.
    pub(super) fn known_people(&self, request: EvidenceRequest) -> Result<EvidenceRequest, ControlError> {
        self.configured(&request.target)?;
        if request.people.len() > EVIDENCE_PEOPLE_MAX {
            return Err(refusal(format!("at most {EVIDENCE_PEOPLE_MAX} people at a time")));
        }
        Ok(request)
    }

    pub(super) async fn evidence(&self, request: &EvidenceRequest) -> Result<EvidenceReply, StoreError> {
        let EvidenceRequest { target, people } = request;
        let reader = self.store.reader();
        let mut rows = load_resources(reader, target, ResourceKind::User, people, false).await?;
        let surroundings = self.surroundings(target).await?;
        Ok(EvidenceReply { accounts: accounts(people, &mut rows, &surroundings) })
    }

    async fn surroundings(&self, target: &str) -> Result<Surroundings, StoreError> {
        let row = control::load(self.store.reader(), target).await?;
        // A pause of what gives access stops no switch-off.
        let paused = row.paused().filter(|_| row.pause_scope() == Some(PauseScope::Everything));
        let stopped = match paused {
            Some(paused) => {
                Some(Waiting::because(WaitingFor::Pause, format!("by {}: {}", paused.who, paused.why)))
            }
            None => self.stopped(target).await?,
        };
        Ok(Surroundings { stopped })
    }

    /// Why nothing is sent, as this replica knows if it owns the target, or as the owner wrote it down.
    async fn stopped(&self, target: &str) -> Result<Option<Waiting>, StoreError> {
        if let Some(owned) = self.owned(target) {
            return Ok(match owned.pacer.circuit() {
                Circuit::Open { reason, .. } => Some(Waiting::because(WaitingFor::Circuit, reason)),
                Circuit::Closed => None,
            });
        }
        Ok(match self.lease(target).await?.filter(|lease| holder(lease).is_some()) {
            None => Some(Waiting::new(WaitingFor::Owner)),
            Some(lease) => lease.circuit.map(|reason| Waiting::because(WaitingFor::Circuit, reason)),
        })
    }
}

fn accounts(
    people: &[String],
    rows: &mut HashMap<String, resource::Model>,
    surroundings: &Surroundings,
) -> Vec<AccountEvidence> {
    people
        .iter()
        .map(|person| match rows.remove(person).filter(|row| row.desired_revision > 0) {
            Some(row) => account(&row, surroundings),
            None => AccountEvidence {
                person: person.clone(),
                revision: 0,
                off: None,
                waiting: Some(Waiting::new(WaitingFor::Delivery)),
            },
        })
        .collect()
}

fn account(row: &resource::Model, surroundings: &Surroundings) -> AccountEvidence {
    let off = off_evidence(row);
    let waiting = off.is_none().then(|| waiting(row, surroundings));
    AccountEvidence { person: row.subject.clone(), revision: row.desired_revision, off, waiting }
}

/// The evidence counts while the account is wanted off; what is to be enabled is about to contradict it.
fn off_evidence(row: &resource::Model) -> Option<OffEvidence> {
    let is_wanted_off =
        matches!(row.desired(), Ok(Desired::User(account)) if account.state != AccountState::Active);
    if !is_wanted_off {
        return None;
    }
    let (kind, at) = shown_off(row)?;
    Some(OffEvidence { kind, at: crate::moment(at) })
}

/// What first showed that the account is off, and when (microseconds since the Unix epoch).
fn shown_off(row: &resource::Model) -> Option<(String, i64)> {
    row.off_evidence.clone().zip(row.off_evidence_at)
}

fn waiting(row: &resource::Model, surroundings: &Surroundings) -> Waiting {
    let detail = row.last_error.clone();
    let reason = match row.status.as_str() {
        status::HELD => WaitingFor::Hold,
        status::REJECTED => WaitingFor::Rejection,
        status::CONFLICT => WaitingFor::Conflict,
        status::DEAD => WaitingFor::DeadLetter,
        status::WAITING => WaitingFor::Reference,
        _ => match &surroundings.stopped {
            Some(stopped) => return stopped.clone(),
            None if row.awaits.is_some() => WaitingFor::Reference,
            None if row.status == status::RETRYING => WaitingFor::Retry,
            None if row.queued => WaitingFor::Queue,
            None => WaitingFor::Evidence,
        },
    };
    Waiting { reason, detail }
}

//! Verb `status`: reports every target with its queue.

use lifecycle::{StatusReply, TargetStatus};
use sea_orm::EntityTrait;
use store::StoreError;

use super::WriterControl;
use crate::ownership::queue::count_queue;
use crate::rows::{control, target, verification};
use crate::{micros, now};

impl WriterControl {
    /// Reports every configured target, the outbox and the notices of the recovery.
    pub(super) async fn status(&self) -> Result<StatusReply, StoreError> {
        let mut targets = Vec::new();
        let mut names: Vec<&String> = self.owned.keys().collect();
        names.sort();
        for name in names {
            targets.push(self.target_status(name).await?);
        }
        let outbox = Some(self.relay.status().await?);
        Ok(StatusReply { targets, outbox, notices: self.recovery.notices() })
    }

    /// Reports one target: its owner, circuit, queue, pause, verification and remarks.
    async fn target_status(&self, name: &str) -> Result<TargetStatus, StoreError> {
        let lease = self.lease(name).await?;
        let counts = count_queue(&self.store, name).await?;
        let paused = control::load_control(self.store.reader(), name).await?.paused();
        let circuit = match &paused {
            Some(paused) => format!("paused by {}: {}", paused.who, paused.why),
            None => self.circuit(name, lease.as_ref()),
        };
        Ok(TargetStatus {
            target: name.to_owned(),
            owner: lease.as_ref().and_then(lease_holder),
            epoch: lease.map_or(0, |lease| lease.epoch),
            circuit,
            resources: counts.by_status(),
            queue: counts.by_lane(),
            paused,
            unverified: self.unverified(name).await?,
            remarks: self.remarks(name).await?,
        })
    }

    /// Returns the reason for the restriction to switch-offs, while one applies.
    async fn unverified(&self, name: &str) -> Result<Option<String>, StoreError> {
        if !self.gates.get(name).is_some_and(|gate| gate.only_switches_off()) {
            return Ok(None);
        }
        let rows = verification::load_all(self.store.reader()).await?;
        let row = rows.into_iter().find(|row| row.target == name);
        Ok(row.and_then(|row| row.restriction().map(str::to_owned)))
    }

    /// Describes the circuit of the target, from memory if this replica owns it, otherwise as the owner stored it.
    fn circuit(&self, name: &str, lease: Option<&target::Model>) -> String {
        if let Some(target) = self.owned(name) {
            return describe_circuit(target.pacer.circuit().reason());
        }
        match lease.map(|lease| (lease, lease_holder(lease))) {
            Some((_, Some(owner))) if owner == self.replica => "is being taken over".to_owned(),
            Some((lease, Some(_))) => describe_circuit(lease.circuit.as_deref()),
            _ => "no replica owns the target".to_owned(),
        }
    }

    /// Returns the lease of a target as stored in the database.
    pub(super) async fn lease(&self, name: &str) -> Result<Option<target::Model>, StoreError> {
        target::Entity::find_by_id(name.to_owned())
            .one(self.store.reader())
            .await
            .map_err(StoreError::statement("read the lease"))
    }
}

/// Returns the replica that holds the lease now.
pub(super) fn lease_holder(lease: &target::Model) -> Option<String> {
    lease.owner.clone().filter(|_| lease.lease_until > micros(now()))
}

/// Describes the circuit in words.
fn describe_circuit(reason: Option<&str>) -> String {
    reason.map_or_else(|| "closed".to_owned(), |reason| format!("open: {reason}"))
}

//! Verb `status`: reports every target with its queue.

use std::collections::BTreeMap;

use lifecycle::{Lane, ResourceKind, StatusReply, TargetStatus};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};
use store::{Store, StoreError};
use telemetry::chain;

use super::WriterControl;
use crate::pacer::TargetCircuit;
use crate::rows::{control, edge, resource, status, target, verification};
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
            queue: counts.queue(),
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
            return describe_circuit(circuit_reason(&target.pacer.circuit()));
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

/// The number of rows with the same kind, status, lane and place in the queue.
#[derive(Debug, FromQueryResult)]
struct StatusCount {
    kind: String,
    status: String,
    lane: i16,
    queued: bool,
    rows: i64,
}

/// The counts of all rows of one target.
struct QueueCounts(Vec<StatusCount>);

impl QueueCounts {
    /// Returns the counts by `<kind>.<status>`.
    fn by_status(&self) -> BTreeMap<String, i64> {
        let mut out = BTreeMap::new();
        for count in &self.0 {
            *out.entry(format!("{}.{}", count.kind, count.status)).or_default() += count.rows;
        }
        out
    }

    /// Returns the counts of queued rows by lane.
    fn queue(&self) -> BTreeMap<String, i64> {
        let mut out: BTreeMap<String, i64> =
            Lane::ALL.into_iter().map(|lane| (lane.as_str().to_owned(), 0)).collect();
        for count in self.0.iter().filter(|count| count.queued) {
            *out.entry(Lane::from_rank(count.lane).as_str().to_owned()).or_default() += count.rows;
        }
        out
    }
}

/// Counts the resources and memberships of a target.
async fn count_queue(store: &Store, target: &str) -> Result<QueueCounts, StoreError> {
    let read = StoreError::statement("count the queue");
    let mut counts = resource::Entity::find()
        .select_only()
        .columns([
            resource::Column::Kind,
            resource::Column::Status,
            resource::Column::Lane,
            resource::Column::Queued,
        ])
        .column_as(resource::Column::Subject.count(), "rows")
        .filter(resource::Column::Target.eq(target))
        .group_by(resource::Column::Kind)
        .group_by(resource::Column::Status)
        .group_by(resource::Column::Lane)
        .group_by(resource::Column::Queued)
        .into_model::<StatusCount>()
        .all(store.reader())
        .await
        .map_err(&read)?;
    let edges = edge::Entity::find()
        .select_only()
        .column_as(Expr::value(ResourceKind::Membership.as_str()), "kind")
        .columns([edge::Column::Status, edge::Column::Lane, edge::Column::Queued])
        .column_as(edge::Column::MemberSubject.count(), "rows")
        .filter(edge::Column::Target.eq(target))
        .group_by(edge::Column::Status)
        .group_by(edge::Column::Lane)
        .group_by(edge::Column::Queued)
        .into_model::<StatusCount>()
        .all(store.reader())
        .await
        .map_err(&read)?;
    counts.extend(edges);
    Ok(QueueCounts(counts))
}

/// Updates the queue depth metrics of a target.
pub(crate) async fn observe_queue(store: &Store, target: &str) {
    match count_queue(store, target).await {
        Ok(QueueCounts(counts)) => {
            for lane in Lane::ALL {
                for status in status::ALL {
                    let here =
                        counts.iter().filter(|count| count.lane == lane.rank() && count.status == status);
                    telemetry::metrics::queue_depth(target, lane, status, here.map(|count| count.rows).sum());
                }
            }
        }
        Err(error) => {
            tracing::warn!(target_name = target, error = chain(&error), "could not count the queue")
        }
    }
}

/// Returns the reason why the circuit is open, if it is.
pub(crate) fn circuit_reason(circuit: &TargetCircuit) -> Option<&str> {
    match circuit {
        TargetCircuit::Closed => None,
        TargetCircuit::Open { reason, .. } => Some(reason),
    }
}

/// Describes the circuit in words.
fn describe_circuit(reason: Option<&str>) -> String {
    reason.map_or_else(|| "closed".to_owned(), |reason| format!("open: {reason}"))
}

//! Reads the queue, and holds excessive removals before any of them is sent.

use std::sync::Arc;

use store::StoreError;
use telemetry::chain;
use tokio::time::Instant;

use super::OwnershipSession;
use crate::delivery::listing;
use crate::guard::permission;
use crate::ownership::ready::{QueueSource, ReadyQueue};
use crate::rows::control::{self, PauseScope};
use crate::rows::facts::TransactionFacts;
use crate::{micros, now};

impl OwnershipSession<'_> {
    /// Returns the scope of the pause, if the target is paused. An operator who resumes the target has seen the remarks
    /// about it, so its address and its missing accounts are believed from then on.
    async fn pause_scope(&mut self) -> Option<PauseScope> {
        match control::load_control(self.owner.store.reader(), &self.owner.target).await {
            Ok(row) => {
                if row.paused_by.is_none() && row.paused_at > self.let_go_on_at {
                    self.let_go_on_at = row.paused_at;
                    self.target.gone.believe();
                    if let Err(error) =
                        self.target.address.confirm(&self.owner.store, &self.owner.target).await
                    {
                        let error = chain(&error);
                        tracing::warn!(target_name = %self.owner.target, error, "could not keep that the address is right");
                    }
                }
                row.pause_scope()
            }
            Err(error) => {
                tracing::warn!(target_name = %self.owner.target, error = chain(&error), "could not see whether the target is paused");
                Some(PauseScope::Everything)
            }
        }
    }

    /// Holds excessive changes of access before any of them is sent. Returns whether any row was held.
    async fn hold_excess(&self) -> Result<bool, StoreError> {
        let (store, target) = (&self.owner.store, &self.owner.target);
        let sum = permission::AccessSum::read(store.reader(), target).await?;
        if sum.objections().is_empty() {
            return Ok(false);
        }
        let tx = store.begin().await?;
        let mut news = TransactionFacts::default();
        let held = permission::hold_excess(&tx, target, &mut news).await?;
        let parcel = news.store(&tx).await?;
        tx.commit().await.map_err(StoreError::statement("hold removals"))?;
        self.owner.relay.send(parcel).await;
        if let Some((count, reason)) = &held {
            tracing::error!(target_name = %target, count, reason, "changes of access are held until a human decides");
        }
        Ok(held.is_some())
    }

    pub(super) async fn read_queue(&mut self) {
        let begun = Instant::now();
        self.reload().await;
        self.freshness.read(begun);
    }

    /// Reads the queue with respect to pauses and verifications, and holds excessive changes of access.
    async fn reload(&mut self) {
        let scope = self.pause_scope().await;
        let pauses_grants = scope == Some(PauseScope::Grants);
        self.only_switch_offs = pauses_grants || self.owner.gate.only_switches_off();
        if scope == Some(PauseScope::Everything) {
            self.ready = ReadyQueue::default();
            return;
        }
        self.load(pauses_grants).await;
        if self.begin_listing() {
            self.load(pauses_grants).await;
        }
        if !self.ready.needs_permission() {
            return;
        }
        // No such row is sent without permission anyway: this only reports the hold at once.
        match self.hold_excess().await {
            Ok(false) => {}
            Ok(true) => self.load(pauses_grants).await,
            Err(error) => {
                tracing::warn!(target_name = %self.owner.target, error = chain(&error), "could not add up changes of access");
            }
        }
    }

    /// Starts to read the whole target if many accounts need a lookup, because that may be cheaper. Returns whether it started.
    fn begin_listing(&mut self) -> bool {
        let Some(paths) = self.ready.to_be_looked_for(listing::ACCOUNTS_MIN) else { return false };
        if !listing::is_possible(self.target.client.profile()) || !self.target.listing.begin() {
            return false;
        }
        self.listing.spawn(listing::read_target(Arc::clone(&self.target), paths));
        true
    }

    /// Loads the queue. Leaves out changes that give access while they are paused.
    async fn load(&mut self, pauses_grants: bool) {
        let source = QueueSource {
            store: &self.owner.store,
            owned: &self.target,
            target: &self.owner.target,
            in_flight: &self.in_flight,
            members_per_request_max: self.chunk,
            members_readable: self.target.client.profile().membership.readable,
            leave_unlinked: self.target.listing.is_reading(),
            only_switches_off: self.owner.gate.only_switches_off(),
        };
        match source.load(micros(now())).await {
            Ok(ready) => {
                self.ready = ready;
                if pauses_grants {
                    self.ready.leave_out_grants();
                }
            }
            Err(error) => {
                tracing::warn!(target_name = %self.owner.target, error = chain(&error), "could not read the queue");
            }
        }
    }
}

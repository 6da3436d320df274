//! Reads the queue, and holds what would take away too much before any of it is sent.

use std::sync::Arc;

use store::StoreError;
use tokio::time::Instant;

use super::OwnershipSession;
use crate::facts::TransactionFacts;
use crate::ready::{QueueSource, ReadyQueue};
use crate::rows::control::{self, PauseScope};
use crate::{listing, micros, now, permission};

impl OwnershipSession<'_> {
    /// What is not sent, if the target is paused. The operator who let it go on knows what there was to know of it.
    async fn pause_scope(&mut self) -> Option<PauseScope> {
        match control::load_control(self.owner.store.reader(), &self.owner.target).await {
            Ok(row) => {
                if row.paused_by.is_none() && row.paused_at > self.let_go_on_at {
                    self.let_go_on_at = row.paused_at;
                    self.target.gone.believe();
                    if let Err(error) =
                        self.target.address.confirm(&self.owner.store, &self.owner.target).await
                    {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(target_name = %self.owner.target, error, "could not keep that the address is right");
                    }
                }
                row.pause_scope()
            }
            Err(error) => {
                tracing::warn!(target_name = %self.owner.target, error = %error, "could not see whether the target is paused");
                Some(PauseScope::Everything)
            }
        }
    }

    /// Holds what would take away too much before any of it is sent; says whether anything was held.
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
        // None of them goes out without permission anyway: this only tells at once.
        match self.hold_excess().await {
            Ok(false) => {}
            Ok(true) => self.load(pauses_grants).await,
            Err(error) => {
                tracing::warn!(target_name = %self.owner.target, error = %error, "could not add up changes of access");
            }
        }
    }

    /// Many accounts are to be looked for: reading the whole target may be cheaper. Says whether it begins.
    fn begin_listing(&mut self) -> bool {
        let Some(paths) = self.ready.to_be_looked_for(listing::ACCOUNTS_MIN) else { return false };
        if !listing::is_possible(self.target.client.profile()) || !self.target.listing.begin() {
            return false;
        }
        self.listing.spawn(listing::read_target(Arc::clone(&self.target), paths));
        true
    }

    async fn load(&mut self, pauses_grants: bool) {
        let source = QueueSource {
            store: &self.owner.store,
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
                tracing::warn!(target_name = %self.owner.target, error = %error, "could not read the queue");
            }
        }
    }
}

//! Renews a lease beside the work, so that no slow statement or long queue lets it run out.
//!
//! A renewal that fails is tried again at once. When the term is over meanwhile, nothing is sent, and nothing is given up
//! either: the lease is lost only when another replica has it.

use std::time::Duration;

use store::Store;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::lease::TargetLease;

/// Renewals per lease term.
const RENEWALS: u32 = 4;
/// How soon a renewal is tried again that failed.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// Keeps a lease until it is stopped, or another replica has it.
pub(super) struct LeaseKeeper {
    renewing: JoinHandle<()>,
}

impl LeaseKeeper {
    pub(super) fn spawn(lease: TargetLease, store: Store) -> Self {
        Self { renewing: tokio::spawn(keep_lease(lease, store)) }
    }

    /// Renews no more, once this returns.
    pub(super) async fn stop(mut self) {
        self.renewing.abort();
        let _ = (&mut self.renewing).await; // aborted, or ended before
    }
}

impl Drop for LeaseKeeper {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

async fn keep_lease(lease: TargetLease, store: Store) {
    let mut renewal = tokio::time::interval(lease.length() / RENEWALS);
    renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut was_ours = true;
    loop {
        renewal.tick().await;
        match lease.renew(&store).await {
            Ok(true) if was_ours => {}
            Ok(true) => {
                tracing::info!(target_name = %lease.target(), "the lease is renewed: no other replica had the target");
            }
            Ok(false) => {
                tracing::warn!(target_name = %lease.target(), "another replica took the target");
                return;
            }
            Err(error) => {
                tracing::warn!(target_name = %lease.target(), error = &error as &dyn std::error::Error, "could not renew the lease yet");
                renewal.reset_after(RETRY_AFTER);
            }
        }
        if was_ours && !lease.is_ours() {
            tracing::warn!(target_name = %lease.target(), "the lease ran out: nothing is sent, another replica may have the target");
        }
        was_ours = lease.is_ours();
    }
}

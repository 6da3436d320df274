//! Renews a lease in a separate task, so that no slow statement or long queue lets it expire.
//!
//! A failed renewal is retried at once. If the term ends in the meantime, no request is sent, but the target is not given
//! up either: the lease is lost only when another replica has it.

use std::time::Duration;

use store::Store;
use telemetry::chain;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::lease::TargetLease;

/// The number of renewals per lease term.
const RENEWALS: u32 = 4;
/// The delay before a failed renewal is retried.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// Keeps a lease until it is stopped, or until another replica has the target.
pub(super) struct LeaseKeeper {
    renewing: JoinHandle<()>,
}

impl LeaseKeeper {
    pub(super) fn spawn(lease: TargetLease, store: Store) -> Self {
        Self { renewing: tokio::spawn(keep_lease(lease, store)) }
    }

    /// Stops the renewals. None follows after this returns.
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

/// Renews the lease until another replica has the target, and logs changes of its state.
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
                tracing::warn!(target_name = %lease.target(), error = chain(&error), "could not renew the lease yet");
                renewal.reset_after(RETRY_AFTER);
            }
        }
        if was_ours && !lease.is_ours() {
            tracing::warn!(target_name = %lease.target(), "the lease ran out: nothing is sent, another replica may have the target");
        }
        was_ours = lease.is_ours();
    }
}

//! Ownership of work that only one replica at a time may do: claims its lease, runs it, renews the lease meanwhile, and releases it.
//!
//! The work is told when its time is over: the process stops, another replica has the lease, or the lease could not be
//! renewed before its end. The end is a deadline on this process's monotonic clock, taken before each renewal is sent, so
//! it is never later than the end in the database, and neither a slow database nor a wrong clock extends it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use retry::RetryDelays;
use telemetry::chain;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use crate::lease::TableLease;
use crate::{Store, StoreError};

/// The maximum pause between two claims while the database fails.
const CLAIM_PAUSE_MAX: Duration = Duration::from_secs(10);

/// The maximum time for the release of a lease: it runs out anyway.
const RELEASE_MAX: Duration = Duration::from_secs(5);

/// Work that only the replica that holds its lease may do.
pub trait LeasedWork: Sync {
    /// Works until `lease` is over, and then ends within [`OwnershipTerms::ending_max`], but not later than the lease
    /// does. Work that returns earlier gives the lease up, and is claimed again after a pause.
    fn work(&self, lease: &HeldLease) -> impl Future<Output = ()> + Send;
}

/// The name of a lease and its times.
#[derive(Debug, Clone)]
pub struct OwnershipTerms {
    /// The service whose table has the lease.
    pub service: &'static str,
    /// The name of the lease.
    pub name: String,
    /// The name of this replica.
    pub replica: String,
    /// The time after which another replica may take over from a silent one.
    pub length: Duration,
    /// The interval at which the owner renews its lease.
    pub renew_every: Duration,
    /// The interval at which a replica without the lease tries to claim it. It grows with each failure of the database.
    pub claim_every: Duration,
    /// The maximum time for the work to end when the process stops; it is dropped then. If the lease ends or is lost, the
    /// work is dropped at once.
    pub ending_max: Duration,
}

/// A lease while it is held, as the work sees it.
#[derive(Debug)]
pub struct HeldLease {
    over: CancellationToken,
    /// The time until which no other replica can have the lease.
    deadline: Mutex<Instant>,
}

impl HeldLease {
    fn new(stop: &CancellationToken, deadline: Instant) -> Self {
        Self { over: stop.child_token(), deadline: Mutex::new(deadline) }
    }

    fn deadline(&self) -> Instant {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the work must end.
    pub fn over(&self) -> WaitForCancellationFuture<'_> {
        self.over.cancelled()
    }

    /// Returns whether the work may go on. Look at it before each step that another replica must not do too: a process
    /// that was stopped for longer than the lease sees it here at once.
    pub fn is_held(&self) -> bool {
        !self.over.is_cancelled() && Instant::now() < self.deadline()
    }

    /// Notes that another replica has the lease.
    fn lose(&self) {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Waits until work that does not end by itself must be dropped. The deadline moves meanwhile if the lease is renewed.
    async fn must_be_dropped(&self, ending_max: Duration) {
        self.over().await;
        let latest = Instant::now() + ending_max;
        while Instant::now() < latest.min(self.deadline()) {
            tokio::time::sleep_until(latest.min(self.deadline())).await;
        }
    }

    /// Moves the deadline to the end of a term that was asked for at `sent`.
    fn extend(&self, sent: Instant, length: Duration) {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = sent + length;
    }
}

/// Does `work` on one replica at a time, until `stop`.
pub async fn run_owned(
    store: &Store,
    terms: &OwnershipTerms,
    work: &impl LeasedWork,
    stop: CancellationToken,
) {
    let mut delays = RetryDelays::new(terms.claim_every, CLAIM_PAUSE_MAX);
    while !stop.is_cancelled() {
        let pause = match run_once(store, terms, work, &stop).await {
            Ok(_) => {
                delays.reset();
                terms.claim_every
            }
            Err(error) => {
                tracing::warn!(lease = terms.name, error = chain(&error), "a lease could not be claimed");
                delays.next_delay()
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Does `work` once, unless another replica has its lease. Returns whether this replica did it.
///
/// # Errors
/// Returns an error if the lease could not be claimed.
pub async fn run_once(
    store: &Store,
    terms: &OwnershipTerms,
    work: &impl LeasedWork,
    stop: &CancellationToken,
) -> Result<bool, StoreError> {
    let asked = Instant::now();
    let OwnershipTerms { service, name, replica, length, .. } = terms;
    let claimed = tokio::select! {
        () = stop.cancelled() => return Ok(false),
        // A claim that takes longer than the term would give a lease that has ended.
        claimed = tokio::time::timeout_at(asked + *length, TableLease::acquire(store, service, name, replica, *length)) => {
            match claimed {
                Ok(claimed) => claimed?,
                Err(_) => {
                    tracing::warn!(lease = name, "a claim took longer than the lease: the database does not answer");
                    return Ok(false);
                }
            }
        }
    };
    let Some(lease) = claimed else { return Ok(false) };
    own(store, terms, &lease, work, &HeldLease::new(stop, asked + *length)).await;
    Ok(true)
}

/// Works and renews the lease, and releases it when the work has ended or was dropped.
async fn own(
    store: &Store,
    terms: &OwnershipTerms,
    lease: &TableLease,
    work: &impl LeasedWork,
    held: &HeldLease,
) {
    let ending = held.must_be_dropped(terms.ending_max);
    let renewing = async {
        keep_renewing(store, terms, lease, held).await;
        held.over.cancel();
        std::future::pending::<()>().await
    };
    tokio::select! {
        biased; // the work sees that its time is over before it is dropped
        () = work.work(held) => {}
        () = ending => {
            tracing::info!(lease = terms.name, "work did not end with its lease and was dropped");
        }
        () = renewing => {}
    }
    match tokio::time::timeout(RELEASE_MAX, lease.release(store)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::debug!(error = chain(&error), "a lease was not released, it runs out");
        }
        Err(_) => tracing::debug!(lease = terms.name, "a lease was not released in time, it runs out"),
    }
}

/// Renews the lease, and returns when it is lost or its time is over.
async fn keep_renewing(store: &Store, terms: &OwnershipTerms, lease: &TableLease, held: &HeldLease) {
    let name = terms.name.as_str();
    loop {
        let deadline = held.deadline();
        tokio::time::sleep_until(deadline.min(Instant::now() + terms.renew_every)).await;
        let sent = Instant::now();
        match tokio::time::timeout_at(deadline, lease.renew(store)).await {
            Ok(Ok(true)) => held.extend(sent, terms.length),
            Ok(Ok(false)) => {
                tracing::info!(lease = name, "another replica has the lease");
                held.lose();
                return;
            }
            Ok(Err(error)) => {
                tracing::warn!(lease = name, error = chain(&error), "a lease was not renewed");
                if Instant::now() >= deadline {
                    return;
                }
            }
            Err(_) => {
                tracing::warn!(lease = name, "a lease was not renewed before its end");
                return;
            }
        }
    }
}

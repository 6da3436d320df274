//! Converges one target for as long as this replica holds its lease.

mod inheritance;
mod keeper;
mod session;
mod work;

use std::sync::Arc;
use std::time::Duration;

use relay::OutboxPublisher;
use scim::{ScimClient, TargetConnection};
use store::{Store, StoreError};
use telemetry::{Shutdown, chain};
use tokio::sync::{Notify, mpsc};

use crate::config::{RetryConfig, TouchRules};
use crate::delivery::address::TargetAddress;
use crate::delivery::attribution::FailureAttribution;
use crate::delivery::call::OwnedTarget;
use crate::delivery::client::TargetClient;
use crate::delivery::leftovers::LeftoverSearch;
use crate::delivery::links::LinkClaims;
use crate::delivery::listing;
use crate::delivery::pacer::{RequestPacer, TargetPace, TargetSignal};
use crate::delivery::sight::TargetSight;
use crate::guard::gone::GoneCounter;
use crate::guard::never::NeverList;
use crate::lease::TargetLease;
use crate::ownership::verification::VerificationGate;
use crate::results::ResultCommitter;
use keeper::LeaseKeeper;
use session::OwnershipSession;

/// The maximum number of results that wait for the committer. Beyond it, jobs wait.
const RESULTS_MAX: usize = 1_024;
/// The number of tries per term to take a lease that another replica holds.
const TRIES: u32 = 8;
/// The maximum pause between two tries, so that an owner that releases its lease is soon followed, even if a term is long.
const TRY_AGAIN_MAX: Duration = Duration::from_secs(1);

/// The dependencies and settings for converging one target.
pub(crate) struct TargetOwner {
    pub(crate) target: String,
    pub(crate) connection: TargetConnection,
    pub(crate) store: Store,
    pub(crate) relay: OutboxPublisher,
    pub(crate) replica: String,
    pub(crate) lease_length: Duration,
    pub(crate) attempts_max: i32,
    pub(crate) retry: RetryConfig,
    /// The wake-up after the target's rows have changed.
    pub(crate) wake_up: Arc<Notify>,
    /// The interval between scheduled reconciliations of the whole target.
    pub(crate) reconcile_every: Option<Duration>,
    /// The slot through which operators reach the target while this replica owns it.
    pub(crate) owned: Arc<std::sync::Mutex<Option<Arc<OwnedTarget>>>>,
    /// The gate that limits the work before a verification.
    pub(crate) gate: Arc<VerificationGate>,
    /// The rules about what is at the target already.
    pub(crate) touch: TouchRules,
}

impl TargetOwner {
    /// Takes the lease whenever it is free, and converges while it holds it, until shutdown.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        while !shutdown.soft.is_cancelled() {
            match TargetLease::acquire(&self.store, &self.target, &self.replica, self.lease_length).await {
                Ok(Some(lease)) => {
                    tracing::info!(target_name = %self.target, "target is ours");
                    if let Err(error) = self.converge(lease, &shutdown).await {
                        tracing::error!(target_name = %self.target, error = chain(&error), "lost the target for a moment");
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(target_name = %self.target, error = chain(&error), "could not ask for the lease")
                }
            }
            let pause = (self.lease_length / TRIES).min(TRY_AGAIN_MAX);
            tokio::select! {
                () = shutdown.soft.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Runs one ownership session: takes over the previous state, works until shutdown or the loss of the lease, and releases it.
    async fn converge(&self, lease: TargetLease, shutdown: &Shutdown) -> Result<(), StoreError> {
        let keeper = LeaseKeeper::spawn(lease.clone(), self.store.clone());
        self.doubt_unfinished_memberships(&lease).await?;
        self.apply_nesting().await?;
        self.doubt_unfinished_accounts(&lease).await?;
        let client = match ScimClient::new(self.connection.clone()) {
            Ok(client) => client,
            Err(error) => {
                tracing::error!(target_name = %self.target, error = chain(&error), "cannot talk to the target");
                keeper.stop().await;
                return lease.release(&self.store).await;
            }
        };
        let address = TargetAddress::load(&self.store, &self.target, &self.connection.base_url).await?;
        let profile = client.profile();
        let pace = TargetPace {
            requests_per_second: profile.rate.ours_per_second(),
            burst: profile.rate.burst,
            concurrency_max: usize::try_from(profile.concurrency_max).unwrap_or(1),
        };
        let pacer = RequestPacer::spawn(&self.target, pace, &profile.rate);
        if let Some(left) = self.pause_left().await? {
            let why = "the target asked for a pause, before this replica took it over".to_owned();
            pacer.hear(TargetSignal::Unavailable(why, Some(left)));
        }
        let (results, inbox) = mpsc::channel(RESULTS_MAX);
        let (done, committed) = mpsc::unbounded_channel();
        let committer = tokio::spawn(self.committer(lease.clone(), shutdown).run(inbox, done));
        let target = Arc::new(OwnedTarget {
            name: self.target.clone(),
            client: TargetClient::new(client),
            store: self.store.clone(),
            pacer,
            lease: lease.clone(),
            listing: listing::TargetListing::default(),
            attribution: FailureAttribution::new(self.retry.suspect_target()),
            gone: GoneCounter::new(),
            leftovers: LeftoverSearch::default(),
            sight: TargetSight::default(),
            claims: LinkClaims::default(),
            address,
            never: NeverList::new(self.touch.never.clone()),
            adoption: self.touch.adoption.clone(),
            adopted_deletion: self.touch.deletion,
        });
        *self.owned.lock().expect("nothing panics while holding it") = Some(Arc::clone(&target));
        let mut session = OwnershipSession::new(self, target, lease.clone(), results, committed);
        let kept = session.work(shutdown).await;
        *self.owned.lock().expect("nothing panics while holding it") = None;
        session.finish(shutdown).await;
        if committer.await.is_err() {
            tracing::error!(target_name = %self.target, "the committer panicked");
        }
        // The keeper stops only when everything is committed: a lease that is renewed after its release would keep other replicas out.
        keeper.stop().await;
        if kept { lease.release(&self.store).await } else { Ok(()) }
    }

    /// Builds the committer for one ownership session.
    fn committer(&self, lease: TargetLease, shutdown: &Shutdown) -> ResultCommitter {
        ResultCommitter {
            stopping: shutdown.soft.clone(),
            store: self.store.clone(),
            relay: self.relay.clone(),
            lease,
            target: self.target.clone(),
            attempts_max: self.attempts_max,
            retry: self.retry,
            settle: Duration::from_secs(self.connection.profile.settle_seconds),
        }
    }
}

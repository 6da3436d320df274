//! The ownership session: the work on a target while its lease is held. The most urgent job gets the next request slot.

mod beginning;
mod reading;

use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use lifecycle::Lane;
use store::StoreError;
use telemetry::{Shutdown, chain};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::TargetOwner;
use crate::converge::outcome::WorkResult;
use crate::delivery::call::OwnedTarget;
use crate::delivery::listing;
use crate::delivery::pacer::{RequestPermit, RequestUrgency, TargetCircuit};
use crate::guard::group_limit;
use crate::guard::safety;
use crate::guard::touches;
use crate::lease::TargetLease;
use crate::ownership::grace;
use crate::ownership::ready::ReadyQueue;
use crate::ownership::stale::StaleTarget;
use crate::ownership::unreadable;
use crate::reconcile;
use crate::results::{CommittedResults, look_at_waiting, wake_forgotten_memberships};
use crate::rows::ResourceKey;
use crate::{micros, now};

/// The interval at which the queue is read without a wake-up.
const LOOK_EVERY: Duration = Duration::from_millis(250);
const SWEEP_EVERY: Duration = Duration::from_secs(5);
/// The number of jobs under way for each request that may be: most jobs need more than one request.
const WORKING_PER_REQUEST: usize = 2;
/// The minimum length of a pause that is stored. It is longer than any pause of our own accord, so that an operator who
/// repairs a credential and restarts need not wait.
const PAUSE_REMEMBERED_MIN: Duration = Duration::from_secs(45);
/// The number of requests per second up to which a target is slow.
const SLOW_RATE_MAX: f64 = 50.0;

/// The ownership session: the time between acquiring and giving up a lease.
pub(super) struct OwnershipSession<'a> {
    owner: &'a TargetOwner,
    target: Arc<OwnedTarget>,
    lease: TargetLease,
    results: mpsc::Sender<WorkResult>,
    committed: mpsc::UnboundedReceiver<CommittedResults>,
    /// The reconciliation of the whole target, while one is under way; `listing` is the reading of its accounts.
    comparing: JoinSet<()>,
    listing: JoinSet<()>,
    working: JoinSet<()>,
    in_flight: HashSet<ResourceKey>,
    /// The rows that were noted as being sent and are not begun yet, with their revisions.
    noted: HashMap<ResourceKey, i64>,
    ready: ReadyQueue,
    chunk: usize,
    /// The maximum number of jobs under way at the same time, except for leavers.
    working_max: usize,
    /// The number of jobs that were begun.
    begun: u32,
    /// The place in the queue for a request slot, and its lane.
    place: Option<(Lane, PermitFuture)>,
    /// The time at which an operator last resumed the target.
    let_go_on_at: Option<i64>,
    freshness: QueueFreshness,
    /// The reason for the open circuit that the other replicas were last told.
    circuit_told: Option<String>,
    /// The target is paused for changes that give access, or the desired state must be verified: only switch-offs are sent.
    only_switch_offs: bool,
    /// True if reading the queue takes much less time than a request slot.
    is_slow: bool,
}

/// The future of the permit for the next request.
type PermitFuture = Pin<Box<dyn Future<Output = RequestPermit> + Send + Sync>>;

/// Tracks whether the queue that was read is still current, and when it may be read again. Reading takes at most half of
/// the time, so that it never delays requests, however long the queue is and however many wake-ups there are.
#[derive(Debug)]
struct QueueFreshness {
    stale: bool,
    again_from: Instant,
}

impl QueueFreshness {
    fn is_due(&self) -> bool {
        self.stale && Instant::now() >= self.again_from
    }

    fn read(&mut self, begun: Instant) {
        self.stale = false;
        self.again_from = Instant::now() + begun.elapsed();
    }
}

impl<'a> OwnershipSession<'a> {
    pub(super) fn new(
        owner: &'a TargetOwner,
        target: Arc<OwnedTarget>,
        lease: TargetLease,
        results: mpsc::Sender<WorkResult>,
        committed: mpsc::UnboundedReceiver<CommittedResults>,
    ) -> Self {
        let profile = target.client.profile();
        let concurrency_max = usize::try_from(profile.concurrency_max).unwrap_or(1);
        let chunk = profile.membership.members_per_request_max.max(1);
        let is_slow = profile.rate.ours_per_second().is_some_and(|rate| rate <= SLOW_RATE_MAX);
        Self {
            owner,
            target,
            lease,
            results,
            committed,
            comparing: JoinSet::new(),
            listing: JoinSet::new(),
            working: JoinSet::new(),
            in_flight: HashSet::new(),
            noted: HashMap::new(),
            ready: ReadyQueue::default(),
            chunk,
            working_max: concurrency_max.saturating_mul(WORKING_PER_REQUEST),
            begun: 0,
            place: None,
            let_go_on_at: Some(micros(now())),
            is_slow,
            only_switch_offs: false,
            circuit_told: None,
            freshness: QueueFreshness { stale: true, again_from: Instant::now() },
        }
    }

    /// Works on the target until shutdown. Returns `false` if the lease was lost.
    pub(super) async fn work(&mut self, shutdown: &Shutdown) -> bool {
        let mut sweep = tokio::time::interval(SWEEP_EVERY);
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let wake_up = Arc::clone(&self.owner.wake_up);
        let lease = self.lease.clone();
        let mut circuit = self.target.pacer.watch();
        if let Err(error) = unreadable::list_unknown_words(&self.owner.store, &self.owner.target).await {
            tracing::warn!(target_name = %self.owner.target, error = chain(&error), "could not look for unknown words");
        }
        if let Err(error) = self.take_up_rules().await {
            tracing::warn!(target_name = %self.owner.target, error = chain(&error), "could not compare the rules about what may be touched");
        }
        loop {
            if self.freshness.is_due() {
                self.read_queue().await;
                look.reset();
            }
            self.take_place();
            let again_from = self.freshness.again_from;
            tokio::select! {
                biased;
                () = shutdown.soft.cancelled() => return true,
                () = lease.lost() => return false,
                Some(committed) = self.committed.recv() => {
                    if committed.lease_lost {
                        tracing::warn!(target_name = %self.owner.target, "results could not be committed under this lease: another replica may have the target");
                        return false;
                    }
                    for key in &committed.keys {
                        self.target.claims.release(key);
                        self.in_flight.remove(key);
                        self.ready.ended(key);
                    }
                    self.freshness.stale |= self.ready.len() == 0;
                }
                permit = granted_permit(&mut self.place) => {
                    self.place = None;
                    if self.is_slow && self.freshness.stale {
                        // A slot is expensive here: it goes to the latest arrival, if that is a leaver.
                        self.read_queue().await;
                    }
                    self.begin(permit).await;
                    self.freshness.stale |= self.ready.len() == 0;
                }
                () = wake_up.notified() => {
                    self.freshness.stale = true;
                    self.compare();
                }
                Ok(()) = circuit.changed() => {
                    let now = circuit.borrow_and_update().clone();
                    self.tell_circuit().await;
                    match now {
                        TargetCircuit::Closed => self.wake_postponed().await,
                        TargetCircuit::Open { until, .. } => self.remember_pause(until).await,
                    }
                }
                () = tokio::time::sleep_until(again_from), if self.freshness.stale => {}
                _ = sweep.tick() => {
                    self.sweep().await;
                    self.tell_circuit().await;
                    self.begin_scheduled_comparison().await;
                    self.compare();
                }
                Some(_) = self.comparing.join_next() => {}
                Some(ended) = self.listing.join_next() => {
                    if ended.is_err() { self.target.listing.give_up() }
                    self.freshness.stale = true;
                }
                _ = look.tick() => self.freshness.stale = true, // also sees what other replicas stored, and retries that came due
                Some(_) = self.working.join_next() => {}
            }
        }
    }

    /// Queues for a request slot with the urgency of the most urgent job.
    fn take_place(&mut self) {
        // A job that waits for its turn holds no permit: without a bound, the whole queue would come to wait.
        let crowded = self.working.len() >= self.working_max;
        let lane = self.ready.lane().filter(|lane| *lane == Lane::Leaver || !crowded);
        if self.place.as_ref().map(|(lane, _)| *lane) == lane {
            return;
        }
        self.place = lane.map(|lane| {
            let pacer = self.target.pacer.clone();
            let slot: PermitFuture =
                Box::pin(async move { pacer.acquire(RequestUrgency::opening(lane)).await });
            (lane, slot)
        });
    }

    /// Wakes the rows that were postponed, because the target has recovered.
    async fn wake_postponed(&mut self) {
        match self.owner.wake_postponed().await {
            Ok(()) => self.freshness.stale = true,
            Err(error) => {
                tracing::warn!(target_name = %self.owner.target, error = chain(&error), "could not wake what waits");
            }
        }
    }

    /// Stores a long pause, so that a restart does not send requests to a target that asked for one.
    async fn remember_pause(&self, until: Instant) {
        let left = until.saturating_duration_since(Instant::now());
        if left < PAUSE_REMEMBERED_MIN {
            return;
        }
        if let Err(error) = self.owner.write_pause(left).await {
            tracing::warn!(target_name = %self.owner.target, error = chain(&error), "could not remember a pause");
        }
    }

    /// Stores the state of the circuit for all replicas, with the reason if it is open.
    async fn tell_circuit(&mut self) {
        let circuit = self.target.pacer.circuit();
        let reason = circuit.reason();
        if self.circuit_told.as_deref() == reason {
            return;
        }
        match self.lease.tell_circuit(&self.owner.store, reason).await {
            Ok(()) => self.circuit_told = reason.map(str::to_owned),
            Err(error) => {
                tracing::warn!(target_name = %self.owner.target, error = chain(&error), "could not write down why requests do not flow");
            }
        }
    }

    /// Begins a scheduled reconciliation if one is due and none is under way.
    async fn begin_scheduled_comparison(&self) {
        let Some(every) = self.owner.reconcile_every.filter(|_| self.comparing.is_empty()) else { return };
        if let Err(error) = reconcile::begin_if_due(&self.target, every).await {
            tracing::warn!(target_name = %self.owner.target, error = chain(&error), "could not begin a comparison");
        }
    }

    /// Continues a reconciliation of the whole target, if one is due and the desired state there was verified.
    fn compare(&mut self) {
        if !self.comparing.is_empty() {
            return;
        }
        let (target, wake_up) = (Arc::clone(&self.target), Arc::clone(&self.owner.wake_up));
        if let Some(since) = self.owner.gate.to_be_looked_at_since() {
            let (gate, relay) = (Arc::clone(&self.owner.gate), self.owner.relay.clone());
            self.comparing.spawn(StaleTarget { target, wake_up, gate, relay, since }.look());
        } else if self.owner.gate.lets_compare() {
            self.comparing.spawn(async move { drop(reconcile::go_on(target, wake_up, None).await) });
        }
    }

    /// Compares the rules about what may be touched with those of before, ahead of all work: an operator's decision about
    /// what is held must not meet a row that is about to be tried again.
    async fn take_up_rules(&self) -> Result<(), StoreError> {
        let tx = self.owner.store.begin().await?;
        touches::wake_held(&tx, &self.owner.target, &self.owner.touch).await?;
        tx.commit().await.map_err(StoreError::statement("compare the rules about what may be touched"))
    }

    /// Wakes rows that are due, deletes old records, and updates the metrics.
    async fn sweep(&self) {
        let woken = async {
            let tx = self.owner.store.begin().await?;
            let woken = wake_forgotten_memberships(&tx, &self.owner.target, micros(now())).await?;
            if let Some(max) = self.target.client.profile().groups_per_user_max {
                group_limit::wake_held(&tx, &self.owner.target, max, micros(now())).await?;
            }
            safety::forget_old_removals(&tx, &self.owner.target).await?;
            touches::wake_held(&tx, &self.owner.target, &self.owner.touch).await?;
            grace::wake_due_rows(&tx, &self.owner.store, &self.owner.target).await?;
            tx.commit().await.map_err(StoreError::statement("wake memberships"))?;
            Ok::<u64, StoreError>(woken)
        };
        match woken.await {
            Ok(0) => {}
            Ok(woken) => {
                tracing::info!(target_name = %self.owner.target, woken, "memberships found both ends")
            }
            Err(error) => {
                tracing::warn!(target_name = %self.owner.target, error = chain(&error), "could not sweep")
            }
        }
        match look_at_waiting(&self.owner.store, &self.owner.target, micros(now())).await {
            Ok(parcel) => self.owner.relay.send(parcel).await,
            Err(error) => {
                tracing::warn!(target_name = %self.owner.target, error = chain(&error), "could not look at what waits for a value");
            }
        }
        if self.target.listing.catalogue().is_some()
            && listing::count_unlinked(&self.target).await.is_ok_and(|unlinked| unlinked == 0)
        {
            self.target.listing.forget();
        }
        if let Err(error) = unreadable::look_at_settings(&self.owner.store, &self.owner.target).await {
            tracing::warn!(target_name = %self.owner.target, error = chain(&error), "could not look at what cannot be read");
        }
        crate::ownership::queue::observe_queue(&self.owner.store, &self.owner.target).await;
    }

    /// Lets the jobs under way end and be committed. A hard shutdown drops them, which is safe but leaves rows in doubt.
    pub(super) async fn finish(mut self, shutdown: &Shutdown) {
        self.ready = ReadyQueue::default();
        self.place = None;
        self.comparing.abort_all();
        self.listing.abort_all();
        self.forget_noted().await;
        tokio::select! {
            () = shutdown.hard.cancelled() => self.working.abort_all(),
            () = async { while self.working.join_next().await.is_some() {} } => {}
        }
    }
}

/// Waits for the permit of the current place, or for ever if there is none.
async fn granted_permit(place: &mut Option<(Lane, PermitFuture)>) -> RequestPermit {
    match place {
        Some((_, slot)) => slot.await,
        None => std::future::pending().await,
    }
}

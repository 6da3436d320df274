//! Converges one target for as long as this replica holds its lease.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use lifecycle::{Lane, ResourceKind, TraceContext};
use relay::Relay;
use scim::{Client, Connection};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use store::{Store, StoreError};
use telemetry::Shutdown;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::Instrument;

use crate::blame::Blame;
use crate::call::{About, Call, Consent, OwnedTarget};
use crate::config::RetryConfig;
use crate::converge::{self, members};
use crate::facts::News;
use crate::gone::Gone;
use crate::lease::Lease;
use crate::outcome::{MembersOutcome, Outcome, Progress, Worked, WorkedMembers, WorkedResource};
use crate::pacer::{Circuit, Pace, Pacer, Permit, Signal, Urgency};
use crate::ready::{Job, Ready, Source};
use crate::results::{Committed, Committer, wake_forgotten_memberships};
use crate::rows::{Key, control, edge, resource, status};
use crate::{group_limit, listing, reconcile, safety};
use crate::{micros, now};

/// How often the queue is looked at when nothing says that it changed.
const LOOK_EVERY: Duration = Duration::from_millis(250);
const SWEEP_EVERY: Duration = Duration::from_secs(5);
/// Results that wait for the committer; beyond it, work waits.
const RESULTS_MAX: usize = 1_024;
/// One in so many pieces of work is the least urgent that waits, so that no lane waits for ever.
const LOW_LANES_EVERY: u32 = 20;
/// Pieces of work under way for each request that may be: most need more than one request.
const WORKING_PER_REQUEST: usize = 2;
/// Longer than any pause of our own accord: whoever repairs a credential and restarts need not wait.
const PAUSE_REMEMBERED_MIN: Duration = Duration::from_secs(45);
/// Requests per second up to which a target is slow.
const SLOW_RATE_MAX: f64 = 50.0;
/// Renewals per lease term.
const RENEWALS: u32 = 5;

/// Everything that converging one target needs.
pub(crate) struct Owner {
    pub(crate) target: String,
    pub(crate) connection: Connection,
    pub(crate) store: Store,
    pub(crate) relay: Relay,
    pub(crate) replica: String,
    pub(crate) lease_length: Duration,
    pub(crate) attempts_max: i32,
    pub(crate) retry: RetryConfig,
    /// Rung when the target's rows changed.
    pub(crate) bell: Arc<Notify>,
    /// How often the whole target is compared without anybody asking.
    pub(crate) reconcile_every: Option<Duration>,
    /// For operators: the target while this replica owns it.
    pub(crate) owned: Arc<std::sync::Mutex<Option<Arc<OwnedTarget>>>>,
}

impl Owner {
    /// Takes the lease whenever it is free and converges while it holds it, until shutdown.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        while !shutdown.soft.is_cancelled() {
            match Lease::acquire(&self.store, &self.target, &self.replica, self.lease_length).await {
                Ok(Some(lease)) => {
                    tracing::info!(target_name = %self.target, "target is ours");
                    if let Err(error) = self.converge(lease, &shutdown).await {
                        tracing::error!(target_name = %self.target, error = %error, "lost the target for a moment");
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(target_name = %self.target, error = %error, "could not ask for the lease")
                }
            }
            let pause = self.lease_length / (RENEWALS * 3);
            tokio::select! {
                () = shutdown.soft.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn converge(&self, lease: Lease, shutdown: &Shutdown) -> Result<(), StoreError> {
        self.doubt_unfinished_memberships().await?;
        if lease.after_crash() {
            self.doubt_unfinished_accounts().await?;
        }
        let client = match Client::new(self.connection.clone()) {
            Ok(client) => client,
            Err(error) => {
                tracing::error!(target_name = %self.target, error = %error, "cannot talk to the target");
                return lease.release(&self.store).await;
            }
        };
        let profile = client.profile();
        let pace = Pace {
            requests_per_second: profile.rate.requests_per_second,
            burst: profile.rate.burst,
            concurrency_max: usize::try_from(profile.concurrency_max).unwrap_or(1),
        };
        let profile_rate = profile.rate.requests_per_second;
        let working_max = pace.concurrency_max.saturating_mul(WORKING_PER_REQUEST);
        let chunk = profile.membership.members_per_request_max.max(1);
        let pacer = Pacer::spawn(&self.target, pace, &profile.rate.buckets);
        if let Some(left) = self.pause_left().await? {
            let why = "the target asked for a pause, before this replica took it over".to_owned();
            pacer.hear(Signal::Unavailable(why, Some(left)));
        }
        let (results, inbox) = mpsc::channel(RESULTS_MAX);
        let (done, committed) = mpsc::unbounded_channel();
        let committer = tokio::spawn(self.committer(lease.clone()).run(inbox, done));
        let target = Arc::new(OwnedTarget {
            name: self.target.clone(),
            request_timeout: self.connection.timeout,
            client,
            store: self.store.clone(),
            pacer,
            lease: lease.clone(),
            listing: listing::Listing::default(),
            blame: Blame::new(self.retry.suspect_target()),
            gone: Gone::new(),
        });
        *self.owned.lock().expect("nothing panics while holding it") = Some(Arc::clone(&target));
        let mut shift = Shift {
            owner: self,
            target,
            lease: lease.clone(),
            results,
            committed,
            comparing: JoinSet::new(),
            listing: JoinSet::new(),
            working: JoinSet::new(),
            in_flight: HashSet::new(),
            announced: HashSet::new(),
            ready: Ready::default(),
            chunk,
            working_max,
            begun: 0,
            place: None,
            let_go_on_at: Some(micros(now())),
            is_slow: profile_rate.is_some_and(|rate| rate <= SLOW_RATE_MAX),
            freshness: Freshness { stale: true, again_from: Instant::now() },
        };
        let kept = shift.work(shutdown).await;
        *self.owned.lock().expect("nothing panics while holding it") = None;
        shift.finish(shutdown).await;
        if committer.await.is_err() {
            tracing::error!(target_name = %self.target, "the committer panicked");
        }
        if kept { lease.release(&self.store).await } else { Ok(()) }
    }

    fn committer(&self, lease: Lease) -> Committer {
        Committer {
            store: self.store.clone(),
            relay: self.relay.clone(),
            lease,
            target: self.target.clone(),
            attempts_max: self.attempts_max,
            retry: self.retry,
            settle: Duration::from_secs(self.connection.profile.settle_seconds),
        }
    }

    /// The last owner ended without saying so: any linked account in the queue may have been written in between.
    async fn doubt_unfinished_accounts(&self) -> Result<(), StoreError> {
        let tx = self.store.begin().await?;
        resource::Entity::update_many()
            .col_expr(resource::Column::InDoubt, Expr::value(true))
            .filter(resource::Column::Target.eq(&self.target))
            .filter(resource::Column::Queued.eq(true))
            .exec(&tx)
            .await
            .map_err(StoreError::statement("doubt accounts"))?;
        self.let_creates_settle(&tx).await?;
        tx.commit().await.map_err(StoreError::statement("doubt accounts"))
    }

    async fn write_pause(&self, left: Duration) -> Result<(), StoreError> {
        let tx = self.store.begin().await?;
        let until = micros(now()) + i64::try_from(left.as_micros()).unwrap_or(0);
        let row = control::load(&tx, &self.target).await?;
        let row = control::Model { asked_to_wait_until: Some(until), ..row };
        control::save(&tx, row, [control::Column::AskedToWaitUntil]).await?;
        tx.commit().await.map_err(StoreError::statement("remember a pause"))
    }

    /// How long the target asked the owner before this one to wait, as far as that is not over.
    async fn pause_left(&self) -> Result<Option<Duration>, StoreError> {
        let row = control::load(self.store.reader(), &self.target).await?;
        let left = row.asked_to_wait_until.map(|until| until - micros(now())).filter(|left| *left > 0);
        let cap = Duration::from_secs(self.connection.profile.retry_after_cap_seconds);
        Ok(left.map(|left| Duration::from_micros(left.unsigned_abs()).min(cap)))
    }

    /// Where the target does not refuse a second one, what may have been created just now is given time to be found.
    async fn let_creates_settle(&self, tx: &DatabaseTransaction) -> Result<(), StoreError> {
        let profile = &self.connection.profile;
        let due = micros(now()) + i64::try_from(profile.settle_seconds).unwrap_or(0) * 1_000_000;
        for kind in [ResourceKind::User, ResourceKind::Group] {
            let lookup =
                if kind == ResourceKind::User { &profile.lookups.user } else { &profile.lookups.group };
            if !lookup.unique_on.is_empty() {
                continue;
            }
            resource::Entity::update_many()
                .col_expr(resource::Column::NextAttemptAt, Expr::value(due))
                .filter(resource::Column::Target.eq(&self.target))
                .filter(resource::Column::Kind.eq(kind.as_str()))
                .filter(resource::Column::Queued.eq(true))
                .filter(resource::Column::RemoteId.is_null())
                .filter(resource::Column::NextAttemptAt.lt(due))
                .exec(tx)
                .await
                .map_err(StoreError::statement("let creates settle"))?;
        }
        Ok(())
    }

    /// What was put behind the others because the target failed is due now. Not what may have been created: a search
    /// may not show it yet.
    async fn wake_postponed(&self) -> Result<(), StoreError> {
        let (now, wake) = (micros(now()), StoreError::statement("wake what waits"));
        let tx = self.store.begin().await?;
        resource::Entity::update_many()
            .col_expr(resource::Column::NextAttemptAt, Expr::value(now))
            .filter(resource::Column::Target.eq(&self.target))
            .filter(resource::Column::Queued.eq(true))
            .filter(resource::Column::Status.eq(status::PENDING))
            .filter(resource::Column::NextAttemptAt.gt(now))
            .filter(resource::Column::Awaits.is_null())
            .filter(resource::Column::InDoubt.eq(false).or(resource::Column::RemoteId.is_not_null()))
            .exec(&tx)
            .await
            .map_err(&wake)?;
        edge::Entity::update_many()
            .col_expr(edge::Column::NextAttemptAt, Expr::value(now))
            .filter(edge::Column::Target.eq(&self.target))
            .filter(edge::Column::Queued.eq(true))
            .filter(edge::Column::NextAttemptAt.gt(now))
            .filter(edge::Column::Attempts.eq(0))
            .exec(&tx)
            .await
            .map_err(&wake)?;
        tx.commit().await.map_err(&wake)
    }

    /// A request about memberships was under way when the last owner ended.
    async fn doubt_unfinished_memberships(&self) -> Result<(), StoreError> {
        let tx = self.store.begin().await?;
        edge::Entity::update_many()
            .col_expr(edge::Column::Status, Expr::value(status::UNSURE))
            .col_expr(edge::Column::Queued, Expr::value(true))
            .col_expr(edge::Column::NextAttemptAt, Expr::value(micros(now())))
            .filter(edge::Column::Target.eq(&self.target))
            .filter(edge::Column::Status.eq(status::SENDING))
            .exec(&tx)
            .await
            .map_err(StoreError::statement("doubt memberships"))?;
        tx.commit().await.map_err(StoreError::statement("doubt memberships"))
    }
}

/// The time between taking and giving up a lease.
struct Shift<'a> {
    owner: &'a Owner,
    target: Arc<OwnedTarget>,
    lease: Lease,
    results: mpsc::Sender<Worked>,
    committed: mpsc::UnboundedReceiver<Committed>,
    /// The comparison of the whole target, while there is one, and the reading of it.
    comparing: JoinSet<()>,
    listing: JoinSet<()>,
    working: JoinSet<()>,
    in_flight: HashSet<Key>,
    announced: HashSet<Key>,
    ready: Ready,
    chunk: usize,
    /// Pieces of work under way at the same time, but for leavers.
    working_max: usize,
    /// How many pieces of work were begun.
    begun: u32,
    /// The place among those who wait for a request slot, and for which lane.
    place: Option<(Lane, Slot)>,
    /// When a human last let the target go on.
    let_go_on_at: Option<i64>,
    freshness: Freshness,
    /// Whether reading the queue takes much less time than a slot.
    is_slow: bool,
}

/// What comes when a request may be sent.
type Slot = Pin<Box<dyn Future<Output = Permit> + Send + Sync>>;

/// Whether what was read of the queue is still right, and when it may be read again: reading takes at most half of the
/// time, so that it never keeps anything from being sent, however long the queue is and however often the bell rings.
#[derive(Debug)]
struct Freshness {
    stale: bool,
    again_from: Instant,
}

impl Freshness {
    fn is_due(&self) -> bool {
        self.stale && Instant::now() >= self.again_from
    }

    fn read(&mut self, begun: Instant) {
        self.stale = false;
        self.again_from = Instant::now() + begun.elapsed();
    }
}

impl Shift<'_> {
    /// `false` when the lease was lost.
    async fn work(&mut self, shutdown: &Shutdown) -> bool {
        let mut renewal = tokio::time::interval(self.lease.length() / RENEWALS);
        let mut sweep = tokio::time::interval(SWEEP_EVERY);
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let bell = Arc::clone(&self.owner.bell);
        let mut circuit = self.target.pacer.watch();
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
                _ = renewal.tick() => if !self.renew().await { return false },
                Some(committed) = self.committed.recv() => {
                    if committed.lease_lost {
                        tracing::warn!(target_name = %self.owner.target, "results could not be committed under this lease: another replica may have the target");
                        return false;
                    }
                    for key in &committed.keys {
                        self.in_flight.remove(key);
                        self.ready.ended(key);
                    }
                    self.freshness.stale |= self.ready.len() == 0;
                }
                permit = granted(&mut self.place) => {
                    self.place = None;
                    if self.is_slow && self.freshness.stale {
                        // A slot is dear here: it goes to whoever came last, if that is a leaver.
                        self.read_queue().await;
                    }
                    self.begin(permit).await;
                    self.freshness.stale |= self.ready.len() == 0;
                }
                () = bell.notified() => {
                    self.freshness.stale = true;
                    self.compare();
                }
                Ok(()) = circuit.changed() => {
                    let now = circuit.borrow_and_update().clone();
                    match now {
                        Circuit::Closed => self.wake_postponed().await,
                        Circuit::Open { until, .. } => self.remember_pause(until).await,
                    }
                }
                () = tokio::time::sleep_until(again_from), if self.freshness.stale => {}
                _ = sweep.tick() => {
                    self.sweep().await;
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

    /// Waits for a slot as urgently as the most urgent piece of work needs one.
    fn take_place(&mut self) {
        // What waits for its turn holds no permit: without a bound, everything in the queue would come to wait.
        let crowded = self.working.len() >= self.working_max;
        let lane = self.ready.lane().filter(|lane| *lane == Lane::Leaver || !crowded);
        if self.place.as_ref().map(|(lane, _)| *lane) == lane {
            return;
        }
        self.place = lane.map(|lane| {
            let pacer = self.target.pacer.clone();
            let slot: Slot = Box::pin(async move { pacer.acquire(Urgency::opening(lane)).await });
            (lane, slot)
        });
    }

    /// The target does well again: what waits because it did not is tried at once.
    async fn wake_postponed(&mut self) {
        match self.owner.wake_postponed().await {
            Ok(()) => self.freshness.stale = true,
            Err(error) => {
                tracing::warn!(target_name = %self.owner.target, error = %error, "could not wake what waits");
            }
        }
    }

    /// A restart is no reason to ask a target that wants to be left alone.
    async fn remember_pause(&self, until: Instant) {
        let left = until.saturating_duration_since(Instant::now());
        if left < PAUSE_REMEMBERED_MIN {
            return;
        }
        if let Err(error) = self.owner.write_pause(left).await {
            tracing::warn!(target_name = %self.owner.target, error = %error, "could not remember a pause");
        }
    }

    async fn begin_scheduled_comparison(&self) {
        let Some(every) = self.owner.reconcile_every.filter(|_| self.comparing.is_empty()) else { return };
        if let Err(error) = reconcile::begin_if_due(&self.target, every).await {
            tracing::warn!(target_name = %self.owner.target, error = %error, "could not begin a comparison");
        }
    }

    /// Goes on with a comparison of the whole target, if one is to be made.
    fn compare(&mut self) {
        if self.comparing.is_empty() {
            self.comparing.spawn(reconcile::go_on(Arc::clone(&self.target), Arc::clone(&self.owner.bell)));
        }
    }

    /// Whether somebody paused the target. Whoever let it go on knows what there was to know of it.
    async fn is_paused(&mut self) -> bool {
        match control::load(self.owner.store.reader(), &self.owner.target).await {
            Ok(row) => {
                if row.paused_by.is_none() && row.paused_at > self.let_go_on_at {
                    self.let_go_on_at = row.paused_at;
                    self.target.gone.believe();
                }
                row.paused_by.is_some()
            }
            Err(error) => {
                tracing::warn!(target_name = %self.owner.target, error = %error, "could not see whether the target is paused");
                true
            }
        }
    }

    /// Holds what would take away too much before any of it is sent; says whether anything was held.
    async fn hold_excess(&self) -> Result<bool, StoreError> {
        let (store, target) = (&self.owner.store, &self.owner.target);
        if safety::Sum::read(store.reader(), target, 0).await?.objection().is_none() {
            return Ok(false);
        }
        let tx = store.begin().await?;
        let mut news = News::default();
        let held = safety::hold_excess(&tx, target, &mut news).await?;
        let parcel = news.store(&tx).await?;
        tx.commit().await.map_err(StoreError::statement("hold removals"))?;
        self.owner.relay.send(parcel).await;
        if let Some((count, reason)) = &held {
            tracing::error!(target_name = %target, count, reason, "removals are held until a human decides");
        }
        Ok(held.is_some())
    }

    async fn read_queue(&mut self) {
        let begun = Instant::now();
        self.reload().await;
        self.freshness.read(begun);
    }

    async fn reload(&mut self) {
        if self.is_paused().await {
            self.ready = Ready::default();
            return;
        }
        self.load().await;
        if self.begin_listing() {
            self.load().await;
        }
        if !self.ready.removes() {
            return;
        }
        match self.hold_excess().await {
            Ok(false) => {}
            Ok(true) => self.load().await,
            Err(error) => {
                tracing::warn!(target_name = %self.owner.target, error = %error, "could not add up removals");
                self.ready.leave_out_removals();
            }
        }
    }

    /// Many accounts are to be looked for: reading the whole target may be cheaper. Says whether it begins.
    fn begin_listing(&mut self) -> bool {
        let Some(paths) = self.ready.to_be_looked_for(listing::ACCOUNTS_MIN) else { return false };
        if !listing::is_possible(self.target.client.profile()) || !self.target.listing.begin() {
            return false;
        }
        self.listing.spawn(listing::read(Arc::clone(&self.target), paths));
        true
    }

    async fn load(&mut self) {
        let source = Source {
            store: &self.owner.store,
            target: &self.owner.target,
            in_flight: &self.in_flight,
            announced: &mut self.announced,
            members_per_request_max: self.chunk,
            members_readable: self.target.client.profile().membership.readable,
            leave_unlinked: self.target.listing.is_reading(),
        };
        match source.load(micros(now())).await {
            Ok(ready) => self.ready = ready,
            Err(error) => {
                tracing::warn!(target_name = %self.owner.target, error = %error, "could not read the queue");
            }
        }
    }

    async fn renew(&self) -> bool {
        match self.lease.renew(&self.owner.store).await {
            Ok(true) => true,
            Ok(false) => {
                tracing::warn!(target_name = %self.owner.target, "another replica took the target");
                false
            }
            Err(error) => {
                tracing::warn!(target_name = %self.owner.target, error = %error, "could not renew the lease yet");
                let is_ours = self.lease.covers(Duration::ZERO);
                if !is_ours {
                    tracing::warn!(target_name = %self.owner.target, "the lease ran out: another replica may have the target");
                }
                is_ours
            }
        }
    }

    async fn sweep(&self) {
        let woken = async {
            let tx = self.owner.store.begin().await?;
            let woken = wake_forgotten_memberships(&tx, &self.owner.target, micros(now())).await?;
            if let Some(max) = self.target.client.profile().groups_per_user_max {
                group_limit::wake(&tx, &self.owner.target, max, micros(now())).await?;
            }
            safety::forget_old_removals(&tx, &self.owner.target).await?;
            tx.commit().await.map_err(StoreError::statement("wake memberships"))?;
            Ok::<u64, StoreError>(woken)
        };
        match woken.await {
            Ok(0) => {}
            Ok(woken) => {
                tracing::info!(target_name = %self.owner.target, woken, "memberships found both ends")
            }
            Err(error) => tracing::warn!(target_name = %self.owner.target, error = %error, "could not sweep"),
        }
        if self.target.listing.catalogue().is_some()
            && listing::unlinked(&self.target).await.is_ok_and(|unlinked| unlinked == 0)
        {
            self.target.listing.forget();
        }
        crate::control::observe_queue(&self.owner.store, &self.owner.target).await;
    }

    /// Starts the most urgent piece of work with the permit for its first request.
    async fn begin(&mut self, permit: Permit) {
        self.begun = self.begun.wrapping_add(1);
        let low_lanes_turn = self.begun.is_multiple_of(LOW_LANES_EVERY);
        let Some(job) = self.ready.pop(low_lanes_turn) else { return };
        let key = job.key();
        self.announced.remove(&key);
        if !self.in_flight.insert(key) {
            return;
        }
        let (target, results) = (Arc::clone(&self.target), self.results.clone());
        match job {
            Job::Resource(job) => {
                let progress = Progress {
                    remote_id: job.row.remote_id.clone(),
                    applied: job.row.applied(),
                    in_doubt: job.row.in_doubt,
                    removed: false,
                    unseen: job.row.unseen(),
                };
                let span = tracing::info_span!("resource.converge", target = %self.owner.target, subject = %job.row.subject, revision = job.row.desired_revision);
                let trace = telemetry::in_trace(&span, job.row.trace());
                self.working
                    .spawn(work_on_resource(target, *job, progress, trace, permit, results).instrument(span));
            }
            Job::Members(job) => {
                if let Err(error) = self.mark_sending(&job).await {
                    tracing::warn!(target_name = %self.owner.target, error = %error, "could not begin memberships");
                    self.in_flight.remove(&(ResourceKind::Membership, job.group));
                    return;
                }
                let lane = Job::Members(job.clone()).lane();
                let span = tracing::info_span!("members.converge", target = %self.owner.target, group = %job.group, edges = job.edges.len());
                let trace = telemetry::in_trace(&span, job.edges.first().and_then(edge::Model::trace));
                self.working
                    .spawn(work_on_members(target, *job, lane, trace, permit, results).instrument(span));
            }
        }
    }

    /// So that a crash leaves a trace of which memberships are in doubt.
    async fn mark_sending(&self, job: &members::MembersJob) -> Result<(), StoreError> {
        let members: Vec<&str> = job.edges.iter().map(|edge| edge.member_subject.as_str()).collect();
        let tx = self.owner.store.begin().await?;
        for members in members.chunks(store::ROWS_PER_STATEMENT_MAX) {
            edge::Entity::update_many()
                .col_expr(edge::Column::Status, Expr::value(status::SENDING))
                .filter(edge::Column::Target.eq(&self.owner.target))
                .filter(edge::Column::GroupSubject.eq(&job.group))
                .filter(edge::Column::MemberSubject.is_in(members.iter().copied()))
                .exec(&tx)
                .await
                .map_err(StoreError::statement("begin memberships"))?;
        }
        tx.commit().await.map_err(StoreError::statement("begin memberships"))
    }

    /// Lets what is under way end and be committed; a hard shutdown drops it, which is safe but leaves doubts.
    async fn finish(mut self, shutdown: &Shutdown) {
        self.ready = Ready::default();
        self.place = None;
        self.comparing.abort_all();
        self.listing.abort_all();
        tokio::select! {
            () = shutdown.hard.cancelled() => self.working.abort_all(),
            () = async { while self.working.join_next().await.is_some() {} } => {}
        }
    }
}

async fn granted(place: &mut Option<(Lane, Slot)>) -> Permit {
    match place {
        Some((_, slot)) => slot.await,
        None => std::future::pending().await,
    }
}

async fn work_on_resource(
    target: Arc<OwnedTarget>,
    job: crate::ready::ResourceJob,
    mut progress: Progress,
    trace: TraceContext,
    permit: Permit,
    results: mpsc::Sender<Worked>,
) {
    let row = job.row;
    let about = About {
        kind: row.kind(),
        subject: row.subject.clone(),
        revision: row.desired_revision,
        lane: row.lane(),
        trace: Some(trace),
        attempts: row.attempts,
        consent: row.consent(),
    };
    let mut call = Call::new(target, about, permit);
    let outcome: Outcome = converge::converge(&mut call, &job.wanted, &mut progress).await;
    let (facts, failed) = call.into_attempts();
    let worked = WorkedResource { row, progress, outcome, facts, failed };
    // The committer ends first only when the lease is lost; then the result must not count.
    let _ = results.send(Worked::Resource(Box::new(worked))).await;
}

async fn work_on_members(
    target: Arc<OwnedTarget>,
    mut job: members::MembersJob,
    lane: Lane,
    trace: TraceContext,
    permit: Permit,
    results: mpsc::Sender<Worked>,
) {
    let about = About {
        kind: ResourceKind::Membership,
        subject: job.group.clone(),
        revision: 0,
        lane,
        trace: Some(trace),
        attempts: 0,
        consent: Consent::Unknown,
    };
    let mut call = Call::new(target, about, permit);
    let held = match call.target.client.profile().groups_per_user_max {
        None => Ok(None),
        Some(max) => {
            let excess =
                group_limit::take_excess(call.target.store.reader(), &call.target.name, max, &mut job).await;
            excess.map(|edges| Some((edges, group_limit::reason(max))))
        }
    };
    let (held, outcome) = match held {
        Ok(held) if job.edges.is_empty() => (held, MembersOutcome::Settled),
        Ok(held) => (held, members::converge(&mut call, &job).await),
        Err(error) => {
            tracing::warn!(target_name = %call.target.name, error = %error, "could not count groups");
            (None, MembersOutcome::Deferred)
        }
    };
    let members::MembersJob { group, group_id, edges, member_ids } = job;
    let (facts, failed) = call.into_attempts();
    let worked = WorkedMembers { group, group_id, member_ids, edges, held, outcome, facts, failed };
    let _ = results.send(Worked::Members(Box::new(worked))).await;
}

/// The circuit in words.
pub(crate) fn describe(circuit: &Circuit) -> String {
    match circuit {
        Circuit::Closed => "closed".to_owned(),
        Circuit::Open { reason, .. } => format!("open: {reason}"),
    }
}

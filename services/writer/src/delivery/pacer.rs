//! Decides which request to a target is sent next, and when: rate, concurrency, urgency and the circuit in one place.
//!
//! Every request needs a [`RequestPermit`]. The most urgent waiter gets the next one, so a leaver goes out at the next
//! slot, however long the queue is. The rate is the generic cell rate algorithm with the profile's burst. When the target
//! asks for a pause or is down, no permit is granted until the pause is over. Then one request goes first, alone, and the
//! others follow when it succeeds.

mod buckets;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

pub(crate) use buckets::PacedRequest;
use buckets::RequestBuckets;
use lifecycle::Lane;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::delivery::backoff;

/// After this many grants that overtook a less urgent waiter, the least urgent one goes once.
const OVERTAKEN_MAX: u32 = 20;
/// The number of resets, timeouts and 5xx in a row that mean that the target is down.
const FAULTS_MAX: u32 = 5;
/// The factor by which slots are longer than the published limit requires, so that network jitter cannot exceed it.
const SLOT_MARGIN: f64 = 1.005;

/// The tolerance for slots that are granted late because timers are not exact. Only the delay beyond it moves the
/// following slots: without it, a target of 50 requests a second would get 47. It is too little for one more request
/// within a second.
const LATE_MAX: Duration = Duration::from_millis(2);

/// The factors for the time between two requests: after a 429, and after each other answer.
const SLOWER: f64 = 1.5;
const FASTER: f64 = 0.99;
/// The factor for the number of requests under way after a failure (additive increase, multiplicative decrease).
const CROWDED: f64 = 0.7;
/// The bounds of the learned time between two requests.
const SLOT_LEARNED_MIN: Duration = Duration::from_millis(1);
const SLOT_LEARNED_MAX: Duration = Duration::from_secs(60);
/// The weight of the last interval in the moving average.
const INTERVAL_WEIGHT: f64 = 0.2;

const UNAVAILABLE_INITIAL: Duration = Duration::from_millis(200);
const UNAVAILABLE_MAX: Duration = Duration::from_secs(10); // one probe in ten seconds is no burden, and leavers wait
const UNAUTHORISED_INITIAL: Duration = Duration::from_secs(1);
const UNAUTHORISED_MAX: Duration = Duration::from_secs(30);
/// The shortest pause, even if the target asks for a shorter one.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const THROTTLED_INITIAL: Duration = Duration::from_secs(1);
const THROTTLED_MAX: Duration = Duration::from_secs(30); // without Retry-After; with it, as long as the target asks

/// The limits on requests to a target.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TargetPace {
    /// The rate; `None` means as fast as the target answers.
    pub(crate) requests_per_second: Option<f64>,
    /// The number of requests that may follow each other at once after a quiet time.
    pub(crate) burst: u32,
    /// The number of requests that may be under way at once.
    pub(crate) concurrency_max: usize,
}

/// The urgency of a request. Smaller values go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RequestUrgency {
    lane: i16,
    opening: bool,
}

impl RequestUrgency {
    /// Returns the urgency of the first request for a resource.
    pub(crate) fn opening(lane: Lane) -> Self {
        Self { lane: lane.rank(), opening: true }
    }

    /// Returns the urgency of a further request for a resource under way: it goes before the first request of another
    /// resource in the same lane.
    pub(crate) fn follow_up(lane: Lane) -> Self {
        Self { lane: lane.rank(), opening: false }
    }
}

/// The meaning of an answer for the target as a whole.
#[derive(Debug, Clone)]
pub(crate) enum TargetSignal {
    /// The target answered as expected, or refused only this request.
    Healthy,
    /// A reset, a timeout or a 5xx.
    Faulty(String),
    /// The target asked for a pause.
    Throttled(Option<Duration>),
    /// The target answered, and its rate-limit budget is spent for this time.
    Spent(Duration),
    /// The target cannot be reached, or reports that it is down.
    Unavailable(String, Option<Duration>),
    /// The target refused the credential.
    Unauthorised(String),
}

/// The circuit of a target: whether requests are granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TargetCircuit {
    /// Requests are granted.
    Closed,
    /// No requests are granted.
    Open {
        /// The reason for the open circuit.
        reason: String,
        /// The time until which no request is sent. One request goes first afterwards.
        until: Instant,
    },
}

impl TargetCircuit {
    /// Returns the reason why the circuit is open, if it is.
    pub(crate) fn reason(&self) -> Option<&str> {
        match self {
            Self::Closed => None,
            Self::Open { reason, .. } => Some(reason),
        }
    }
}

/// The right to have one request under way. Dropping it gives it back. An unused permit costs nothing of the pace.
#[derive(Debug)]
pub(crate) struct RequestPermit {
    pacer: mpsc::UnboundedSender<PacerMessage>,
    is_used: bool,
}

impl RequestPermit {
    fn new(pacer: mpsc::UnboundedSender<PacerMessage>) -> Self {
        Self { pacer, is_used: false }
    }

    /// Marks the permit as used for a request.
    pub(crate) fn spend(&mut self) {
        self.is_used = true;
    }
}

impl Drop for RequestPermit {
    fn drop(&mut self) {
        // The pacer is gone only when its target is no longer ours; then the slot has no waiters.
        let _ = self.pacer.send(PacerMessage::Returned { is_used: self.is_used });
    }
}

/// A message to the task of the pacer.
#[derive(Debug)]
enum PacerMessage {
    Wanted(RequestUrgency, oneshot::Sender<RequestPermit>),
    Returned { is_used: bool },
    Heard(TargetSignal),
}

/// Grants permits. The pacer ends when its last handle is dropped.
#[derive(Debug, Clone)]
pub(crate) struct RequestPacer {
    messages: mpsc::UnboundedSender<PacerMessage>,
    circuit: watch::Receiver<TargetCircuit>,
    buckets: Arc<RequestBuckets>,
}

impl RequestPacer {
    /// Starts a pacer. It ends by itself once the last handle and the last permit are gone.
    pub(crate) fn spawn(target: &str, pace: TargetPace, rate: &scim::RequestRateLimit) -> Self {
        let (messages, inbox) = mpsc::unbounded_channel();
        let (publish, circuit) = watch::channel(TargetCircuit::Closed);
        let state = PacerState::new(target, pace, messages.downgrade(), publish);
        tokio::spawn(state.run(inbox));
        Self { messages, circuit, buckets: Arc::new(RequestBuckets::new(&rate.buckets, rate.share)) }
    }

    /// Waits for the right to send one request. Dropping the future gives up the place.
    pub(crate) async fn acquire(&self, urgency: RequestUrgency) -> RequestPermit {
        let (grant, granted) = oneshot::channel();
        self.messages
            .send(PacerMessage::Wanted(urgency, grant))
            .expect("the pacer lives as long as its handles");
        granted.await.expect("the pacer answers every waiter")
    }

    /// Waits until every limit that counts this request lets it go, and returns the right to send it. `permit` is given
    /// back during the wait.
    pub(crate) async fn turn(
        &self,
        permit: RequestPermit,
        request: PacedRequest,
        urgency: RequestUrgency,
    ) -> RequestPermit {
        if self.buckets.take_now(request) {
            return permit;
        }
        drop(permit);
        self.buckets.take_turn(request, urgency).await;
        self.acquire(urgency).await
    }

    /// Reports the meaning of an answer for the target.
    pub(crate) fn hear(&self, signal: TargetSignal) {
        self.messages.send(PacerMessage::Heard(signal)).expect("the pacer lives as long as its handles");
    }

    /// Returns a receiver for changes of the circuit.
    pub(crate) fn watch(&self) -> watch::Receiver<TargetCircuit> {
        self.circuit.clone()
    }

    /// Returns the state of the circuit, with the reason if it is open.
    pub(crate) fn circuit(&self) -> TargetCircuit {
        self.circuit.borrow().clone()
    }
}

/// The state of the pacer's task.
struct PacerState {
    target: String,
    slot: Option<Duration>,
    /// The time between two requests that 429s have taught. It gets shorter with each success.
    learned: Option<Duration>,
    /// The moving average of the time between recent grants.
    interval: Duration,
    granted_at: Instant,
    burst_tolerance: Duration,
    concurrency_max: usize,
    /// The number of requests that may be under way: smaller after each failure, larger after each success.
    room: f64,
    /// The time before which the target accepts no requests, according to its answer.
    spent_until: Option<Instant>,
    /// The time at which the next request would be due if requests were spread evenly.
    due: Instant,
    in_flight: usize,
    waiting: BTreeMap<RequestUrgency, VecDeque<oneshot::Sender<RequestPermit>>>,
    overtaken: u32,
    held_until: Option<Instant>,
    probing: bool,
    failures: u32,
    faults: u32,
    handle: mpsc::WeakUnboundedSender<PacerMessage>,
    publish: watch::Sender<TargetCircuit>,
}

impl PacerState {
    fn new(
        target: &str,
        pace: TargetPace,
        handle: mpsc::WeakUnboundedSender<PacerMessage>,
        publish: watch::Sender<TargetCircuit>,
    ) -> Self {
        let slot =
            pace.requests_per_second.map(|rate| Duration::from_secs_f64(SLOT_MARGIN / rate.max(0.001)));
        Self {
            target: target.to_owned(),
            slot,
            learned: None,
            interval: Duration::ZERO,
            granted_at: Instant::now(),
            burst_tolerance: slot.unwrap_or_default() * pace.burst.max(1).saturating_sub(1),
            concurrency_max: pace.concurrency_max.max(1),
            room: pace.concurrency_max.max(1) as f64,
            spent_until: None,
            due: Instant::now(),
            in_flight: 0,
            waiting: BTreeMap::new(),
            overtaken: 0,
            held_until: None,
            probing: false,
            failures: 0,
            faults: 0,
            handle,
            publish,
        }
    }

    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<PacerMessage>) {
        loop {
            let wake = self.grant_all();
            let message = tokio::select! {
                message = inbox.recv() => message,
                () = sleep_until(wake) => continue,
            };
            match message {
                None => return,
                Some(PacerMessage::Wanted(urgency, grant)) => {
                    self.waiting.entry(urgency).or_default().push_back(grant);
                }
                Some(PacerMessage::Returned { is_used }) => {
                    self.in_flight = self.in_flight.saturating_sub(1);
                    if let Some(slot) = self.pace().filter(|_| !is_used) {
                        self.due = self.due.checked_sub(slot).unwrap_or(self.due);
                    }
                }
                Some(PacerMessage::Heard(signal)) => self.hear(signal),
            }
        }
    }

    /// Grants all permits that are allowed now. Returns the time of the next look.
    fn grant_all(&mut self) -> Option<Instant> {
        loop {
            self.forget_gone_waiters();
            if self.waiting.is_empty() {
                return None;
            }
            let now = Instant::now();
            if let Some(until) = self.held_until {
                if now < until {
                    return Some(until);
                }
                self.held_until = None;
                self.probing = true;
            }
            if let Some(until) = self.spent_until.filter(|until| now < *until) {
                return Some(until);
            }
            self.spent_until = None;
            let limit = if self.probing { 1 } else { self.room as usize };
            if self.in_flight >= limit {
                return None;
            }
            let tolerance = if self.learned.is_some() { Duration::ZERO } else { self.burst_tolerance };
            let earliest = self.due.checked_sub(tolerance).unwrap_or(self.due);
            if self.pace().is_some() && now < earliest {
                return Some(earliest);
            }
            self.grant_one(now);
        }
    }

    /// Grants a permit to the most urgent waiter, or to the least urgent one if it was overtaken too often.
    fn grant_one(&mut self, now: Instant) {
        let Some(handle) = self.handle.upgrade() else { return };
        let least = self.waiting.keys().next_back().copied();
        let most = self.waiting.keys().next().copied();
        let (Some(least), Some(most)) = (least, most) else { return };
        let starving = least.lane != most.lane && self.overtaken >= OVERTAKEN_MAX;
        let chosen = if starving { least } else { most };
        self.overtaken = if least.lane == most.lane || starving { 0 } else { self.overtaken + 1 };
        let Some(grant) = self.waiting.get_mut(&chosen).and_then(VecDeque::pop_front) else { return };
        self.in_flight += 1;
        if let Some(slot) = self.pace() {
            self.due = self.due.max(now.checked_sub(LATE_MAX).unwrap_or(now)) + slot;
        }
        let since = now.saturating_duration_since(self.granted_at).min(Duration::from_secs(1));
        self.interval = self.interval.mul_f64(1.0 - INTERVAL_WEIGHT) + since.mul_f64(INTERVAL_WEIGHT);
        self.granted_at = now;
        // A waiter that goes away at this very moment drops the permit, which gives the slot back.
        let _ = grant.send(RequestPermit::new(handle));
    }

    /// Returns the time between two requests: from the profile, or as learned from the target.
    fn pace(&self) -> Option<Duration> {
        self.slot.max(self.learned)
    }

    /// Slows requests down after the target reported that they were too fast.
    fn slow_down(&mut self) {
        let was = self.pace().unwrap_or(self.interval).max(SLOT_LEARNED_MIN);
        let slower = was.mul_f64(SLOWER).min(SLOT_LEARNED_MAX);
        self.learned = Some(slower);
        tracing::info!(target_name = %self.target, milliseconds = slower.as_millis() as u64, "the target is asked more slowly");
    }

    /// Speeds requests up a little after a success.
    fn speed_up(&mut self) {
        let faster = self.learned.map(|learned| learned.mul_f64(FASTER));
        self.learned = faster.filter(|faster| *faster > self.slot.unwrap_or(SLOT_LEARNED_MIN));
    }

    /// Lowers the number of requests under way: a target that fails may be overloaded.
    fn crowd(&mut self) {
        self.room = (self.room * CROWDED).max(1.0);
    }

    /// Removes waiters that gave up their place.
    fn forget_gone_waiters(&mut self) {
        for queue in self.waiting.values_mut() {
            queue.retain(|grant| !grant.is_closed());
        }
        self.waiting.retain(|_, queue| !queue.is_empty());
    }

    /// Adapts the pace and the circuit to the meaning of an answer.
    fn hear(&mut self, signal: TargetSignal) {
        match signal {
            TargetSignal::Healthy => {
                self.faults = 0;
                self.speed_up();
                self.room = (self.room + 1.0 / self.room).min(self.concurrency_max as f64);
                if self.held_until.is_none() {
                    self.failures = 0;
                    self.probing = false;
                    let closed = self.publish.send_if_modified(|circuit| {
                        std::mem::replace(circuit, TargetCircuit::Closed) != TargetCircuit::Closed
                    });
                    if closed {
                        tracing::info!(target_name = %self.target, "circuit closed: requests flow again");
                    }
                }
            }
            TargetSignal::Spent(pause) => {
                let until = Instant::now() + pause;
                self.spent_until = self.spent_until.max(Some(until));
            }
            TargetSignal::Faulty(reason) => {
                self.faults += 1;
                self.crowd();
                if self.faults >= FAULTS_MAX || self.probing {
                    self.hold(reason, None, UNAVAILABLE_INITIAL, UNAVAILABLE_MAX);
                }
            }
            TargetSignal::Throttled(after) => {
                if self.held_until.is_none() {
                    self.slow_down();
                    self.crowd();
                }
                self.hold(
                    "the target asked for a pause (429)".to_owned(),
                    after,
                    THROTTLED_INITIAL,
                    THROTTLED_MAX,
                );
            }
            TargetSignal::Unavailable(reason, after) => {
                self.hold(reason, after, UNAVAILABLE_INITIAL, UNAVAILABLE_MAX);
            }
            TargetSignal::Unauthorised(reason) => {
                self.hold(reason, None, UNAUTHORISED_INITIAL, UNAUTHORISED_MAX);
            }
        }
    }

    /// Stops granting for a while: as long as the target asked, or longer with each failure in a row.
    fn hold(&mut self, reason: String, after: Option<Duration>, initial: Duration, max: Duration) {
        if self.held_until.is_none() {
            self.failures += 1;
        }
        // A pause of 0 seconds, or until a time that has passed, does not allow requests at full speed.
        let delay = match after {
            Some(after) if self.failures > 1 => after.max(backoff::retry_delay(self.failures, initial, max)),
            Some(after) => after.max(PAUSE_MIN),
            None => backoff::retry_delay(self.failures, initial, max),
        };
        let until = Instant::now() + delay;
        self.held_until = Some(self.held_until.map_or(until, |held| held.max(until)));
        let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(target_name = %self.target, reason, failures = self.failures, delay_ms, "circuit open: no requests for a while");
        self.publish.send_replace(TargetCircuit::Open { reason, until: self.held_until.unwrap_or(until) });
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;

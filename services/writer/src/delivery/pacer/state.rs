//! The pacer's task: its state, and how answers of the target change the pace.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use retry::retry_delay;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::{PacerMessage, RequestPermit, RequestUrgency, TargetCircuit, TargetPace, TargetSignal};

/// After this many grants that overtook a less urgent waiter, the least urgent one goes once.
pub(super) const OVERTAKEN_MAX: u32 = 20;
/// The number of resets, timeouts and 5xx in a row that mean that the target is down.
pub(super) const FAULTS_MAX: u32 = 5;
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
pub(super) const SLOT_LEARNED_MAX: Duration = Duration::from_secs(60);
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

/// The state of the pacer's task.
pub(super) struct PacerState {
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
    /// Creates the state of a pacer whose circuit is closed.
    pub(super) fn new(
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

    pub(super) async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<PacerMessage>) {
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
            Some(after) if self.failures > 1 => after.max(retry_delay(self.failures, initial, max)),
            Some(after) => after.max(PAUSE_MIN),
            None => retry_delay(self.failures, initial, max),
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

//! Decides which request to a target is sent next, and when: rate, concurrency, urgency and the circuit in one place.
//!
//! Every request needs a [`RequestPermit`]. The most urgent waiter gets the next one, so a leaver goes out at the next
//! slot, however long the queue is. The rate is the generic cell rate algorithm with the profile's burst. When the target
//! asks for a pause or is down, no permit is granted until the pause is over. Then one request goes first, alone, and the
//! others follow when it succeeds.

mod buckets;
mod state;

use std::sync::Arc;
use std::time::Duration;

pub(crate) use buckets::PacedRequest;
use buckets::RequestBuckets;
use lifecycle::Lane;
use state::PacerState;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

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

#[cfg(test)]
mod tests;

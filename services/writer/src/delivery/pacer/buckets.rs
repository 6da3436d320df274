//! Rate limits that count some requests only: by method and endpoint, over any length of time.
//!
//! Each limit is the generic cell rate algorithm, like the pace of the target as a whole. A request takes its turn in all
//! limits that match, the most urgent first. A request that has to wait gives its permit back for that time, so that
//! others can be sent in the meantime.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use lifecycle::ResourceKind;
use scim::{BucketKind, RateLimitBucket};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::RequestUrgency;
use super::state::OVERTAKEN_MAX;

/// The factor by which slots are longer than published, as for the target as a whole: network jitter must not exceed the
/// published limit.
const SLOT_MARGIN: f64 = 1.005;

/// The properties of a request that limits depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PacedRequest {
    pub(crate) method: &'static str,
    pub(crate) kind: ResourceKind,
    /// The length of the request's body.
    pub(crate) bytes: usize,
}

/// The limits of one target.
#[derive(Debug)]
pub(crate) struct RequestBuckets {
    limits: Vec<BucketLimit>,
    state: Mutex<BucketState>,
    /// Notified when a waiter takes a turn, arrives or gives up.
    changed: Notify,
}

/// One limit: the time between two requests, and the tolerance for a burst.
#[derive(Debug)]
struct BucketLimit {
    bucket: RateLimitBucket,
    slot: Duration,
    tolerance: Duration,
}

/// The turns of the limits, and the waiting requests.
#[derive(Debug)]
struct BucketState {
    /// The time at which the next request would be due if requests were spread evenly, by limit.
    due: Vec<Instant>,
    waiting: BTreeMap<WaiterOrder, WaitingRequest>,
    came: u64,
}

/// The order of waiters: the most urgent first, then the earliest.
type WaiterOrder = (RequestUrgency, u64);

/// A request that waits for its turn.
#[derive(Debug)]
struct WaitingRequest {
    limits: Vec<usize>,
    /// The number of more urgent requests that went first.
    overtaken: u32,
}

/// A place in the queue. Dropping it leaves the queue.
struct RequestWaiter<'a> {
    buckets: &'a RequestBuckets,
    place: WaiterOrder,
}

impl Drop for RequestWaiter<'_> {
    fn drop(&mut self) {
        self.buckets.state().waiting.remove(&self.place);
        self.buckets.changed.notify_waiters();
    }
}

impl RequestBuckets {
    /// Creates the buckets. `share` is the part of each limit that is ours.
    pub(crate) fn new(buckets: &[RateLimitBucket], share: f64) -> Self {
        let limit = |bucket: &RateLimitBucket| {
            let slot = f64::from(bucket.seconds) / (f64::from(bucket.requests.max(1)) * share) * SLOT_MARGIN;
            let slot = Duration::from_secs_f64(slot);
            BucketLimit { bucket: bucket.clone(), slot, tolerance: slot * bucket.burst.saturating_sub(1) }
        };
        let limits: Vec<BucketLimit> = buckets.iter().map(limit).collect();
        let state =
            BucketState { due: vec![Instant::now(); limits.len()], waiting: BTreeMap::new(), came: 0 };
        Self { limits, state: Mutex::new(state), changed: Notify::new() }
    }

    /// Takes a turn for a request if it can go at once.
    pub(crate) fn take_now(&self, request: PacedRequest) -> bool {
        let limits = self.matching(request);
        let mut state = self.state();
        let is_contended = state.waiting.values().any(|other| other.shares(&limits));
        let may_go = !is_contended && self.turn_of(&state, &limits) <= Instant::now();
        if may_go {
            self.take(&mut state, &limits);
        }
        may_go
    }

    /// Waits for a turn for a request, and takes it.
    pub(crate) async fn take_turn(&self, request: PacedRequest, urgency: RequestUrgency) {
        let limits = self.matching(request);
        if limits.is_empty() {
            return;
        }
        let waiter = self.enter(urgency, limits.clone());
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let turn = {
                let mut state = self.state();
                let turn = self.turn_of(&state, &limits);
                match state.is_first(&waiter.place, &limits) {
                    false => None,
                    true if turn <= Instant::now() => {
                        self.take(&mut state, &limits);
                        state.count_overtaken(&waiter.place, &limits);
                        return;
                    }
                    true => Some(turn),
                }
            };
            match turn {
                None => changed.await,
                Some(turn) => tokio::select! {
                    () = changed => {}
                    () = tokio::time::sleep_until(turn) => {}
                },
            }
        }
    }

    /// Adds a request to the queue.
    fn enter(&self, urgency: RequestUrgency, limits: Vec<usize>) -> RequestWaiter<'_> {
        let mut state = self.state();
        state.came += 1;
        let place = (urgency, state.came);
        state.waiting.insert(place, WaitingRequest { limits, overtaken: 0 });
        drop(state);
        self.changed.notify_waiters();
        RequestWaiter { buckets: self, place }
    }

    fn matching(&self, request: PacedRequest) -> Vec<usize> {
        let numbered = self.limits.iter().enumerate();
        numbered.filter(|(_, limit)| counts_request(&limit.bucket, request)).map(|(at, _)| at).collect()
    }

    fn turn_of(&self, state: &BucketState, limits: &[usize]) -> Instant {
        let now = Instant::now();
        let turn = |&at: &usize| state.due[at].checked_sub(self.limits[at].tolerance).unwrap_or(now);
        limits.iter().map(turn).max().unwrap_or(now)
    }

    fn take(&self, state: &mut BucketState, limits: &[usize]) {
        let now = Instant::now();
        for &at in limits {
            state.due[at] = state.due[at].max(now) + self.limits[at].slot;
        }
    }

    fn state(&self) -> MutexGuard<'_, BucketState> {
        self.state.lock().expect("nothing panics while holding it")
    }
}

impl BucketState {
    /// Returns whether no other waiter for one of the same limits goes first.
    fn is_first(&self, place: &WaiterOrder, limits: &[usize]) -> bool {
        let rivals = || self.waiting.iter().filter(|(_, other)| other.shares(limits));
        let starved = rivals().filter(|(_, other)| other.overtaken >= OVERTAKEN_MAX);
        let first = starved.map(|(place, _)| place).min_by_key(|(_, came)| *came);
        first.or_else(|| rivals().map(|(place, _)| place).next()) == Some(place)
    }

    /// Counts that a request at `place` went before less urgent ones that came earlier.
    fn count_overtaken(&mut self, place: &WaiterOrder, limits: &[usize]) {
        let behind = self
            .waiting
            .iter_mut()
            .filter(|(other, waiting)| other.1 < place.1 && other.0 > place.0 && waiting.shares(limits));
        behind.for_each(|(_, waiting)| waiting.overtaken += 1);
    }
}

impl WaitingRequest {
    fn shares(&self, limits: &[usize]) -> bool {
        self.limits.iter().any(|at| limits.contains(at))
    }
}

/// Returns whether a limit counts the request.
fn counts_request(bucket: &RateLimitBucket, PacedRequest { method, kind, bytes }: PacedRequest) -> bool {
    let is_kind = match bucket.kind {
        None => true,
        Some(BucketKind::User) => kind == ResourceKind::User,
        Some(BucketKind::Group) => kind != ResourceKind::User,
    };
    let is_size = bucket.above_bytes.is_none_or(|least| bytes > least)
        && bucket.up_to_bytes.is_none_or(|most| bytes <= most);
    is_kind
        && is_size
        && (bucket.methods.is_empty() || bucket.methods.iter().any(|counted| counted == method))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lifecycle::Lane;

    use super::*;

    fn bucket(methods: &[&str], kind: Option<BucketKind>, requests: u32, burst: u32) -> RateLimitBucket {
        let methods = methods.iter().map(|&method| method.to_owned()).collect();
        RateLimitBucket { methods, kind, above_bytes: None, up_to_bytes: None, requests, seconds: 10, burst }
    }

    fn request(method: &'static str, kind: ResourceKind) -> PacedRequest {
        PacedRequest { method, kind, bytes: 0 }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_waits_for_the_slowest_bucket_that_counts_it() {
        let buckets = RequestBuckets::new(
            &[bucket(&["POST", "PATCH"], None, 10, 1), bucket(&["POST"], Some(BucketKind::User), 5, 2)],
            1.0,
        );
        let start = Instant::now();
        let after = async |method: &'static str, kind| {
            buckets.take_turn(request(method, kind), RequestUrgency::opening(Lane::Joiner)).await;
            start.elapsed().as_secs_f64()
        };
        let about = |seconds: f64, expected: f64| (seconds - expected).abs() < 0.1;
        assert!(about(after("GET", ResourceKind::User).await, 0.0), "nothing counts it");
        assert!(about(after("POST", ResourceKind::User).await, 0.0));
        assert!(
            about(after("POST", ResourceKind::User).await, 1.0),
            "the burst of two, but one a second over all"
        );
        assert!(about(after("PATCH", ResourceKind::User).await, 2.0));
        assert!(
            about(after("POST", ResourceKind::User).await, 3.0),
            "two every four seconds, and one a second over all"
        );
        assert!(about(after("POST", ResourceKind::Membership).await, 4.0));
        assert!(about(after("POST", ResourceKind::User).await, 5.0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_counts_bodies_of_its_size_and_gives_us_our_share() {
        let (small, large) = (Some(500), Some(500));
        let patches = bucket(&["PATCH"], Some(BucketKind::Group), 10, 1);
        let rare = RateLimitBucket { above_bytes: large, requests: 5, ..patches.clone() };
        let buckets = RequestBuckets::new(&[RateLimitBucket { up_to_bytes: small, ..patches }, rare], 0.5);
        let start = Instant::now();
        let after = async |bytes| {
            let request = PacedRequest { bytes, ..request("PATCH", ResourceKind::Membership) };
            buckets.take_turn(request, RequestUrgency::opening(Lane::Joiner)).await;
            start.elapsed().as_secs()
        };
        assert_eq!([after(500).await, after(501).await], [0, 0], "each its own");
        assert_eq!(
            [after(500).await, after(501).await, after(501).await],
            [2, 4, 8],
            "half of what is published"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_leaver_takes_the_next_turn_of_a_bucket_and_nobody_waits_for_ever() {
        let buckets = Arc::new(RequestBuckets::new(&[bucket(&["PATCH"], None, 10, 1)], 1.0));
        let (told, mut order) = tokio::sync::mpsc::unbounded_channel();
        let wait = |lane: Lane| {
            let (buckets, told) = (Arc::clone(&buckets), told.clone());
            tokio::spawn(async move {
                buckets.take_turn(request("PATCH", ResourceKind::User), RequestUrgency::opening(lane)).await;
                told.send(lane).unwrap();
            })
        };
        assert!(buckets.take_now(request("PATCH", ResourceKind::User)));
        wait(Lane::Backfill);
        (0..30).for_each(|_| drop(wait(Lane::Mover)));
        tokio::time::sleep(Duration::from_millis(1)).await;
        wait(Lane::Leaver);
        assert_eq!(order.recv().await, Some(Lane::Leaver));
        // A waiter that gives up delays no other.
        wait(Lane::Leaver).abort();
        assert!(!buckets.take_now(request("PATCH", ResourceKind::User)), "not in front of those who wait");
        assert!(buckets.take_now(request("GET", ResourceKind::User)), "what nothing counts");
        let mut went = Vec::new();
        for _ in 0..31 {
            went.push(order.recv().await.unwrap());
        }
        let backfill = went.iter().position(|lane| *lane == Lane::Backfill).unwrap();
        assert!((15..25).contains(&backfill), "{backfill}");
    }
}

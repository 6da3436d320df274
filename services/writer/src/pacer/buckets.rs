//! Limits that hold for some requests only: by method and endpoint, over any length of time.
//!
//! Each is the generic cell rate algorithm, as the pace of the target as a whole. A request takes its turn in all that
//! match; whoever has to wait gives its permit back for that time, so that others can be sent meanwhile.

use std::sync::Mutex;
use std::time::Duration;

use lifecycle::ResourceKind;
use scim::{Bucket, BucketKind};
use tokio::time::Instant;

/// As for the target as a whole: jitter on the way must not exceed the published limit.
const SLOT_MARGIN: f64 = 1.005;

/// The limits of one target.
#[derive(Debug)]
pub(crate) struct Buckets(Vec<State>);

#[derive(Debug)]
struct State {
    bucket: Bucket,
    slot: Duration,
    tolerance: Duration,
    due: Mutex<Instant>,
}

impl Buckets {
    pub(crate) fn new(buckets: &[Bucket]) -> Self {
        let now = Instant::now();
        let state = |bucket: &Bucket| {
            let slot = f64::from(bucket.seconds) / f64::from(bucket.requests.max(1)) * SLOT_MARGIN;
            let slot = Duration::from_secs_f64(slot);
            let tolerance = slot * bucket.burst.saturating_sub(1);
            State { bucket: bucket.clone(), slot, tolerance, due: Mutex::new(now) }
        };
        Self(buckets.iter().map(state).collect())
    }

    /// Takes a turn for a request; says when it comes.
    pub(crate) fn reserve(&self, method: &str, kind: ResourceKind) -> Instant {
        let now = Instant::now();
        let matching = self.0.iter().filter(|state| counts(&state.bucket, method, kind));
        matching.map(|state| state.take(now)).max().unwrap_or(now)
    }
}

impl State {
    fn take(&self, now: Instant) -> Instant {
        let mut due = self.due.lock().expect("nothing panics while holding it");
        let turn = due.checked_sub(self.tolerance).unwrap_or(now).max(now);
        *due = (*due).max(now) + self.slot;
        turn
    }
}

fn counts(bucket: &Bucket, method: &str, kind: ResourceKind) -> bool {
    let is_kind = match bucket.kind {
        None => true,
        Some(BucketKind::User) => kind == ResourceKind::User,
        Some(BucketKind::Group) => kind != ResourceKind::User,
    };
    is_kind && (bucket.methods.is_empty() || bucket.methods.iter().any(|counted| counted == method))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(methods: &[&str], kind: Option<BucketKind>, requests: u32, burst: u32) -> Bucket {
        let methods = methods.iter().map(|&method| method.to_owned()).collect();
        Bucket { methods, kind, requests, seconds: 10, burst }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_waits_for_the_slowest_bucket_that_counts_it() {
        let buckets = Buckets::new(&[
            bucket(&["POST", "PATCH"], None, 10, 1),
            bucket(&["POST"], Some(BucketKind::User), 5, 2),
        ]);
        let start = Instant::now();
        let at = |method: &str, kind| (buckets.reserve(method, kind) - start).as_secs_f64();
        let about = |seconds: f64, expected: f64| (seconds - expected).abs() < 0.1;
        assert!(about(at("GET", ResourceKind::User), 0.0), "nothing counts it");
        assert!(about(at("POST", ResourceKind::User), 0.0));
        assert!(about(at("POST", ResourceKind::User), 1.0), "the burst of two, but one a second over all");
        assert!(about(at("PATCH", ResourceKind::User), 2.0));
        assert!(
            about(at("POST", ResourceKind::User), 3.0),
            "two every four seconds, and one a second over all"
        );
        assert!(about(at("POST", ResourceKind::Membership), 4.0));
        assert!(about(at("POST", ResourceKind::User), 4.0 + 1.0));
    }
}

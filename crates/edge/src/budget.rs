//! Places for callers that have not proven who they are. When there is no place left, the oldest one gives way: a caller that does
//! what it came for is done long before that, and a caller that only holds places loses them.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// The origin by which callers are counted: an IPv4 address, or the network of an IPv6 address that one customer has (/64).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallerOrigin(IpAddr);

impl CallerOrigin {
    /// Returns the origin of an address.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => Self(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into()),
            address => Self(address),
        }
    }
}

impl std::fmt::Display for CallerOrigin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            IpAddr::V6(network) => write!(f, "{network}/64"),
            IpAddr::V4(address) => write!(f, "{address}"),
        }
    }
}

/// The claim of a place's holder to keep it. It changes while a connection is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum PlaceClaim {
    /// Nothing is known about the caller.
    Unproven,
    /// The caller proved who it is in an earlier request; now it is silent.
    Idle,
    /// A request of a proven caller is in work. The place is not taken away.
    Working,
}

/// The standing of a connection: whether its caller has proven who it is. In the extensions of each request.
#[derive(Debug, Clone, Default)]
pub struct CallerStanding(Arc<AtomicU8>);

impl CallerStanding {
    /// Notes that the request in work comes from a caller that has proven who it is.
    pub fn prove(&self) {
        self.0.store(PlaceClaim::Working as u8, Ordering::Relaxed);
    }

    /// Notes that the request in work is answered.
    pub(crate) fn rest(&self) {
        let working = PlaceClaim::Working as u8;
        let _ =
            self.0.compare_exchange(working, PlaceClaim::Idle as u8, Ordering::Relaxed, Ordering::Relaxed);
    }

    fn claim(&self) -> PlaceClaim {
        match self.0.load(Ordering::Relaxed) {
            0 => PlaceClaim::Unproven,
            1 => PlaceClaim::Idle,
            _ => PlaceClaim::Working,
        }
    }
}

#[derive(Debug)]
struct PlaceHolder {
    origin: CallerOrigin,
    standing: CallerStanding,
    displaced: CancellationToken,
}

/// The holders of places, from the oldest to the newest.
#[derive(Debug, Default)]
struct PlaceTable {
    next: u64,
    holders: BTreeMap<u64, PlaceHolder>,
}

/// A number of places, in total and for each origin.
#[derive(Debug, Clone)]
pub struct CallerBudget {
    table: Arc<Mutex<PlaceTable>>,
    total_max: usize,
    per_origin_max: usize,
}

impl CallerBudget {
    /// Creates a budget.
    pub fn new(total_max: usize, per_origin_max: usize) -> Self {
        Self { table: Arc::default(), total_max, per_origin_max }
    }

    /// Takes a place. If the origin has all of its places, its oldest gives way; if there is none left at all, the oldest of the
    /// origin that has the most. Holders whose request is in work keep their places, so that there may be more than the maximum.
    pub fn enter(&self, origin: CallerOrigin, standing: CallerStanding) -> CallerPlace {
        let mut table = self.lock();
        let of_origin = table.holders.values().filter(|holder| holder.origin == origin).count();
        if of_origin >= self.per_origin_max {
            table.displace(Some(origin));
        } else if table.holders.len() >= self.total_max {
            table.displace(None);
        }
        let id = table.next;
        table.next += 1;
        let displaced = CancellationToken::new();
        table.holders.insert(id, PlaceHolder { origin, standing, displaced: displaced.clone() });
        CallerPlace { id, table: Arc::clone(&self.table), displaced }
    }

    fn lock(&self) -> MutexGuard<'_, PlaceTable> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PlaceTable {
    /// Takes the place of the holder with the weakest claim: of `origin`, or of the origin that has the most of them.
    fn displace(&mut self, origin: Option<CallerOrigin>) {
        let displaceable = |holder: &&PlaceHolder| holder.standing.claim() != PlaceClaim::Working;
        let mut counts: HashMap<CallerOrigin, usize> = HashMap::new();
        for holder in self.holders.values().filter(displaceable) {
            *counts.entry(holder.origin).or_default() += 1;
        }
        let largest = || counts.iter().max_by_key(|(_, count)| **count).map(|(origin, _)| *origin);
        let Some(origin) = origin.or_else(largest) else { return };
        let of_origin = self.holders.iter().filter(|(_, holder)| holder.origin == origin);
        let weakest = of_origin
            .filter(|(_, holder)| displaceable(holder))
            .min_by_key(|(id, holder)| (holder.standing.claim(), **id))
            .map(|(id, _)| *id);
        if let Some(holder) = weakest.and_then(|id| self.holders.remove(&id)) {
            holder.displaced.cancel();
        }
    }
}

/// A place of a budget; dropping it gives the place back.
#[derive(Debug)]
pub struct CallerPlace {
    id: u64,
    table: Arc<Mutex<PlaceTable>>,
    displaced: CancellationToken,
}

impl CallerPlace {
    /// Completes when the place was taken away.
    pub async fn displaced(&self) {
        self.displaced.cancelled().await;
    }
}

impl Drop for CallerPlace {
    fn drop(&mut self) {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).holders.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> CallerOrigin {
        CallerOrigin::of(text.parse().unwrap())
    }

    fn is_displaced(place: &CallerPlace) -> bool {
        place.displaced.is_cancelled()
    }

    #[test]
    fn the_oldest_of_the_origin_with_the_most_places_gives_way() {
        let budget = CallerBudget::new(4, 4);
        let enter = |from: &str| budget.enter(origin(from), CallerStanding::default());
        let quiet = enter("198.51.100.1");
        let greedy: Vec<_> = (0..3).map(|_| enter("203.0.113.9")).collect();
        let fresh = enter("198.51.100.2");
        assert!(is_displaced(&greedy[0]) && !is_displaced(&greedy[1]) && !is_displaced(&quiet));
        drop(fresh);
        let again = enter("198.51.100.3");
        assert!(!is_displaced(&greedy[1]) && !is_displaced(&again), "a place that was given back is free");
    }

    #[test]
    fn an_origin_that_has_all_its_places_displaces_only_its_own() {
        let budget = CallerBudget::new(100, 2);
        let enter = |from: &str| budget.enter(origin(from), CallerStanding::default());
        let quiet = enter("2001:db8:1::1");
        let greedy: Vec<_> = (1..4).map(|at| enter(&format!("2001:db8:2::{at}"))).collect();
        assert!(is_displaced(&greedy[0]) && !is_displaced(&greedy[1]) && !is_displaced(&greedy[2]));
        assert!(!is_displaced(&quiet));
    }

    #[test]
    fn a_request_of_a_proven_caller_keeps_its_place_and_an_idle_one_goes_last() {
        let budget = CallerBudget::new(2, 2);
        let standings: [CallerStanding; 2] = std::array::from_fn(|_| CallerStanding::default());
        let working = budget.enter(origin("203.0.113.9"), standings[0].clone());
        standings[0].prove();
        let idle = budget.enter(origin("203.0.113.9"), standings[1].clone());
        standings[1].prove();
        standings[1].rest();
        let unproven = budget.enter(origin("203.0.113.9"), CallerStanding::default());
        assert!(is_displaced(&idle) && !is_displaced(&working), "only the idle one can give way");
        let next = budget.enter(origin("203.0.113.9"), CallerStanding::default());
        assert!(is_displaced(&unproven) && !is_displaced(&working) && !is_displaced(&next));
    }
}

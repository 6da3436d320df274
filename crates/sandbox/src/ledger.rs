//! All SCIM requests, in the order in which they were processed or refused.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;

use crate::RequestKind;

/// The record of one request.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerEntry {
    /// The sequence number. It counts from 1 without gaps.
    pub sequence: u64,
    /// The time of arrival: microseconds since the sandbox was started, on a monotonic clock.
    pub at_micros: u64,
    /// The time of arrival by the wall clock.
    #[serde(with = "time::serde::rfc3339")]
    pub wall: OffsetDateTime,
    /// The HTTP method.
    pub method: Box<str>,
    /// The path below the base path.
    pub path: Box<str>,
    /// The query, still encoded.
    pub query: Option<Box<str>>,
    /// The kind of resource.
    pub kind: RequestKind,
    /// The id of the resource: from the path, or of the created resource.
    pub resource_id: Option<Box<str>>,
    /// The `userName` of the body, or of the resource before the request.
    pub user_name: Option<Box<str>>,
    /// The `externalId`, likewise.
    pub external_id: Option<Box<str>>,
    /// The `displayName`, likewise.
    pub display_name: Option<Box<str>>,
    /// A summary of the body, such as `replace active=false` or `add members x3`.
    pub operation: Option<Box<str>>,
    /// The status of the answer; `None` if the request was never answered.
    pub status: Option<u16>,
    /// The name of the injected fault.
    pub fault: Option<&'static str>,
    /// `true` if the request was carried out successfully, regardless of the answer.
    pub work_done: bool,
    /// The `User-Agent`, cut to 64 characters.
    pub user_agent: Option<Box<str>>,
    /// The body, if the behaviour stores bodies.
    pub body: Option<Box<str>>,
}

/// The stored entries, and the number of all entries ever written.
#[derive(Debug, Default)]
struct LedgerInner {
    entries: VecDeque<LedgerEntry>,
    written: u64,
}

/// The requests of a sandbox. The ledger is bounded; the oldest entries are dropped first.
#[derive(Debug, Default)]
pub struct RequestLedger {
    book: Mutex<LedgerInner>,
}

impl RequestLedger {
    /// Returns a copy of all stored entries, oldest first. Use [`RequestLedger::since`] for parts of a long ledger.
    pub fn entries(&self) -> Vec<LedgerEntry> {
        self.since(0, usize::MAX)
    }

    /// Returns at most `limit` entries with a sequence number above this one, oldest first.
    pub fn since(&self, sequence: u64, limit: usize) -> Vec<LedgerEntry> {
        let book = self.lock();
        let first = book.entries.front().map_or(1, |entry| entry.sequence);
        let skipped = usize::try_from((sequence + 1).saturating_sub(first)).unwrap_or(usize::MAX);
        book.entries.iter().skip(skipped).take(limit).cloned().collect()
    }

    /// Returns the number of requests since the start, including those whose entries were dropped.
    pub fn len(&self) -> u64 {
        self.lock().written
    }

    /// Returns `true` if there was no request yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of entries that were dropped because the ledger was full.
    pub fn dropped(&self) -> u64 {
        let book = self.lock();
        book.written - book.entries.len() as u64
    }

    /// Returns the number of entries that fulfil a condition. The sandbox waits meanwhile, so the condition must be fast.
    pub fn count(&self, mut condition: impl FnMut(&LedgerEntry) -> bool) -> usize {
        self.lock().entries.iter().filter(|entry| condition(entry)).count()
    }

    /// Returns the number of requests with this method and this kind.
    pub fn count_by(&self, method: &str, kind: RequestKind) -> usize {
        self.count(|entry| entry.kind == kind && entry.method.eq_ignore_ascii_case(method))
    }

    /// Returns the number of users that were actually created per `externalId` (the empty text for users without one).
    pub fn creates_by_external_id(&self) -> BTreeMap<String, u64> {
        let mut creates = BTreeMap::new();
        for entry in &self.lock().entries {
            if entry.work_done && entry.kind == RequestKind::User && &*entry.method == "POST" {
                let id = entry.external_id.as_deref().unwrap_or_default();
                *creates.entry(id.to_owned()).or_insert(0) += 1;
            }
        }
        creates
    }

    /// Returns the maximum number of requests that arrived within any span of this length. Requests refused with 429 count too.
    pub fn max_rate_seen(&self, window: Duration) -> usize {
        let mut arrivals: Vec<u64> = self.lock().entries.iter().map(|entry| entry.at_micros).collect();
        arrivals.sort_unstable();
        let window = u64::try_from(window.as_micros()).unwrap_or(u64::MAX);
        let (mut most, mut first) = (0, 0);
        for (last, at) in arrivals.iter().enumerate() {
            while at - arrivals[first] >= window.max(1) {
                first += 1;
            }
            most = most.max(last - first + 1);
        }
        most
    }

    /// Removes all entries. Sequence numbers begin again at 1.
    pub fn clear(&self) {
        *self.lock() = LedgerInner::default();
    }

    /// Writes an entry, and assigns its sequence number.
    pub(crate) fn write(&self, mut entry: LedgerEntry, entries_max: usize) {
        let mut book = self.lock();
        book.written += 1;
        entry.sequence = book.written;
        while book.entries.len() >= entries_max.max(1) {
            book.entries.pop_front();
        }
        book.entries.push_back(entry);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, LedgerInner> {
        self.book.lock().expect("conditions of counts do not panic, and nothing else here can")
    }
}

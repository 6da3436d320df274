//! Every SCIM request, in the order in which it was worked on or refused.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;

use crate::RequestKind;

/// One request.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerEntry {
    /// Counts from 1, without gaps.
    pub sequence: u64,
    /// When it arrived: microseconds since the sandbox was started, on a clock that never goes back.
    pub at_micros: u64,
    /// When it arrived, by the wall clock.
    #[serde(with = "time::serde::rfc3339")]
    pub wall: OffsetDateTime,
    /// HTTP method.
    pub method: Box<str>,
    /// Path, below the base path.
    pub path: Box<str>,
    /// Query, still encoded.
    pub query: Option<Box<str>>,
    /// What it is about.
    pub kind: RequestKind,
    /// Id of the resource: from the path, or of what was created.
    pub resource_id: Option<Box<str>>,
    /// `userName` of the body, or of the resource before the request.
    pub user_name: Option<Box<str>>,
    /// `externalId`, likewise.
    pub external_id: Option<Box<str>>,
    /// `displayName`, likewise.
    pub display_name: Option<Box<str>>,
    /// What a body asks for, such as `replace active=false` or `add members x3`.
    pub operation: Option<Box<str>>,
    /// Status of the answer; `None`: the request was never answered.
    pub status: Option<u16>,
    /// Name of the fault that happened to it.
    pub fault: Option<&'static str>,
    /// The request was carried out successfully, whatever was answered.
    pub work_done: bool,
    /// `User-Agent`, cut to 64 characters.
    pub user_agent: Option<Box<str>>,
    /// The body, when the behaviour says that bodies are kept.
    pub body: Option<Box<str>>,
}

#[derive(Debug, Default)]
struct LedgerInner {
    entries: VecDeque<LedgerEntry>,
    written: u64,
}

/// The requests of a sandbox; bounded, the oldest go first.
#[derive(Debug, Default)]
pub struct RequestLedger {
    book: Mutex<LedgerInner>,
}

impl RequestLedger {
    /// All entries that are kept, oldest first. Copies them: ask [`RequestLedger::since`] for parts of a long ledger.
    pub fn entries(&self) -> Vec<LedgerEntry> {
        self.since(0, usize::MAX)
    }

    /// Entries with a sequence number above this one, at most so many, oldest first.
    pub fn since(&self, sequence: u64, limit: usize) -> Vec<LedgerEntry> {
        let book = self.lock();
        let first = book.entries.front().map_or(1, |entry| entry.sequence);
        let skipped = usize::try_from((sequence + 1).saturating_sub(first)).unwrap_or(usize::MAX);
        book.entries.iter().skip(skipped).take(limit).cloned().collect()
    }

    /// Requests since the start, including those whose entries are gone.
    pub fn len(&self) -> u64 {
        self.lock().written
    }

    /// Whether there was no request yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Entries that were dropped because the ledger was full.
    pub fn dropped(&self) -> u64 {
        let book = self.lock();
        book.written - book.entries.len() as u64
    }

    /// How many entries fulfil a condition. The sandbox waits meanwhile: keep it short.
    pub fn count(&self, mut condition: impl FnMut(&LedgerEntry) -> bool) -> usize {
        self.lock().entries.iter().filter(|entry| condition(entry)).count()
    }

    /// How many requests had this method and were about this kind.
    pub fn count_by(&self, method: &str, kind: RequestKind) -> usize {
        self.count(|entry| entry.kind == kind && entry.method.eq_ignore_ascii_case(method))
    }

    /// How many users were really created per `externalId` (without one: the empty text).
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

    /// The most requests that arrived within any span of this length. Requests to be refused with 429 count too.
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

    /// Forgets everything; sequence numbers begin again at 1.
    pub fn clear(&self) {
        *self.lock() = LedgerInner::default();
    }

    /// Writes an entry; its sequence number is given here.
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

//! What sources send, and what is fetched and polled from them.

use std::sync::LazyLock;
use std::time::Duration;

use prometheus::{HistogramVec, IntCounterVec, IntGaugeVec};

use super::{ATTEMPT_SECONDS, make_counter, make_gauge, make_histogram};

/// The outcomes of an event that the gateway accepts.
const ACCEPT_OUTCOMES: [&str; 2] = ["accepted", "duplicate"];

static EVENTS_ACCEPTED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    make_counter(
        "usher_events_accepted_total",
        "Events that the gateway accepted and durably stored.",
        &["source", "outcome"],
    )
});
static INGEST_REJECTED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    make_counter(
        "usher_ingest_rejected_total",
        "Requests that the gateway refused, by problem code.",
        &["code"],
    )
});
static CALLERS_REFUSED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    make_counter(
        "usher_callers_refused_total",
        "Requests of callers that failed authentication, by reason; the answer does not contain the reason.",
        &["why"],
    )
});
static NOTICES: LazyLock<IntCounterVec> = LazyLock::new(|| {
    make_counter(
        "usher_notices_accepted_total",
        "Notices without values that the gateway accepted: records are fetched for them.",
        &["source"],
    )
});
static FETCHES: LazyLock<IntCounterVec> = LazyLock::new(|| {
    make_counter("usher_fetches_total", "Requests for a record at a source.", &["source", "outcome"])
});
static FETCH_DURATION: LazyLock<HistogramVec> = LazyLock::new(|| {
    let help = "Time from the request for a record at a source until its content is stored, in seconds.";
    make_histogram("usher_fetch_seconds", help, &["source"], ATTEMPT_SECONDS)
});
static FETCHES_PARKED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    make_counter(
        "usher_fetches_parked_total",
        "Records that could not be fetched and need an operator or another notice.",
        &["source"],
    )
});
static FETCHES_OPEN: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    let help = "Records that must be fetched, as counted by the replica that asks the source.";
    make_gauge("usher_fetches_open", help, &["source", "state"])
});
static SOURCE_CIRCUIT: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    make_gauge(
        "usher_source_circuit",
        "0 closed, 1 half open, 2 open: the source cannot be asked.",
        &["source"],
    )
});
static SOURCE_PROBLEMS: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    let help = "Occurrences of a problem of a source since the problem began; absent while there is none.";
    make_gauge("usher_source_problems", help, &["source", "kind"])
});
static POLLS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    make_counter("usher_polls_total", "Readings of a list at a source.", &["source", "outcome"])
});
static POLL_ROWS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    make_counter("usher_poll_rows_total", "Rows of lists: new, known or bad.", &["source", "outcome"])
});
static VALUES_UNREAD: LazyLock<IntCounterVec> = LazyLock::new(|| {
    let help = "Dates and statuses of notices, records and rows that could not be read or used.";
    make_counter("usher_values_unread_total", help, &["source"])
});
static FEED_ROWS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    let help = "Rows of full feeds that were not stored again, because they state the same as before (unchanged), or that \
                were named so and were not known any more (unresolved).";
    make_counter("usher_feed_rows_total", help, &["feed", "outcome"])
});
static POLL_KNOWN_UNTIL: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    let help = "Start of the last complete reading of a list, in seconds since the Unix epoch.";
    make_gauge("usher_poll_known_until_seconds", help, &["source"])
});

/// Initializes the known label sets of a configured source at zero.
pub fn register_source(source: &str) {
    for outcome in ACCEPT_OUTCOMES {
        EVENTS_ACCEPTED.with_label_values(&[source, outcome]);
    }
}

/// Initializes the known label sets of a source with fetched records at zero.
pub fn register_fetcher(source: &str) {
    NOTICES.with_label_values(&[source]);
    FETCHES.with_label_values(&[source, "fetched"]);
    FETCHES_PARKED.with_label_values(&[source]);
    SOURCE_CIRCUIT.with_label_values(&[source]);
}

/// Counts `count` stored notices of `source` whose records must be fetched.
pub fn notices_accepted(source: &str, count: u64) {
    if count > 0 {
        NOTICES.with_label_values(&[source]).inc_by(count);
    }
}

/// Counts a request for a record at a source, which took `took`. The outcome is `fetched`, `gone`, `not_stored` or the
/// class of the failure.
pub fn count_fetch(source: &str, outcome: &str, took: Duration) {
    FETCHES.with_label_values(&[source, outcome]).inc();
    FETCH_DURATION.with_label_values(&[source]).observe(took.as_secs_f64());
}

/// Counts a record that was parked.
pub fn fetch_parked(source: &str) {
    FETCHES_PARKED.with_label_values(&[source]).inc();
}

/// Sets the number of records of `source` that wait to be fetched, and of those that are parked.
pub fn fetches_open(source: &str, waiting: i64, parked: i64) {
    FETCHES_OPEN.with_label_values(&[source, "waiting"]).set(waiting);
    FETCHES_OPEN.with_label_values(&[source, "parked"]).set(parked);
}

/// Sets the state of the circuit breaker of `source`: 0 closed, 1 half open, 2 open.
pub fn source_circuit(source: &str, level: i64) {
    SOURCE_CIRCUIT.with_label_values(&[source]).set(level);
}

/// Replaces the problems of sources with the current ones: source, kind and number of occurrences. Only configured
/// sources are labels; other sources are empty.
pub fn source_problems<'a>(problems: impl Iterator<Item = (&'a str, &'static str, u64)>) {
    SOURCE_PROBLEMS.reset();
    for (source, kind, count) in problems {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        SOURCE_PROBLEMS.with_label_values(&[source, kind]).set(count);
    }
}

/// Initializes the known label sets of a list at zero.
pub fn register_poll(source: &str) {
    register_source(source);
    POLLS.with_label_values(&[source, "success"]);
    for outcome in ["new", "known", "bad"] {
        POLL_ROWS.with_label_values(&[source, outcome]);
    }
}

/// Counts a reading of a list. The outcome is `success` or the class of the failure.
pub fn count_poll(source: &str, outcome: &str) {
    POLLS.with_label_values(&[source, outcome]).inc();
}

/// Counts rows of a list: new ones, known ones, and bad ones that cannot be used.
pub fn poll_rows(source: &str, new: u64, known: u64, bad: u64) {
    for (outcome, count) in [("new", new), ("known", known), ("bad", bad)] {
        POLL_ROWS.with_label_values(&[source, outcome]).inc_by(count);
    }
}

/// Counts a date or status of a notice, record or row that could not be read or used.
pub fn value_unread(source: &str) {
    VALUES_UNREAD.with_label_values(&[source]).inc();
}

/// Counts `count` rows of a full feed that the gateway named instead of storing them again.
pub fn feed_rows_unchanged(feed: &str, count: u64) {
    FEED_ROWS.with_label_values(&[feed, "unchanged"]).inc_by(count);
}

/// Counts `count` rows of a full feed that were sent to the mapper by name and that it does not know.
pub fn feed_rows_unresolved(feed: &str, count: u64) {
    FEED_ROWS.with_label_values(&[feed, "unresolved"]).inc_by(count);
}

/// Sets the start of the last complete reading, in seconds since the Unix epoch.
pub fn poll_known_until(source: &str, seconds: i64) {
    POLL_KNOWN_UNTIL.with_label_values(&[source]).set(seconds);
}

/// Counts `count` events of `source` that the gateway stored. The outcome is `accepted` or `duplicate`.
pub fn events_accepted(source: &str, outcome: &str, count: u64) {
    EVENTS_ACCEPTED.with_label_values(&[source, outcome]).inc_by(count);
}

/// Counts a request that the gateway refused with this problem code.
pub fn ingest_rejected(code: &str) {
    INGEST_REJECTED.with_label_values(&[code]).inc();
}

/// Counts a caller that the gateway refused. `why` is one of a closed set.
pub fn caller_refused(why: &'static str) {
    CALLERS_REFUSED.with_label_values(&[why]).inc();
}

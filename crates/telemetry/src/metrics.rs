//! All metrics of Usher, in one place. All names begin with `usher_`; no label identifies a person.
//!
//! Labels come from closed sets or from the configuration (sources, targets), never from a request's content, so the
//! number of series is bounded.

mod callers;
mod people;
mod services;
mod sources;
mod streams;
mod targets;

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts};

pub use callers::{body_displaced, connection_displaced, credentials_wrong};
pub use people::{
    count_contradiction, count_merged, set_findings, set_silent_feeds, statement_refused, tombstone_failed,
    undecided_departures,
};
pub use services::{
    clock_skew, count_quarantined, facts_dropped, outbox_set_aside, outbox_unknown, set_outbox,
};
pub use sources::{
    caller_refused, count_fetch, count_poll, events_accepted, feed_rows_unchanged, feed_rows_unresolved,
    fetch_parked, fetches_open, ingest_rejected, notices_accepted, poll_known_until, poll_rows,
    register_fetcher, register_poll, register_source, source_circuit, source_problems, value_unread,
};
pub use streams::{
    backup_at, consumer_lag, consumer_lag_unknown, messages_lost, publish_batch, set_stream, stream_trimmed,
    stream_unknown,
};
pub use targets::{
    accept_to_target, command_refused, count_attempt, count_decision, dead_letter, other_accounts,
    queue_depth, register_target, set_leavers, set_verification, touch_held,
};

/// Buckets for the duration of one SCIM request: 5 ms to one minute.
const ATTEMPT_SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
const REGISTERED_ONCE: &str = "each metric is registered by its own LazyLock, with a valid constant name";

/// Registers a counter.
fn make_counter(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    let metric = IntCounterVec::new(Opts::new(name, help), labels).expect(REGISTERED_ONCE);
    prometheus::register(Box::new(metric.clone())).expect(REGISTERED_ONCE);
    metric
}

/// Registers a gauge.
fn make_gauge(name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
    let metric = IntGaugeVec::new(Opts::new(name, help), labels).expect(REGISTERED_ONCE);
    prometheus::register(Box::new(metric.clone())).expect(REGISTERED_ONCE);
    metric
}

/// Registers a histogram.
fn make_histogram(name: &str, help: &str, labels: &[&str], buckets: &[f64]) -> HistogramVec {
    let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
    let metric = HistogramVec::new(options, labels).expect(REGISTERED_ONCE);
    prometheus::register(Box::new(metric.clone())).expect(REGISTERED_ONCE);
    metric
}

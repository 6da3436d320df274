//! All metrics of Usher, in one place. All names begin with `usher_`; no label identifies a person.
//!
//! Labels come from closed sets or from the configuration (sources, targets), never from a request's content, so the
//! number of series is bounded.

use std::sync::LazyLock;
use std::time::Duration;

use lifecycle::{AttemptClass, FindingKind, Lane, ResourceKind};
use prometheus::{GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts};

/// Buckets for the time from acceptance to the target's answer: 5 ms to one hour.
const ACCEPT_TO_TARGET_SECONDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0,
    3_600.0,
];
/// Buckets for the duration of one SCIM request: 5 ms to one minute.
const ATTEMPT_SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
/// Buckets for messages per commit on the bus, up to the server's limit for an atomic batch.
const BATCH_SIZES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_000.0];
/// The outcomes of a merged event.
const MERGE_OUTCOMES: [&str; 4] = ["changed", "unchanged", "duplicate", "scheduled"];
/// The outcomes of an event that the gateway accepts.
const ACCEPT_OUTCOMES: [&str; 2] = ["accepted", "duplicate"];
const KINDS: [ResourceKind; 3] = [ResourceKind::User, ResourceKind::Group, ResourceKind::Membership];

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
static CONSUMER_LAG: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    make_gauge(
        "usher_consumer_lag",
        "Messages not yet acknowledged by a durable consumer.",
        &["stream", "consumer"],
    )
});
static MERGES: LazyLock<IntCounterVec> = LazyLock::new(|| {
    let metric = make_counter("usher_merge_total", "Events merged into the known people.", &["outcome"]);
    for outcome in MERGE_OUTCOMES {
        metric.with_label_values(&[outcome]);
    }
    metric
});
static QUARANTINED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    make_counter(
        "usher_quarantined_total",
        "Messages and rows that were set aside, by reason.",
        &["service", "reason"],
    )
});
static CLOCK_SKEW: LazyLock<GaugeVec> = LazyLock::new(|| {
    let help = "Seconds by which the clock of this process is ahead of the database's.";
    let metric =
        GaugeVec::new(Opts::new("usher_clock_skew_seconds", help), &["service"]).expect(REGISTERED_ONCE);
    prometheus::register(Box::new(metric.clone())).expect(REGISTERED_ONCE);
    metric
});
static STATEMENTS_REFUSED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    make_counter(
        "usher_statements_refused_total",
        "Parts of events that were refused because their source reached a limit.",
        &["limit"],
    )
});
static CONTRADICTIONS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    make_counter(
        "usher_contradictions_total",
        "Contradictions about employment that sources began, by code.",
        &["code"],
    )
});
static DECISIONS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    make_counter("usher_decisions_total", "Changes of desired state.", &["target", "kind", "lane"])
});
static QUEUE_DEPTH: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    make_gauge("usher_queue_depth", "Unfinished resources at a target.", &["target", "lane", "status"])
});
static ATTEMPTS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    make_counter("usher_attempts_total", "Requests sent to a target.", &["target", "operation", "class"])
});
static ATTEMPT_DURATION: LazyLock<HistogramVec> = LazyLock::new(|| {
    let help = "Duration of requests to a target, in seconds.";
    make_histogram("usher_attempt_seconds", help, &["target", "operation"], ATTEMPT_SECONDS)
});
static ACCEPT_TO_TARGET: LazyLock<HistogramVec> = LazyLock::new(|| {
    let help = "From acceptance of an event to the target's answer, in seconds.";
    make_histogram("usher_accept_to_target_seconds", help, &["target", "lane"], ACCEPT_TO_TARGET_SECONDS)
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
static DEAD_LETTERS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    make_counter(
        "usher_dead_letters_total",
        "Resources that need an operator before they are tried again.",
        &["target"],
    )
});
static LEAVERS_WITH_ACCESS: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    let help = "Accounts of leavers that are not proven to be off.";
    make_gauge("usher_leavers_with_access", help, &["target"])
});
static LEAVERS_OVERDUE: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    let help = "Accounts of leavers that are not proven to be off within the policy's objective: must be 0.";
    make_gauge("usher_leavers_overdue", help, &["target"])
});
static LEAVERS_KEPT: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    let help = "Accounts of leavers that the policy keeps as they are.";
    make_gauge("usher_leavers_kept_by_policy", help, &["target"])
});
static LEAVERS_OTHER_ACCOUNTS: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    let help = "Active accounts that Usher does not manage and that may belong to leavers, by their names.";
    make_gauge("usher_leavers_other_accounts", help, &["target"])
});
static LEAVERS_UNDECIDED: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    let help = "Departures that are not decided yet, because they cannot be read or attributed.";
    make_gauge("usher_leavers_undecided", help, &[])
});
static FINDINGS: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    let help = "Findings about people for review: contradictions about employment, values that could not be read, \
                people who cannot be built for a target.";
    make_gauge("usher_findings", help, &["kind", "target"])
});
static COMMANDS_REFUSED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    let help = "Commands that were refused because their revision is ahead of every clock.";
    make_counter("usher_commands_refused_total", help, &["target"])
});
static MESSAGES_LOST: LazyLock<IntCounterVec> = LazyLock::new(|| {
    let help = "Messages that disappeared from a stream before the database of its consumer contained them.";
    make_counter("usher_messages_lost_total", help, &["stream", "consumer"])
});
static DIVERGENCE: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    let help = "Results of the last verification: resources whose state at the writer differed (differed), and access \
                that the mapper does not know (unknown).";
    make_gauge("usher_verification_found", help, &["target", "what"])
});
static VERIFIED_AT: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    let help = "Start of the last completed verification of a target, in seconds since the Unix epoch.";
    make_gauge("usher_verified_at_seconds", help, &["target"])
});
static BACKUP_AT: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    let help = "Start of the last known backup, in seconds since the Unix epoch; absent if none is known.";
    make_gauge("usher_backup_at_seconds", help, &[])
});
static TOMBSTONES_FAILED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    let help = "Erasures of people that could not be recorded, or not be repeated after a restore.";
    make_counter("usher_tombstones_failed_total", help, &[])
});
static PUBLISH_BATCH_SIZE: LazyLock<HistogramVec> = LazyLock::new(|| {
    make_histogram("usher_publish_batch_size", "Messages per commit on the bus.", &["stream"], BATCH_SIZES)
});

static STREAM_BYTES: LazyLock<IntGaugeVec> =
    LazyLock::new(|| make_gauge("usher_stream_bytes", "Bytes that a stream holds.", &["stream"]));
static STREAM_BYTES_MAX: LazyLock<IntGaugeVec> =
    LazyLock::new(|| make_gauge("usher_stream_bytes_max", "Bytes that a stream may hold.", &["stream"]));
static STREAM_MISSING: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    make_gauge("usher_stream_missing", "1: a stream is missing, or its state cannot be read.", &["stream"])
});
static STREAM_TRIMMED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    let help = "Messages that were dropped to make room after every consumer had acknowledged them.";
    make_counter("usher_stream_trimmed_total", help, &["stream"])
});
static OUTBOX_ROWS: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    make_gauge("usher_outbox_rows", "Rows that wait to be published.", &["service", "lane"])
});
static OUTBOX_AGE: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    let help = "Time that the oldest row has waited to be published, in seconds.";
    make_gauge("usher_outbox_age_seconds", help, &["service", "lane"])
});
static OUTBOX_SET_ASIDE: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    make_gauge("usher_outbox_set_aside", "Messages that the broker refuses permanently.", &["service"])
});
static OUTBOX_SET_ASIDE_TOTAL: LazyLock<IntCounterVec> = LazyLock::new(|| {
    make_counter("usher_outbox_set_aside_total", "Messages that were set aside.", &["service"])
});
static FACTS_DROPPED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    let help = "Messages with facts that were dropped because JOURNAL was full for too long.";
    make_counter("usher_facts_dropped_total", help, &["service"])
});

/// Sets the number of waiting rows in each lane of a service's outbox, the age of the oldest, and the number of rows set aside.
pub fn set_outbox(service: &str, lanes: &[(&str, i64, Option<i64>)], set_aside: i64) {
    for (lane, rows, age) in lanes {
        OUTBOX_ROWS.with_label_values(&[service, lane]).set(*rows);
        OUTBOX_AGE.with_label_values(&[service, lane]).set(age.unwrap_or(0));
    }
    OUTBOX_SET_ASIDE.with_label_values(&[service]).set(set_aside);
    OUTBOX_SET_ASIDE_TOTAL.with_label_values(&[service]);
    FACTS_DROPPED.with_label_values(&[service]);
}

/// Removes the gauges of a service's outbox, which could not be measured, until it can be.
pub fn outbox_unknown(service: &str) {
    for lane in ["departures", "commands", "facts"] {
        let _ = OUTBOX_ROWS.remove_label_values(&[service, lane]);
        let _ = OUTBOX_AGE.remove_label_values(&[service, lane]);
    }
    let _ = OUTBOX_SET_ASIDE.remove_label_values(&[service]);
}

/// Counts messages of a service that were set aside.
pub fn outbox_set_aside(service: &str, messages: u64) {
    OUTBOX_SET_ASIDE_TOTAL.with_label_values(&[service]).inc_by(messages);
}

/// Counts messages with facts of a service that were dropped.
pub fn facts_dropped(service: &str, messages: u64) {
    FACTS_DROPPED.with_label_values(&[service]).inc_by(messages);
}

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

/// Initializes the known label sets of a configured target at zero.
pub fn register_target(target: &str) {
    DEAD_LETTERS.with_label_values(&[target]);
    for lane in Lane::ALL {
        ACCEPT_TO_TARGET.with_label_values(&[target, lane.as_str()]);
        for kind in KINDS {
            DECISIONS.with_label_values(&[target, kind.as_str(), lane.as_str()]);
        }
    }
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

/// Sets the number of messages that a durable consumer has not acknowledged.
pub fn consumer_lag(stream: &str, consumer: &str, messages: u64) {
    CONSUMER_LAG.with_label_values(&[stream, consumer]).set(i64::try_from(messages).unwrap_or(i64::MAX));
}

/// Removes the lag gauge of a durable consumer, which could not be measured, until it can be.
pub fn consumer_lag_unknown(stream: &str, consumer: &str) {
    let _ = CONSUMER_LAG.remove_label_values(&[stream, consumer]);
}

/// Sets the size and the limit of a stream, in bytes.
pub fn set_stream(stream: &str, bytes: u64, bytes_max: u64) {
    STREAM_BYTES.with_label_values(&[stream]).set(i64::try_from(bytes).unwrap_or(i64::MAX));
    STREAM_BYTES_MAX.with_label_values(&[stream]).set(i64::try_from(bytes_max).unwrap_or(i64::MAX));
    STREAM_MISSING.with_label_values(&[stream]).set(0);
}

/// Marks a stream as missing or unreadable. The gauges of its size are absent until it is known.
pub fn stream_unknown(stream: &str) {
    let _ = STREAM_BYTES.remove_label_values(&[stream]);
    let _ = STREAM_BYTES_MAX.remove_label_values(&[stream]);
    STREAM_MISSING.with_label_values(&[stream]).set(1);
}

/// Counts an erased person who could not be recorded, or not be erased again.
pub fn tombstone_failed() {
    TOMBSTONES_FAILED.with_label_values::<&str>(&[]).inc();
}

/// Sets the start of the last backup, in seconds since the Unix epoch. The gauge is absent if none is known.
pub fn backup_at(seconds: Option<i64>) {
    match seconds {
        Some(seconds) => BACKUP_AT.with_label_values::<&str>(&[]).set(seconds),
        None => drop(BACKUP_AT.remove_label_values::<&str>(&[])),
    }
}

/// Counts messages that the stream keeper dropped after every consumer had acknowledged them.
pub fn stream_trimmed(stream: &str, messages: u64) {
    STREAM_TRIMMED.with_label_values(&[stream]).inc_by(messages);
}

/// Counts `count` events that the mapper merged. The outcome is `changed`, `unchanged`, `duplicate` or `scheduled`.
pub fn count_merged(outcome: &str, count: u64) {
    MERGES.with_label_values(&[outcome]).inc_by(count);
}

/// Counts an item that `service` set aside because it could not read or store it.
pub fn count_quarantined(service: &str, reason: &str) {
    QUARANTINED.with_label_values(&[service, reason]).inc();
}

/// Sets the number of microseconds by which the clock of `service` is ahead of the database's.
#[expect(clippy::cast_precision_loss, reason = "no one needs the microseconds of years")]
pub fn clock_skew(service: &str, micros: i64) {
    CLOCK_SKEW.with_label_values(&[service]).set(micros as f64 / 1e6);
}

/// Counts a part of an event that the mapper refused because its source reached `limit`.
pub fn statement_refused(limit: &'static str) {
    STATEMENTS_REFUSED.with_label_values(&[limit]).inc();
}

/// Counts a new contradiction between sources about the employment of a person.
pub fn count_contradiction(code: &'static str) {
    CONTRADICTIONS.with_label_values(&[code]).inc();
}

/// Counts a change of a desired state by the mapper.
pub fn count_decision(target: &str, kind: ResourceKind, lane: Lane) {
    DECISIONS.with_label_values(&[target, kind.as_str(), lane.as_str()]).inc();
}

/// Sets the number of the writer's unfinished resources of this lane and status.
pub fn queue_depth(target: &str, lane: Lane, status: &str, count: i64) {
    QUEUE_DEPTH.with_label_values(&[target, lane.as_str(), status]).set(count);
}

/// Counts a request that the writer sent and that took `took`.
pub fn count_attempt(target: &str, operation: &str, class: AttemptClass, took: Duration) {
    ATTEMPTS.with_label_values(&[target, operation, class.as_str()]).inc();
    ATTEMPT_DURATION.with_label_values(&[target, operation]).observe(took.as_secs_f64());
}

/// Records the time from the acceptance of an event until the target agrees.
pub fn accept_to_target(target: &str, lane: Lane, took: Duration) {
    ACCEPT_TO_TARGET.with_label_values(&[target, lane.as_str()]).observe(took.as_secs_f64());
}

/// Counts a command for `target` that was refused.
pub fn command_refused(target: &str) {
    COMMANDS_REFUSED.with_label_values(&[target]).inc();
}

/// Counts `count` messages that disappeared before their consumer had acknowledged them.
pub fn messages_lost(stream: &str, consumer: &str, count: u64) {
    MESSAGES_LOST.with_label_values(&[stream, consumer]).inc_by(count);
}

/// Sets the result of a completed verification of `target` that began at `began` (seconds since the Unix epoch).
pub fn set_verification(target: &str, differed: u64, unknown: u64, began: i64) {
    for (what, count) in [("differed", differed), ("unknown", unknown)] {
        DIVERGENCE.with_label_values(&[target, what]).set(i64::try_from(count).unwrap_or(i64::MAX));
    }
    VERIFIED_AT.with_label_values(&[target]).set(began);
}

/// Counts a resource at `target` that became a dead letter.
pub fn dead_letter(target: &str) {
    DEAD_LETTERS.with_label_values(&[target]).inc();
}

/// Sets the number of leavers' accounts at `target` that are not proven to be off, that are overdue, and that the policy keeps.
pub fn set_leavers(target: &str, with_access: u64, overdue: u64, kept_by_policy: u64) {
    let counts =
        [(&LEAVERS_WITH_ACCESS, with_access), (&LEAVERS_OVERDUE, overdue), (&LEAVERS_KEPT, kept_by_policy)];
    for (gauge, count) in counts {
        gauge.with_label_values(&[target]).set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}

/// Sets the number of active accounts at `target` that belong to no known person and may belong to leavers.
pub fn other_accounts(target: &str, active: u64) {
    LEAVERS_OTHER_ACCOUNTS.with_label_values(&[target]).set(i64::try_from(active).unwrap_or(i64::MAX));
}

/// Sets the number of departures that are not decided yet.
pub fn undecided_departures(count: u64) {
    LEAVERS_UNDECIDED.with_label_values::<&str>(&[]).set(i64::try_from(count).unwrap_or(i64::MAX));
}

/// Sets the number of findings of `kind`. `target` is empty for findings that concern no account.
pub fn set_findings(kind: FindingKind, target: &str, count: u64) {
    FINDINGS.with_label_values(&[kind.as_str(), target]).set(i64::try_from(count).unwrap_or(i64::MAX));
}

/// Records the number of messages in one commit of the bus.
pub fn publish_batch(stream: &str, messages: usize) {
    PUBLISH_BATCH_SIZE.with_label_values(&[stream]).observe(messages as f64);
}

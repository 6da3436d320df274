//! The streams, their consumers and the backup.

use std::sync::LazyLock;

use prometheus::{HistogramVec, IntCounterVec, IntGaugeVec};

use super::{make_counter, make_gauge, make_histogram};

/// Buckets for messages per commit on the bus, up to the server's limit for an atomic batch.
const BATCH_SIZES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_000.0];

static CONSUMER_LAG: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    make_gauge(
        "usher_consumer_lag",
        "Messages not yet acknowledged by a durable consumer.",
        &["stream", "consumer"],
    )
});
static MESSAGES_LOST: LazyLock<IntCounterVec> = LazyLock::new(|| {
    let help = "Messages that disappeared from a stream before the database of its consumer contained them.";
    make_counter("usher_messages_lost_total", help, &["stream", "consumer"])
});
static BACKUP_AT: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    let help = "Start of the last known backup, in seconds since the Unix epoch; absent if none is known.";
    make_gauge("usher_backup_at_seconds", help, &[])
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

/// Counts messages that the stream keeper dropped after every consumer had acknowledged them.
pub fn stream_trimmed(stream: &str, messages: u64) {
    STREAM_TRIMMED.with_label_values(&[stream]).inc_by(messages);
}

/// Records the number of messages in one commit of the bus.
pub fn publish_batch(stream: &str, messages: usize) {
    PUBLISH_BATCH_SIZE.with_label_values(&[stream]).observe(messages as f64);
}

/// Counts `count` messages that disappeared before their consumer had acknowledged them.
pub fn messages_lost(stream: &str, consumer: &str, count: u64) {
    MESSAGES_LOST.with_label_values(&[stream, consumer]).inc_by(count);
}

/// Sets the start of the last backup, in seconds since the Unix epoch. The gauge is absent if none is known.
pub fn backup_at(seconds: Option<i64>) {
    match seconds {
        Some(seconds) => BACKUP_AT.with_label_values::<&str>(&[]).set(seconds),
        None => drop(BACKUP_AT.remove_label_values::<&str>(&[])),
    }
}

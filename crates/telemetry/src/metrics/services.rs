//! What services set aside, and their outboxes and clocks.

use std::sync::LazyLock;

use prometheus::{GaugeVec, IntCounterVec, IntGaugeVec, Opts};

use super::{REGISTERED_ONCE, make_counter, make_gauge};

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

/// Counts an item that `service` set aside because it could not read or store it.
pub fn count_quarantined(service: &str, reason: &str) {
    QUARANTINED.with_label_values(&[service, reason]).inc();
}

/// Sets the number of microseconds by which the clock of `service` is ahead of the database's.
#[expect(clippy::cast_precision_loss, reason = "no one needs the microseconds of years")]
pub fn clock_skew(service: &str, micros: i64) {
    CLOCK_SKEW.with_label_values(&[service]).set(micros as f64 / 1e6);
}

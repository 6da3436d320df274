//! What the mapper merges and finds out about people.

use std::sync::LazyLock;

use lifecycle::FindingKind;
use prometheus::{IntCounterVec, IntGaugeVec};

use super::{make_counter, make_gauge};

/// The outcomes of a merged event.
const MERGE_OUTCOMES: [&str; 5] = ["changed", "unchanged", "duplicate", "scheduled", "waiting"];

static MERGES: LazyLock<IntCounterVec> = LazyLock::new(|| {
    let metric = make_counter("usher_merge_total", "Events merged into the known people.", &["outcome"]);
    for outcome in MERGE_OUTCOMES {
        metric.with_label_values(&[outcome]);
    }
    metric
});
static STATEMENTS_REFUSED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    make_counter(
        "usher_statements_refused_total",
        "Parts of events that were refused because their source reached a limit, or lacks the right (`right:...`).",
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
static LEAVERS_UNDECIDED: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    let help = "Departures that are not decided yet, because they cannot be read or attributed.";
    make_gauge("usher_leavers_undecided", help, &[])
});
static SILENT_FEEDS: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    let help = "People whom no feed lists but one that is not heard of any more.";
    make_gauge("usher_feed_silent_people", help, &["feed"])
});
static FINDINGS: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    let help = "Findings about people for review: contradictions about employment, values that could not be read, \
                people who cannot be built for a target.";
    make_gauge("usher_findings", help, &["kind", "target"])
});
static TOMBSTONES_FAILED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    let help = "Erasures of people that could not be recorded, or not be repeated after a restore.";
    make_counter("usher_tombstones_failed_total", help, &[])
});

/// Counts an erased person who could not be recorded, or not be erased again.
pub fn tombstone_failed() {
    TOMBSTONES_FAILED.with_label_values::<&str>(&[]).inc();
}

/// Counts `count` events that the mapper merged. The outcome is `changed`, `unchanged`, `duplicate`, `scheduled`
/// or `waiting`.
pub fn count_merged(outcome: &str, count: u64) {
    MERGES.with_label_values(&[outcome]).inc_by(count);
}

/// Counts a part of an event that the mapper refused because its source reached `limit`.
pub fn statement_refused(limit: &'static str) {
    STATEMENTS_REFUSED.with_label_values(&[limit]).inc();
}

/// Counts a new contradiction between sources about the employment of a person.
pub fn count_contradiction(code: &'static str) {
    CONTRADICTIONS.with_label_values(&[code]).inc();
}

/// Sets the number of findings of `kind`. `target` is empty for findings that concern no account.
pub fn set_findings(kind: FindingKind, target: &str, count: u64) {
    FINDINGS.with_label_values(&[kind.as_str(), target]).set(i64::try_from(count).unwrap_or(i64::MAX));
}

/// Sets the number of departures that are not decided yet.
pub fn undecided_departures(count: u64) {
    LEAVERS_UNDECIDED.with_label_values::<&str>(&[]).set(i64::try_from(count).unwrap_or(i64::MAX));
}

/// Replaces the numbers of people whom no feed lists but a silent one, by feed.
pub fn set_silent_feeds<'a>(feeds: impl IntoIterator<Item = (&'a str, u64)>) {
    SILENT_FEEDS.reset();
    for (feed, people) in feeds {
        SILENT_FEEDS.with_label_values(&[feed]).set(i64::try_from(people).unwrap_or(i64::MAX));
    }
}

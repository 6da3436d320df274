//! What is decided for targets and sent to them.

use std::sync::LazyLock;
use std::time::Duration;

use lifecycle::{AttemptClass, HeldBy, Lane, ResourceKind};
use prometheus::{HistogramVec, IntCounterVec, IntGaugeVec};

use super::{ATTEMPT_SECONDS, make_counter, make_gauge, make_histogram};

/// Buckets for the time from acceptance to the target's answer: 5 ms to one hour.
const ACCEPT_TO_TARGET_SECONDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0,
    3_600.0,
];
const KINDS: [ResourceKind; 3] = [ResourceKind::User, ResourceKind::Group, ResourceKind::Membership];

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
static TOUCH_HELD: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    let help = "Changes that are held because of what is at the target: on the never list of the target (never), or not \
                created by Usher and not linked yet (adoption).";
    make_gauge("usher_touch_held", help, &["target", "by"])
});
static COMMANDS_REFUSED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    let help = "Commands that were refused because their revision is ahead of every clock.";
    make_counter("usher_commands_refused_total", help, &["target"])
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

/// Sets the number of changes at `target` that are held because of what is there, by the reason of the hold.
pub fn touch_held(target: &str, by: HeldBy, count: u64) {
    TOUCH_HELD.with_label_values(&[target, by.as_str()]).set(i64::try_from(count).unwrap_or(i64::MAX));
}

//! Callers that have not proven who they are.

use std::sync::LazyLock;

use prometheus::IntCounterVec;

use super::make_counter;

static CONNECTIONS_DISPLACED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    let help = "Connections that were closed because others had no place.";
    make_counter("usher_connections_displaced_total", help, &[])
});
static BODIES_DISPLACED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    let help = "Bodies of unproven callers that were dropped because others had no place.";
    make_counter("usher_bodies_displaced_total", help, &[])
});
static CREDENTIALS_WRONG: LazyLock<IntCounterVec> = LazyLock::new(|| {
    let help = "Requests without credentials or with wrong ones, by server. `slowed` were refused unchecked.";
    make_counter("usher_wrong_credentials_total", help, &["server", "outcome"])
});

/// Counts a connection that was closed for another one.
pub fn connection_displaced() {
    CONNECTIONS_DISPLACED.with_label_values::<&str>(&[]).inc();
}

/// Counts a body of an unproven caller that was dropped for another one.
pub fn body_displaced() {
    BODIES_DISPLACED.with_label_values::<&str>(&[]).inc();
}

/// Counts a request without credentials or with wrong ones. `outcome` is `refused`, or `slowed` if they were not checked.
pub fn credentials_wrong(server: &'static str, outcome: &'static str) {
    CREDENTIALS_WRONG.with_label_values(&[server, outcome]).inc();
}

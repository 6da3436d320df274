//! The writer: makes every target agree with the mapper's decisions, over SCIM, at the target's pace.
//!
//! One row per target, kind and subject holds the desired state beside the applied state; the queue *is* that table.
//! Commands only change the desired half ([`intake`]). One replica at a time owns a target ([`lease`]), picks the most
//! urgent row for every free request slot ([`owner`], [`pacer`]), sends the requests for the difference ([`converge`])
//! and commits results in batches together with the facts to publish ([`results`]).
//!
//! The writer never evaluates a policy, never talks to a source, and never sends a request that [`pacer`] did not grant.
//!
//! To add an operation at a target: 1. a step in [`converge`] that returns an outcome, 2. its effect on the row in
//! [`results`], 3. its name in the journal.

mod address;
mod app;
mod backoff;
mod blame;
mod call;
mod config;
mod control;
mod converge;
mod facts;
mod gone;
mod grace;
mod group_limit;
mod intake;
mod lease;
mod leftovers;
mod links;
mod listing;
mod looks;
mod migrations;
mod nesting;
mod orphans;
mod other_accounts;
mod outcome;
mod owner;
mod pacer;
mod permission;
mod quarantine;
mod ready;
mod reconcile;
mod replays;
mod restored;
mod results;
mod rows;
mod safety;
mod stale;
mod stored;
mod unreadable;
mod verification;

pub use app::{WriterApp, WriterBuildError, WriterRunError, build_writer, check_targets};
pub use config::{RetryConfig, TargetConfig, WriterConfig};
pub use migrations::WriterMigrator;

use time::OffsetDateTime;

/// Returns the time of the service's clock: the database's, which all replicas share.
pub(crate) fn now() -> OffsetDateTime {
    store::clock::now()
}

/// Converts a time to microseconds since the Unix epoch, as every table stores it.
pub(crate) fn micros(at: OffsetDateTime) -> i64 {
    lifecycle::unix_micros(at)
}

/// Converts [`micros`] back to a time. Returns the epoch itself for a value outside the calendar.
pub(crate) fn moment_of(micros: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

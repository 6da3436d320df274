//! The writer: makes every target agree with what the mapper decided, over SCIM, at the target's pace.
//!
//! One row per target, kind and subject holds what should be true beside what is known to be true; the queue *is*
//! that table. Commands only change the desired half ([`intake`]). One replica at a time owns a target ([`lease`]),
//! picks the most urgent row at every free request slot ([`owner`], [`pacer`]), sends what the difference needs
//! ([`converge`]) and commits results in batches together with the facts to publish ([`results`]).
//!
//! It never evaluates a policy, never talks to a source, and never sends a request that [`pacer`] did not grant.
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

/// The service's clock: the database's, which all replicas share.
pub(crate) fn now() -> OffsetDateTime {
    store::clock::now()
}

/// Microseconds since the Unix epoch, as every table stores time.
pub(crate) fn micros(at: OffsetDateTime) -> i64 {
    lifecycle::unix_micros(at)
}

/// The moment of [`micros`]; the epoch itself for what no calendar holds.
pub(crate) fn moment_of(micros: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

//! The writer: makes every target agree with the mapper's decisions, over SCIM, at the target's pace.
//!
//! One row per target, kind and subject holds the desired state beside the applied state; the queue *is* that table.
//! Commands only change the desired half. One replica at a time owns a target, picks the most urgent row for every free
//! request slot, sends the requests for the difference and commits results in batches together with the facts to publish.
//!
//! The modules from the ground up. A module uses those above it in this table, and never one below:
//!
//! | module | is |
//! |---|---|
//! | [`config`], [`error`] | the configuration, and the errors of building and running |
//! | [`rows`] | the tables as types, the states of a row, and the facts of a transaction |
//! | [`lease`] | the lease by which one replica owns a target |
//! | [`guard`] | what may be taken away, given or deleted: guard, permission, orphans, group limit, nesting, pauses after a restore |
//! | [`intake`] | takes commands into the desired half of rows; the quarantine |
//! | [`delivery`] | single requests: pacer, call, failure attribution |
//! | [`converge`] | the requests that make one resource or the memberships of a group agree |
//! | [`results`] | commits outcomes with their facts |
//! | [`reconcile`] | compares a whole target with the desired state |
//! | [`ownership`] | picks the work of a target that this replica owns |
//! | [`control`] | the verbs of operators; retries of many dead letters |
//! | [`app`] | builds and runs all of it |
//!
//! The writer never evaluates a policy, never talks to a source, and never sends a request that [`delivery::pacer`] did
//! not grant.
//!
//! To add an operation at a target: 1. a step in [`converge`] that returns an outcome, 2. its effect on the row in
//! [`results`], 3. its name in the journal.

mod app;
mod config;
mod control;
mod converge;
mod delivery;
mod error;
mod guard;
mod intake;
mod lease;
mod migrations;
mod ownership;
mod reconcile;
mod results;
mod rows;

pub use app::{WriterApp, build_writer, check_targets};
pub use config::{AdoptionConfig, AdoptionRule, NeverConfig, RetryConfig, TargetConfig, WriterConfig};
pub use error::{WriterBuildError, WriterRunError};
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

//! The mapper: merges events into what is known, decides by policy, and commands the writer when a desired state changes.
//!
//! It works in batches: load what a batch touches ([`work::load`]), merge and decide in memory ([`work::decide`]), write back
//! under optimistic concurrency together with the outbox ([`work::save`]), commit, acknowledge. A version that moved in
//! between means that another replica was quicker: the batch is done again. Future-dated changes and policy changes
//! go through the same code ([`later`]). What a decision looks at besides its subject comes from [`subjects`]; when that
//! changes, everybody whom it concerns is decided about again ([`work::spread`]).
//!
//! Files that list everybody are judged when all of their people are merged; who is missing leaves like by any event ([`runs`]).
//!
//! It never talks to a target, never relies on the order of messages, and never emits a command for a desired state that
//! did not change.
//!
//! To add something that policies decide about: 1. its rows, 2. its part of `work::load`, `work::decide` and `work::save`.

mod app;
mod config;
mod control;
mod later;
mod leavers;
mod live;
mod migrations;
mod outlook;
mod plan;
mod policies;
mod quarantine;
mod repeated;
mod rows;
mod runs;
mod subjects;
mod tombstones;
mod verify;
mod work;

pub use app::{MapperApp, MapperBuildError, MapperRunError, build_mapper};
pub use config::MapperConfig;
pub use migrations::MapperMigrator;
pub use policies::PoliciesError;
pub use subjects::SeedsError;
pub use tombstones::TombstoneError;

use time::OffsetDateTime;

/// The service's name in subjects, tables and facts.
pub(crate) const SERVICE: &str = "mapper";

/// The service's clock: the database's, which all replicas share.
pub(crate) fn now() -> OffsetDateTime {
    store::clock::now()
}

/// A moment in microseconds since the Unix epoch; what no calendar has becomes the nearest that one has.
pub(crate) fn moment_of(micros: i64) -> OffsetDateTime {
    let nearest = if micros < 0 { time::Date::MIN } else { time::Date::MAX };
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000)
        .unwrap_or_else(|_| nearest.midnight().assume_utc())
}

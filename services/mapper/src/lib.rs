//! The mapper: merges events into records of people and groups, decides by policy, and sends a command to the writer when a
//! desired state changes.
//!
//! It works in batches: load what a batch touches ([`work::load`]), merge and decide in memory ([`work::decide`]), write back
//! under optimistic concurrency together with the outbox ([`work::save`]), commit, acknowledge. A version that changed in
//! between means that another replica was faster: the batch is processed again. Future-dated changes and policy changes
//! use the same code ([`later`]). Groups, managers and seeds that a decision depends on come from [`subjects`]; when they
//! change, everybody who is affected is decided about again ([`work::spread`]).
//!
//! A full feed is judged when all of its people are merged. A person who is missing leaves as by any other event ([`runs`]).
//!
//! The mapper never talks to a target, never relies on the order of messages, and never emits a command for a desired state
//! that did not change.
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

/// Returns the time of the database's clock, which all replicas share.
pub(crate) fn now() -> OffsetDateTime {
    store::clock::now()
}

/// Converts microseconds since the Unix epoch. A value outside of the calendar becomes the nearest date within it.
pub(crate) fn moment_of(micros: i64) -> OffsetDateTime {
    let nearest = if micros < 0 { time::Date::MIN } else { time::Date::MAX };
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000)
        .unwrap_or_else(|_| nearest.midnight().assume_utc())
}

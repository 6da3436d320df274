//! The mapper: merges events into records of people and groups, decides by policy, and sends a command to the writer when a
//! desired state changes.
//!
//! It works in batches: load what a batch touches ([`work::load`]), merge and decide in memory ([`work::decide`]), write back
//! under optimistic concurrency together with the outbox ([`work::save`]), commit, acknowledge. A version that changed in
//! between means that another replica was faster: the batch is processed again. Future-dated changes and policy changes
//! use the same code ([`later`]). Groups, managers and seeds that a decision depends on come from [`subjects`]; when they
//! change, everybody who is affected is decided about again ([`work::spread`]).
//!
//! The mapper never talks to a target, never relies on the order of messages, and never emits a command for a desired state
//! that did not change.
//!
//! Each module uses only those that stand below it:
//!
//! | module | contains |
//! |---|---|
//! | [`app`], [`config`], [`error`] | how the service is built and run |
//! | [`control`] | the verbs of operators |
//! | [`live`] | the reader of EVENTS |
//! | [`later`] | what becomes due without an event: dates, policy changes, changes that concern many people |
//! | [`runs`] | full feeds: a run is judged when all of its people are merged; a person who is missing leaves as by any other event |
//! | [`leavers`] | obligations, compared with what the writer knows of each account |
//! | [`verify`] | all desired states, compared with those of the writer |
//! | [`tombstones`] | people who were erased, for a database that is restored |
//! | [`policy_keeper`] | new versions and changed files of policies |
//! | [`quarantine_retry`], [`repeated`] | inputs made from quarantined messages and from repeated rows |
//! | [`work`] | the batch processor |
//! | [`plan`], [`outlook`] | the effects of a policy, and of time |
//! | [`subjects`], [`policies`] | what decisions are made of: groups, managers, seeds, and the policies in force |
//! | [`quarantine`], [`unreadable`] | messages and stored states that are set aside |
//! | [`evidence`] | the chain of evidence and its keys |
//! | [`rows`], [`migrations`] | the tables |
//!
//! To add something that policies decide about: 1. its rows, 2. its part of `work::load`, `work::decide` and `work::save`.

mod acts;
mod app;
mod config;
mod control;
mod error;
mod evidence;
mod later;
mod leavers;
mod live;
mod migrations;
mod orders;
mod outlook;
mod plan;
mod policies;
mod policy_keeper;
mod quarantine;
mod quarantine_retry;
mod repeated;
mod rows;
mod runs;
mod subjects;
mod tombstones;
mod unreadable;
mod verify;
mod work;

pub use app::{MapperApp, build_mapper};
pub use config::MapperConfig;
pub use error::{MapperBuildError, MapperRunError};
pub use migrations::MapperMigrator;
pub use orders::OrdersError;
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

//! Fetches people's records from a source's API when a notice says only that they changed.
//!
//! A notice is on the NOTICES stream before it is answered. [`intake`] turns it into a row: one row for each source and
//! person, however many notices there are ([`wanted`]). One replica at a time processes the rows of a source
//! ([`fetcher`]), at the source's pace ([`super::pace`]) and only while its circuit is not open ([`circuit`]). The record
//! becomes events ([`record`]). A row is deleted when its events are on their stream and no notice has arrived meanwhile.
//!
//! Out of scope: the meaning of a record (`crates/sources`), and sockets (`crates/outbound`).

mod circuit;
mod config;
mod fetcher;
mod intake;
mod outcome;
mod record;
mod row;
mod wanted;

pub use config::{FetchConfig, MissingRecordMeaning};
pub(crate) use fetcher::RecordFetcher;
pub(crate) use intake::NoticeIntake;
pub(crate) use record::FetchPlan;

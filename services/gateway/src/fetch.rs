//! Records of people of whom a notice said no more than that they changed, fetched from the source's API.
//!
//! A notice is on the NOTICES stream before it is answered. [`intake`] makes a row of it: one for each source and person, however
//! many notices there are ([`wanted`]). One replica at a time works off the rows of a source ([`fetcher`]), at the source's
//! pace ([`pace`]) and only while the source can be asked ([`circuit`]); what the record says becomes events ([`record`]). A
//! row goes when the events are on their stream and nobody asked again meanwhile.
//!
//! Never here: what a record means (`crates/sources`), a socket (`crates/outbound`).

mod circuit;
mod config;
mod fetcher;
mod intake;
mod outcome;
pub(crate) mod pace;
mod record;
mod row;
mod wanted;

pub use config::{FetchConfig, FetchRetry, MissingRecordMeaning};
pub(crate) use fetcher::RecordFetcher;
pub(crate) use intake::NoticeIntake;
pub(crate) use record::FetchPlan;

//! Polls lists of people from a source's API, for sources that send no events or not all of them.
//!
//! One replica at a time reads a list ([`poller`]), page by page ([`pages`]). A row becomes events ([`rows`]) only if it
//! is new or changed, which a hash of each row tells ([`known`]). The time up to which a source is known advances only
//! when every page is stored. A list of every person is a full feed: a missing person is treated as in a full file.
//!
//! Out of scope: the meaning of a row (`crates/sources`), departures of missing people (`mapper::runs`), and sockets (`crates/outbound`).

mod config;
mod known;
mod pages;
mod poller;
mod reading;
mod row;
mod rows;
mod state;

pub use config::{PollConfig, PollPaging, RowsPerPerson};
pub(crate) use poller::ListPoller;
pub(crate) use rows::PreparedPoll;

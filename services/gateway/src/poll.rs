//! Lists of people that are read from a source's API again and again, for sources that send nothing or not all.
//!
//! One replica at a time reads a list ([`poller`]), page by page ([`pages`]). What a row says ([`rows`]) goes to its stream
//! only if it says something new, which a hash of each row tells ([`known`]). The moment up to which a source is known
//! moves only when every page is stored. A list of everybody is a full feed: who is not in it is judged as in a file.
//!
//! Never here: what a row means (`crates/sources`), who left (`mapper::runs`), a socket (`crates/outbound`).

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

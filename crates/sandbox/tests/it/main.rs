//! The sandbox over real HTTP: each promise it makes to those who use it as an oracle.
#![expect(clippy::unwrap_used, reason = "tests")]

mod client;
mod crud;
mod faults;
mod filters;
mod ledger;
mod membership;
mod patch;
mod pressure;

//! Tests of the sandbox over real HTTP, for each property that other tests rely on.
#![expect(clippy::unwrap_used, reason = "tests")]

mod client;
mod crud;
mod faults;
mod filters;
mod ledger;
mod membership;
mod patch;
mod pressure;

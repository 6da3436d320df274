//! Tests of the writer from the outside: commands on a real broker, requests to a real SCIM server.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod actions;
mod adoption;
mod clocks;
mod conflicts;
mod consent;
mod disproofs;
mod evidence;
mod faults;
mod gate;
mod group_size;
mod leavers;
mod listing;
mod look;
mod look_faults;
mod looks;
mod memberships;
mod names;
mod nesting;
mod never;
mod orphans;
mod other_accounts;
mod outages;
mod ownership;
mod permission;
mod persistence;
mod probe;
mod profiles;
mod provision;
mod reasons;
mod reconcile;
mod references;
mod refused;
mod replays;
mod replicas;
mod restored;
mod safety;
mod stale;
mod takeover;
mod unreadable;
mod world;

//! Owns targets: picks the most urgent work of a target that this replica holds the lease of, until it loses the lease.

pub(crate) mod grace;
pub(crate) mod owner;
pub(crate) mod queue;
pub(crate) mod ready;
pub(crate) mod stale;
pub(crate) mod unreadable;
pub(crate) mod verification;

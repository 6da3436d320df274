//! A SCIM 2.0 server with fault injection and a request ledger: the target of the demo, and the oracle of tests
//! and benchmarks.
//!
//! It keeps users and groups in memory, answers as strictly as RFC 7644 allows, misbehaves exactly as instructed
//! ([`InjectedFault`]), and records every request ([`RequestLedger`]): the request, the answer, and the success of
//! the work.
//!
//! It never shares code with the SCIM client that it tests, never writes to disk, and never answers a SCIM request
//! without the right bearer token. The control paths below `/_sandbox` require no token: bind it to loopback.
//!
//! To add
//! - a difference between servers: a field of [`SandboxBehaviour`], read where the rule is applied;
//! - a fault: a variant of [`InjectedFault`], its name in `InjectedFault::name`, its arm in `exchange`;
//! - a SCIM attribute with rules of its own: `attributes` (its type) or `rules` (its value).

mod answer;
mod attributes;
mod behaviour;
mod call;
mod connection;
mod context;
mod control;
mod directory;
mod discovery;
mod exchange;
mod faults;
mod filter;
mod house;
mod ledger;
mod limiter;
mod patch;
mod query;
mod rules;
mod sandbox;
mod scim;
mod state;
mod view;

pub use behaviour::{FilterGrammar, SandboxBehaviour};
pub use faults::{FaultId, FaultRule, FaultRules, FaultStatus, InjectedFault};
pub use house::ProfileRules;
pub use ledger::{LedgerEntry, RequestLedger};
pub use limiter::RateLimit;
pub use sandbox::{Sandbox, SandboxOptions, SeedError, StartError};
pub use state::{SandboxGroupState, SandboxState, UserState};

use serde::{Deserialize, Serialize};

/// The kind of resource that a request concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RequestKind {
    /// `/Users`.
    User,
    /// `/Groups`.
    Group,
    /// `/ServiceProviderConfig`, `/ResourceTypes`, `/Schemas`.
    Discovery,
    /// Any other path.
    Other,
}

/// The path below which SCIM is served.
pub const BASE_PATH: &str = "/scim/v2";

pub(crate) const USER_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const GROUP_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(crate) const ENTERPRISE_SCHEMA: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

//! The console's section of the configuration.

use std::net::{Ipv4Addr, SocketAddr};

use edge::TokenHash;
use serde::Deserialize;

use crate::notify::NotificationHook;

/// Settings of the console.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsoleConfig {
    /// Address of the operator API; port 0 selects a free port.
    #[serde(default = "default_address")]
    pub listen: SocketAddr,
    /// Database URL: `sqlite://PATH?mode=rwc` or `postgres://...`.
    pub database: String,
    /// Operators who may use the API.
    #[serde(default)]
    pub operators: Vec<ConsoleOperator>,
    /// External hooks that are notified of work for operators.
    #[serde(default)]
    pub notify: Vec<NotificationHook>,
    /// Retention of the timeline in days.
    #[serde(default = "timeline_days")]
    pub timeline_days: u16,
}

/// An operator who may use the API.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsoleOperator {
    /// The operator's name, as the timeline shows it.
    pub name: String,
    /// `sha256:<64 hex digits>` of the operator's token.
    pub token: TokenHash,
}

fn default_address() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 8081))
}

fn timeline_days() -> u16 {
    30
}

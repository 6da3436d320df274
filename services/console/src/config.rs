//! The console's section of the configuration.

use std::net::{Ipv4Addr, SocketAddr};

use edge::TokenHash;
use serde::Deserialize;

use crate::notify::NotificationHook;

/// Settings of the console.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsoleConfig {
    /// Where the operator API listens; port 0 takes a free one.
    #[serde(default = "default_address")]
    pub listen: SocketAddr,
    /// Database URL: `sqlite://PATH?mode=rwc` or `postgres://...`.
    pub database: String,
    /// Who may use the API.
    #[serde(default)]
    pub operators: Vec<ConsoleOperator>,
    /// Who outside is told of what waits for a human.
    #[serde(default)]
    pub notify: Vec<NotificationHook>,
    /// Days that the timeline reaches back.
    #[serde(default = "timeline_days")]
    pub timeline_days: u16,
}

/// Somebody who may use the API.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsoleOperator {
    /// Their name, as the timeline shows it.
    pub name: String,
    /// `sha256:<64 hex digits>` of their token.
    pub token: TokenHash,
}

fn default_address() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 8081))
}

fn timeline_days() -> u16 {
    30
}

//! How to reach the server, and how much it may keep.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

/// The `nats` section of the configuration.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BusConfig {
    /// `nats://host:port` or `tls://host:port`; several, separated by commas, for a cluster.
    pub url: String,
    /// Token to authenticate with.
    pub token: Option<String>,
    /// File with user credentials (JWT and seed), instead of a token.
    pub credentials_file: Option<PathBuf>,
    /// PEM file with the authority that signed the server's certificate, if the system does not know it.
    pub ca_file: Option<PathBuf>,
    /// Copies of each stream: 1, or 3 on a cluster.
    pub replicas: usize,
    /// Over how many streams events are spread; at least 1. A single unreplicated stream syncs about 1,000 messages/s.
    /// Changing it moves people to other streams: drain the mapper first.
    pub event_shards: u16,
    /// Monitoring URLs of the servers (`http://host:8222`, separated by commas), to check `sync_interval`; without it port
    /// 8222 of each server of `url` is asked.
    pub monitor_url: Option<String>,
    /// Refuse to start when a server says that it does not sync before it acknowledges. That no server can be asked is
    /// only said.
    pub require_sync_always: bool,
    /// How much each stream may hold; publishing fails with `Full` beyond it.
    pub max_bytes: MaxBytes,
    /// For how many days consumed events are kept, so that a restored database can read them again; when less is kept
    /// because a stream was nearly full, status says that the restore point is lost. A backup should be younger.
    pub backup_interval_days: u16,
    /// How long [`crate::Bus::connect`] waits for a server, in seconds.
    pub connect_timeout_seconds: u64,
    /// How long one publish is tried, in milliseconds.
    pub publish_timeout_ms: u64,
    /// After how many seconds an unacknowledged message is delivered again.
    pub ack_wait_seconds: u64,
    /// How many messages may wait to be published, per stream.
    pub queue_max: usize,
}

/// How many bytes each stream may hold (events: each shard). The server sets them aside when it makes the stream.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MaxBytes {
    /// EVENTS, each shard.
    pub events: i64,
    /// NOTICES.
    pub notices: i64,
    /// COMMANDS.
    pub commands: i64,
    /// JOURNAL.
    pub journal: i64,
    /// DEAD.
    pub dead: i64,
}

const GIB: i64 = 1 << 30;
/// Where a server usually tells about itself.
const MONITOR_PORT: u16 = 8_222;

impl Default for MaxBytes {
    fn default() -> Self {
        Self { events: 2 * GIB, notices: GIB / 4, commands: GIB, journal: 2 * GIB, dead: GIB / 4 }
    }
}

impl Default for BusConfig {
    fn default() -> Self {
        Self {
            url: "nats://127.0.0.1:4222".to_owned(),
            token: None,
            credentials_file: None,
            ca_file: None,
            replicas: 1,
            event_shards: 1,
            monitor_url: None,
            require_sync_always: false,
            max_bytes: MaxBytes::default(),
            backup_interval_days: 7,
            connect_timeout_seconds: 60,
            publish_timeout_ms: 5_000,
            ack_wait_seconds: 10,
            queue_max: 20_000,
        }
    }
}

/// Shows neither the token nor the URL, which may hold a password.
impl fmt::Debug for BusConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BusConfig")
            .field("url", &self.shown_url())
            .field("replicas", &self.replicas)
            .field("event_shards", &self.event_shards)
            .field("require_sync_always", &self.require_sync_always)
            .field("max_bytes", &self.max_bytes)
            .field("publish_timeout_ms", &self.publish_timeout_ms)
            .field("ack_wait_seconds", &self.ack_wait_seconds)
            .field("queue_max", &self.queue_max)
            .finish_non_exhaustive()
    }
}

impl BusConfig {
    pub(crate) fn connect_timeout(&self) -> Duration {
        Duration::from_secs(self.connect_timeout_seconds)
    }

    pub(crate) fn publish_timeout(&self) -> Duration {
        Duration::from_millis(self.publish_timeout_ms)
    }

    /// Where the servers can be asked about themselves.
    pub(crate) fn monitor_urls(&self) -> Vec<String> {
        if let Some(named) = &self.monitor_url {
            return named.split(',').map(|url| url.trim().to_owned()).collect();
        }
        let host = |server: &str| {
            let address = server.rsplit_once('@').map_or(server, |(_, address)| address);
            let address = address.split_once("://").map_or(address, |(_, address)| address);
            let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
            format!("http://{host}:{MONITOR_PORT}")
        };
        self.url.split(',').map(|server| host(server.trim())).collect()
    }

    /// The servers without their user information.
    pub(crate) fn shown_url(&self) -> String {
        let shown = |server: &str| match (server.split_once("://"), server.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
            (None, Some((_, host))) => host.to_owned(),
            (_, None) => server.to_owned(),
        };
        self.url.split(',').map(|server| shown(server.trim())).collect::<Vec<_>>().join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_asked_about_themselves_where_the_configuration_says_or_on_the_usual_port() {
        let url = "nats://ann:secret@one:4222, tls://two:4222,three".to_owned();
        let mut config = BusConfig { url, ..BusConfig::default() };
        assert_eq!(config.monitor_urls(), ["http://one:8222", "http://two:8222", "http://three:8222"]);
        config.monitor_url = Some("http://a:1, http://b:2".to_owned());
        assert_eq!(config.monitor_urls(), ["http://a:1", "http://b:2"]);
    }

    #[test]
    fn neither_a_token_nor_a_password_is_shown() {
        let config = BusConfig {
            url: "nats://ann:secret@one:4222, nats://two:4222".to_owned(),
            token: Some("secret".to_owned()),
            ..BusConfig::default()
        };
        assert_eq!(config.shown_url(), "nats://one:4222,nats://two:4222");
        assert!(!format!("{config:?}").contains("secret"));
    }
}

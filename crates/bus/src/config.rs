//! The connection settings of the broker and the limits of its streams.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::BusError;

/// The `nats` section of the configuration.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BusConfig {
    /// The URL of the server: `nats://host:port` or `tls://host:port`. A cluster has several, separated by commas.
    pub url: String,
    /// The token to authenticate with.
    pub token: Option<String>,
    /// The user name, with [`Self::password`], as an alternative to a token.
    pub user: Option<String>,
    /// The password of [`Self::user`].
    pub password: Option<String>,
    /// A file with the seed of an NKey, as an alternative to a token. `usher admin nats` writes one for each service.
    pub nkey_file: Option<PathBuf>,
    /// A file with user credentials (JWT and seed), as an alternative to a token.
    pub credentials_file: Option<PathBuf>,
    /// A PEM file with the certificate authority of the server's certificate, if the system does not trust it already.
    pub ca_file: Option<PathBuf>,
    /// The number of copies of each stream: 1, or 3 on a cluster.
    pub replicas: usize,
    /// The number of streams over which events are spread; at least 1. A single unreplicated stream syncs about 1,000
    /// messages/s. A change moves people to other streams: drain the mapper first.
    pub event_shards: u16,
    /// The monitoring URLs of the servers (`http://host:8222`, separated by commas), used to check `sync_interval`.
    /// Without it, port 8222 of each server of `url` is asked.
    pub monitor_url: Option<String>,
    /// `true` if the service must not start when a server reports that it does not sync before it acknowledges. If
    /// `monitor_url` is set and no server can be asked, this is only logged.
    pub require_sync_always: bool,
    /// The size limit of each stream; beyond it, publishing fails with `Full`.
    pub max_bytes: MaxBytes,
    /// The number of days for which consumed events are kept, so that a restored database can read them again. If fewer days are kept
    /// because a stream was nearly full, the status reports that the restore point is lost. The latest backup should be younger than this.
    pub backup_interval_days: u16,
    /// The time that [`crate::Bus::connect`] waits for a server, in seconds.
    pub connect_timeout_seconds: u64,
    /// The time for which one publish is retried, in milliseconds.
    pub publish_timeout_ms: u64,
    /// The time after which an unacknowledged message is delivered again, in seconds.
    pub ack_wait_seconds: u64,
    /// The number of messages that may wait to be published, per stream.
    pub queue_max: usize,
}

/// The size limit of each stream in bytes (for events: of each shard). The server reserves the space when it creates the stream.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MaxBytes {
    /// The limit of EVENTS, for each shard.
    pub events: i64,
    /// The limit of NOTICES.
    pub notices: i64,
    /// The limit of COMMANDS.
    pub commands: i64,
    /// The limit of JOURNAL.
    pub journal: i64,
    /// The limit of DEAD.
    pub dead: i64,
}

const GIB: i64 = 1 << 30;
/// The default port of a server's monitoring endpoint.
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
            user: None,
            password: None,
            nkey_file: None,
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

/// Omits the token, the password and the user information of the URL, which may contain a password.
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

/// The credential that a client shows to the broker.
#[derive(Clone, Copy)]
pub(crate) enum BrokerCredential<'a> {
    /// No credential.
    None,
    /// A token.
    Token(&'a str),
    /// A user name and a password.
    Password {
        /// The user name.
        user: &'a str,
        /// The password.
        password: &'a str,
    },
    /// A file with the seed of an NKey.
    NkeyFile(&'a Path),
    /// A file with a JWT and a seed.
    CredentialsFile(&'a Path),
}

impl BusConfig {
    /// Returns the configured credential.
    ///
    /// # Errors
    /// Returns an error if there is more than one, or a user without a password.
    pub(crate) fn credential(&self) -> Result<BrokerCredential<'_>, BusError> {
        let password = match (&self.user, &self.password) {
            (Some(user), Some(password)) => Some(BrokerCredential::Password { user, password }),
            (None, None) => None,
            _ => return Err(BusError::Config("user and password belong together".to_owned())),
        };
        let given = [
            self.token.as_deref().map(BrokerCredential::Token),
            password,
            self.nkey_file.as_deref().map(BrokerCredential::NkeyFile),
            self.credentials_file.as_deref().map(BrokerCredential::CredentialsFile),
        ];
        let mut given = given.into_iter().flatten();
        match (given.next(), given.next()) {
            (None, _) => Ok(BrokerCredential::None),
            (Some(one), None) => Ok(one),
            (Some(_), Some(_)) => Err(BusError::Config(
                "only one of token, user and password, nkey_file and credentials_file may be set".to_owned(),
            )),
        }
    }

    pub(crate) fn connect_timeout(&self) -> Duration {
        Duration::from_secs(self.connect_timeout_seconds)
    }

    pub(crate) fn publish_timeout(&self) -> Duration {
        Duration::from_millis(self.publish_timeout_ms)
    }

    /// Returns the monitoring URLs of the servers.
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

    /// Returns the URLs of the servers without their user information.
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
            password: Some("secret".to_owned()),
            ..BusConfig::default()
        };
        assert_eq!(config.shown_url(), "nats://one:4222,nats://two:4222");
        assert!(!format!("{config:?}").contains("secret"));
    }
}

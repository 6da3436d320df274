//! The `writer` section of the configuration.

use std::time::Duration;

use scim::{CredentialConfig, HiddenSecret, SourceCredential};
use serde::Deserialize;

/// The lease where replicas share a database: with the pause between two tries to take it, a silent owner is replaced within 5 s.
const LEASE_SECONDS: u64 = 4;
/// The lease where there is one process.
const LEASE_ALONE_SECONDS: u64 = 45;
/// An upgrade or a restart is shorter; a copy that is put back is hardly ever younger.
const TRUSTED_STOP_MINUTES: u32 = 5;

/// Configuration of the writer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WriterConfig {
    /// URL of the database (`sqlite://PATH?mode=rwc` or `postgres://...`).
    pub database: String,
    /// The applications whose accounts are kept right.
    #[serde(default)]
    pub targets: Vec<TargetConfig>,
    /// Name of this replica. By default one per SQLite file, which only one process can use anyway, so that a
    /// restarted process goes on at once; and one per process on PostgreSQL.
    #[serde(default)]
    pub replica: Option<String>,
    /// How long a silent owner keeps a target before another replica may take it, at least 2. By default 4; 45 with SQLite, which only
    /// one process can use.
    #[serde(default)]
    pub lease_seconds: Option<u64>,
    /// After a stop that was longer, each target is looked at once before anything but switching off goes out: everything may have
    /// been restored from copies. 0: after every stop.
    #[serde(default = "default_trusted_stop")]
    pub trusted_stop_minutes: u32,
    /// How often one resource is tried before it becomes a dead letter.
    #[serde(default = "default_attempts_max")]
    pub attempts_max: i32,
    /// Delays between tries.
    #[serde(default)]
    pub retry: RetryConfig,
}

fn default_trusted_stop() -> u32 {
    TRUSTED_STOP_MINUTES
}

/// Delays between tries: exponential with jitter.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetryConfig {
    /// Before the second try, in milliseconds.
    pub initial_ms: u64,
    /// The longest delay, in milliseconds.
    pub max_ms: u64,
    /// How long failures of a target that was asked nothing else meanwhile count against nobody, in seconds.
    pub suspect_target_seconds: u64,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self { initial_ms: 500, max_ms: 300_000, suspect_target_seconds: 3_600 }
    }
}

impl RetryConfig {
    pub(crate) fn initial(&self) -> Duration {
        Duration::from_millis(self.initial_ms)
    }

    pub(crate) fn suspect_target(&self) -> Duration {
        Duration::from_secs(self.suspect_target_seconds)
    }

    pub(crate) fn max(&self) -> Duration {
        Duration::from_millis(self.max_ms)
    }
}

/// One application.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetConfig {
    /// Name, as policies use it.
    pub name: String,
    /// Base URL of its SCIM API.
    pub base_url: String,
    /// Bearer token; the short form of `credential: { kind: bearer, token: ... }`.
    #[serde(default)]
    pub token: Option<String>,
    /// How the target knows us, where that is no bearer token, or where the secret is in a file.
    #[serde(default)]
    pub credential: Option<CredentialConfig>,
    /// Name of a built-in profile, or path of a profile file.
    #[serde(default = "default_profile")]
    pub profile: String,
    /// Domains that the part of `userName` behind the `@` may have, where they must be registered at the target; they take
    /// the place of the profile's.
    #[serde(default)]
    pub domains: Vec<String>,
    /// Every so many hours the whole target is compared with what it should have; none: only when an operator asks.
    #[serde(default)]
    pub reconcile_hours: Option<u32>,
}

impl TargetConfig {
    /// The credential.
    ///
    /// # Errors
    /// What is wrong with it, and how to fix it.
    pub(crate) fn credential(&self) -> Result<SourceCredential, String> {
        match (&self.token, &self.credential) {
            (Some(token), None) => Ok(SourceCredential::Bearer(HiddenSecret::Text(token.clone()))),
            (None, Some(credential)) => credential.read(),
            (None, None) => Err("it has neither `token` nor `credential`: give it one of them".to_owned()),
            (Some(_), Some(_)) => Err("it has both `token` and `credential`: keep one of them".to_owned()),
        }
    }
}

impl std::fmt::Debug for TargetConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TargetConfig")
            .field("name", &self.name)
            .field("base_url", &self.base_url)
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

impl WriterConfig {
    /// How long a silent owner keeps a target.
    pub(crate) fn lease_length(&self) -> Duration {
        let usual = if self.database.starts_with("sqlite:") { LEASE_ALONE_SECONDS } else { LEASE_SECONDS };
        Duration::from_secs(self.lease_seconds.unwrap_or(usual))
    }

    /// The longest stop after which what is known of targets is believed.
    pub(crate) fn longest_trusted_stop(&self) -> Duration {
        Duration::from_secs(u64::from(self.trusted_stop_minutes) * 60)
    }
}

fn default_attempts_max() -> i32 {
    8
}

fn default_profile() -> String {
    "generic".to_owned()
}

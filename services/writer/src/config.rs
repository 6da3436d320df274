//! The `writer` section of the configuration.

mod touch;

use std::time::Duration;

use scim::{CredentialConfig, HiddenSecret, SourceCredential};
use serde::Deserialize;

pub(crate) use touch::{AdoptedDeletion, TouchRules};
pub use touch::{AdoptionConfig, AdoptionRule, NeverConfig};

/// The default length of the lease in seconds where replicas share a database. With the pause between two tries to take
/// it, another replica replaces a silent owner within 5 s.
const LEASE_SECONDS: u64 = 4;
/// The default length of the lease in seconds where there is one process.
const LEASE_ALONE_SECONDS: u64 = 45;
/// The default longest trusted stop in minutes. An upgrade or a restart is shorter; a restored copy is hardly ever younger.
const TRUSTED_STOP_MINUTES: u32 = 5;

/// Configuration of the writer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WriterConfig {
    /// URL of the database (`sqlite://PATH?mode=rwc` or `postgres://...`).
    pub database: String,
    /// The target applications, whose accounts the writer provisions.
    #[serde(default)]
    pub targets: Vec<TargetConfig>,
    /// Name of this replica. By default one per SQLite file, which only one process can use anyway, so that a restarted
    /// process goes on at once; and one per process on PostgreSQL.
    #[serde(default)]
    pub replica: Option<String>,
    /// The number of seconds for which a silent owner keeps a target before another replica may take it, at least 2. By
    /// default 4; 45 with SQLite, which only one process can use.
    #[serde(default)]
    pub lease_seconds: Option<u64>,
    /// The longest stop in minutes after which the stored state is trusted. After a longer stop, each target is compared once before
    /// anything but switch-offs goes out, because everything may have been restored from copies. 0: after every stop.
    #[serde(default = "default_trusted_stop")]
    pub trusted_stop_minutes: u32,
    /// The number of failed tries after which a resource becomes a dead letter.
    #[serde(default = "default_attempts_max")]
    pub attempts_max: i32,
    /// Delays between retries.
    #[serde(default)]
    pub retry: RetryConfig,
}

fn default_trusted_stop() -> u32 {
    TRUSTED_STOP_MINUTES
}

/// Delays between retries: exponential with jitter.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetryConfig {
    /// The delay before the second try, in milliseconds.
    pub initial_ms: u64,
    /// The longest delay, in milliseconds.
    pub max_ms: u64,
    /// The number of seconds for which failures do not count against a resource if the target received no other request
    /// in the meantime.
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

/// One target application.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetConfig {
    /// Name of the target, as policies use it.
    pub name: String,
    /// Base URL of its SCIM API.
    pub base_url: String,
    /// Bearer token; the short form of `credential: { kind: bearer, token: ... }`.
    #[serde(default)]
    pub token: Option<String>,
    /// The credential at the target, if it is not a bearer token or if the secret is in a file.
    #[serde(default)]
    pub credential: Option<CredentialConfig>,
    /// Name of a built-in profile, or path of a profile file.
    #[serde(default = "default_profile")]
    pub profile: String,
    /// Domains that the part of `userName` behind the `@` may have, where they must be registered at the target. They
    /// replace those of the profile.
    #[serde(default)]
    pub domains: Vec<String>,
    /// The interval in hours between reconciliations of the whole target. If absent, only an operator starts one.
    #[serde(default)]
    pub reconcile_hours: Option<u32>,
    /// The accounts and groups at the target that no request changes.
    #[serde(default)]
    pub never: NeverConfig,
    /// The rules for linking accounts and groups that Usher did not create. By default an operator confirms each.
    #[serde(default)]
    pub adoption: AdoptionConfig,
    /// True if accounts and groups that Usher did not create may be deleted when the policy deletes. By default they are
    /// only disabled, or left as they are.
    #[serde(default, alias = "deleteAdopted")]
    pub delete_adopted: bool,
}

impl TargetConfig {
    /// Returns the rules about what is at the target already.
    pub(crate) fn touch_rules(&self) -> TouchRules {
        let deletion = if self.delete_adopted { AdoptedDeletion::Allowed } else { AdoptedDeletion::Never };
        TouchRules { never: self.never.clone(), adoption: self.adoption.clone(), deletion }
    }

    /// Reads the credential.
    ///
    /// # Errors
    /// Returns the error and how to fix it.
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
    /// Returns the time for which a silent owner keeps a target.
    pub(crate) fn lease_length(&self) -> Duration {
        let usual = if self.database.starts_with("sqlite:") { LEASE_ALONE_SECONDS } else { LEASE_SECONDS };
        Duration::from_secs(self.lease_seconds.unwrap_or(usual))
    }

    /// Returns the longest stop after which the stored state of targets is trusted.
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

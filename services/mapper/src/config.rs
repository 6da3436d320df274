//! The `mapper` section of the configuration.

use std::path::PathBuf;

use lifecycle::{PeopleConfig, RightsTable};
use serde::Deserialize;

/// Configuration of the mapper.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MapperConfig {
    /// URL of the database (`sqlite://PATH?mode=rwc` or `postgres://...`).
    pub database: String,
    /// Folder of policies, one `*.yaml` file per target. A changed file is put in force, unless it takes access from more
    /// accounts than its guard allows. Without a folder, only operators apply policies.
    #[serde(default)]
    pub policies: Option<PathBuf>,
    /// Rules for several sources of one person: the values that match their records, the precedence of sources for each
    /// attribute, and the sources that may end an employment.
    #[serde(default, deserialize_with = "deserialize_config")]
    pub people: PeopleConfig,
    /// What each sender may say, by the name that its events carry (`hr`, `feeds/people`, `entra/scim`). Left out if the file has
    /// a `gateway` section, which states it as `may`. A sender that is not named may say everything.
    #[serde(default)]
    pub senders: RightsTable,
    /// Interval, in minutes, between two comparisons of the desired states with the writer. A comparison also runs when the
    /// mapper or the writer starts.
    #[serde(default = "default_verify_minutes")]
    pub verify_minutes: u32,
    /// File that records, under keyed hashes, the people who were erased at the source (`worker.deleted`). A restored database
    /// erases them again. Keep the file outside of every backup. Without it, nothing is recorded.
    #[serde(default)]
    pub tombstones: Option<PathBuf>,
}

fn default_verify_minutes() -> u32 {
    60
}

/// Deserializes the configuration of sources, and refuses one that is not valid.
fn deserialize_config<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<PeopleConfig, D::Error> {
    let people = PeopleConfig::deserialize(deserializer)?;
    people.fault().map_or(Ok(people), |fault| Err(serde::de::Error::custom(fault)))
}

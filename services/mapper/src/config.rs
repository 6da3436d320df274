//! The `mapper` section of the configuration.

use std::path::PathBuf;

use lifecycle::PeopleConfig;
use serde::Deserialize;

/// Configuration of the mapper.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MapperConfig {
    /// URL of the database (`sqlite://PATH?mode=rwc` or `postgres://...`).
    pub database: String,
    /// Folder of policies, one `*.yaml` file per target: a file that changes is put in force, unless it takes access from
    /// more than its guard allows. Without a folder, policies are applied by operators only.
    #[serde(default)]
    pub policies: Option<PathBuf>,
    /// Several sources for one person: whose records are matched by what, who is believed about what, and who may say that
    /// somebody left.
    #[serde(default, deserialize_with = "deserialize_config")]
    pub people: PeopleConfig,
    /// How often what was decided is compared with what the writer knows, in minutes; it is also done at the start of either.
    #[serde(default = "default_verify_minutes")]
    pub verify_minutes: u32,
    /// File that notes, under keyed hashes, who was erased at the source (`worker.deleted`), so that a restored database erases
    /// them again. It belongs outside of every backup; without it nothing is noted.
    #[serde(default)]
    pub tombstones: Option<PathBuf>,
}

fn default_verify_minutes() -> u32 {
    60
}

fn deserialize_config<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<PeopleConfig, D::Error> {
    let people = PeopleConfig::deserialize(deserializer)?;
    people.fault().map_or(Ok(people), |fault| Err(serde::de::Error::custom(fault)))
}

//! The `mapper` section of the configuration.

use std::path::PathBuf;

use serde::Deserialize;

/// Configuration of the mapper.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// URL of the database (`sqlite://PATH?mode=rwc` or `postgres://...`).
    pub database: String,
    /// Folder whose `*.yaml` files are the policies, one per target; re-read when one changes.
    pub policies: PathBuf,
}

//! The one configuration file: a section per service, unknown settings refused, references expanded.

mod expand;
mod overlay;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use bus::BusConfig;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use telemetry::LogFormat;

use expand::{Environment, Variables};
use overlay::{Context, Overlay};

/// Everything that can be set. A process that runs one service needs that service's section only.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The message broker; `usher up` brings its own and needs none of it.
    #[serde(default)]
    pub nats: BusConfig,
    /// Takes events.
    pub gateway: Option<gateway::Config>,
    /// Merges and decides.
    pub mapper: Option<mapper::Config>,
    /// Converges targets.
    pub writer: Option<writer::Config>,
    /// Serves operators.
    pub console: Option<console::Config>,
    /// Logs, metrics, health.
    #[serde(default)]
    pub telemetry: TelemetryConfig,
}

/// The `telemetry` section. Traces go where OTEL_EXPORTER_OTLP_ENDPOINT says, and nowhere without it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetryConfig {
    /// Where `/livez`, `/readyz` and `/metrics` are served; nowhere when it is absent.
    #[serde(default)]
    pub admin_listen: Option<SocketAddr>,
    /// How log lines look.
    #[serde(default)]
    pub log_format: LogFormat,
}

/// A configuration file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read the configuration {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It does not say what a configuration says. Values are never part of the message.
    #[error("{path}:{line}:{column}: {message}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line, from 1; 0 when it is not known.
        line: u64,
        /// Column, from 1; 0 when it is not known.
        column: u64,
        /// What is wrong.
        message: String,
    },
    /// A policy is wrong.
    #[error(transparent)]
    Policy(policy::PolicyError),
}

impl Config {
    /// Reads `path`.
    ///
    /// # Errors
    /// When the file cannot be read, has a setting that does not exist or a value that does not fit, or refers to
    /// something that is not there.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::load_over(path, None)
    }

    /// As [`Self::load`]; `defaults` stand in for what the file leaves out, section by section.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_over(path: &Path, defaults: Option<&Map<String, Value>>) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        parse(path, &text, defaults, &Environment)
    }
}

/// Reads `path` as any process would, with the policies that it names, and says for which processes it will do.
///
/// # Errors
/// When no process could use it.
pub fn check(path: &Path) -> Result<String, ConfigError> {
    let (config, verdict) = match Config::load(path) {
        Ok(config) => (config, format!("{} is fine", path.display())),
        Err(alone) => {
            let nowhere = crate::up::folder::config_defaults(Path::new("."), "", "");
            let verdict = format!(
                "{} is fine for `usher up`; for a service of its own more is needed: {alone}",
                path.display()
            );
            (Config::load_over(path, Some(&nowhere))?, verdict)
        }
    };
    let policies = match &config.mapper {
        Some(mapper::Config { policies: Some(folder), .. }) if folder.is_dir() => check_policies(folder)?,
        _ => 0,
    };
    Ok(format!("{verdict} (policies checked: {policies})"))
}

/// Reads every policy in `folder` and says how many there are.
fn check_policies(folder: &Path) -> Result<usize, ConfigError> {
    let failed = |path: &Path, source| ConfigError::Read { path: path.to_owned(), source };
    let mut count = 0;
    for entry in std::fs::read_dir(folder).map_err(|source| failed(folder, source))? {
        let path = entry.map_err(|source| failed(folder, source))?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let text = std::fs::read_to_string(&path).map_err(|source| failed(&path, source))?;
            policy::Policy::parse(&text, &path.display().to_string()).map_err(ConfigError::Policy)?;
            count += 1;
        }
    }
    Ok(count)
}

fn parse<T: DeserializeOwned>(
    path: &Path,
    text: &str,
    defaults: Option<&Map<String, Value>>,
    variables: &dyn Variables,
) -> Result<T, ConfigError> {
    let context = Context { variables, defaults };
    let text = if says_nothing(text) { "{}" } else { text };
    // A snippet of the file could show a secret that stands beside the error.
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::with_deserializer_from_str_with_options(text, options, |inner| {
        T::deserialize(Overlay { inner, context })
    })
    .map_err(|error| parse_error(path, &error))
}

fn says_nothing(text: &str) -> bool {
    text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
}

fn parse_error(path: &Path, error: &serde_saphyr::Error) -> ConfigError {
    let error = error.without_snippet();
    let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
    let message = error.to_string();
    // Line and column are said once, in front.
    let message = message.split_once(" at line ").map_or(message.as_str(), |(what, _)| what).to_owned();
    ConfigError::Parse { path: path.to_owned(), line, column, message }
}

#[cfg(test)]
mod tests;

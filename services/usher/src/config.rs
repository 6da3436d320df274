//! The configuration file: one section per service, unknown settings refused, references expanded.

pub(crate) mod authority;
mod check;
mod dangers;
mod expand;
mod overlay;
pub(crate) mod rights;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use bus::BusConfig;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use telemetry::LogFormat;

pub use check::{CheckedConfig, check_config};
use expand::{ProcessEnvironment, VariableSource};
use overlay::{ConfigOverlay, OverlayContext};

/// All settings. A process that runs one service needs only that service's section.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsherConfig {
    /// The message broker; not needed for `usher up`, which brings its own.
    #[serde(default)]
    pub nats: BusConfig,
    /// The gateway, which receives events.
    pub gateway: Option<gateway::GatewayConfig>,
    /// The mapper, which merges events and decides.
    pub mapper: Option<mapper::MapperConfig>,
    /// The writer, which brings targets to their desired state.
    pub writer: Option<writer::WriterConfig>,
    /// The console, which serves operators.
    pub console: Option<console::ConsoleConfig>,
    /// Logs, metrics and health.
    #[serde(default)]
    pub telemetry: TelemetrySection,
    /// Senders without `may` that got the least: see docs/authority.md.
    #[serde(skip)]
    pub(crate) unstated_senders: Vec<gateway::ConfiguredSender>,
}

/// The `telemetry` section. Traces are exported to OTEL_EXPORTER_OTLP_ENDPOINT, and not at all without it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetrySection {
    /// Address of `/livez`, `/readyz` and `/metrics`; without it, they are not served.
    #[serde(default)]
    pub admin_listen: Option<SocketAddr>,
    /// Format of log lines.
    #[serde(default)]
    pub log_format: LogFormat,
}

/// The error of a configuration file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigFileError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}")]
    Read {
        /// Path of the file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The file is not a valid configuration. The message never contains values.
    #[error("{path}:{line}:{column}: {message}")]
    Parse {
        /// Path of the file.
        path: PathBuf,
        /// Line, from 1; 0 if unknown.
        line: u64,
        /// Column, from 1; 0 if unknown.
        column: u64,
        /// Description of the error.
        message: String,
    },
    /// A policy is invalid.
    #[error(transparent)]
    Policy(policy::PolicyError),
    /// The gateway could not start with the configuration.
    #[error("{path}: section `gateway`: {message}")]
    Gateway {
        /// Path of the file.
        path: PathBuf,
        /// Description of the error.
        message: String,
    },
    /// No departure would count.
    #[error("{path}: {message}")]
    Authority {
        /// Path of the file.
        path: PathBuf,
        /// Description of the error.
        message: String,
    },
    /// The console could not start with the configuration.
    #[error("{path}: section `console`: {message}")]
    Console {
        /// Path of the file.
        path: PathBuf,
        /// Description of the error.
        message: String,
    },
    /// The writer could not start with the configuration.
    #[error("{path}: section `writer`")]
    Writer {
        /// Path of the file.
        path: PathBuf,
        /// The writer's error.
        #[source]
        source: writer::WriterBuildError,
    },
}

impl UsherConfig {
    /// Reads the configuration from `path`.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read, contains an unknown setting or an invalid value, or refers to something that
    /// does not exist.
    pub fn load(path: &Path) -> Result<Self, ConfigFileError> {
        Self::load_over(path, None)
    }

    /// Reads the configuration as [`Self::load`] does. `defaults` replace what the file leaves out, section by section.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_over(path: &Path, defaults: Option<&Map<String, Value>>) -> Result<Self, ConfigFileError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigFileError::Read { path: path.to_owned(), source })?;
        let mut config: Self = parse_config(path, &text, defaults, &ProcessEnvironment)?;
        rights::grant_least(&mut config);
        Ok(config)
    }
}

fn parse_config<T: DeserializeOwned>(
    path: &Path,
    text: &str,
    defaults: Option<&Map<String, Value>>,
    variables: &dyn VariableSource,
) -> Result<T, ConfigFileError> {
    let context = OverlayContext { variables, defaults };
    let text = if says_nothing(text) { "{}" } else { text };
    // A snippet of the file could show a secret next to the error.
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::with_deserializer_from_str_with_options(text, options, |inner| {
        T::deserialize(ConfigOverlay { inner, context })
    })
    .map_err(|error| parse_error(path, &error))
}

fn says_nothing(text: &str) -> bool {
    text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
}

fn parse_error(path: &Path, error: &serde_saphyr::Error) -> ConfigFileError {
    let error = error.without_snippet();
    let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
    let message = error.to_string();
    // Line and column are shown once, in front.
    let message = message.split_once(" at line ").map_or(message.as_str(), |(what, _)| what).to_owned();
    ConfigFileError::Parse { path: path.to_owned(), line, column, message }
}

#[cfg(test)]
mod tests;

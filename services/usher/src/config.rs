//! The one configuration file: a section per service, unknown settings refused, references expanded.

pub(crate) mod authority;
mod check;
mod expand;
mod overlay;

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

/// Everything that can be set. A process that runs one service needs that service's section only.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsherConfig {
    /// The message broker; `usher up` brings its own and needs none of it.
    #[serde(default)]
    pub nats: BusConfig,
    /// Takes events.
    pub gateway: Option<gateway::GatewayConfig>,
    /// Merges and decides.
    pub mapper: Option<mapper::MapperConfig>,
    /// Converges targets.
    pub writer: Option<writer::WriterConfig>,
    /// Serves operators.
    pub console: Option<console::ConsoleConfig>,
    /// Logs, metrics, health.
    #[serde(default)]
    pub telemetry: TelemetrySection,
}

/// The `telemetry` section. Traces go where OTEL_EXPORTER_OTLP_ENDPOINT says, and nowhere without it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetrySection {
    /// Where `/livez`, `/readyz` and `/metrics` are served; nowhere when it is absent.
    #[serde(default)]
    pub admin_listen: Option<SocketAddr>,
    /// How log lines look.
    #[serde(default)]
    pub log_format: LogFormat,
}

/// A configuration file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigFileError {
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
    /// The gateway could not start with it.
    #[error("{path}: section `gateway`: {message}")]
    Gateway {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// No departure would count.
    #[error("{path}: {message}")]
    Authority {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// The writer could not start with it.
    #[error("{path}: section `writer`")]
    Writer {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: writer::WriterBuildError,
    },
}

impl UsherConfig {
    /// Reads `path`.
    ///
    /// # Errors
    /// When the file cannot be read, has a setting that does not exist or a value that does not fit, or refers to
    /// something that is not there.
    pub fn load(path: &Path) -> Result<Self, ConfigFileError> {
        Self::load_over(path, None)
    }

    /// As [`Self::load`]; `defaults` stand in for what the file leaves out, section by section.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_over(path: &Path, defaults: Option<&Map<String, Value>>) -> Result<Self, ConfigFileError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigFileError::Read { path: path.to_owned(), source })?;
        parse_config(path, &text, defaults, &ProcessEnvironment)
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
    // A snippet of the file could show a secret that stands beside the error.
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
    // Line and column are said once, in front.
    let message = message.split_once(" at line ").map_or(message.as_str(), |(what, _)| what).to_owned();
    ConfigFileError::Parse { path: path.to_owned(), line, column, message }
}

#[cfg(test)]
mod tests;

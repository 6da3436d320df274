//! Installation and removal of the subscriber, the exporter and the admin listener.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use serde::Deserialize;
use tracing_subscriber::filter::{EnvFilter, LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use crate::Readiness;
use crate::admin::AdminListener;
use crate::chain;
use crate::log_lines::{CleanStderr, QuotedFields};

/// The time that [`Telemetry::shutdown`] waits for the last spans to be sent.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);
/// The timeout of one export: well under the time that an orchestrator gives a process to stop.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(4);

/// The format of log lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Text for people.
    #[default]
    Text,
    /// One JSON object per line, for collectors.
    Json,
}

/// The settings of [`init_telemetry`].
#[derive(Debug, Clone)]
pub struct TelemetryConfig {
    /// The `service.name` of every span.
    pub service: &'static str,
    /// The format of log lines.
    pub log_format: LogFormat,
    /// An `EnvFilter` directive list, for example `info,bus=debug`. Empty means `info`.
    pub log_filter: String,
    /// The base URL of an OTLP/HTTP collector (the value of `OTEL_EXPORTER_OTLP_ENDPOINT`). `None` or empty: no traces.
    pub otlp_endpoint: Option<String>,
    /// The address that serves `/livez`, `/readyz` and `/metrics`. `None`: they are not served. Port 0 picks a free port.
    pub admin_listen: Option<SocketAddr>,
}

/// The reason that telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The log filter does not parse.
    #[error("log filter `{filter}` is not a list of directives like `info,bus=debug`")]
    Filter {
        /// The configured filter.
        filter: String,
        /// The error of the parser.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// The OTLP exporter could not be built.
    #[error("build the OTLP trace exporter for `{endpoint}`")]
    Exporter {
        /// The configured endpoint.
        endpoint: String,
        /// The error of the exporter.
        #[source]
        source: opentelemetry_otlp::ExporterBuildError,
    },
    /// The process already has a tracing subscriber.
    #[error("install the tracing subscriber")]
    Install(#[source] tracing_subscriber::util::TryInitError),
    /// The admin listener could not be started.
    #[error("start the admin listener on {address}")]
    Admin {
        /// The configured address.
        address: SocketAddr,
        /// The error of the operating system.
        #[source]
        source: std::io::Error,
    },
}

/// The installed telemetry. Keep it until the process ends, then call [`Telemetry::shutdown`].
#[derive(Debug)]
#[must_use = "spans are only flushed by `shutdown`"]
pub struct Telemetry {
    provider: Option<SdkTracerProvider>,
    admin: Option<AdminListener>,
    readiness: Readiness,
}

/// Installs logs, traces (if an endpoint is set) and the admin listener (if an address is set). Call it once per process.
///
/// # Errors
/// Returns an error if a part cannot be set up. The process should not start in that case.
pub fn init_telemetry(config: TelemetryConfig) -> Result<Telemetry, TelemetryError> {
    let readiness = Readiness::default();
    let admin = match config.admin_listen {
        Some(address) => Some(
            AdminListener::start(address, readiness.clone())
                .map_err(|source| TelemetryError::Admin { address, source })?,
        ),
        None => None,
    };
    let provider = match config.otlp_endpoint.as_deref().filter(|endpoint| !endpoint.is_empty()) {
        Some(endpoint) => Some(tracer_provider(config.service, endpoint)?),
        None => None,
    };
    let traces = provider.as_ref().map(|provider| {
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("usher"))
            .with_threads(false)
            .with_filter(span_filter())
    });
    tracing_subscriber::registry()
        .with(log_layer(config.log_format, &config.log_filter)?)
        .with(traces)
        .try_init()
        .map_err(TelemetryError::Install)?;
    Ok(Telemetry { provider, admin, readiness })
}

/// Returns the layer that writes logs to stderr.
fn log_layer(
    format: LogFormat,
    filter: &str,
) -> Result<Box<dyn Layer<Registry> + Send + Sync>, TelemetryError> {
    let directives = if filter.trim().is_empty() { "info" } else { filter };
    let env_filter = EnvFilter::builder()
        .parse(directives)
        .map_err(|source| TelemetryError::Filter { filter: filter.to_owned(), source })?;
    let has_colours = format == LogFormat::Text && std::io::stderr().is_terminal();
    let layer =
        tracing_subscriber::fmt::layer().with_writer(CleanStderr { has_colours }).with_ansi(has_colours);
    Ok(match format {
        LogFormat::Text => layer.fmt_fields(QuotedFields).with_filter(env_filter).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).with_filter(env_filter).boxed(),
    })
}

/// Returns a filter without the spans of the HTTP stack under the exporter. Otherwise each export would create spans to export.
fn span_filter() -> Targets {
    let silent =
        ["opentelemetry", "opentelemetry_sdk", "opentelemetry_otlp", "hyper", "hyper_util", "reqwest", "h2"];
    Targets::new()
        .with_default(LevelFilter::INFO)
        .with_targets(silent.map(|target| (target, LevelFilter::OFF)))
}

/// Returns a provider that exports spans to an OTLP/HTTP collector.
fn tracer_provider(service: &'static str, endpoint: &str) -> Result<SdkTracerProvider, TelemetryError> {
    // The exporter's HTTP client is built without its own TLS provider; "already installed" is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .with_timeout(EXPORT_TIMEOUT)
        .build()
        .map_err(|source| TelemetryError::Exporter { endpoint: endpoint.to_owned(), source })?;
    Ok(SdkTracerProvider::builder()
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
        .with_resource(Resource::builder().with_service_name(service).build())
        .with_batch_exporter(exporter)
        .build())
}

impl Telemetry {
    /// Returns the address of the admin listener.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(AdminListener::address)
    }

    /// Returns the latches that `/readyz` reports.
    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// Sends the buffered spans (for at most 5 s) and stops the admin listener. Blocks the calling thread.
    pub fn shutdown(self) {
        if let Some(provider) = self.provider
            && let Err(error) = provider.shutdown_with_timeout(FLUSH_TIMEOUT)
        {
            tracing::warn!(error = chain(&error), "not every span could be exported");
        }
        if let Some(admin) = self.admin {
            admin.stop();
        }
    }
}

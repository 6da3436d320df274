//! The observability of a process: logs, traces, metrics and health, and the signals that stop it.
//!
//! [`init_telemetry`] installs the log writer (stderr) and, if an OTLP endpoint is configured, a trace exporter with
//! its own thread. The admin listener has its own OS thread and runtime, so it answers while the service is busy. Trace
//! ids are passed on as [`lifecycle::TraceContext`] whether OpenTelemetry is on or off.
//!
//! Not in this crate: payloads, tokens or people's attributes in a log or span; decisions about what to do.
//!
//! To add a metric: 1. a `LazyLock` and a function in [`metrics`], 2. its labels at zero in
//! [`metrics::register_target`] if the set is known, 3. a panel in the dashboards under `deploy/`.

mod admin;
mod error_chain;
mod init;
mod log_lines;
pub mod metrics;
mod readiness;
mod shutdown;
mod trace;

pub use error_chain::{ErrorChain, chain, chain_text};
pub use init::{LogFormat, Telemetry, TelemetryConfig, TelemetryError, init_telemetry};
pub use readiness::{Readiness, ReadinessLatch};
pub use shutdown::{Shutdown, shutdown_on_signals};
pub use trace::{in_trace, link_span};

//! Serves operators: the timeline of each person and group, dead letters, policies and plans, and the status of
//! targets.
//!
//! The console reads JOURNAL into its own tables and serves them over HTTP. It decides nothing and changes nothing at a target:
//! requests of operators (replay, discard, plan, apply, provision) go to the service that owns the resource, as control
//! requests. It works while another service is down, and reports which answers need that service.
//!
//! To add a view: 1. a query in `read.rs`, 2. a handler in a file of `http/` named after the noun, 3. its bodies in [`api`], 4.
//! a line in `http/routes.rs`, then `UPDATE_OPENAPI=1 cargo test -p console`.

pub mod api;
mod app;
mod backup;
mod config;
mod http;
mod ingest;
mod notify;
mod operators;
mod projection;
mod quarantine;
mod read;
mod retention;
mod rows;
mod schema;

use std::time::Duration;

pub use app::{ConsoleApp, ConsoleBuildError, ConsoleCredentials, ConsoleRunError, build_console};
pub use config::{ConsoleConfig, ConsoleOperator, ConsoleToken, TokenEnd};
pub use http::console_openapi;
pub use notify::{HookError, NotificationHook, NotificationOccasion, OpenError};
pub use schema::ConsoleMigrator;

/// The service that owns targets, resources and dead letters.
const WRITER: &str = "writer";
/// The service that owns policies and decisions.
const MAPPER: &str = "mapper";
/// The service that receives events.
const GATEWAY: &str = "gateway";
/// Name of the console's durable consumer.
const DURABLE: &str = "console";
/// Maximum time for another service to answer a control request.
const CONTROL_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum time for the writer to read a resource at a target, where the profile's own timeouts apply.
const LOOK_TIMEOUT: Duration = Duration::from_secs(60);

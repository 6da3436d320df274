//! What operators ask: the timeline of each person and group, dead letters, policies and plans, and the state of
//! targets.
//!
//! Reads the JOURNAL into its own tables and serves them over HTTP. It decides nothing and changes nothing at a target:
//! orders (replay, discard, plan, apply, provision) go to the service that owns the thing, as control requests. It works
//! while another service is down: what needs that service says so.
//!
//! To add a view: 1. a query in `read.rs`, 2. a handler in a file of `http/` named after the noun, 3. its bodies in
//! [`api`], 4. its path in `http.rs` and `http/openapi.rs`, then `UPDATE_OPENAPI=1 cargo test -p console`.

pub mod api;
mod app;
mod backup;
mod config;
mod http;
mod ingest;
mod notify;
mod projection;
mod quarantine;
mod read;
mod retention;
mod schema;

use std::time::Duration;

pub use app::{ConsoleApp, ConsoleBuildError, ConsoleRunError, build_console};
pub use config::{ConsoleConfig, ConsoleOperator};
pub use notify::{HookError, NotificationHook, NotificationOccasion, OpenError};
pub use schema::ConsoleMigrator;

/// The service that owns targets, resources and dead letters.
const WRITER: &str = "writer";
/// The service that owns policies and decides.
const MAPPER: &str = "mapper";
/// The service that takes events.
const GATEWAY: &str = "gateway";
/// Name of the console's durable consumer.
const DURABLE: &str = "console";
/// How long an operator waits for another service.
const CONTROL_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an operator waits for the writer to look at a target: it asks there, within the profile's own timeouts.
const LOOK_TIMEOUT: Duration = Duration::from_secs(60);

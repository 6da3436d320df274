//! Takes events over HTTP: authenticates, normalises to [`lifecycle::Event`], stores, and only then answers 202.
//!
//! Never here: what an event means for anybody, targets. Nothing is kept in the process: whatever was answered is on the
//! stream, whatever was not can be sent again. There is a database only for what identity providers look up (`scim`), and for whose
//! records are to be fetched (`fetch`).
//!
//! Files and bulk requests go another way than other requests, because they do not fit into memory: see [`streamed`].
//!
//! To add a source format: 1. a module like `cloudevents.rs` with a pure `parse` from bytes to `Received` events,
//! 2. a handler in `http.rs` that hands it to `Gate::take`, 3. its schema in `http/docs.rs`, then
//! `UPDATE_OPENAPI=1 cargo test -p gateway`.

mod admission;
mod app;
mod cloudevents;
mod config;
mod csv_feeds;
mod fetch;
mod http;
mod intake;
mod limits;
mod migrations;
mod poll;
mod problems;
mod received;
mod said;
mod scim;
mod scim_bulk;
mod streamed;
mod webhooks;

pub use app::{GatewayApp, GatewayBuildError, GatewayRunError, build_gateway};
pub use config::{GatewayConfig, ScimBulkConfig, SourceConfig, SubjectKind};
pub use csv_feeds::{CsvFeedConfig, FeedMode, FolderConfig, RowKind};
pub use fetch::{FetchConfig, FetchRetry, MissingRecordMeaning};
pub use http::gateway_openapi;
pub use limits::EventLimits;
pub use poll::{PollConfig, PollPaging, RowsPerPerson};
pub use scim::ScimConfig;
pub use webhooks::WebhookConfig;

/// The name of the service: of its tables, its outbox and its traces.
pub(crate) const SERVICE: &str = "gateway";

//! Takes events over HTTP: authenticates, normalises to [`lifecycle::Event`], stores, and only then answers 202.
//!
//! Out of scope: the effect of an event on a person, and targets. The process keeps no state: an event that
//! was answered is on the stream, and any other can be sent again. A database is needed only for the resources
//! that identity providers look up (`scim`), and for the records that must be fetched (`fetch`, `poll`).
//!
//! Files and bulk requests are streamed, because they do not fit into memory: see [`streamed`].
//!
//! To add a source format: 1. write a module like `cloudevents.rs` with a pure function from bytes to `ReceivedEvent`s,
//! 2. add a handler in `http.rs` that passes it to `AppState::take`, 3. add its schema to `http/docs.rs`, then run
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

/// The service name in its tables, its outbox and its traces.
pub(crate) const SERVICE: &str = "gateway";

//! Takes events over HTTP: authenticates, normalises to [`lifecycle::Event`], stores, and only then answers 202.
//!
//! Out of scope: the effect of an event on a person, and targets. The process keeps no state: an event that
//! was answered is on the stream, and any other can be sent again. A database is needed only for the resources
//! that identity providers look up ([`idp`]), and for the records that must be fetched and polled ([`pull`]).
//!
//! The modules are layers. Each one uses only those below it:
//!
//! | module | is |
//! |---|---|
//! | [`app`] | builds the gateway from its configuration, runs it and shuts it down |
//! | [`config`] | the `gateway` section of the configuration and its validation |
//! | [`http`] | the routes for senders, their shared state and the OpenAPI document |
//! | [`idp`] | the SCIM service for identity providers, `/scim/v2` |
//! | [`inbound`] | the formats that senders use: CloudEvents, webhooks, SCIM bulk requests, CSV files and folders |
//! | [`pull`] | records that the gateway requests itself: `fetch` after a notice, and `polls` |
//! | [`intake`] | the common part: admission, quotas, limits, source problems, and storing on the broker |
//! | [`migrations`] | the tables |
//!
//! Files and bulk requests are streamed, because they do not fit into memory: see [`intake::streamed`].
//!
//! To add a source format: 1. write a module like `inbound/cloudevents.rs` with a pure function from bytes to
//! `ReceivedEvent`s, 2. add a handler to `http/` that passes it to `take_events`, 3. add its schema to `http/docs.rs`,
//! then run `UPDATE_OPENAPI=1 cargo test -p gateway`.

mod app;
mod config;
mod control;
mod credentials;
mod http;
mod idp;
mod inbound;
mod intake;
mod migrations;
mod pull;

pub use app::{GatewayApp, GatewayBuildError, GatewayRunError, build_gateway};
pub use config::{ConfiguredSender, GatewayConfig};
pub use credentials::GatewayCredentials;
pub use http::gateway_openapi;
pub use idp::ScimConfig;
pub use inbound::csv_feeds::{CsvFeedConfig, FeedMode, FolderConfig, RowKind};
pub use inbound::scim_bulk::ScimBulkConfig;
pub use inbound::webhooks::WebhookConfig;
pub use intake::limits::EventLimits;
pub use intake::source::{SourceConfig, SubjectKind};
pub use pull::fetch::{FetchConfig, MissingRecordMeaning};
pub use pull::pace::FetchRetry;
pub use pull::poll::{PollConfig, PollPaging, RowsPerPerson};

/// The service name in its tables, its outbox and its traces.
pub(crate) const SERVICE: &str = "gateway";

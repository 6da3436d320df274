//! HTTP requests from Usher to APIs: credentials ([`SourceCredential`]), encoding of keys in addresses ([`encoding`]),
//! requested pauses ([`retry_after`]), and [`SourceClient`], which reads JSON from a source's API.
//!
//! [`build_http_client`] builds every HTTP client of the workspace, and no other code does.
//!
//! The client sends one request per call. It never retries or waits, follows no redirect, reads at most the configured
//! size, and never puts a secret or the content of an answer into an error. Requests to targets are the task of `scim`,
//! which uses the credentials of this crate.
//!
//! To add a kind of credential: 1. add a variant of [`SourceCredential`] and its header in `Authenticator::pass`, 2.
//! add its configuration in [`CredentialConfig`].

mod ask;
mod config;
mod credential;
pub mod encoding;
mod http_client;
pub mod retry_after;

pub use ask::{AskError, AskFailure, AskerOptions, JsonAnswer, SourceClient};
pub use config::CredentialConfig;
pub use credential::{Authenticator, AuthorizationHeader, HiddenSecret, PassError, SourceCredential};
pub use http_client::{HttpClientOptions, build_http_client};
pub use reqwest::Url;

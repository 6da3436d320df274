//! How Usher asks others over HTTP: what it shows to be let in ([`SourceCredential`]), how it writes keys into addresses
//! ([`encoding`]), how long it is asked to wait ([`retry_after`]), and [`SourceClient`], which reads JSON from a source's API.
//!
//! It sends one request per call, never retries, never waits, follows no redirect, reads no more than it was told, and never
//! lets a secret or what an answer holds into an error. What is said to a target is the matter of `scim`, which takes its
//! credentials from here.
//!
//! To add a way of being let in: 1. a variant of [`SourceCredential`] and what it sends in `Authenticator::pass`, 2. how it is
//! written in [`CredentialConfig`].

mod ask;
mod config;
mod credential;
pub mod encoding;
pub mod retry_after;

pub use ask::{AskError, AskFailure, AskerOptions, JsonAnswer, SourceClient};
pub use config::CredentialConfig;
pub use credential::{Authenticator, AuthorizationHeader, HiddenSecret, PassError, SourceCredential};
pub use reqwest::Url;

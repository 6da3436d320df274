//! The common parts of every HTTP server of Usher: bearer tokens, problem documents, request ids, bounded JSON bodies,
//! access rules, TLS, and a server that drains.
//!
//! Not in this crate: routes (each server routes [`ERROR_PAGE_PATH`] to the handler here), the permissions of a token,
//! anything about events or targets. Tokens are compared by hash and in constant time, and are never kept or logged.
//!
//! To add an HTTP server: 1. build an `axum::Router` whose handlers return [`Problem`], 2. route
//! [`ERROR_PAGE_PATH`] to [`error_page::show_error_code`] and [`protect_router`] it, 3. [`serve_router`] it.

mod access;
mod body;
mod budget;
mod codes;
pub mod error_page;
mod guard;
mod misfit;
mod pace;
mod pointer;
mod problem;
mod protect;
mod serve;
mod tls;
mod token;

pub use access::{AccessDenied, AccessRule, Caller, Network, NetworkError};
pub use body::{JsonBody, JsonError, parse_json, read_body, read_paced_body};
pub use budget::{CallerBudget, CallerOrigin, CallerPlace, CallerStanding};
pub use codes::{CODES, ERROR_PAGE_PATH};
pub use guard::{CredentialGuard, WrongCredentials};
pub use pace::BodyPace;
pub use pointer::JsonPointer;
pub use problem::{FIELD_ERRORS_MAX, FieldError, FieldErrors, PROBLEM_JSON, Problem, TextPlace, TextSpan};
pub use protect::{REQUEST_ID, RequestId, protect_router};
pub use serve::{DrainOutcome, HttpServer, PeerAddress, serve_router};
pub use tls::{CertificateName, ClientCertificate, TlsConfig, TlsError, TlsSettings};
pub use token::{SharedTokenTable, TokenHash, TokenHashError, TokenTable, UNKNOWN_TOKEN, bearer_token};

//! What every HTTP door of Usher has in common: bearer tokens, problem documents, request ids, bounded JSON
//! bodies, who may come from where, TLS, and a server that drains.
//!
//! Never here: routes, what a token may do, anything about events or targets. Tokens are compared by hash and in
//! constant time, and are never kept or logged.
//!
//! To add a door: 1. build an `axum::Router` whose handlers return [`Problem`], 2. [`protect`] it, 3. [`serve`] it.

mod access;
mod body;
mod codes;
mod pointer;
mod problem;
mod protect;
mod serve;
mod tls;
mod token;

pub use access::{Access, Caller, Network, NetworkError, Stranger};
pub use body::{Json, JsonError, parse_json, read_body};
pub use codes::CODES;
pub use pointer::Pointer;
pub use problem::{FIELD_ERRORS_MAX, FieldError, FieldErrors, PROBLEM_JSON, Problem, TextPlace, TextSpan};
pub use protect::{REQUEST_ID, RequestId, protect};
pub use serve::{Drained, Peer, Serving, serve};
pub use tls::{CertificateName, ClientCertificate, Tls, TlsConfig, TlsError};
pub use token::{TokenHash, TokenHashError, TokenTable, UNKNOWN_TOKEN, bearer};

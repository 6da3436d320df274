//! What every HTTP door of Usher has in common: bearer tokens, problem documents, request ids, bounded JSON
//! bodies, and a server that drains.
//!
//! Never here: routes, what a token may do, anything about events or targets. Tokens are compared by hash and in
//! constant time, and are never kept or logged.
//!
//! To add a door: 1. build an `axum::Router` whose handlers return [`Problem`], 2. [`protect`] it, 3. [`serve`] it.

mod body;
mod codes;
mod pointer;
mod problem;
mod protect;
mod serve;
mod token;

pub use body::{Json, JsonError, parse_json, read_body};
pub use codes::CODES;
pub use pointer::Pointer;
pub use problem::{FIELD_ERRORS_MAX, FieldError, FieldErrors, PROBLEM_JSON, Problem, TextPlace, TextSpan};
pub use protect::{REQUEST_ID, RequestId, protect};
pub use serve::{Drained, ServeError, serve};
pub use token::{TokenHash, TokenHashError, TokenTable, bearer};

//! The `usher` binary: runs all services in one process or a single one, and serves operators as the client of the
//! console.
//!
//! This crate only composes: the meaning of events, policies and targets is decided in other crates. Configuration values never
//! reach a log or an error message. To add a command: 1. its arguments in [`cli`], 2. its implementation in [`operator`] and
//! its case in `main.rs`, 3. its output in [`render`].

pub mod backup;
pub mod broker_users;
pub mod cli;
pub mod config;
pub mod data_folder;
pub mod evidence;
pub mod operator;
pub mod private_file;
pub mod render;
pub mod serve;
pub mod streams;
pub mod token;
pub mod up;

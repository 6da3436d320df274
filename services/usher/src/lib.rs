//! The one binary that people install: runs the services, all in one process or one of them, and talks to the
//! console for operators.
//!
//! It composes; what events, policies and targets mean is decided elsewhere. Values of the configuration never reach a log
//! or an error message. To add a command: 1. its arguments in [`cli`], 2. what it does in [`operator`] and its case in
//! `main.rs`, 3. what it prints in [`render`].

pub mod backup;
pub mod cli;
pub mod config;
pub mod evidence;
pub mod operator;
pub mod render;
pub mod serve;
pub mod streams;
pub mod token;
pub mod up;

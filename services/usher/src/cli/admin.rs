//! `usher admin ...`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What is done to the installation itself.
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Create the streams, or bring them up to date with the configuration.
    ///
    /// Services need no right to do so; they wait until the streams are there. `usher up` does it by itself.
    Streams(StreamsArgs),
}

/// `usher admin streams`.
#[derive(Debug, Args)]
pub struct StreamsArgs {
    /// Configuration; only its sections `nats` and `telemetry` are used.
    #[arg(long, value_name = "FILE", env = "USHER_CONFIG")]
    pub config: PathBuf,
    /// Keep running: make streams again that are lost, and make room in those that are nearly full.
    #[arg(long)]
    pub watch: bool,
}

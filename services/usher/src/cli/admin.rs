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
    /// Mark databases as restored from a backup, before the services are started again.
    ///
    /// Needed after databases and streams came back together from backups of one time, which nothing contradicts; `usher
    /// restore` does it by itself. What gives access waits after it until an operator lets each target go on.
    Restored(RestoredArgs),
}

/// `usher admin restored`.
#[derive(Debug, Args)]
pub struct RestoredArgs {
    /// Configuration; the databases of its sections are marked.
    #[arg(long, value_name = "FILE", env = "USHER_CONFIG")]
    pub config: PathBuf,
    /// When the backup was taken (RFC 3339), as operators are told it.
    #[arg(long, value_name = "TIME")]
    pub taken_at: String,
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

//! Arguments of `usher admin`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Commands for the installation itself.
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Create the JetStream streams, or update them to match the configuration.
    ///
    /// Services need no permission to create streams; they wait until the streams exist. `usher up` creates them itself.
    Streams(StreamsArgs),
    /// Mark databases as restored from a backup, before the services are started again.
    ///
    /// Needed after databases and streams were restored together from backups of the same time, because then nothing contradicts
    /// them. `usher restore` marks them itself. Changes that grant access then wait until an operator resumes each target.
    Restored(RestoredArgs),
}

/// Arguments of `usher admin restored`.
#[derive(Debug, Args)]
pub struct RestoredArgs {
    /// Configuration file; the databases of its sections are marked.
    #[arg(long, value_name = "FILE", env = "USHER_CONFIG")]
    pub config: PathBuf,
    /// Time of the backup (RFC 3339), as shown to operators.
    #[arg(long, value_name = "TIME")]
    pub taken_at: String,
}

/// Arguments of `usher admin streams`.
#[derive(Debug, Args)]
pub struct StreamsArgs {
    /// Configuration file; only its sections `nats` and `telemetry` are used.
    #[arg(long, value_name = "FILE", env = "USHER_CONFIG")]
    pub config: PathBuf,
    /// Keep running: recreate lost streams, and free space in streams that are nearly full.
    #[arg(long)]
    pub watch: bool,
}

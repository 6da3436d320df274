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
    /// Write the users of the broker: one for each service, which may use the subjects that it needs and no others.
    ///
    /// Writes `users.conf`, which the configuration of nats-server includes, and a key for each service (`nats.nkey_file`).
    /// Keys that exist are kept, so that the command can be run again after an upgrade.
    Nats(NatsUsersArgs),
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

/// Arguments of `usher admin nats`.
#[derive(Debug, Args)]
pub struct NatsUsersArgs {
    /// Folder for `users.conf` and the keys.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Number of streams of events, as in `nats.event_shards`.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub event_shards: u16,
    /// Write no keys: the server reads passwords from its environment (USHER_NATS_GATEWAY_PASSWORD and so on).
    #[arg(long)]
    pub passwords: bool,
    /// Replace the key of this user, for example `gateway`. The old key no longer works once the server has read `users.conf`.
    #[arg(long, value_name = "USER", conflicts_with = "passwords")]
    pub rotate: Vec<String>,
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

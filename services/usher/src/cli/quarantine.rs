//! Arguments of `usher quarantine`.

use clap::{Args, Subcommand};

use super::{OperatorArgs, parse_row_limit};

/// Subcommands of `usher quarantine`.
#[derive(Debug, Subcommand)]
pub enum QuarantineCommand {
    /// List quarantined messages, departures first.
    Ls(QuarantineListArgs),
    /// Retry quarantined messages after their cause is fixed.
    Retry(QuarantineRetryArgs),
}

/// Arguments of `usher quarantine ls`.
#[derive(Debug, Args)]
pub struct QuarantineListArgs {
    /// Maximum number of rows.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = parse_row_limit)]
    pub limit: usize,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Arguments of `usher quarantine retry`.
#[derive(Debug, Args)]
pub struct QuarantineRetryArgs {
    /// Ids, as `usher quarantine ls` shows them.
    #[arg(value_name = "ID", required = true)]
    pub ids: Vec<String>,
    /// Reason, recorded in the log.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

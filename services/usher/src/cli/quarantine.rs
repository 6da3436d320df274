//! `usher quarantine ...`.

use clap::{Args, Subcommand};

use super::OperatorArgs;

/// `usher quarantine`.
#[derive(Debug, Subcommand)]
pub enum QuarantineCommand {
    /// List what is set aside, departures first.
    Ls(QuarantineListArgs),
    /// Try again what is set aside, once its cause is gone.
    Retry(QuarantineRetryArgs),
}

/// `usher quarantine ls`.
#[derive(Debug, Args)]
pub struct QuarantineListArgs {
    /// How many at most.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub limit: u16,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher quarantine retry`.
#[derive(Debug, Args)]
pub struct QuarantineRetryArgs {
    /// Ids as `usher quarantine ls` shows them.
    #[arg(value_name = "ID", required = true)]
    pub ids: Vec<String>,
    /// Why, in your words; it is kept in the log.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

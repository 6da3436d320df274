//! Arguments of `usher outbox`.

use clap::{Args, Subcommand};

use super::{OperatorArgs, parse_row_limit};

/// Subcommands of `usher outbox`.
#[derive(Debug, Subcommand)]
pub enum OutboxCommand {
    /// List unpublished messages, including those that the broker refuses permanently.
    Ls(OutboxListArgs),
    /// Retry publishing a message that was set aside.
    Retry(OutboxRetryArgs),
    /// Discard a message that was set aside; messages that remove access are never discarded.
    Discard(OutboxRetryArgs),
}

/// Arguments of `usher outbox ls`.
#[derive(Debug, Args)]
pub struct OutboxListArgs {
    /// Maximum number of rows.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = parse_row_limit)]
    pub limit: usize,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Arguments of `usher outbox retry` and `usher outbox discard`.
#[derive(Debug, Args)]
pub struct OutboxRetryArgs {
    /// Service that set the message aside: gateway, mapper or writer.
    pub service: String,
    /// Id of the message, as `usher outbox ls` shows it.
    pub id: String,
    /// Reason, recorded in the log.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

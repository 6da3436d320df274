//! `usher outbox ...`.

use clap::{Args, Subcommand};

use super::OperatorArgs;

/// What can be done about messages that the broker does not have.
#[derive(Debug, Subcommand)]
pub enum OutboxCommand {
    /// List what waits to be published, and the messages that the broker refuses for good.
    Ls(OperatorArgs),
    /// Try to publish a message again that is set aside.
    Retry(OutboxRetryArgs),
    /// Discard a message that is set aside; what takes access away is never discarded.
    Discard(OutboxRetryArgs),
}

/// `usher outbox retry` and `usher outbox discard`.
#[derive(Debug, Args)]
pub struct OutboxRetryArgs {
    /// The service that set it aside: mapper or writer.
    pub service: String,
    /// Its id, as `usher outbox ls` shows it.
    pub id: String,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

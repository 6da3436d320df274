//! Arguments of `usher feed`.

use clap::{Args, Subcommand};

use super::{OperatorArgs, parse_row_limit};

/// Subcommands of `usher feed`.
#[derive(Debug, Subcommand)]
pub enum FeedCommand {
    /// List full-feed runs, newest first.
    Ls(FeedListArgs),
    /// Show a run, with a sample of the people missing from it.
    Show(FeedShowArgs),
    /// Accept a held run: the people missing from it have left.
    Accept(AcceptFeedArgs),
    /// Reject a held run as wrong: no person leaves because of it.
    Reject(DecideFeedArgs),
}

/// Arguments of `usher feed ls`.
#[derive(Debug, Args)]
pub struct FeedListArgs {
    /// Limit the list to one feed.
    #[arg(long, value_name = "NAME")]
    pub feed: Option<String>,
    /// Maximum number of rows.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = parse_row_limit)]
    pub limit: usize,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Arguments of `usher feed show`.
#[derive(Debug, Args)]
pub struct FeedShowArgs {
    /// Id of the run.
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Arguments of `usher feed accept`.
#[derive(Debug, Args)]
pub struct AcceptFeedArgs {
    /// The number of people who leave with the run: missing and inactive. Without it, it is the number that the last
    /// `usher feed show` or `usher feed ls` showed.
    #[arg(long, value_name = "N")]
    pub people: Option<u64>,
    /// The run, and the reason.
    #[command(flatten)]
    pub decision: DecideFeedArgs,
}

/// Arguments of `usher feed reject`.
#[derive(Debug, Args)]
pub struct DecideFeedArgs {
    /// Id of the run.
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Reason, recorded in the timeline.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

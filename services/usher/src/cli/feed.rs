//! `usher feed ...`.

use clap::{Args, Subcommand};

use super::OperatorArgs;

/// `usher feed`.
#[derive(Debug, Subcommand)]
pub enum FeedCommand {
    /// List runs of full feeds, newest first.
    Ls(FeedListArgs),
    /// Show one run, with some of those who are missing.
    Show(FeedShowArgs),
    /// Believe a run that is held: who is missing has left.
    Accept(DecideFeedArgs),
    /// Say that a run that is held is wrong: nobody left because of it.
    Reject(DecideFeedArgs),
}

/// `usher feed ls`.
#[derive(Debug, Args)]
pub struct FeedListArgs {
    /// Only those of one feed.
    #[arg(long, value_name = "NAME")]
    pub feed: Option<String>,
    /// How many at most.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=500))]
    pub limit: u16,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher feed show`.
#[derive(Debug, Args)]
pub struct FeedShowArgs {
    /// The run.
    #[arg(value_name = "RUN")]
    pub run: String,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher feed accept`, `usher feed reject`.
#[derive(Debug, Args)]
pub struct DecideFeedArgs {
    /// The run.
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Why, in your words; it is kept in the timeline.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

//! `usher off ...` and `usher keep ...`.

use clap::{Args, Subcommand};
use time::OffsetDateTime;

use super::OperatorArgs;
use super::leavers::day_or_moment;

/// `usher off` and `usher keep`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct OrderArgs {
    /// Look at orders, or lift one.
    #[command(subcommand)]
    pub command: Option<OrderCommand>,
    /// Key, or login name at the source.
    #[arg(value_name = "PERSON", required = true)]
    pub person: Option<String>,
    /// Why, in your words; it is kept in the timeline.
    #[arg(long, value_name = "TEXT", required = true)]
    pub why: Option<String>,
    /// When the order ends by itself: a day (at its beginning, UTC) or a moment like 2026-07-01T08:00:00Z.
    #[arg(long, value_name = "DATE", value_parser = day_or_moment)]
    pub until: Option<OffsetDateTime>,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher off ls` and `usher off lift`.
#[derive(Debug, Subcommand)]
pub enum OrderCommand {
    /// List the orders that were not lifted.
    Ls(OrderListArgs),
    /// Lift the order about a person: sources and policies decide again.
    Lift(LiftOrderArgs),
}

/// `usher off ls`.
#[derive(Debug, Args)]
pub struct OrderListArgs {
    /// How many at most.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub limit: u64,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher off lift`.
#[derive(Debug, Args)]
pub struct LiftOrderArgs {
    /// Key, or login name at the source.
    pub person: String,
    /// Why, in your words; it is kept in the timeline.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

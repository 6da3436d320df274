//! Arguments of `usher off` and `usher keep`.

use clap::{Args, Subcommand};
use time::OffsetDateTime;

use super::OperatorArgs;
use super::leavers::day_or_moment;

/// Arguments of `usher off` and `usher keep`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct OrderArgs {
    /// List orders, or lift one.
    #[command(subcommand)]
    pub command: Option<OrderCommand>,
    /// Person: key, or login name at the source.
    #[arg(value_name = "PERSON", required = true)]
    pub person: Option<String>,
    /// Reason, recorded in the timeline.
    #[arg(long, value_name = "TEXT", required = true)]
    pub why: Option<String>,
    /// Time at which the order expires: a day (its beginning, UTC) or a time such as 2026-07-01T08:00:00Z.
    #[arg(long, value_name = "DATE", value_parser = day_or_moment)]
    pub until: Option<OffsetDateTime>,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Subcommands of `usher off` and `usher keep`.
#[derive(Debug, Subcommand)]
pub enum OrderCommand {
    /// List the orders in effect.
    Ls(OrderListArgs),
    /// Lift the order about a person: sources and policies decide again.
    Lift(LiftOrderArgs),
}

/// Arguments of `usher off ls` and `usher keep ls`.
#[derive(Debug, Args)]
pub struct OrderListArgs {
    /// Maximum number of rows.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub limit: u64,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Arguments of `usher off lift` and `usher keep lift`.
#[derive(Debug, Args)]
pub struct LiftOrderArgs {
    /// Person: key, or login name at the source.
    pub person: String,
    /// Reason, recorded in the timeline.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

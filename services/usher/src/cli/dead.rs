//! Arguments of `usher dead`.

use clap::{Args, Subcommand, ValueEnum};

use super::{OperatorArgs, parse_row_limit};

/// Subcommands of `usher dead`.
#[derive(Debug, Subcommand)]
pub enum DeadCommand {
    /// List dead letters, newest first.
    Ls(DeadListArgs),
    /// Group open dead letters by failure, largest group first.
    Groups(DeadGroupsArgs),
    /// Show a dead letter: person, decision, error, request, response and remedy.
    Show(DeadShowArgs),
    /// Replay dead letters in the background; the writer continues without the command.
    Replay(DeadReplayArgs),
    /// List replays, running and finished.
    Replays(DeadReplaysArgs),
    /// Cancel a running replay; letters that were not replayed yet stay open.
    ReplayCancel(DeadReplayCancelArgs),
    /// Discard dead letters without a retry.
    Discard(DeadDiscardArgs),
}

/// Arguments of `usher dead ls`.
#[derive(Debug, Args)]
pub struct DeadListArgs {
    /// Limit the list to one target.
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// State to list.
    #[arg(long, value_enum, default_value_t = DeadState::Open)]
    pub state: DeadState,
    /// Maximum number of rows.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = parse_row_limit)]
    pub limit: usize,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Arguments of `usher dead groups`.
#[derive(Debug, Args)]
pub struct DeadGroupsArgs {
    /// Limit the list to one target.
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// The state of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DeadState {
    /// Neither replayed nor discarded.
    Open,
    /// Replayed.
    Replayed,
    /// Discarded without a retry.
    Discarded,
    /// All states.
    All,
}

impl DeadState {
    /// Returns the state's name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Replayed => "replayed",
            Self::Discarded => "discarded",
            Self::All => "all",
        }
    }
}

/// Arguments of `usher dead show`.
#[derive(Debug, Args)]
pub struct DeadShowArgs {
    /// Id of the dead letter (ded_...).
    pub id: String,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Arguments of `usher dead replay`.
#[derive(Debug, Args)]
pub struct DeadReplayArgs {
    /// Ids of dead letters (ded_...).
    #[arg(value_name = "ID", required_unless_present_any = ["target", "group"], conflicts_with_all = ["target", "group"])]
    pub ids: Vec<String>,
    /// Replay all open dead letters of a target.
    #[arg(long, value_name = "NAME", conflicts_with = "group")]
    pub target: Option<String>,
    /// Replay all open dead letters of a group, as `usher dead groups` names it.
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
    /// Show the outcome of each dead letter and the request to send, without sending anything.
    #[arg(long)]
    pub dry_run: bool,
    /// Number of requests that a dry run shows; each one costs a lookup at the target.
    #[arg(long, value_name = "NUMBER", default_value_t = 100, requires = "dry_run")]
    pub requests: usize,
    /// Maximum number of dead letters queued per second. The target's own rate limit always applies.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub per_second: Option<u32>,
    /// Return without waiting for the end of the replay.
    #[arg(long)]
    pub no_wait: bool,
    /// Reason, recorded in the timeline.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Arguments of `usher dead replays`.
#[derive(Debug, Args)]
pub struct DeadReplaysArgs {
    /// Maximum number of rows.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = parse_row_limit)]
    pub limit: usize,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Arguments of `usher dead replay-cancel`.
#[derive(Debug, Args)]
pub struct DeadReplayCancelArgs {
    /// Id of the replay (rpl_...).
    pub id: String,
    /// Reason, recorded with the replay.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Arguments of `usher dead discard`.
#[derive(Debug, Args)]
pub struct DeadDiscardArgs {
    /// Ids of dead letters (ded_...).
    #[arg(value_name = "ID", required_unless_present = "group", conflicts_with = "group")]
    pub ids: Vec<String>,
    /// Discard all open dead letters of a group, as `usher dead groups` names it.
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
    /// Reason, recorded in the timeline.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

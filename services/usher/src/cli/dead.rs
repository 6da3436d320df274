//! `usher dead ...`.

use clap::{Args, Subcommand, ValueEnum};

use super::OperatorArgs;

/// `usher dead`.
#[derive(Debug, Subcommand)]
pub enum DeadCommand {
    /// List dead letters, newest first.
    Ls(DeadListArgs),
    /// List open ones that failed in the same way, the largest group first.
    Groups(DeadGroupsArgs),
    /// Show one: person, decision, error, request and answer, and what to do.
    Show(DeadShowArgs),
    /// Try again, in the background: the writer goes on with it by itself.
    Replay(DeadReplayArgs),
    /// List what is being tried again, and what was.
    Replays(DeadReplaysArgs),
    /// End what is being tried again; what has not been tried yet stays as it is.
    ReplayCancel(DeadReplayCancelArgs),
    /// Close without trying again.
    Discard(DeadDiscardArgs),
}

/// `usher dead ls`.
#[derive(Debug, Args)]
pub struct DeadListArgs {
    /// Only those of one target.
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// Which ones.
    #[arg(long, value_enum, default_value_t = DeadState::Open)]
    pub state: DeadState,
    /// How many at most.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=500))]
    pub limit: u16,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher dead groups`.
#[derive(Debug, Args)]
pub struct DeadGroupsArgs {
    /// Only those of one target.
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// What became of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DeadState {
    /// Nobody has looked after it yet.
    Open,
    /// It was tried again.
    Replayed,
    /// It was closed.
    Discarded,
    /// Every one.
    All,
}

impl DeadState {
    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Replayed => "replayed",
            Self::Discarded => "discarded",
            Self::All => "all",
        }
    }
}

/// `usher dead show`.
#[derive(Debug, Args)]
pub struct DeadShowArgs {
    /// Its id (ded_...).
    pub id: String,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher dead replay`.
#[derive(Debug, Args)]
pub struct DeadReplayArgs {
    /// Ids (ded_...).
    #[arg(value_name = "ID", required_unless_present_any = ["target", "group"], conflicts_with_all = ["target", "group"])]
    pub ids: Vec<String>,
    /// Every open one of a target.
    #[arg(long, value_name = "NAME", conflicts_with = "group")]
    pub target: Option<String>,
    /// Every open one of a group, as `usher dead groups` names it.
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
    /// Only say what would become of each, and the request that would be sent.
    #[arg(long)]
    pub dry_run: bool,
    /// For how many a dry run shows the request: each costs a look at the target.
    #[arg(long, value_name = "NUMBER", default_value_t = 100, requires = "dry_run")]
    pub requests: usize,
    /// Queue at most so many a second. They are sent at the target's own pace in any case.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub per_second: Option<u32>,
    /// Do not wait until it is finished.
    #[arg(long)]
    pub no_wait: bool,
    /// Why, in your words; it is kept in the timeline.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher dead replays`.
#[derive(Debug, Args)]
pub struct DeadReplaysArgs {
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher dead replay-cancel`.
#[derive(Debug, Args)]
pub struct DeadReplayCancelArgs {
    /// Its id (rpl_...).
    pub id: String,
    /// Why, in your words; it is kept.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher dead discard`.
#[derive(Debug, Args)]
pub struct DeadDiscardArgs {
    /// Ids (ded_...).
    #[arg(value_name = "ID", required_unless_present = "group", conflicts_with = "group")]
    pub ids: Vec<String>,
    /// Every open one of a group, as `usher dead groups` names it.
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
    /// Why, in your words; it is kept in the timeline.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

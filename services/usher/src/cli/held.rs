//! Arguments of `usher held`, `usher conflicts`, `usher target`, `usher reconcile` and `usher verify`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{OperatorArgs, parse_row_limit};

/// Subcommands of `usher held`.
#[derive(Debug, Subcommand)]
pub enum HeldCommand {
    /// List held changes with the reason for each, oldest first.
    Ls(HeldListArgs),
    /// Approve held changes as they were listed: the writer carries them out.
    Approve(DecideHeldArgs),
    /// Reject held changes as they were listed: the target stays as it is until a new change is decided.
    Reject(DecideHeldArgs),
}

/// Arguments of `usher held ls`.
#[derive(Debug, Args)]
pub struct HeldListArgs {
    /// Limit the list to one target.
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// Maximum number of rows.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = parse_row_limit)]
    pub limit: usize,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// The reason for a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HeldReason {
    /// The change removes more access than the policy's guard allows.
    Guard,
    /// The policy protects the person or group.
    Protected,
    /// The target would refuse the change, as its profile says.
    Profile,
    /// Another person or group has a value that must be unique.
    Taken,
    /// The mapper's database was restored and lacks the decision that removed the access.
    Outdated,
    /// Everything was restored, the account is off at the target, and no source has said since that the person works here.
    Restored,
}

impl HeldReason {
    /// Returns the reason's name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Guard => "guard",
            Self::Protected => "protected",
            Self::Profile => "profile",
            Self::Taken => "taken",
            Self::Outdated => "outdated",
            Self::Restored => "restored",
        }
    }
}

/// Arguments of `usher held approve` and `usher held reject`.
#[derive(Debug, Args)]
pub struct DecideHeldArgs {
    /// Keys of people and groups, decided as the last `usher held ls` showed them.
    #[arg(value_name = "SUBJECT", required_unless_present_any = ["all", "holds"], conflicts_with_all = ["all", "holds"])]
    pub subjects: Vec<String>,
    /// Name of the target.
    #[arg(long, value_name = "NAME")]
    pub target: String,
    /// Decide about all changes that the last `usher held ls` showed. Changes that were held since are left.
    #[arg(long, conflicts_with = "holds")]
    pub all: bool,
    /// Identity of a hold, from the column HOLD of `usher held ls`. Can be repeated.
    #[arg(long = "hold", value_name = "HOLD")]
    pub holds: Vec<String>,
    /// Limit the decision to changes that were shown as held for this reason.
    #[arg(long, value_enum, value_name = "REASON")]
    pub by: Option<HeldReason>,
    /// The number of accounts and groups that may be deleted by the approval.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub deletions: u64,
    /// Reason, recorded in the timeline.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Subcommands of `usher target`.
#[derive(Debug, Subcommand)]
pub enum TargetCommand {
    /// Pause a target: nothing is sent to it, and the desired state is kept.
    Pause(PauseArgs),
    /// Resume a paused target.
    Resume(PauseArgs),
    /// Test the connection and credential of a target (read-only).
    Test(TestArgs),
    /// Probe the capabilities of a SCIM server and print a matching profile, without a running Usher.
    Probe(ProbeArgs),
}

/// Arguments of `usher target test`.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// Name of the target.
    #[arg(value_name = "NAME")]
    pub target: String,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Subcommands of `usher conflicts`.
#[derive(Debug, Subcommand)]
pub enum ConflictsCommand {
    /// List existing accounts and groups that appear to belong to another person or group.
    Ls(ConflictListArgs),
    /// Link the person or group to a resource at the target. To leave the resource alone, discard its dead letter instead.
    Resolve(ResolveConflictArgs),
}

/// Arguments of `usher conflicts ls`.
#[derive(Debug, Args)]
pub struct ConflictListArgs {
    /// Limit the list to one target.
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// Maximum number of rows.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = parse_row_limit)]
    pub limit: usize,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Arguments of `usher conflicts resolve`.
#[derive(Debug, Args)]
pub struct ResolveConflictArgs {
    /// Key of the person or group.
    #[arg(value_name = "SUBJECT")]
    pub subject: String,
    /// Name of the target.
    #[arg(long, value_name = "NAME")]
    pub target: String,
    /// Id at the target of the resource that belongs to the person or group.
    #[arg(long, value_name = "ID")]
    pub adopt: String,
    /// The resource is a group.
    #[arg(long)]
    pub group: bool,
    /// Revision of the conflict. Without it, it is the one that the last `usher conflicts ls` showed.
    #[arg(long, value_name = "N")]
    pub revision: Option<i64>,
    /// Reason, recorded in the timeline.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Arguments of `usher target probe`.
#[derive(Debug, Args)]
pub struct ProbeArgs {
    /// Base URL of the SCIM server, such as https://host/scim/v2.
    #[arg(value_name = "URL")]
    pub url: String,
    /// Bearer token.
    #[arg(long, env = "USHER_TARGET_TOKEN", hide_env_values = true, conflicts_with = "token_file")]
    pub token: Option<String>,
    /// File that holds the bearer token.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Profile to start from: a name or a file.
    #[arg(long, value_name = "PROFILE", default_value = "generic")]
    pub profile: String,
    /// Allow write tests: two accounts and a group are created, changed and deleted. Without it, nothing is changed.
    #[arg(long)]
    pub write: bool,
    /// Email domain of the test accounts.
    #[arg(long, value_name = "DOMAIN", default_value = "example.com")]
    pub domain: String,
    /// Write the profile to this file instead of stdout; an existing file is not overwritten.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Arguments of `usher reconcile`.
#[derive(Debug, Args)]
pub struct ReconcileArgs {
    /// Name of the target.
    #[arg(value_name = "TARGET")]
    pub target: String,
    /// Report differences without changing anything.
    #[arg(long)]
    pub dry_run: bool,
    /// The number of resources that may be gone, as the failed reconciliation reported it. Without it, a target that lists
    /// far fewer resources than are linked fails the reconciliation.
    #[arg(long, value_name = "N", conflicts_with = "dry_run")]
    pub allow_gone: Option<u64>,
    /// Cancel the running reconciliation.
    #[arg(long, conflicts_with = "dry_run")]
    pub cancel: bool,
    /// Return without waiting for the end of the reconciliation.
    #[arg(long)]
    pub no_wait: bool,
    /// Reason, recorded in the log.
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Arguments of `usher verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Name of the target; defaults to all targets that have a policy.
    #[arg(value_name = "TARGET")]
    pub target: Option<String>,
    /// Return without waiting for the end of the verification.
    #[arg(long)]
    pub no_wait: bool,
    /// Confirm that the orders of operators are complete, after the mapper's database was restored or lost and `usher status`
    /// said that orders may be missing.
    #[arg(long, requires = "why")]
    pub orders_complete: bool,
    /// Reason, recorded in the log.
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Arguments of `usher target pause` and `usher target resume`.
#[derive(Debug, Args)]
pub struct PauseArgs {
    /// Name of the target.
    #[arg(value_name = "NAME")]
    pub target: String,
    /// Reason, recorded in the timeline.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

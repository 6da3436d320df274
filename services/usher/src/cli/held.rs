//! `usher held ...`, `usher target ...` and `usher reconcile`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::OperatorArgs;

/// `usher held`.
#[derive(Debug, Subcommand)]
pub enum HeldCommand {
    /// List what waits for a human, oldest first, with the reason.
    Ls(HeldListArgs),
    /// Let it be carried out.
    Approve(DecideHeldArgs),
    /// Say that it is not to be done: everything stays as it is, until something new is wanted.
    Reject(DecideHeldArgs),
}

/// `usher held ls`.
#[derive(Debug, Args)]
pub struct HeldListArgs {
    /// Only those of one target.
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// How many at most.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub limit: u16,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Why something is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HeldReason {
    /// More would be taken away than the policy's guard allows.
    Guard,
    /// The policy protects the person or group.
    Protected,
    /// The target would refuse it, as its profile says.
    Profile,
    /// Another person or group has a value that only one can have.
    Taken,
    /// The mapper's database was restored and lacks the decision that took the access away.
    Outdated,
}

impl HeldReason {
    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Guard => "guard",
            Self::Protected => "protected",
            Self::Profile => "profile",
            Self::Taken => "taken",
            Self::Outdated => "outdated",
        }
    }
}

/// `usher held approve`, `usher held reject`.
#[derive(Debug, Args)]
pub struct DecideHeldArgs {
    /// Keys of people and groups.
    #[arg(value_name = "SUBJECT", required_unless_present = "all", conflicts_with = "all")]
    pub subjects: Vec<String>,
    /// The target.
    #[arg(long, value_name = "NAME")]
    pub target: String,
    /// Everything that is held there.
    #[arg(long)]
    pub all: bool,
    /// Only what is held for this reason.
    #[arg(long, value_enum, value_name = "REASON")]
    pub by: Option<HeldReason>,
    /// Why, in your words; it is kept in the timeline.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher target`.
#[derive(Debug, Subcommand)]
pub enum TargetCommand {
    /// Send nothing more to a target; what is wanted is kept.
    Pause(PauseArgs),
    /// Let requests flow again.
    Resume(PauseArgs),
    /// Try whether a target can be reached and takes our credential; as harmless as a lookup of nobody.
    Test(TestArgs),
    /// Find out what a SCIM server can do, and print the profile that says so. Nothing is asked of a running Usher.
    Probe(ProbeArgs),
}

/// `usher target test`.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// The target.
    #[arg(value_name = "NAME")]
    pub target: String,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher conflicts`.
#[derive(Debug, Subcommand)]
pub enum ConflictsCommand {
    /// List accounts and groups that are there and belong to somebody else, as far as can be told.
    Ls(ConflictListArgs),
    /// Say which resource at the target is the person's or group's; to leave it alone, discard its dead letter.
    Resolve(ResolveConflictArgs),
}

/// `usher conflicts ls`.
#[derive(Debug, Args)]
pub struct ConflictListArgs {
    /// Only those of one target.
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher conflicts resolve`.
#[derive(Debug, Args)]
pub struct ResolveConflictArgs {
    /// Key of the person or group.
    #[arg(value_name = "SUBJECT")]
    pub subject: String,
    /// The target.
    #[arg(long, value_name = "NAME")]
    pub target: String,
    /// The target's id of the resource that is theirs.
    #[arg(long, value_name = "ID")]
    pub adopt: String,
    /// It is a group.
    #[arg(long)]
    pub group: bool,
    /// Why, in your words; it is kept in the timeline.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher target probe`.
#[derive(Debug, Args)]
pub struct ProbeArgs {
    /// Base URL of the SCIM server, such as https://host/scim/v2.
    #[arg(value_name = "URL")]
    pub url: String,
    /// Bearer token.
    #[arg(long, env = "USHER_TARGET_TOKEN", hide_env_values = true, conflicts_with = "token_file")]
    pub token: Option<String>,
    /// A file that holds the bearer token.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// The profile to start from: a name or a file.
    #[arg(long, value_name = "PROFILE", default_value = "generic")]
    pub profile: String,
    /// Consent to two accounts and a group being created, changed and deleted there; without it nothing is changed.
    #[arg(long)]
    pub write: bool,
    /// Domain of the accounts that are made for it.
    #[arg(long, value_name = "DOMAIN", default_value = "example.com")]
    pub domain: String,
    /// Write the profile to this file instead of printing it; a file that is there is not overwritten.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `usher reconcile`.
#[derive(Debug, Args)]
pub struct ReconcileArgs {
    /// The target.
    #[arg(value_name = "TARGET")]
    pub target: String,
    /// Only report: nothing is changed.
    #[arg(long)]
    pub dry_run: bool,
    /// Believe that many are gone: without it, a target that lists far fewer than are linked is not believed.
    #[arg(long, conflicts_with = "dry_run")]
    pub allow_gone: bool,
    /// End the comparison that is under way.
    #[arg(long, conflicts_with = "dry_run")]
    pub cancel: bool,
    /// Do not wait until it is finished.
    #[arg(long)]
    pub no_wait: bool,
    /// Why, in your words.
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The target; without it all that have a policy.
    #[arg(value_name = "TARGET")]
    pub target: Option<String>,
    /// Do not wait until it is finished.
    #[arg(long)]
    pub no_wait: bool,
    /// Why, in your words.
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher target pause`, `usher target resume`.
#[derive(Debug, Args)]
pub struct PauseArgs {
    /// The target.
    #[arg(value_name = "NAME")]
    pub target: String,
    /// Why, in your words; it is kept.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

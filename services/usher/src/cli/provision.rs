//! `usher provision`.

use clap::Args;

use super::OperatorArgs;

/// `usher provision`.
#[derive(Debug, Args)]
pub struct ProvisionArgs {
    /// Key of a person or group, or a person's login name at the target.
    pub person: String,
    /// The target.
    #[arg(long, value_name = "NAME")]
    pub target: String,
    /// Only show what would be done.
    #[arg(long)]
    pub dry_run: bool,
    /// Why, in your words; it is kept in the timeline.
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

//! Arguments of `usher provision`.

use clap::Args;

use super::OperatorArgs;

/// Arguments of `usher provision`.
#[derive(Debug, Args)]
pub struct ProvisionArgs {
    /// Key of a person or group, or a person's login name at the target.
    pub person: String,
    /// Name of the target.
    #[arg(long, value_name = "NAME")]
    pub target: String,
    /// Show the actions without carrying them out.
    #[arg(long)]
    pub dry_run: bool,
    /// Reason, recorded in the timeline.
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

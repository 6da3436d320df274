//! Arguments of `usher policy` and of the commands that preview, apply and list policies.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::OperatorArgs;

/// Subcommands of `usher policy`.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Check policy files and report errors by line and column.
    Check(PolicyCheckArgs),
    /// Evaluate expressions: JSON lines {"expression", "source", "now"} in, JSON lines {"value"} or {"error"} out.
    ///
    /// `now` is an RFC 3339 time and defaults to the current time. Answers come in order, each as soon as its line is read. A line
    /// that cannot be read or evaluated is answered with its error, and the next line is read.
    Eval,
    /// Print the JSON Schema of policy files.
    Schema,
    /// Convert a synchronizationSchema exported from Microsoft Graph into policy files.
    ImportEntra(ImportEntraArgs),
    /// Convert a policy file into a Microsoft Graph synchronizationSchema.
    ExportEntra(ExportEntraArgs),
}

/// Arguments of `usher policy check`.
#[derive(Debug, Args)]
pub struct PolicyCheckArgs {
    /// Policy files.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Print JSON instead of text.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `usher policy import-entra`.
#[derive(Debug, Args)]
pub struct ImportEntraArgs {
    /// Exported schema, as JSON.
    pub file: PathBuf,
    /// Name of the target; defaults to the one in the schema.
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// A group that is assigned to the application, by name, wildcard or key, for a job that syncs only assigned users and groups.
    /// May be given several times.
    #[arg(long, value_name = "GROUP", conflicts_with = "all")]
    pub assigned: Vec<String>,
    /// The job syncs all users and groups. A schema does not contain this setting: without --all and --assigned, no person is in
    /// scope until you edit the policy.
    #[arg(long)]
    pub all: bool,
    /// Write DIR/TARGET.yaml instead of printing; an existing file is not overwritten.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print JSON instead of text.
    #[arg(long, conflicts_with = "out")]
    pub json: bool,
}

/// Arguments of `usher policy export-entra`.
#[derive(Debug, Args)]
pub struct ExportEntraArgs {
    /// Policy file.
    pub file: PathBuf,
}

/// Arguments of `usher plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Policy file; may be given several times, for several targets.
    #[arg(short, long = "file", value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Limit the plan to one person or group: key, or login name at the target.
    #[arg(long, value_name = "PERSON")]
    pub person: Option<String>,
    /// Maximum number of changes listed individually; the counts always include all people and groups.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub changes: u32,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Arguments of `usher apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// Policy file.
    #[arg(short, long, value_name = "FILE")]
    pub file: PathBuf,
    /// Reason, recorded with the version.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// Confirmation and follow-up.
    #[command(flatten)]
    pub consent: PolicyConsent,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Options for confirming and following a change of policy.
#[derive(Debug, Args)]
pub struct PolicyConsent {
    /// Apply without asking for confirmation.
    #[arg(long)]
    pub yes: bool,
    /// Number of accounts and groups that may lose access although the plan exceeds the policy's guard.
    #[arg(long, value_name = "N")]
    pub allow_deletes: Option<u64>,
    /// Number of accounts that may be created or enabled again although the plan exceeds the policy's guard.
    #[arg(long, value_name = "N")]
    pub allow_grants: Option<u64>,
    /// Maximum number of changes listed individually.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub changes: u32,
    /// Return without waiting for the re-evaluation of all people.
    #[arg(long)]
    pub no_wait: bool,
}

/// Arguments of `usher export`.
#[derive(Debug, Args)]
#[command(disable_version_flag = true)] // `--version` is the policy's here
pub struct ExportArgs {
    /// Name of the target.
    pub target: String,
    /// Version to print; defaults to the version in force.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    pub version: Option<i64>,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Arguments of `usher versions`.
#[derive(Debug, Args)]
pub struct VersionsArgs {
    /// Name of the target.
    pub target: String,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Arguments of `usher rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// Name of the target.
    pub target: String,
    /// Version to restore; defaults to the previous version.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    pub to: Option<i64>,
    /// Reason, recorded with the version.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// Confirmation and follow-up.
    #[command(flatten)]
    pub consent: PolicyConsent,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

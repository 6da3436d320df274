//! `usher policy ...`, and the commands that put policies in force.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::OperatorArgs;

/// `usher policy`.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Read policy files and say what is wrong with them, by line and column.
    Check(PolicyCheckArgs),
    /// Evaluate expressions: JSON lines {"expression", "source", "now"} in, JSON lines {"value"} or {"error"} out.
    ///
    /// `now` is RFC 3339, the present when it is not there. Answers come in order, each as soon as its line is read; a line
    /// that cannot be read or evaluated is answered with its error, and the next one is read.
    Eval,
    /// Print the JSON Schema of policy files.
    Schema,
    /// Turn a synchronizationSchema that was exported from Microsoft Graph into policy files.
    ImportEntra(ImportEntraArgs),
    /// Turn a policy file into a Microsoft Graph synchronizationSchema.
    ExportEntra(ExportEntraArgs),
}

/// `usher policy check`.
#[derive(Debug, Args)]
pub struct PolicyCheckArgs {
    /// Policy files.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Print JSON instead of text.
    #[arg(long)]
    pub json: bool,
}

/// `usher policy import-entra`.
#[derive(Debug, Args)]
pub struct ImportEntraArgs {
    /// The exported schema, as JSON.
    pub file: PathBuf,
    /// Name of the target, instead of the one in the schema.
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// The job syncs only assigned users and groups: a group that is assigned to it, by name, wildcard or key. May be given
    /// several times.
    #[arg(long, value_name = "GROUP", conflicts_with = "all")]
    pub assigned: Vec<String>,
    /// The job syncs all users and groups. Without either, nobody is in scope until the policy says who is: a schema
    /// does not tell.
    #[arg(long)]
    pub all: bool,
    /// Write DIR/TARGET.yaml instead of printing; a file that is there is not overwritten.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print JSON instead of text.
    #[arg(long, conflicts_with = "out")]
    pub json: bool,
}

/// `usher policy export-entra`.
#[derive(Debug, Args)]
pub struct ExportEntraArgs {
    /// The policy file.
    pub file: PathBuf,
}

/// `usher plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// A policy file; may be given several times, for several targets.
    #[arg(short, long = "file", value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Only this person or group: key, or login name at the target.
    #[arg(long, value_name = "PERSON")]
    pub person: Option<String>,
    /// How many changes are listed one by one; everybody is counted in any case.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub changes: u32,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// The policy file.
    #[arg(short, long, value_name = "FILE")]
    pub file: PathBuf,
    /// Why, in your words; it is kept with the version.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// How it is confirmed.
    #[command(flatten)]
    pub consent: PolicyConsent,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// How a change of policy is confirmed and followed.
#[derive(Debug, Args)]
pub struct PolicyConsent {
    /// Do not ask.
    #[arg(long)]
    pub yes: bool,
    /// How many accounts and groups may lose access although the plan exceeds the policy's guard.
    #[arg(long, value_name = "N")]
    pub allow_deletes: Option<u64>,
    /// How many accounts may be created or switched on again although the plan exceeds the policy's guard.
    #[arg(long, value_name = "N")]
    pub allow_grants: Option<u64>,
    /// How many changes are listed one by one.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub changes: u32,
    /// Do not wait until everybody is evaluated again.
    #[arg(long)]
    pub no_wait: bool,
}

/// `usher export`.
#[derive(Debug, Args)]
#[command(disable_version_flag = true)] // `--version` is the policy's here
pub struct ExportArgs {
    /// The target.
    pub target: String,
    /// Which version, instead of the one in force.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    pub version: Option<i64>,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher versions`.
#[derive(Debug, Args)]
pub struct VersionsArgs {
    /// The target.
    pub target: String,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// The target.
    pub target: String,
    /// Which version, instead of the one before.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    pub to: Option<i64>,
    /// Why, in your words; it is kept with the version.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// How it is confirmed.
    #[command(flatten)]
    pub consent: PolicyConsent,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

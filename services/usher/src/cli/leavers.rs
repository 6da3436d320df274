//! `usher leavers ...`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use super::OperatorArgs;

/// `usher leavers`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct LeaversArgs {
    /// Evidence for auditors.
    #[command(subcommand)]
    pub command: Option<LeaversCommand>,
    /// Only those whose objective has passed.
    #[arg(long)]
    pub overdue: bool,
    /// Only those with other accounts that are active and that Usher does not know, also where the leaver's own is proven
    /// to be off.
    #[arg(long, conflicts_with_all = ["overdue", "all"])]
    pub others: bool,
    /// Only at this target.
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// Only of this person: key, or login name at the source.
    #[arg(long, value_name = "PERSON")]
    pub person: Option<String>,
    /// Only what was decided since then: a day (UTC) or a moment like 2026-07-01T08:00:00Z.
    #[arg(long, value_name = "DATE", value_parser = day_or_moment)]
    pub since: Option<OffsetDateTime>,
    /// Also those that are proven to be off, and those that have ended.
    #[arg(long, conflicts_with = "overdue")]
    pub all: bool,
    /// How many accounts at most.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub limit: u64,
    /// Print comma-separated values instead of a table.
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher leavers ...`.
#[derive(Debug, Subcommand)]
pub enum LeaversCommand {
    /// Write signed evidence of what was decided in a time: one line per account, chained by hashes.
    Export(ExportEvidenceArgs),
    /// Check a file of evidence, without a running Usher: nothing was changed, removed or added, and who signed it. Without
    /// a file: check the chain of evidence in the database.
    Verify(VerifyEvidenceArgs),
    /// Show the public keys that evidence is signed with, the one that signs first; or make a new one.
    Keys(EvidenceKeysArgs),
}

/// How evidence is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EvidenceFormat {
    /// For spreadsheets.
    Csv,
    /// For programs.
    Json,
}

/// `usher leavers export`.
#[derive(Debug, Args)]
pub struct ExportEvidenceArgs {
    /// What was decided from then on: a day (UTC) or a moment.
    #[arg(long, value_name = "DATE", value_parser = day_or_moment)]
    pub from: OffsetDateTime,
    /// What was decided before then: a day (at its beginning, UTC) or a moment.
    #[arg(long, value_name = "DATE", value_parser = day_or_moment)]
    pub to: OffsetDateTime,
    /// How to write it.
    #[arg(long, value_enum, default_value_t = EvidenceFormat::Json)]
    pub format: EvidenceFormat,
    /// Name people by keyed hashes only: for files that outlive their erasure.
    #[arg(long)]
    pub pseudonyms: bool,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher leavers verify`.
#[derive(Debug, Args)]
pub struct VerifyEvidenceArgs {
    /// The file, in either format; without one, the chain in the database is checked.
    pub file: Option<PathBuf>,
    /// Also check that the chain in the database is still the one that the file names.
    #[arg(long, requires = "file")]
    pub chain: bool,
    /// A public key that is trusted, as `usher leavers keys` shows it; several are possible.
    #[arg(long, value_name = "KEY")]
    pub key: Vec<String>,
    /// How to reach the console, for the chain.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher leavers keys`.
#[derive(Debug, Args)]
pub struct EvidenceKeysArgs {
    /// Make a new key that signs from now on.
    #[arg(long, requires = "why")]
    pub rotate: bool,
    /// Why, in your words.
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// The beginning of a day, or a moment.
pub(super) fn day_or_moment(text: &str) -> Result<OffsetDateTime, String> {
    if let Ok(at) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(at);
    }
    let day = time::Date::parse(text, format_description!("[year]-[month]-[day]"));
    day.map(|day| day.midnight().assume_utc())
        .map_err(|_| "must be a day like 2026-07-01 or a moment like 2026-07-01T08:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_its_midnight_and_a_moment_is_taken_as_it_is() {
        let micros = |text: &str| day_or_moment(text).map(lifecycle::unix_micros);
        assert_eq!(micros("2026-07-01"), micros("2026-07-01T00:00:00Z"));
        assert_eq!(micros("2026-07-01T08:00:00+02:00"), micros("2026-07-01T06:00:00Z"));
        assert!(day_or_moment("tomorrow").unwrap_err().contains("2026-07-01"));
    }
}

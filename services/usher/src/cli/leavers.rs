//! Arguments of `usher leavers`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use super::OperatorArgs;

/// Arguments of `usher leavers`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct LeaversArgs {
    /// Evidence for auditors.
    #[command(subcommand)]
    pub command: Option<LeaversCommand>,
    /// List only accounts whose objective has passed.
    #[arg(long)]
    pub overdue: bool,
    /// List only leavers with other active accounts that Usher does not manage, even where the leaver's own account is proven
    /// disabled.
    #[arg(long, conflicts_with_all = ["overdue", "all"])]
    pub others: bool,
    /// Limit the list to one target.
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// Limit the list to one person: key, or login name at the source.
    #[arg(long, value_name = "PERSON")]
    pub person: Option<String>,
    /// List only what was decided since then: a day (UTC) or a time such as 2026-07-01T08:00:00Z.
    #[arg(long, value_name = "DATE", value_parser = day_or_moment)]
    pub since: Option<OffsetDateTime>,
    /// Also list accounts that are proven disabled, and entries that have ended.
    #[arg(long, conflicts_with = "overdue")]
    pub all: bool,
    /// Maximum number of accounts.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub limit: u64,
    /// Print comma-separated values instead of a table.
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Subcommands of `usher leavers`.
#[derive(Debug, Subcommand)]
pub enum LeaversCommand {
    /// Export signed evidence for a period: one line per account, chained by hashes.
    Export(ExportEvidenceArgs),
    /// Verify an evidence file without a running Usher: that nothing was changed, removed or added, and which keys signed it.
    /// Without a file, verify the chain of evidence in the database.
    Verify(VerifyEvidenceArgs),
    /// List the public keys for evidence, the signing key first; or rotate the signing key.
    Keys(EvidenceKeysArgs),
}

/// The format of an evidence file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EvidenceFormat {
    /// Comma-separated values, for spreadsheets.
    Csv,
    /// JSON, for programs.
    Json,
}

/// Arguments of `usher leavers export`.
#[derive(Debug, Args)]
pub struct ExportEvidenceArgs {
    /// Start of the period: a day (UTC) or a time.
    #[arg(long, value_name = "DATE", value_parser = day_or_moment)]
    pub from: OffsetDateTime,
    /// End of the period, exclusive: a day (its beginning, UTC) or a time.
    #[arg(long, value_name = "DATE", value_parser = day_or_moment)]
    pub to: OffsetDateTime,
    /// Output format.
    #[arg(long, value_enum, default_value_t = EvidenceFormat::Json)]
    pub format: EvidenceFormat,
    /// Name people by keyed hashes only, for files that outlive the people's erasure.
    #[arg(long)]
    pub pseudonyms: bool,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Arguments of `usher leavers verify`.
#[derive(Debug, Args)]
pub struct VerifyEvidenceArgs {
    /// Evidence file in either format; without one, the chain in the database is checked.
    pub file: Option<PathBuf>,
    /// Also check that the chain in the database still contains the entry that the file names.
    #[arg(long, requires = "file")]
    pub chain: bool,
    /// Trusted public key, as `usher leavers keys` shows it; may be given several times.
    #[arg(long, value_name = "KEY")]
    pub key: Vec<String>,
    /// Console address, to check the chain.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Arguments of `usher leavers keys`.
#[derive(Debug, Args)]
pub struct EvidenceKeysArgs {
    /// Create a new signing key.
    #[arg(long, requires = "why")]
    pub rotate: bool,
    /// Reason for the rotation.
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Parses a day (its beginning, UTC) or an RFC 3339 time.
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

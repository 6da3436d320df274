//! Arguments of `usher schedule`.

use clap::{Args, Subcommand};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use super::OperatorArgs;

/// Subcommands of `usher schedule`.
#[derive(Debug, Subcommand)]
pub enum ScheduleCommand {
    /// List scheduled changes: time, person, and the effect at each target.
    ///
    /// People are ordered by their next change. Each is listed with all scheduled changes.
    Ls(ScheduleListArgs),
    /// Cancel scheduled changes before they take effect. Later statements of the source count as usual.
    Cancel(ScheduleCancelArgs),
}

/// Arguments of `usher schedule ls`.
#[derive(Debug, Args)]
pub struct ScheduleListArgs {
    /// Limit the list to one person: key, or login name at the source.
    #[arg(long, value_name = "PERSON")]
    pub person: Option<String>,
    /// List only changes until then: a day (its end, UTC) or a time such as 2026-07-01T08:00:00Z.
    #[arg(long, value_name = "DATE", value_parser = parse_until)]
    pub until: Option<OffsetDateTime>,
    /// Maximum number of people.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub limit: u64,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// Arguments of `usher schedule cancel`.
#[derive(Debug, Args)]
pub struct ScheduleCancelArgs {
    /// Ids from `usher schedule ls`, or people whose scheduled changes are all cancelled.
    #[arg(value_name = "ID|PERSON", required = true, num_args = 1..=1_000)]
    pub what: Vec<String>,
    /// Reason, recorded in the timeline.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// Console address and output format.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

fn parse_until(text: &str) -> Result<OffsetDateTime, String> {
    if let Ok(at) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(at);
    }
    let day = time::Date::parse(text, format_description!("[year]-[month]-[day]"));
    let next = day.ok().and_then(time::Date::next_day);
    let end = next.map(|next| next.midnight().assume_utc() - time::Duration::MICROSECOND);
    end.ok_or_else(|| "must be a day like 2026-07-01 or a moment like 2026-07-01T08:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_at_its_midnight_and_a_moment_is_taken_as_it_is() {
        let micros = |text: &str| parse_until(text).map(lifecycle::unix_micros);
        assert_eq!(micros("2026-07-01"), micros("2026-07-01T23:59:59.999999Z"));
        assert_eq!(micros("2026-07-01T08:00:00+02:00"), micros("2026-07-01T06:00:00Z"));
        assert!(parse_until("tomorrow").unwrap_err().contains("2026-07-01"));
    }
}

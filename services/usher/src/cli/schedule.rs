//! `usher schedule ...`.

use clap::{Args, Subcommand};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use super::OperatorArgs;

/// `usher schedule`.
#[derive(Debug, Subcommand)]
pub enum ScheduleCommand {
    /// List what takes effect when, for whom, and what it does at which target.
    ///
    /// People come in the order in which something takes effect for them next, each with all that is known.
    Ls(ScheduleListArgs),
    /// Take back what a source said of the future, before it takes effect. What the source says later counts as ever.
    Cancel(ScheduleCancelArgs),
}

/// `usher schedule ls`.
#[derive(Debug, Args)]
pub struct ScheduleListArgs {
    /// Only of this person: key, or login name at the source.
    #[arg(long, value_name = "PERSON")]
    pub person: Option<String>,
    /// Only what takes effect until then: a day (to its end, UTC) or a moment like 2026-07-01T08:00:00Z.
    #[arg(long, value_name = "DATE", value_parser = parse_until)]
    pub until: Option<OffsetDateTime>,
    /// How many people at most.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub limit: u64,
    /// How to reach the console.
    #[command(flatten)]
    pub operator: OperatorArgs,
}

/// `usher schedule cancel`.
#[derive(Debug, Args)]
pub struct ScheduleCancelArgs {
    /// Ids from `usher schedule ls`, or people all of whose scheduled changes are meant.
    #[arg(value_name = "ID|PERSON", required = true, num_args = 1..=1_000)]
    pub what: Vec<String>,
    /// Why, in your words; it is kept in the timeline.
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// How to reach the console.
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

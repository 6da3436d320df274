//! Rendering of streams and of the last backup.

use console::api::{BackupStatus, StreamStatus};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::render::clean_text;

/// Fill level from which a stream is shown, in percent. The stream keeper trims streams that are fuller, if it can.
const SHOWN_FROM_PERCENT: u64 = 80;
/// Number of days for which consumed events are kept unless the console reports another value.
const BACKUP_INTERVAL_DAYS: u16 = 7;

/// Renders one line for each stream that needs attention.
pub(super) fn render_streams(
    streams: &[StreamStatus],
    backup: Option<&BackupStatus>,
    now: OffsetDateTime,
) -> String {
    let mut text = String::new();
    let days = backup.map_or(BACKUP_INTERVAL_DAYS, |backup| backup.interval_days);
    // The last backup has the messages that were dropped before it. Without a backup, those dropped within the interval count.
    let last = backup.and_then(|backup| parse_moment(backup.at.as_ref()?));
    let since = last.unwrap_or_else(|| now - time::Duration::days(i64::from(days)));
    for status in streams {
        let stream = clean_text(&status.stream);
        if let Some(trouble) = &status.trouble {
            text.push_str(&format!("the stream {stream}: {}\n", clean_text(trouble)));
        }
        let (bytes, max) = (status.bytes.unwrap_or(0), status.bytes_max.unwrap_or(0));
        let percent = bytes.saturating_mul(100).checked_div(max).unwrap_or(0);
        if percent >= SHOWN_FROM_PERCENT {
            text.push_str(&format!(
                "the stream {stream} is {percent} % full: its consumers have not taken what it holds\n"
            ));
        }
        let at = status.dropped_until.as_ref().and_then(|text| parse_moment(text));
        if let Some(at) = at.filter(|at| *at > since) {
            text.push_str(&format!(
                "the stream {stream} has made room: the restore point of a backup from before {} is lost\n",
                at.format(&Rfc3339).unwrap_or_default()
            ));
        }
    }
    text
}

fn parse_moment(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

/// Renders the time of the last backup, and whether the streams still hold enough messages to complete it.
pub(super) fn last_backup(backup: &BackupStatus, now: OffsetDateTime) -> String {
    let days = backup.interval_days;
    let Some(text) = &backup.at else {
        return "no backup is known: see `usher backup`\n".to_owned();
    };
    let age = parse_moment(text).map(|at| now - at).unwrap_or_default();
    let shown = match age.whole_hours() {
        hours if hours < 1 => format!("{} min", age.whole_minutes()),
        hours if hours < 48 => format!("{hours} h"),
        _ => format!("{} days", age.whole_days()),
    };
    let late = if age > time::Duration::days(i64::from(days)) {
        format!(", which is longer than consumed events are kept ({days} days)")
    } else {
        String::new()
    };
    format!("the last backup was taken at {}, {shown} ago{late}\n", clean_text(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_is_missing_full_or_has_lost_its_restore_point_is_shown() {
        let now = OffsetDateTime::UNIX_EPOCH + time::Duration::days(20);
        let named = |stream: &str| StreamStatus { stream: stream.to_owned(), ..StreamStatus::default() };
        let shown = render_streams(
            &[
                StreamStatus { bytes: Some(10), bytes_max: Some(100), ..named("NOTICES") },
                StreamStatus { trouble: Some("it is missing".to_owned()), ..named("COMMANDS") },
                StreamStatus { bytes: Some(93), bytes_max: Some(100), ..named("JOURNAL") },
                StreamStatus { dropped_until: Some("1970-01-20T00:00:00Z".to_owned()), ..named("EVENTS") },
                StreamStatus { dropped_until: Some("1970-01-02T00:00:00Z".to_owned()), ..named("EVENTS_1") },
            ],
            None,
            now,
        );
        assert_eq!(
            shown,
            "the stream COMMANDS: it is missing\n\
             the stream JOURNAL is 93 % full: its consumers have not taken what it holds\n\
             the stream EVENTS has made room: the restore point of a backup from before 1970-01-20T00:00:00Z is lost\n"
        );
    }

    #[test]
    fn the_last_backup_is_shown_and_what_was_dropped_since_loses_its_restore_point() {
        let now = OffsetDateTime::UNIX_EPOCH + time::Duration::days(20);
        let backup = |at: Option<&str>| BackupStatus { at: at.map(str::to_owned), interval_days: 3 };
        let at = |text: &str| last_backup(&backup(Some(text)), now);
        assert_eq!(last_backup(&backup(None), now), "no backup is known: see `usher backup`\n");
        let fresh = "the last backup was taken at 1970-01-20T23:30:00Z, 30 min ago\n";
        assert_eq!(at("1970-01-20T23:30:00Z"), fresh);
        let old = "the last backup was taken at 1970-01-11T00:00:00Z, 10 days ago, which is longer than consumed events \
                   are kept (3 days)\n";
        assert_eq!(at("1970-01-11T00:00:00Z"), old);
        let dropped = StreamStatus {
            stream: "EVENTS".to_owned(),
            dropped_until: Some("1970-01-12T00:00:00Z".to_owned()),
            ..StreamStatus::default()
        };
        let shown = |at: Option<&str>| render_streams(std::slice::from_ref(&dropped), Some(&backup(at)), now);
        assert_eq!(shown(Some("1970-01-13T00:00:00Z")), "", "the last backup has it");
        assert!(shown(Some("1970-01-11T00:00:00Z")).contains("restore point"));
        assert_eq!(shown(None), "", "dropped before the interval");
    }
}

//! Rendering of undecided departures, below the accounts that must be disabled.

use lifecycle::LeaversReply;
use time::OffsetDateTime;

use super::clean_text;
use super::leavers::{age_text, cell_of, full_moment, moment_text, waiting_in_words};
use super::table::TextTable;

/// Renders one line per departure, oldest first; empty if there are none.
pub(super) fn list(reply: &LeaversReply, now: OffsetDateTime) -> String {
    if reply.undecided.is_empty() {
        return String::new();
    }
    let mut table = TextTable::new(["PERSON", "SINCE", "AGE", "WAITS FOR", "WHO CAN HELP"]);
    for one in &reply.undecided {
        let people = one.people.join(", ");
        table.row([
            if people.is_empty() { "not known".to_owned() } else { clean_text(&people).into_owned() },
            moment_text(one.since),
            age_text(now - one.since),
            waiting_in_words(&one.waiting),
            one.helper.in_words().to_owned(),
        ]);
    }
    let count = reply.counts.undecided;
    let mut text = format!("\nDepartures that are not decided yet: {count}\n\n{}", table.render());
    if count > reply.undecided.len() as u64 {
        text.push_str("\nthere is more: --limit or --person\n");
    }
    text
}

/// Renders the same departures as rows of these columns.
pub(super) fn csv(reply: &LeaversReply, columns: &[&str]) -> String {
    let mut text = String::new();
    for one in &reply.undecided {
        let cell = |column: &&str| match *column {
            "person" => cell_of(&one.people.join(" ")),
            "state" => "undecided".to_owned(),
            "received_at" => full_moment(one.since),
            "waits_for" => one.waiting.reason.as_str().to_owned(),
            "detail" => cell_of(one.waiting.detail.as_deref().unwrap_or_default()),
            "who_can_help" => one.helper.as_str().to_owned(),
            _ => String::new(),
        };
        let cells: Vec<String> = columns.iter().map(cell).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

//! Rendering of scheduled changes.

use lifecycle::{CancelScheduleReply, ScheduleReply, ScheduledEffect, ScheduledStatement};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::table::TextTable;
use super::{clean_text, instant_text};

/// Maximum number of attribute names shown per statement; the JSON has all.
const NAMES_MAX: usize = 6;

/// Renders one line per statement, or per time at which a policy's delay ends.
pub fn render_schedule(reply: &ScheduleReply) -> String {
    if reply.changes.is_empty() {
        return "no changes are scheduled\n".to_owned();
    }
    let mut table = TextTable::new(["AT", "PERSON", "WHAT", "TARGETS", "SAID", "BY", "ID"]);
    for change in &reply.changes {
        let (when, person) = (moment_text(change.at), change.person.as_str());
        if change.said.is_empty() {
            let why = change.effects.first().map_or("", |effect| effect.reason.as_str());
            table.row([&*when, person, why, &effects_text(&change.effects), "", "policy", ""]);
        }
        for (number, said) in change.said.iter().enumerate() {
            // The effects of the time are shown once.
            let targets = if number == 0 { effects_text(&change.effects) } else { String::new() };
            let by = [said.source.as_deref(), said.event.as_ref().map(|event| event.as_str())];
            let by = by.into_iter().flatten().collect::<Vec<_>>().join(" ");
            table.row([
                &*when,
                person,
                &statement_text(said),
                &targets,
                &moment_text(said.said_at),
                &by,
                said.id.as_str(),
            ]);
        }
    }
    let mut text = table.render();
    if reply.next_cursor.is_some() {
        text.push_str("\nthere is more: --limit, --until or --person\n");
    }
    if let Some(said) = reply.changes.iter().find_map(|change| change.said.first()) {
        text.push_str(&format!("\nto cancel one: usher schedule cancel {} --why \"...\"\n", said.id));
    }
    text
}

/// Renders the cancelled changes, then those that were not cancelled, with the reason.
pub fn render_cancelled(reply: &CancelScheduleReply) -> String {
    let mut text = String::new();
    for done in &reply.cancelled {
        let (person, at) = (clean_text(&done.person), moment_text(done.at));
        text.push_str(&format!(
            "cancelled: {person}, {} at {at} ({})\n",
            statement_text(&done.statement),
            done.statement.id
        ));
    }
    for not in &reply.not_cancelled {
        text.push_str(&format!("NOT cancelled: {}: {}\n", clean_text(&not.what), clean_text(&not.why)));
    }
    text
}

fn statement_text(said: &ScheduledStatement) -> String {
    let mut parts: Vec<String> = Vec::new();
    parts.extend(said.employment.as_deref().map(|word| word.replace('_', " ")));
    if said.whole_record {
        parts.push("whole record".to_owned());
    }
    let mut names: Vec<&str> = said.attributes.iter().map(String::as_str).take(NAMES_MAX).collect();
    if said.attributes.len() > NAMES_MAX {
        names.push("...");
    }
    if !names.is_empty() {
        parts.push(format!("changes {}", names.join(", ")));
    }
    parts.join("; ")
}

fn effects_text(effects: &[ScheduledEffect]) -> String {
    let told = effects.iter().map(|effect| {
        let ScheduledEffect { target, from, to, changed, .. } = effect;
        if from == to {
            format!("{target}: {}", changed.join(", "))
        } else {
            format!("{target}: {from} -> {to}")
        }
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() { "-".to_owned() } else { told.join("; ") }
}

fn moment_text(moment: OffsetDateTime) -> String {
    instant_text(&moment.format(&Rfc3339).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_moment_says_what_for_whom_at_which_target_who_said_so_and_how_to_take_it_back() {
        let id = "sch_00063b1a2b3c4d5e0123456789abcdef";
        let reply: ScheduleReply = serde_json::from_value(json!({ "changes": [
            { "at": "2026-07-01T00:00:00Z", "person": "E-1",
              "said": [{ "id": id, "employment": "is_erased", "attributes": ["a", "b", "c", "d", "e", "f", "g"],
                         "saidAt": "2026-06-01T09:00:00Z", "source": "hr" }],
              "effects": [{ "target": "zia", "from": "active", "to": "disabled", "reason": "left" }] },
            { "at": "2026-07-31T00:00:00Z", "person": "E-1",
              "effects": [{ "target": "zia", "from": "disabled", "to": "deleted", "reason": "30 days of grace are over" }] },
        ], "nextCursor": "1.E-1" }))
        .unwrap();
        let text = render_schedule(&reply);
        for part in [
            "2026-07-01T00:00:00Z  E-1     is erased; changes a, b, c, d, e, f, ...  zia: active -> disabled",
            "2026-06-01T09:00:00Z  hr",
            "30 days of grace are over",
            "zia: disabled -> deleted",
            "there is more",
            "usher schedule cancel sch_0",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert_eq!(render_schedule(&ScheduleReply::default()), "no changes are scheduled\n");
    }

    #[test]
    fn what_was_not_cancelled_says_why() {
        let reply = serde_json::from_value(json!({
            "cancelled": [{ "person": "E-1", "at": "2026-07-01T00:00:00Z", "saidAt": "2026-06-01T09:00:00Z",
                            "id": "sch_00063b1a2b3c4d5e0123456789abcdef", "employment": "leaves" }],
            "notCancelled": [{ "what": "E-2", "why": "nothing is scheduled" }],
        }))
        .unwrap();
        assert_eq!(
            render_cancelled(&reply),
            "cancelled: E-1, leaves at 2026-07-01T00:00:00Z (sch_00063b1a2b3c4d5e0123456789abcdef)\n\
             NOT cancelled: E-2: nothing is scheduled\n"
        );
    }
}

//! Rendering of source records, findings and joins.

use lifecycle::{
    FindingKind, FindingsReply, JoinPeopleReply, PersonFinding, RecordStatus, RecordsReply, SourceRecord,
};
use time::format_description::well_known::Rfc3339;

use super::table::TextTable;
use super::{clean_text, instant_text};

/// The remark about a record of a person who left, which counts for no account.
const SAYS_LEFT: &str = "it says that the person left";

/// Renders records, one line each, and the next commands.
pub fn render_records(reply: &RecordsReply, status: &str) -> String {
    let Some(first) = reply.records.first() else {
        return format!("no record is {}\n", status_words(status));
    };
    let mut table = TextTable::new(["SINCE", "SOURCE", "RECORD", "PERSON", "BY", "MAY BE", "WHY"]);
    for record in &reply.records {
        let person = record.person.as_deref().unwrap_or("-");
        let by = record.by.as_deref().unwrap_or("nothing");
        let others = record.candidates.join(", ");
        let left = if record.departed && record.person.is_none() { SAYS_LEFT } else { "" };
        let reason = [record.reason.as_str(), left].into_iter().filter(|part| !part.is_empty());
        let reason = reason.collect::<Vec<_>>().join("; ");
        table.row([&*since_text(record), &record.source, &record.key, person, by, &others, &reason]);
    }
    let mut text = table.render();
    if reply.next_cursor.is_some() {
        text.push_str("\nthere is more: --limit, or --source\n");
    }
    match first.status {
        RecordStatus::Conflict => text.push_str(&format!(
            "\nif it belongs to a person: usher people conflicts resolve {0} {1} --same PERSON --why \"...\"\n\
             if it does not:            usher people conflicts resolve {0} {1} --different PERSON --why \"...\"\n",
            clean_text(&first.source),
            clean_text(&first.key)
        )),
        RecordStatus::Waiting => {
            text.push_str("\nthey have no effect until a person with the same value is known\n");
            if reply.records.iter().any(|record| record.departed) {
                text.push_str(&format!(
                    "say whose they are: usher people conflicts resolve {0} {1} --same PERSON --why \"...\"\n",
                    clean_text(&first.source),
                    clean_text(&first.key)
                ));
            }
        }
        RecordStatus::Linked | RecordStatus::Gone => {}
    }
    text
}

/// Renders findings, one line each, then their total and the remedy.
pub fn render_findings(kind: FindingKind, reply: &FindingsReply) -> String {
    let (nothing, columns, todo) = match kind {
        FindingKind::Contradiction => (
            "no source contradicts itself or another one\n",
            ["SINCE", "PERSON", "SOURCE", "CONTRADICTION"],
            "meaning and remedy: docs/employment.md; timeline: usher trace PERSON",
        ),
        FindingKind::Unread => (
            "everything that sources say of people can be read\n",
            ["SINCE", "PERSON", "SOURCE", "COULD NOT BE READ"],
            "correct it at the source, or configure how to read it (docs/dates.md)",
        ),
        FindingKind::Unbuilt => (
            "every person can be built\n",
            ["SINCE", "PERSON", "TARGET", "WHY"],
            "correct the value at the source, or the mapping; a leaver is disabled in any case",
        ),
        FindingKind::RefusedDeparture => (
            "no departure was refused\n",
            ["SINCE", "PERSON", "SENDER", "REFUSED"],
            "they keep their access: if they left, state it from a sender with the right, or use `usher off PERSON`; rights: \
             docs/authority.md",
        ),
        FindingKind::Refused => (
            "no sender stated anything else that it has no right to state\n",
            ["SINCE", "PERSON", "SENDER", "REFUSED"],
            "correct what the sender sends, or its `may` (docs/authority.md)",
        ),
    };
    if reply.findings.is_empty() {
        return nothing.to_owned();
    }
    let mut table = TextTable::new(columns);
    for finding in &reply.findings {
        let PersonFinding { person, target, sender, field, detail, since } = finding;
        let since = instant_text(&since.format(&Rfc3339).unwrap_or_default());
        let by = if kind == FindingKind::Unbuilt { target } else { sender };
        let what = match (field.as_str(), detail.as_str()) {
            (field, "") => field.to_owned(),
            ("", detail) => detail.to_owned(),
            (field, detail) => format!("{field}: {detail}"),
        };
        table.row([&since, person, by, &what]);
    }
    let shown = reply.findings.len();
    let mut text = table.render();
    text.push_str(&format!("\n{shown} of {}; {todo}\n", reply.total));
    text
}

/// Renders the current state of a record.
pub fn render_record(record: &SourceRecord) -> String {
    let whose = match (&record.person, record.status) {
        (Some(person), RecordStatus::Linked) => format!("belongs to {}", clean_text(person)),
        (Some(person), _) => {
            format!(
                "belongs to {}, and is still a conflict: {}",
                clean_text(person),
                clean_text(&record.reason)
            )
        }
        (None, RecordStatus::Conflict) => format!("is still a conflict: {}", clean_text(&record.reason)),
        (None, _) => "belongs to no person: it waits for a person with the same value".to_owned(),
    };
    format!("{} {} {whose}\n", clean_text(&record.source), clean_text(&record.key))
}

/// Renders the next steps for a person who was given another person's key or login.
pub fn render_different(person: &str) -> String {
    let person = clean_text(person);
    format!(
        "If {person} is listed as recycled_login:\n\
         1. Give them a login of their own at the source; nothing else is needed. Or:\n\
         2. Rename or delete the previous person's account at each target, then allow the login:\n   \
            usher people different {person} --why \"...\"\n\
         If {person} is listed as recycled_key:\n\
         The accounts of {person} stay disabled: they belong to another person, and are deleted as the policy says.\n\
         1. Give the new person a key of their own at the source, and send them under it.\n\
         2. Send there that {person} left, so that the entry disappears.\n\
         3. As a precaution until then: usher off {person} --why \"the key was reused\"\n"
    )
}

/// Renders the result of joining two keys.
pub fn render_joined(reply: &JoinPeopleReply) -> String {
    let (person, other) = (clean_text(&reply.person), clean_text(&reply.other));
    let mut text = format!("{other} now belongs to {person}\n");
    if !reply.left_at.is_empty() {
        text.push_str(&format!("left as they are: accounts of {other} at {}\n", reply.left_at.join(", ")));
    }
    text
}

fn status_words(status: &str) -> &str {
    match status {
        "conflict" => "a conflict",
        other => other,
    }
}

fn since_text(record: &SourceRecord) -> String {
    instant_text(&record.since.format(&Rfc3339).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_of_findings_says_how_many_there_are_and_what_to_do() {
        let finding = |person: &str| json!({ "person": person, "sender": "hr", "field": "no_show", "since": "2026-01-02T03:04:05Z" });
        let reply = json!({ "findings": [finding("E-1"), finding("E-2")], "total": 7, "nextCursor": "x" });
        let reply: FindingsReply = serde_json::from_value(reply).unwrap();
        let text = render_findings(FindingKind::Contradiction, &reply);
        for part in ["E-1", "hr", "no_show", "2 of 7", "docs/employment.md"] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        let unbuilt = json!({ "findings": [{ "person": "E-1", "target": "crm", "detail": "userName has no value",
            "since": "2026-01-02T03:04:05Z" }], "total": 1 });
        let text = render_findings(FindingKind::Unbuilt, &serde_json::from_value(unbuilt).unwrap());
        assert!(text.contains("crm") && text.contains("userName has no value"), "{text}");
        for kind in FindingKind::ALL {
            assert_eq!(render_findings(kind, &FindingsReply::default()).lines().count(), 1);
        }
        assert!(render_different("E-1").contains("usher off E-1"));
    }

    #[test]
    fn a_conflict_shows_who_it_may_be_why_and_what_to_do() {
        let record = json!({
            "source": "directory", "key": "u-1", "status": "conflict", "since": "2026-01-02T03:04:05Z",
            "by": "employeeId", "reason": "several people have the value", "candidates": ["E-1", "E-2"],
        });
        let reply = serde_json::from_value(json!({ "records": [record] })).unwrap();
        let text = render_records(&reply, "conflict");
        for part in
            ["directory", "u-1", "employeeId", "E-1, E-2", "several people", "resolve directory u-1 --same"]
        {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert_eq!(render_records(&RecordsReply::default(), "conflict"), "no record is a conflict\n");
        let waiting = json!({
            "source": "payroll", "key": "P-4", "status": "waiting", "since": "2026-01-02T03:04:05Z", "departed": true,
        });
        let text =
            render_records(&serde_json::from_value(json!({ "records": [waiting] })).unwrap(), "waiting");
        assert!(
            text.contains("it says that the person left") && text.contains("resolve payroll P-4 --same"),
            "{text}"
        );
        let mut record = reply.records[0].clone();
        (record.status, record.person) = (RecordStatus::Linked, Some("E-1".to_owned()));
        assert_eq!(render_record(&record), "directory u-1 belongs to E-1\n");
    }
}

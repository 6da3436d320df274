//! Records of sources, and whose they are.

use lifecycle::{JoinPeopleReply, RecordStatus, RecordsReply, SourceRecord};
use time::format_description::well_known::Rfc3339;

use super::table::Table;
use super::{clean, instant};

/// One line per record, then what to do.
pub fn list(reply: &RecordsReply, status: &str) -> String {
    let Some(first) = reply.records.first() else { return format!("no record is {}\n", worded(status)) };
    let mut table = Table::new(["SINCE", "SOURCE", "RECORD", "PERSON", "BY", "MAY BE", "WHY"]);
    for record in &reply.records {
        let person = record.person.as_deref().unwrap_or("-");
        let by = record.by.as_deref().unwrap_or("nothing");
        let others = record.candidates.join(", ");
        table.row([&*since(record), &record.source, &record.key, person, by, &others, &record.reason]);
    }
    let mut text = table.render();
    if reply.next_cursor.is_some() {
        text.push_str("\nthere is more: --limit, or --source\n");
    }
    match first.status {
        RecordStatus::Conflict => text.push_str(&format!(
            "\nto say whose it is: usher people conflicts resolve {0} {1} --same PERSON --why \"...\"\n\
             to say whose not:   usher people conflicts resolve {0} {1} --different PERSON --why \"...\"\n",
            clean(&first.source),
            clean(&first.key)
        )),
        RecordStatus::Waiting => {
            text.push_str("\nthey count for nothing until somebody with the same value is known\n")
        }
        RecordStatus::Linked | RecordStatus::Gone => {}
    }
    text
}

/// One record as it is now.
pub fn one(record: &SourceRecord) -> String {
    let whose = match (&record.person, record.status) {
        (Some(person), RecordStatus::Linked) => format!("is {}'s", clean(person)),
        (Some(person), _) => {
            format!("is {}'s, and still a conflict: {}", clean(person), clean(&record.reason))
        }
        (None, RecordStatus::Conflict) => format!("is still a conflict: {}", clean(&record.reason)),
        (None, _) => "is nobody's: it waits for somebody with the same value".to_owned(),
    };
    format!("{} {} {whose}\n", clean(&record.source), clean(&record.key))
}

/// What became of two keys.
pub fn joined(reply: &JoinPeopleReply) -> String {
    let (person, other) = (clean(&reply.person), clean(&reply.other));
    let mut text = format!("{other} is {person} from now on\n");
    if !reply.left_at.is_empty() {
        text.push_str(&format!("left as they are: accounts of {other} at {}\n", reply.left_at.join(", ")));
    }
    text
}

fn worded(status: &str) -> &str {
    match status {
        "conflict" => "a conflict",
        other => other,
    }
}

fn since(record: &SourceRecord) -> String {
    instant(&record.since.format(&Rfc3339).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_conflict_shows_who_it_may_be_why_and_what_to_do() {
        let record = json!({
            "source": "directory", "key": "u-1", "status": "conflict", "since": "2026-01-02T03:04:05Z",
            "by": "employeeId", "reason": "several people have the value", "candidates": ["E-1", "E-2"],
        });
        let reply = serde_json::from_value(json!({ "records": [record] })).unwrap();
        let text = list(&reply, "conflict");
        for part in
            ["directory", "u-1", "employeeId", "E-1, E-2", "several people", "resolve directory u-1 --same"]
        {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert_eq!(list(&RecordsReply::default(), "conflict"), "no record is a conflict\n");
        let mut record = reply.records[0].clone();
        (record.status, record.person) = (RecordStatus::Linked, Some("E-1".to_owned()));
        assert_eq!(one(&record), "directory u-1 is E-1's\n");
    }
}

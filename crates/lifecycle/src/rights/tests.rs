//! Runs the decision table of docs/authority.md, and checks how rights are written.

use serde_json::{Value, json};

use super::*;
use crate::merge_tests::event;
use crate::{Event, EventKind, PeopleConfig, PersonRecord};

const PAGE: &str = include_str!("../../../../docs/authority.md");

fn rights(value: Value) -> SenderRights {
    serde_json::from_value(value).unwrap()
}

/// Reads a cell that lists names: `-` is left out, one word is a word, several are patterns.
fn scope(cell: &str) -> Option<Value> {
    match cell {
        "-" => None,
        "all" | "introduced" => Some(json!(cell)),
        keys => Some(json!(keys.split(", ").collect::<Vec<_>>())),
    }
}

/// Builds `may` from the first five cells of a row.
fn written(cells: &[&str]) -> SenderRights {
    let [kinds, people, attributes, employment, groups] = cells[..] else { panic!("{cells:?}") };
    let mut may = serde_json::Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            may.insert(name.to_owned(), value);
        }
    };
    set("kinds", scope(kinds).filter(|_| kinds != "all"));
    set("people", scope(people));
    set("groups", scope(groups));
    set("employment", (employment != "-").then(|| json!(employment == "yes")));
    let names = |text: &str| json!(text.split(", ").collect::<Vec<_>>());
    set(
        "attributes",
        match attributes.split_once(' ') {
            Some(("only", allow)) => Some(json!({ "allow": names(allow) })),
            Some(("not", deny)) => Some(json!({ "deny": names(deny) })),
            _ => None,
        },
    );
    rights(Value::Object(may))
}

/// Builds the event of the cells `says` and `about`, and the tie to its person.
fn said(says: &str, about: &str) -> (Event, PersonTie) {
    let (kind, attributes) = says.split_once(' ').unwrap_or((says, ""));
    let attributes =
        attributes.split(", ").filter(|name| !name.is_empty()).map(|name| match name.split_once(": ") {
            Some((name, value)) => (name.to_owned(), serde_json::from_str(value).unwrap()),
            None => (name.to_owned(), json!("x")),
        });
    let attributes: serde_json::Map<String, Value> = attributes.collect();
    let kind: EventKind = kind.parse().unwrap();
    let (key, tie) = about.split_once(", ").unwrap_or((about, "unknown"));
    let tie = match tie {
        "its own" => PersonTie::Own,
        "new" => PersonTie::New,
        "of others" => PersonTie::OfOthers,
        _ => PersonTie::Unknown,
    };
    (Event { subject: key.to_owned(), ..event(kind, 1, 1, Value::Object(attributes)) }, tie)
}

/// Describes the judgement in the words of the page.
fn in_words(verdict: &RightsVerdict, event: &Event) -> String {
    let listed = if verdict.refuses_departure(event) { "; listed as a departure" } else { "; listed" };
    if verdict.is_clean() {
        return "counts".to_owned();
    }
    if verdict.refused.is_some() || verdict.admit(event, false, Vec::new).is_none() {
        return format!("nothing counts{listed}");
    }
    let employment = verdict.without_employment.then(|| "employment".to_owned());
    let without: Vec<String> = employment.into_iter().chain(verdict.dropped.iter().cloned()).collect();
    format!("counts without {}{listed}", without.join(", "))
}

#[test]
fn every_row_of_the_page_on_authority_is_decided_as_it_says() {
    let table = PAGE.lines().skip_while(|line| !line.starts_with("| kinds |")).skip(2);
    let mut rows = 0;
    for line in table.take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [.., says, about, at_gateway, in_mapper] = cells[..] else { panic!("{line}") };
        let mut rights = written(&cells[..5]);
        rights.decide_employment_right(&PeopleConfig::default());
        let (event, tie) = said(says, about);
        assert_eq!(in_words(&rights.judge(&event, tie), &event), in_mapper, "{line}");
        let refused =
            rights.refused_at_once(&event).map(|missing| format!("403 `may.{}`", missing.setting()));
        assert_eq!(refused.unwrap_or_else(|| "202".to_owned()), at_gateway, "{line}");
        rows += 1;
    }
    assert!(rows > 40, "the table was not found: {rows}");
}

#[test]
fn rights_are_read_as_they_are_written() {
    for written in [
        json!("everything"),
        json!({ "people": "introduced", "employment": true }),
        json!({ "people": ["C-*"], "attributes": { "allow": ["mail"], "deny": ["userPrincipalName"] } }),
        json!({ "groups": "all" }),
        json!({ "groups": ["G-*"], "kinds": ["group.*", "worker.left"], "people": "all", "employment": false }),
    ] {
        assert_eq!(serde_json::to_value(rights(written.clone())).unwrap(), written);
    }
    assert!(rights(json!("everything")).is_everything());
    for (wrong, word) in [
        (json!({}), "nothing"),
        (json!("all"), "may: everything"),
        (json!({ "person": "all" }), "unknown field"),
        (json!({ "people": "some" }), "introduced"),
        (json!({ "people": "all", "kinds": ["worker.gone"] }), "no event type"),
        (json!({ "groups": true, "employment": true }), "needs `people`"),
        (json!({ "people": [" "] }), "matches nothing"),
    ] {
        let error = serde_json::from_value::<SenderRights>(wrong).unwrap_err().to_string();
        assert!(error.contains(word), "{word}: {error}");
    }
}

#[test]
fn a_pattern_matches_whole_keys() {
    let matches = |pattern: &str, key: &str| KeyPattern::parse(pattern).unwrap().matches(key);
    for (pattern, key, is_match) in [
        ("C-1", "C-1", true),
        ("C-1", "C-10", false),
        ("C-*", "C-", true),
        ("C-*", "c-1", false),
        ("*-x", "a-x", true),
        ("*-x", "-x-", false),
        ("a*b*c", "a1b2c", true),
        ("a*b*c", "abc", true),
        ("a*b*c", "ac", false),
        ("ab*ba", "aba", false),
        ("*", "", true),
    ] {
        assert_eq!(matches(pattern, key), is_match, "{pattern} {key}");
    }
}

#[test]
fn a_record_without_the_right_to_all_attributes_withdraws_only_what_its_sender_said() {
    let of = |sender: &str, kind, said, attributes: Value| Event {
        sender: sender.to_owned(),
        ..event(kind, said, said, attributes)
    };
    let rights =
        rights(json!({ "people": "all", "employment": true, "attributes": { "allow": ["mail", "phone"] } }));
    let mut person = PersonRecord::default();
    person.merge(&of("hr", EventKind::WorkerJoined, 1, json!({ "department": "IT", "mail": "a@x" })), 1, 0);
    let record = |said, attributes| of("phones", EventKind::WorkerSnapshot, said, attributes);
    for (sequence, record) in [
        (2, record(2, json!({ "active": true, "mail": "b@x", "phone": "1", "title": "CEO" }))),
        (3, record(3, json!({ "active": true, "mail": "c@x" }))),
    ] {
        let verdict = rights.judge(&record, PersonTie::OfOthers);
        let stated = || person.attributes_stated_by("phones", |name| rights.attributes.covers(name));
        let admitted = verdict.admit(&record, true, stated).unwrap().into_owned();
        person.merge(&admitted, sequence, 0);
    }
    let view = person.view("E-1", 10_000_000);
    assert_eq!(
        serde_json::to_value(view.attributes).unwrap(),
        json!({ "active": true, "department": "IT", "mail": "c@x" })
    );
}

#[test]
fn who_introduced_a_person_is_known_by_the_statements_of_before() {
    let of = |sender: &str, said| Event {
        sender: sender.to_owned(),
        ..event(EventKind::WorkerJoined, said, said, json!({}))
    };
    let mut person = PersonRecord::default();
    person.merge(&of("contractors", 1), 1, 0);
    assert!(person.is_introduced_by("contractors") && !person.is_introduced_by("hr"));
    person.merge(&of("hr", 2), 2, 0);
    assert!(!person.is_introduced_by("contractors") && !person.is_introduced_by("hr"), "both said it");
    person.note_introduction("contractors");
    person.note_introduction("hr");
    assert!(person.is_introduced_by("contractors") && !person.is_introduced_by("hr"), "the first one stays");
}

//! Checks that for each attribute the most trusted source counts, and for employment the sources with authority, in
//! any order of their statements.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::merge_tests::{SECOND, event};
use crate::{Employment, EventKind};

use EventKind::{WorkerChanged, WorkerDeleted, WorkerJoined, WorkerLeft, WorkerRehired, WorkerSnapshot};

fn people() -> PeopleConfig {
    let config = json!({
        "correlate": [{ "sources": ["directory"], "match": [{ "employeeId": "key" }] }],
        "precedence": { "*": ["hr", "directory"], "mail": ["directory", "hr"] },
        "employment": ["hr"],
    });
    serde_json::from_value(config).unwrap()
}

fn said(identity: &mut PersonRecord, source: &str, kind: EventKind, at: i64, attributes: Value) {
    let event = event(kind, at, at, attributes);
    identity.merge_from(source, &people(), &event, u64::try_from(at).unwrap(), at * SECOND);
}

fn attributes(identity: &PersonRecord, now: i64) -> Value {
    serde_json::to_value(identity.view("E-1", now * SECOND).attributes).unwrap()
}

fn employment(identity: &PersonRecord, now: i64) -> Employment {
    identity.view("E-1", now * SECOND).employment
}

#[test]
fn the_most_believed_source_counts_and_what_it_withdraws_falls_back_to_the_next() {
    let mut identity = PersonRecord::default();
    said(&mut identity, "hr", WorkerJoined, 1, json!({ "title": "a", "mail": "old", "city": "x" }));
    said(&mut identity, "directory", WorkerChanged, 5, json!({ "title": "b", "mail": "new", "phone": "1" }));
    assert_eq!(attributes(&identity, 6), json!({ "title": "a", "mail": "new", "city": "x", "phone": "1" }));
    let from = |identity: &PersonRecord, name: &str| identity.source_of(name, 9 * SECOND).map(str::to_owned);
    assert_eq!(
        (from(&identity, "title"), from(&identity, "mail")),
        (Some("hr".into()), Some("directory".into()))
    );
    said(&mut identity, "directory", WorkerChanged, 7, json!({ "mail": null }));
    said(&mut identity, "hr", WorkerSnapshot, 8, json!({ "mail": "old" }));
    assert_eq!(attributes(&identity, 9), json!({ "title": "b", "mail": "old", "phone": "1" }));
}

#[test]
fn a_departure_that_does_not_count_is_listed_while_nobody_who_counts_ever_spoke() {
    let codes = |identity: &PersonRecord, now: i64| -> Vec<_> {
        let listed = identity.view("E-1", now * SECOND).contradictions;
        listed.into_iter().map(|one| (one.code, one.said_at)).collect()
    };
    let mut identity = PersonRecord::default();
    // The person is known from before sources were told apart.
    identity.merge(&event(WorkerJoined, 1, 1, json!({})), 1, SECOND);
    said(&mut identity, PeopleConfig::OTHERS, WorkerSnapshot, 2, json!({ "active": true }));
    assert_eq!(codes(&identity, 3), []);
    said(&mut identity, PeopleConfig::OTHERS, WorkerLeft, 4, json!({}));
    assert_eq!(employment(&identity, 5), Employment::Active);
    assert_eq!(codes(&identity, 5), [(crate::ContradictionCode::DepartureWithoutAuthority, 4 * SECOND)]);
    let mut back = identity.clone();
    said(&mut back, PeopleConfig::OTHERS, WorkerRehired, 6, json!({}));
    assert_eq!(codes(&back, 7), []);
    said(&mut identity, "hr", WorkerJoined, 6, json!({}));
    assert_eq!(codes(&identity, 7), [], "an authoritative source speaks");
}

#[test]
fn only_those_that_may_say_who_works_here() {
    let mut identity = PersonRecord::default();
    said(&mut identity, "directory", WorkerSnapshot, 1, json!({ "active": true }));
    assert_eq!(employment(&identity, 2), Employment::Unknown);
    said(&mut identity, "hr", WorkerJoined, 3, json!({}));
    said(&mut identity, "directory", WorkerDeleted, 4, json!({}));
    said(&mut identity, PeopleConfig::OTHERS, WorkerLeft, 5, json!({}));
    assert_eq!(employment(&identity, 6), Employment::Active);
    said(&mut identity, "hr", WorkerLeft, 7, json!({}));
    said(&mut identity, "directory", WorkerRehired, 8, json!({}));
    assert_eq!(employment(&identity, 9), Employment::Left { since: 7 * SECOND });
}

#[test]
fn what_was_said_before_sources_were_told_apart_counts_until_a_source_says_something() {
    let mut identity = PersonRecord::default();
    identity.merge(&event(WorkerJoined, 1, 1, json!({ "title": "a", "city": "x", "mail": "m" })), 1, SECOND);
    said(&mut identity, "directory", WorkerSnapshot, 2, json!({ "mail": "n" }));
    assert_eq!(employment(&identity, 3), Employment::Active);
    // The directory's records are matched, but here it named the person by their key, as before.
    said(&mut identity, "hr", WorkerSnapshot, 4, json!({ "title": "b" }));
    assert_eq!(attributes(&identity, 5), json!({ "title": "b", "mail": "n" }), "HR's record is whole");
    said(&mut identity, "hr", WorkerLeft, 6, json!({}));
    assert_eq!(employment(&identity, 7), Employment::Left { since: 6 * SECOND });
}

#[test]
fn a_record_that_is_linked_counts_like_its_source_and_leaves_nothing_behind() {
    let mut identity = PersonRecord::default();
    said(&mut identity, "hr", WorkerJoined, 1, json!({ "mail": "old" }));
    let mut record = PersonRecord::default();
    record.merge(&event(WorkerJoined, 2, 2, json!({ "mail": "new", "employeeId": "E-1" })), 2, 2 * SECOND);
    let before = identity.clone();
    identity.link("directory", "u-1", &people(), &record);
    assert_eq!(attributes(&identity, 3)["mail"], json!("new"));
    assert_eq!(identity.record_of("directory"), Some("u-1"));
    assert_eq!(
        identity.own_attributes(3 * SECOND).get("mail"),
        Some(&json!("old")),
        "what others are matched by"
    );
    identity.unlink("directory", "u-2");
    assert_eq!(identity.record_of("directory"), Some("u-1"), "that is another record");
    identity.unlink("directory", "u-1");
    assert_eq!(identity, before);
}

#[test]
fn what_one_source_plans_is_told_if_it_will_count_and_can_be_taken_back() {
    let mut identity = PersonRecord::default();
    said(&mut identity, "hr", WorkerJoined, 1, json!({ "title": "a" }));
    let plan = |said, name: &str| event(WorkerChanged, said, 30, json!({ name: "z" }));
    identity.merge_from("directory", &people(), &plan(2, "title"), 2, 2 * SECOND);
    assert_eq!(identity.planned("E-1", 3 * SECOND), [], "HR says another title");
    identity.merge_from("directory", &people(), &plan(3, "mail"), 3, 3 * SECOND);
    let planned = identity.planned("E-1", 4 * SECOND);
    assert_eq!(planned.len(), 1);
    identity.cancel(planned[0].version.effective_at, &planned[0].parts, 4 * SECOND);
    assert_eq!(attributes(&identity, 31), json!({ "title": "a" }));
    identity.merge_from(
        "directory",
        &people(),
        &event(WorkerChanged, 1, 30, json!({ "mail": "z" })),
        9,
        5 * SECOND,
    );
    assert_eq!(attributes(&identity, 31), json!({ "title": "a" }), "that was said before");
}

#[test]
fn sources_that_are_not_told_apart_any_more_are_one_again() {
    let mut identity = PersonRecord::default();
    said(&mut identity, "hr", WorkerJoined, 1, json!({ "title": "a" }));
    said(&mut identity, "directory", WorkerChanged, 2, json!({ "title": "b", "mail": "m" }));
    let mut record = PersonRecord::default();
    record.merge(&event(WorkerJoined, 3, 3, json!({ "title": "c" })), 3, 3 * SECOND);
    identity.link("badges", "b-1", &people(), &record);
    identity.rank(&PeopleConfig::default());
    assert!(!identity.has_sources());
    assert_eq!(
        attributes(&identity, 4),
        json!({ "title": "b", "mail": "m" }),
        "the last word of who calls them by key"
    );
    assert_eq!(employment(&identity, 4), Employment::Active);
}

/// Source, kind, time of the statement, delay until it holds, attribute, value.
type Said = (usize, usize, i64, i64, usize, u8);

const SOURCES: [&str; 3] = ["hr", "directory", PeopleConfig::OTHERS];
const KINDS: [EventKind; 6] =
    [WorkerJoined, WorkerChanged, WorkerLeft, WorkerRehired, WorkerSnapshot, WorkerDeleted];
const END: i64 = 60;

fn histories() -> impl Strategy<Value = (Vec<Said>, Vec<usize>)> {
    let said = (0..3_usize, 0..KINDS.len(), 0..END, -20..40_i64, 0..3_usize, 0..4_u8);
    prop::collection::vec(said, 1..14).prop_flat_map(|history| {
        let order: Vec<usize> = (0..history.len()).chain(0..history.len()).collect();
        (Just(history), Just(order).prop_shuffle())
    })
}

proptest! {
    #[test]
    fn a_person_is_the_same_whatever_the_order_in_which_their_sources_speak((history, order) in histories()) {
        let people = people();
        let events: Vec<(&str, Event)> = history.iter().map(|&(source, kind, said, delay, attribute, value)| {
            let name = ["title", "mail", "active"][attribute];
            let value = match (name, value) {
                (_, 0) => Value::Null,
                ("active", value) => json!(value % 2 == 0),
                (_, value) => json!(value),
            };
            (SOURCES[source], event(KINDS[kind], said, said + delay, json!({ name: value })))
        }).collect();
        let (mut expected, mut shuffled) = (PersonRecord::default(), PersonRecord::default());
        for (sequence, (source, event)) in (1..).zip(&events) {
            expected.merge_from(source, &people, event, sequence, END * SECOND);
        }
        for (step, index) in (0..).zip(&order) {
            let now = END * SECOND * step / i64::try_from(order.len()).unwrap();
            let (source, event) = &events[*index];
            shuffled.merge_from(source, &people, event, *index as u64 + 1, now);
        }
        for second in END..END + 60 {
            let now = second * SECOND;
            prop_assert_eq!(expected.view("E-1", now), shuffled.view("E-1", now));
            prop_assert_eq!(expected.next_due(now), shuffled.next_due(now));
        }
        let stored: PersonRecord = serde_json::from_str(&serde_json::to_string(&shuffled).unwrap()).unwrap();
        prop_assert_eq!(stored, shuffled);
    }
}

//! Checks that a person with two keys is employed as long as one of the keys is.

use serde_json::{Value, json};

use super::*;
use crate::EventKind;
use crate::merge_tests::{SECOND, event};

use EventKind::{WorkerDeleted, WorkerJoined, WorkerLeft};

fn person(events: &[(EventKind, i64, Value)]) -> PersonRecord {
    let mut identity = PersonRecord::default();
    for (kind, at, attributes) in events {
        identity.merge(&event(*kind, *at, *at, attributes.clone()), u64::try_from(*at).unwrap(), at * SECOND);
    }
    identity
}

fn employment(identity: &PersonRecord, now: i64) -> Employment {
    identity.view("E-1", now * SECOND).employment
}

#[test]
fn who_comes_back_under_a_new_key_is_the_same_person_and_what_is_said_under_it_counts() {
    let mut old =
        person(&[(WorkerJoined, 1, json!({ "title": "a", "city": "x" })), (WorkerLeft, 5, json!({}))]);
    let mut new = person(&[(WorkerJoined, 9, json!({ "title": "b" }))]);
    old.join("E-1", "E-9", &mut new, &PeopleConfig::default());
    assert_eq!((new.moved_to(), old.further_keys().collect::<Vec<_>>()), (Some("E-1"), vec!["E-9"]));
    assert_eq!(employment(&old, 7), Employment::Left { since: 5 * SECOND });
    assert_eq!(employment(&old, 9), Employment::Active);
    let attributes = serde_json::to_value(old.view("E-1", 10 * SECOND).attributes).unwrap();
    assert_eq!(attributes, json!({ "title": "b", "city": "x" }));
    let left = event(WorkerLeft, 20, 20, json!({}));
    old.merge_as("E-9", "", &PeopleConfig::default(), (&left, 20), 20 * SECOND);
    assert_eq!(employment(&old, 21), Employment::Left { since: 20 * SECOND });
}

#[test]
fn a_duplicate_that_is_closed_makes_nobody_a_leaver_whichever_of_the_two_it_is() {
    for closed in ["E-1", "E-9"] {
        let mut person_of = person(&[(WorkerJoined, 1, json!({ "title": "a" }))]);
        let mut other = person(&[(WorkerJoined, 2, json!({ "title": "b" }))]);
        person_of.join("E-1", "E-9", &mut other, &PeopleConfig::default());
        let erased = event(WorkerDeleted, 5, 5, json!({}));
        let refused = match closed {
            "E-1" => person_of.merge(&erased, 5, 5 * SECOND),
            _ => person_of.merge_as("E-9", "", &PeopleConfig::default(), (&erased, 5), 5 * SECOND),
        };
        assert!(refused.is_empty());
        assert_eq!(employment(&person_of, 6), Employment::Active, "{closed}");
        let title = person_of.view("E-1", 6 * SECOND).attributes["title"].clone();
        assert_eq!(title, if closed == "E-1" { json!("b") } else { json!("a") }, "who is here says more");
    }
}

#[test]
fn joining_before_or_after_what_is_said_ends_the_same_and_outlives_a_change_of_configuration() {
    let people: PeopleConfig = serde_json::from_value(json!({ "precedence": { "*": ["hr", "x"] } })).unwrap();
    let joined = event(WorkerJoined, 2, 2, json!({ "title": "b" }));
    let left = event(WorkerLeft, 8, 8, json!({}));
    let (mut early, mut late) = (PersonRecord::default(), PersonRecord::default());
    let mut other = PersonRecord::default();
    early.join("E-1", "E-9", &mut other, &people);
    early.merge_as("E-9", "hr", &people, (&joined, 2), 9 * SECOND);
    early.merge_as("E-9", "hr", &people, (&left, 8), 9 * SECOND);
    let mut other = PersonRecord::default();
    other.merge_from("hr", &people, &left, 8, 9 * SECOND);
    late.join("E-1", "E-9", &mut other, &people);
    late.merge_as("E-9", "hr", &people, (&joined, 2), 9 * SECOND);
    for now in [1, 3, 9] {
        assert_eq!(early.view("E-1", now * SECOND), late.view("E-1", now * SECOND));
    }
    late.rank(&PeopleConfig::default());
    assert_eq!(employment(&late, 3), Employment::Active);
    assert_eq!(late.further_keys().count(), 2, "of nobody, and of hr");
}

#[test]
fn a_departure_is_planned_when_the_last_key_has_one() {
    let mut one = person(&[(WorkerJoined, 1, json!({}))]);
    one.merge(&event(WorkerLeft, 2, 30, json!({})), 2, 2 * SECOND);
    let mut other = person(&[(WorkerJoined, 1, json!({}))]);
    one.join("E-1", "E-9", &mut other, &PeopleConfig::default());
    let departure = |identity: &PersonRecord| identity.view("E-1", 5 * SECOND).planned_departure;
    assert_eq!(departure(&one), None);
    assert!(one.planned("E-1", 5 * SECOND).is_empty(), "it changes nothing");
    one.merge_as("E-9", "", &PeopleConfig::default(), (&event(WorkerLeft, 3, 40, json!({})), 3), 5 * SECOND);
    assert_eq!(departure(&one), Some(40 * SECOND));
    let planned = one.planned("E-1", 5 * SECOND);
    assert_eq!(planned.iter().map(|plan| plan.version.effective_at / SECOND).collect::<Vec<_>>(), [40]);
}

//! Runs the table of docs/people.md, and checks the handling of returns.

use serde_json::json;

use super::*;
use crate::merge_tests::event;
use crate::{AccessOrder, AccessOrderKind, EventKind};

const PAGE: &str = include_str!("../../../../../docs/people.md");

fn attributes(cell: &str) -> AttributeMap {
    let pairs = cell.split(", ").filter(|pair| !matches!(*pair, "-" | "erased"));
    let pairs = pairs.map(|pair| pair.split_once(": ").unwrap());
    pairs.map(|(name, value)| (name.to_owned(), json!(value))).collect()
}

#[test]
fn every_row_of_the_page_on_people_is_decided_as_it_says() {
    let table = PAGE.lines().skip_while(|line| !line.starts_with("| when they left |")).skip(2);
    let mut rows = 0;
    for line in table.take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [before, after, days, is] = cells[..] else { panic!("{line}") };
        let called = |attributes| CalledNow { attributes, by_employer: BTreeMap::new() };
        let (before, after) = (attributes(before), attributes(after));
        let mut former = FormerNames::of(&called(&before), 0, 90 * DAY_MICROS);
        former.is_erased = cells[0].contains("erased");
        let (whole, tenths) = days.split_once('.').unwrap_or((days, "0"));
        let tenth = tenths.parse::<i64>().unwrap() * DAY_MICROS / 10;
        let now = whole.parse::<i64>().unwrap() * DAY_MICROS + tenth;
        let is_held = former.is_back_as_another(&called(&after), now);
        assert_eq!(if is_held { "held" } else { "the same" }, is, "{line}");
        rows += 1;
    }
    assert!(rows > 60, "the table was not found");
}

/// Views the person at `now`, as the mapper does.
fn look(person: &mut PersonRecord, now: i64) -> IdentityView {
    let view = person.view("E-1", now);
    person.remember_former(&view, 90, now);
    view
}

#[test]
fn who_comes_back_after_long_with_another_name_is_off_until_a_human_says_that_it_is_the_same_person() {
    let day = |day: i64| day * DAY_MICROS;
    let seconds = |days: i64| days * 24 * 3_600;
    let mut person = PersonRecord::default();
    let said = |kind, days, name: &str| {
        let names = json!({ "givenName": name, "surname": "Byron" });
        event(kind, seconds(days), seconds(days), names)
    };
    person.merge(&said(EventKind::WorkerJoined, 1, "Ada"), 1, day(1));
    assert_eq!(look(&mut person, day(1)).employment, Employment::Active);
    person.merge(&event(EventKind::WorkerLeft, seconds(10), seconds(10), json!({})), 2, day(10));
    assert_eq!(look(&mut person, day(10)).employment, Employment::Left { since: day(10) });
    person.merge(&said(EventKind::WorkerRehired, 200, "Bob"), 3, day(200));
    for now in [day(200), day(201), day(300)] {
        let view = look(&mut person, now);
        assert_eq!(view.employment, Employment::Left { since: day(10) });
        assert_eq!(view.contradictions[0].code, ContradictionCode::RecycledKey);
    }
    person.order_access(AccessOrderKind::Same, Some(AccessOrder { since: day(301), until: None }));
    assert_eq!(look(&mut person, day(301)).employment, Employment::Active);
    // The person is known by that name from now on. The next person who comes with the key is held again.
    look(&mut person, day(303));
    person.merge(&event(EventKind::WorkerLeft, seconds(310), seconds(310), json!({})), 4, day(310));
    assert_eq!(look(&mut person, day(310)).employment, Employment::Left { since: day(310) });
    person.merge(&said(EventKind::WorkerRehired, 500, "Carol"), 5, day(500));
    assert_eq!(look(&mut person, day(500)).employment, Employment::Left { since: day(310) });
}

#[test]
fn a_name_that_comes_a_moment_after_the_return_is_noticed_and_a_marriage_later_is_not() {
    let mut person = PersonRecord::default();
    let seconds = |days: i64| days * 24 * 3_600;
    let names = |name: &str| json!({ "givenName": name });
    person.merge(&event(EventKind::WorkerJoined, 1, 1, names("Ada")), 1, DAY_MICROS);
    look(&mut person, DAY_MICROS);
    person.merge(&event(EventKind::WorkerLeft, seconds(10), seconds(10), json!({})), 2, 10 * DAY_MICROS);
    look(&mut person, 10 * DAY_MICROS);
    let back = 200 * DAY_MICROS;
    person.merge(&event(EventKind::WorkerRehired, seconds(200), seconds(200), json!({})), 3, back);
    assert_eq!(look(&mut person, back).employment, Employment::Active);
    let mut late = person.clone();
    let renamed = event(EventKind::WorkerChanged, seconds(200) + 1, seconds(200) + 1, names("Bob"));
    person.merge(&renamed, 4, back + 1_000_000);
    assert_ne!(look(&mut person, back + 1_000_000).employment, Employment::Active);
    let renamed = event(EventKind::WorkerChanged, seconds(203), seconds(203), names("Bob"));
    late.merge(&renamed, 4, 203 * DAY_MICROS);
    assert_eq!(look(&mut late, 203 * DAY_MICROS).employment, Employment::Active);
}

const SECONDS_OF_DAY: i64 = 24 * 3_600;

fn day(day: i64) -> i64 {
    day * DAY_MICROS
}

/// Merges a statement into the person: kind, day of the statement, day from which it holds, values.
fn told(person: &mut PersonRecord, said: (EventKind, i64, i64, serde_json::Value), sequence: u64) {
    let (kind, said_on, holds_from, values) = said;
    let event = event(kind, said_on * SECONDS_OF_DAY, holds_from * SECONDS_OF_DAY, values);
    person.merge(&event, sequence, day(said_on));
}

fn ada_who_left_on(left: i64) -> PersonRecord {
    let mut person = PersonRecord::default();
    let names = json!({ "givenName": "Ada", "surname": "Byron" });
    told(&mut person, (EventKind::WorkerJoined, 1, 1, names), 1);
    look(&mut person, day(1));
    told(&mut person, (EventKind::WorkerLeft, left, left, json!({})), 2);
    look(&mut person, day(left));
    person
}

fn bob() -> serde_json::Value {
    json!({ "givenName": "Bob", "surname": "Miller" })
}

fn is_held(person: &mut PersonRecord, now: i64) -> bool {
    let view = look(person, now);
    let is_listed = view.contradictions.iter().any(|known| known.code == ContradictionCode::RecycledKey);
    assert!(!is_listed || view.employment != Employment::Active, "on, and listed as held");
    is_listed
}

#[test]
fn the_names_are_those_of_the_departure_and_not_what_is_written_into_the_record_afterwards() {
    let mut person = ada_who_left_on(10);
    told(&mut person, (EventKind::WorkerChanged, 60, 60, bob()), 3);
    assert!(!is_held(&mut person, day(60)), "away");
    told(&mut person, (EventKind::WorkerRehired, 130, 130, json!({})), 4);
    assert!(is_held(&mut person, day(130)));
}

#[test]
fn a_first_day_that_is_announced_is_a_return_on_that_day_and_the_account_is_never_on() {
    let mut person = ada_who_left_on(10);
    told(&mut person, (EventKind::WorkerChanged, 40, 40, bob()), 3);
    told(&mut person, (EventKind::WorkerRehired, 40, 131, json!({})), 4);
    for now in [40, 41, 130] {
        assert!(!is_held(&mut person, day(now)));
        assert_ne!(person.view("E-1", day(now)).employment, Employment::Active);
    }
    assert!(is_held(&mut person, day(131)), "121 days");
}

#[test]
fn a_return_that_was_held_is_none_and_the_days_go_on() {
    let mut person = ada_who_left_on(10);
    told(&mut person, (EventKind::WorkerRehired, 110, 110, bob()), 3);
    assert!(is_held(&mut person, day(110)));
    told(&mut person, (EventKind::WorkerLeft, 140, 140, json!({})), 4);
    assert!(!is_held(&mut person, day(140)), "a departure is never held");
    assert_eq!(person.view("E-1", day(140)).employment, Employment::Left { since: day(140) });
    told(&mut person, (EventKind::WorkerRehired, 150, 150, json!({})), 5);
    assert!(is_held(&mut person, day(150)), "Bob again, ten days later");
}

#[test]
fn who_came_back_as_another_and_leaves_within_the_day_does_not_become_the_one_who_left() {
    let mut person = ada_who_left_on(10);
    told(&mut person, (EventKind::WorkerRehired, 110, 110, json!({})), 3);
    assert!(!is_held(&mut person, day(110)), "no name yet");
    let left = event(EventKind::WorkerLeft, 110 * SECONDS_OF_DAY + 60, 110 * SECONDS_OF_DAY + 60, bob());
    person.merge(&left, 4, day(110) + 60_000_000);
    look(&mut person, day(110) + 60_000_000);
    told(&mut person, (EventKind::WorkerRehired, 115, 115, json!({})), 5);
    assert!(is_held(&mut person, day(115)));
}

#[test]
fn a_departure_that_is_entered_late_counts_by_its_day() {
    let mut person = PersonRecord::default();
    told(&mut person, (EventKind::WorkerJoined, 1, 1, json!({ "givenName": "Ada" })), 1);
    look(&mut person, day(1));
    told(&mut person, (EventKind::WorkerLeft, 300, 300, json!({})), 2);
    look(&mut person, day(300));
    told(&mut person, (EventKind::WorkerLeft, 301, 90, json!({})), 3);
    look(&mut person, day(301));
    told(&mut person, (EventKind::WorkerRehired, 302, 302, json!({ "givenName": "Bob" })), 4);
    assert!(is_held(&mut person, day(302)), "they left 212 days ago, as is known now");
}

#[test]
fn who_did_not_leave_is_never_held_whatever_their_name_becomes() {
    let mut person = PersonRecord::default();
    told(&mut person, (EventKind::WorkerJoined, 1, 1, json!({ "givenName": "Ada" })), 1);
    look(&mut person, day(1));
    let off = AccessOrder { since: day(2), until: Some(day(102)) };
    person.order_access(AccessOrderKind::Off, Some(off));
    look(&mut person, day(2));
    told(&mut person, (EventKind::WorkerChanged, 102, 102, bob()), 2);
    for now in [102, 103, 500] {
        assert!(!is_held(&mut person, day(now)));
    }
}

#[test]
fn the_source_that_says_who_works_here_is_not_hidden_by_a_directory_with_the_old_name() {
    let people: crate::PeopleConfig = serde_json::from_value(json!({
        "precedence": { "*": ["directory", "hr"] }, "employment": ["hr"],
    }))
    .unwrap();
    let mut person = PersonRecord::default();
    let say = |person: &mut PersonRecord, source: &str, kind, on: i64, values, sequence| {
        let event = event(kind, on * SECONDS_OF_DAY, on * SECONDS_OF_DAY, values);
        person.merge_from(source, &people, &event, sequence, day(on));
        look(person, day(on))
    };
    let ada = || json!({ "givenName": "Ada", "surname": "Byron" });
    say(&mut person, "hr", EventKind::WorkerJoined, 1, ada(), 1);
    say(&mut person, "directory", EventKind::WorkerChanged, 1, ada(), 2);
    say(&mut person, "hr", EventKind::WorkerLeft, 10, json!({}), 3);
    let mut same = person.clone();
    let view = say(&mut person, "hr", EventKind::WorkerRehired, 210, bob(), 4);
    assert_eq!(view.attributes["surname"], json!("Byron"), "the directory is believed first");
    assert!(is_held(&mut person, day(210)));
    say(&mut same, "hr", EventKind::WorkerRehired, 210, ada(), 4);
    assert!(!is_held(&mut same, day(210)));
}

#[test]
fn what_was_kept_before_accents_were_folded_is_compared_as_it_was() {
    let stored = |text: &str| -> FormerNames { serde_json::from_str(text).unwrap() };
    let hash = |word: &str| {
        sha2::Digest::finalize(sha2::Digest::chain_update(<sha2::Sha256 as sha2::Digest>::new(), word))
    };
    let hash = |word: &str| hex::encode(&hash(word)[..8]);
    let former = stored(&format!(
        r#"{{"since":0,"gap":1,"values":{{"givenName":["{}"],"surname":["{}"]}}}}"#,
        hash("michael"),
        hash("müller")
    ));
    let is_back = |given: &str, surname: &str| {
        let values = attributes(&format!("givenName: {given}, surname: {surname}"));
        former.is_back_as_another(&CalledNow { attributes: &values, by_employer: BTreeMap::new() }, day(100))
    };
    assert!(!is_back("Michael", "Müller"));
    assert!(is_back("Bob", "Müller"));
}

//! Checks that statements of several senders about one attribute never overrule each other in a circle that leaves no
//! value.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::PersonRecord;
use crate::merge_tests::{SECOND, event};
use crate::{Event, EventKind, StatementDating, StatementProvenance, StatementVersion};

const PAGE: &str = include_str!("../../../../docs/employment.md");
const DAY: i64 = 86_400;
const SENDERS: [&str; 3] = ["a", "b", "c"];

/// Sender, `true` for a whole record, the day of the statement, and the day that it names.
type Said = (usize, bool, i64, Option<i64>);

fn statement(&(sender, is_record, said, day): &Said, values: Value) -> Event {
    let kind = if is_record { EventKind::WorkerSnapshot } else { EventKind::WorkerChanged };
    let mut event = event(kind, said * DAY, day.unwrap_or(said) * DAY, values);
    event.sender = SENDERS[sender].to_owned();
    event.dated = Some(match (day, is_record) {
        (Some(_), _) => StatementDating::Explicit,
        (None, true) => StatementDating::Observed,
        (None, false) => StatementDating::Implied,
    });
    event
}

fn seen(events: &[(u64, Event)], now: i64) -> Option<Value> {
    let mut person = PersonRecord::default();
    for (sequence, event) in events {
        let _ = person.merge(event, *sequence, now);
    }
    person.view("E-1", now).attributes.remove("color")
}

/// Applies the rule of the page to all statements at once.
fn reference(events: &[(u64, Event)], now: i64) -> Option<Value> {
    let known: Vec<(StatementProvenance, StatementVersion, &Event)> = events
        .iter()
        .map(|(sequence, event)| {
            (StatementProvenance::of(event, *sequence), StatementVersion::of(event, *sequence), event)
        })
        .collect();
    let overrules = |a: &(StatementProvenance, StatementVersion, &Event),
                     b: &(StatementProvenance, StatementVersion, &Event)| {
        a.0.is_explicit
            && !b.0.is_explicit
            && a.2.sender == b.2.sender
            && a.1.said_at > b.1.said_at
            && a.1.effective_at < b.1.effective_at
    };
    let is_record =
        |one: &&(StatementProvenance, StatementVersion, &Event)| one.2.kind == EventKind::WorkerSnapshot;
    let records: Vec<_> = known.iter().filter(is_record).collect();
    let stands = |one: &&&(StatementProvenance, StatementVersion, &Event)| {
        !records.iter().any(|other| overrules(other, one))
    };
    let whole = records.iter().filter(stands).filter(|one| one.1.effective_at <= now).max_by_key(|one| one.1);
    let counts = |one: &&(StatementProvenance, StatementVersion, &Event)| match whole {
        None => true,
        Some(whole) if one.1 >= whole.1 => !overrules(whole, one),
        Some(whole) => overrules(one, whole),
    };
    let in_force =
        known.iter().filter(|one| one.1.effective_at <= now && one.2.attributes.contains_key("color"));
    let alive = in_force.filter(|one| !known.iter().any(|other| overrules(other, one)));
    let last = alive.filter(counts).max_by_key(|one| one.1)?;
    last.2.attributes.get("color").cloned()
}

#[test]
fn every_row_of_the_page_about_wholes_gives_its_value() {
    let table = PAGE.lines().skip_while(|line| !line.starts_with("| A's record, produced on day 30")).skip(2);
    let mut rows = 0;
    for line in table.take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [record, later, other, value] = cells[..] else { panic!("{line}") };
        let color = |cell: &str| if cell == "nothing" { json!({}) } else { json!({ "color": cell }) };
        let mut events = vec![statement(&(0, true, 30, None), color(record))];
        if later != "-" {
            events.push(statement(&(0, false, 31, Some(10)), color(later)));
        }
        match other {
            "-" => {}
            _ if other.starts_with('-') => events.push(statement(&(1, true, 20, None), json!({}))),
            _ => events.push(statement(&(1, false, 19, Some(20)), color(other))),
        }
        let forwards: Vec<(u64, Event)> = (1..).zip(events).collect();
        let backwards: Vec<(u64, Event)> = forwards.iter().rev().cloned().collect();
        let expected = (value != "none").then(|| json!(value));
        let now = 40 * DAY * SECOND;
        assert_eq!((seen(&forwards, now), seen(&backwards, now)), (expected.clone(), expected), "{line}");
        rows += 1;
    }
    assert!(rows > 5, "the table was not found");
}

#[test]
fn a_statement_below_a_dated_one_still_overrules_what_arrives_late() {
    let history: [Said; 5] = [
        (2, true, 8, None),
        (0, false, 6, Some(0)),
        (0, false, 1, Some(1)),
        (2, true, 9, Some(0)),
        (0, true, 2, None),
    ];
    let value = |index: usize| json!({ "color": format!("{index}") });
    let said = history.iter().enumerate().map(|(index, said)| statement(said, value(index)));
    let events: Vec<(u64, Event)> = (1..).zip(said).collect();
    let now = 20 * DAY * SECOND;
    assert_eq!((seen(&events, now), reference(&events, now)), (Some(json!("1")), Some(json!("1"))));
}

fn histories() -> impl Strategy<Value = Vec<Said>> {
    let said = (0..SENDERS.len(), any::<bool>(), 0..12_i64, proptest::option::of(0..12_i64));
    proptest::collection::vec(said, 1..9)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn a_person_of_whom_every_statement_says_a_value_has_one_in_whatever_order_they_come(
        (history, order) in histories().prop_flat_map(|history| {
            let order: Vec<usize> = (0..history.len()).collect();
            (Just(history), Just(order).prop_shuffle())
        }),
    ) {
        let now = 20 * DAY * SECOND;
        let value = |index: usize| json!({ "color": format!("{index}") });
        let events: Vec<(u64, Event)> = (1..)
            .zip(history.iter().enumerate().map(|(index, said)| statement(said, value(index))))
            .collect();
        let mixed: Vec<(u64, Event)> = order.iter().map(|index| events[*index].clone()).collect();
        let (in_order, in_any) = (seen(&events, now), seen(&mixed, now));
        prop_assert!(in_order.is_some(), "{history:?}");
        prop_assert_eq!(&in_order, &in_any);
        prop_assert_eq!(in_order, reference(&events, now));
    }
}

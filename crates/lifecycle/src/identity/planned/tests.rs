//! Checks that plans are reported, and that plans which an operator cancelled do not come true, in any order of
//! merging.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::merge_tests::{SECOND, event};
use crate::{Employment, EventKind};

use EventKind::{WorkerChanged, WorkerJoined, WorkerLeft, WorkerRehired, WorkerSnapshot};

fn person(history: &[(EventKind, i64, i64, Value)]) -> PersonRecord {
    let mut identity = PersonRecord::default();
    for (sequence, (kind, said, effective, attributes)) in (1..).zip(history) {
        identity.merge(&event(*kind, *said, *effective, attributes.clone()), sequence, said * SECOND);
    }
    identity
}

/// Returns `(time, parts)` of every plan after `now`, in seconds.
fn planned(identity: &PersonRecord, now: i64) -> Vec<(i64, Vec<PlannedPart>)> {
    let planned = identity.planned("E-1", now * SECOND).into_iter();
    planned.map(|planned| (planned.version.effective_at / SECOND, planned.parts)).collect()
}

/// Cancels everything that is planned for `effective`.
fn cancel(identity: &mut PersonRecord, effective: i64, now: i64) {
    let planned = identity.planned("E-1", now * SECOND).into_iter();
    for plan in planned.filter(|plan| plan.version.effective_at == effective * SECOND).collect::<Vec<_>>() {
        identity.cancel(plan.version.effective_at, &plan.parts, now * SECOND);
        assert!(identity.has_cancelled(&plan));
    }
}

fn employment(identity: &PersonRecord, now: i64) -> Employment {
    identity.view("E-1", now * SECOND).employment
}

fn attribute(name: &str) -> PlannedPart {
    PlannedPart::Attribute(name.to_owned())
}

const LEAVES: PlannedPart = PlannedPart::Employment(EmploymentKind::Left);
const JOINS: PlannedPart = PlannedPart::Employment(EmploymentKind::Active);

#[test]
fn what_takes_effect_later_is_told_with_its_event_and_what_comes_to_nothing_is_not() {
    let identity = person(&[
        (WorkerJoined, 1, 1, json!({ "department": "A", "title": "x" })),
        (WorkerChanged, 2, 20, json!({ "department": "B", "title": "x" })),
        (WorkerLeft, 3, 30, json!({})),
        (WorkerLeft, 4, 40, json!({})),
        (WorkerRehired, 5, 60, json!({})),
    ]);
    assert_eq!(
        planned(&identity, 6),
        [(20, vec![attribute("department")]), (40, vec![LEAVES]), (60, vec![JOINS])]
    );
    assert_eq!(planned(&identity, 40), [(60, vec![JOINS])]);
    let first = &identity.planned("E-1", 6 * SECOND)[0];
    assert_eq!((first.source.as_deref(), first.id.effective_at()), (Some("test"), 20 * SECOND));
    assert_ne!(first.id, identity.planned("E-2", 6 * SECOND)[0].id);
}

#[test]
fn a_cancelled_departure_change_or_hire_does_not_come_and_nothing_else_is_touched() {
    let mut identity = person(&[
        (WorkerJoined, 1, 10, json!({ "department": "A" })),
        (WorkerChanged, 2, 20, json!({ "department": "B", "title": "x" })),
        (WorkerLeft, 3, 30, json!({})),
        (WorkerRehired, 4, 40, json!({})),
    ]);
    let mut unhired = identity.clone();
    cancel(&mut unhired, 10, 5);
    assert_eq!(employment(&unhired, 15), Employment::Unknown);
    cancel(&mut identity, 20, 15);
    let attributes = serde_json::to_value(identity.view("E-1", 25 * SECOND).attributes).unwrap();
    assert_eq!(attributes, json!({ "department": "A" }));
    assert_eq!(employment(&identity, 30), Employment::Left { since: 30 * SECOND });
    cancel(&mut identity, 30, 25);
    assert_eq!(employment(&identity, 35), Employment::Active);
    assert_eq!(identity.next_due(25 * SECOND), Some(40 * SECOND));
}

#[test]
fn cancelling_a_departure_that_was_postponed_does_not_bring_back_the_earlier_one() {
    let mut identity = person(&[
        (WorkerJoined, 1, 1, json!({})),
        (WorkerLeft, 2, 30, json!({})),
        (WorkerLeft, 10, 40, json!({})),
    ]);
    cancel(&mut identity, 40, 15);
    assert_eq!(planned(&identity, 15), []);
    assert_eq!(employment(&identity, 50), Employment::Active);
    assert_eq!(identity.view("E-1", 15 * SECOND).planned_departure, None);
}

#[test]
fn the_source_may_set_it_anew_and_what_it_said_before_stays_cancelled_whenever_it_arrives() {
    let mut identity =
        person(&[(WorkerJoined, 1, 1, json!({})), (WorkerLeft, 2, 30, json!({ "title": "x" }))]);
    cancel(&mut identity, 30, 15);
    // A late notice of the same departure.
    identity.merge(&event(WorkerLeft, 12, 30, json!({ "title": "x" })), 7, 16 * SECOND);
    assert_eq!((employment(&identity, 31), planned(&identity, 16)), (Employment::Active, vec![]));
    identity.merge(&event(WorkerLeft, 17, 30, json!({ "title": "x" })), 8, 17 * SECOND);
    assert_eq!(employment(&identity, 31), Employment::Left { since: 30 * SECOND });
}

#[test]
fn a_whole_record_that_is_cancelled_erases_nothing() {
    let mut identity = person(&[
        (WorkerJoined, 1, 1, json!({ "city": "a", "title": "x" })),
        (WorkerSnapshot, 2, 30, json!({ "city": "b" })),
    ]);
    assert_eq!(planned(&identity, 5), [(30, vec![attribute("city"), PlannedPart::Record])]);
    cancel(&mut identity, 30, 5);
    let attributes = identity.view("E-1", 31 * SECOND).attributes;
    assert_eq!(serde_json::to_value(attributes).unwrap(), json!({ "city": "a", "title": "x" }));
}

#[test]
fn a_clock_that_was_ahead_and_is_put_right_finds_what_holds_until_then() {
    let mut identity = person(&[
        (WorkerJoined, 1, 1, json!({ "department": "A" })),
        (WorkerChanged, 2, 100, json!({ "department": "B" })),
        (WorkerLeft, 3, 200, json!({})),
    ]);
    let hour = 3_600;
    // Another event is merged while the clock is hours ahead.
    identity.merge(&event(WorkerChanged, 5, 5, json!({ "department": "C", "title": "x" })), 9, hour * SECOND);
    let seen = |now: i64| identity.view("E-1", now * SECOND).attributes["department"].clone();
    assert_eq!((seen(10), seen(100), seen(hour)), (json!("C"), json!("B"), json!("B")));
    assert_eq!(identity.next_due(10 * SECOND), Some(100 * SECOND));
    assert_eq!(employment(&identity, 150), Employment::Active);
}

/// Kind, time of the statement, delay until it holds, attribute, value.
type Said = (usize, i64, i64, usize, u8);

const KINDS: [EventKind; 5] = [WorkerJoined, WorkerChanged, WorkerLeft, WorkerRehired, WorkerSnapshot];
/// The time at which the operator cancels, in seconds.
const CANCELS: i64 = 60;

fn worker_event(&(kind, said, delay, attribute, value): &Said) -> Event {
    let name = ["department", "title", "city"][attribute];
    event(KINDS[kind], said, said + delay, json!({ name: value }))
}

proptest! {
    #[test]
    fn a_cancellation_counts_the_same_whatever_was_merged_before_and_after_it(
        history in prop::collection::vec((0..KINDS.len(), 0..60_i64, -20..60_i64, 0..3_usize, 0..4_u8), 1..12),
        early in prop::collection::vec(any::<bool>(), 12),
        pick in any::<prop::sample::Index>(),
    ) {
        let events: Vec<Event> = history.iter().map(worker_event).collect();
        let mut whole = PersonRecord::default();
        for (sequence, event) in (1..).zip(&events) {
            whole.merge(event, sequence, CANCELS * SECOND);
        }
        let plans = whole.planned("E-1", CANCELS * SECOND);
        prop_assume!(!plans.is_empty());
        let plan = &plans[pick.index(plans.len())];
        whole.cancel(plan.version.effective_at, &plan.parts, CANCELS * SECOND);
        // Some events are merged before and some after the cancellation, and all of them twice.
        let mut parted = PersonRecord::default();
        let numbered = || (1..).zip(&events).zip(&early);
        for ((sequence, event), _) in numbered().filter(|(_, early)| **early) {
            parted.merge(event, sequence, CANCELS * SECOND);
        }
        parted.cancel(plan.version.effective_at, &plan.parts, CANCELS * SECOND);
        for ((sequence, event), _) in numbered().collect::<Vec<_>>().into_iter().rev() {
            parted.merge(event, sequence, CANCELS * SECOND);
        }
        parted.cancel(plan.version.effective_at, &plan.parts, CANCELS * SECOND);
        for second in CANCELS..2 * CANCELS + 1 {
            let now = second * SECOND;
            prop_assert_eq!(whole.view("E-1", now), parted.view("E-1", now));
            prop_assert_eq!(whole.next_due(now), parted.next_due(now));
        }
        let ids = |identity: &PersonRecord| {
            identity.planned("E-1", CANCELS * SECOND).into_iter().map(|plan| plan.id).collect::<Vec<_>>()
        };
        prop_assert_eq!(ids(&whole), ids(&parted));
        prop_assert!(!ids(&whole).contains(&plan.id));
    }
}

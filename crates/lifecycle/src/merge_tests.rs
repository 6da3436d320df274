//! Checks that merging does not depend on the order or number of deliveries, and that employment follows the meaning
//! of HR events.

use proptest::prelude::*;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::{
    AttributeMap, Employment, Event, EventId, EventKind, GroupState, MembershipState, PersonRecord,
    StatementProvenance, unix_micros,
};

pub(crate) const SECOND: i64 = 1_000_000;

pub(crate) fn at(second: i64) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::seconds(second)
}

/// Returns an event that was stated at `said` and holds from `effective` on, in seconds.
pub(crate) fn event(kind: EventKind, said: i64, effective: i64, attributes: Value) -> Event {
    Event {
        id: EventId::of("test", &format!("{kind}/{said}/{effective}/{attributes}")),
        source: "test".to_owned(),
        source_event_id: "1".to_owned(),
        kind,
        subject: "E-1".to_owned(),
        time: at(said),
        effective_at: at(effective),
        accepted_at: at(said),
        sender: String::new(),
        dated: None,
        attributes: serde_json::from_value::<AttributeMap>(attributes).unwrap(),
        members: None,
        feed: None,
        withdraws: false,
        unread: Vec::new(),
    }
}

fn employment(history: &[(EventKind, i64, i64)], now: i64) -> Employment {
    employment_of(
        history.iter().map(|(kind, said, effective)| event(*kind, *said, *effective, json!({}))),
        now,
    )
}

fn employment_of(events: impl IntoIterator<Item = Event>, now: i64) -> Employment {
    let mut identity = PersonRecord::default();
    for (sequence, event) in (1..).zip(events) {
        identity.merge(&event, sequence, unix_micros(event.accepted_at));
    }
    identity.view("E-1", now * SECOND).employment
}

fn left(since: i64) -> Employment {
    Employment::Left { since: since * SECOND }
}

use EventKind::{WorkerChanged, WorkerDeleted, WorkerJoined, WorkerLeft, WorkerRehired, WorkerSnapshot};

#[test]
fn a_planned_departure_takes_effect_on_its_day_and_not_before() {
    let history = [(WorkerJoined, 1, 1), (WorkerLeft, 2, 30)];
    assert_eq!(employment(&history, 29), Employment::Active);
    assert_eq!(employment(&history, 30), left(30));
}

#[test]
fn a_departure_said_later_wins_over_a_record_and_over_an_arrival_of_the_same_day() {
    let day = 24 * 3_600;
    let record = [(WorkerSnapshot, 2 * day + 50, 2 * day + 50), (WorkerLeft, 2 * day + 60, day)];
    let with_active = |(kind, said, effective): &(EventKind, i64, i64)| {
        let attributes = if *kind == WorkerSnapshot { json!({ "active": true }) } else { json!({}) };
        event(*kind, *said, *effective, attributes)
    };
    assert_eq!(employment_of(record.iter().map(with_active), 3 * day), left(day));
    let same_day = [(WorkerJoined, 2 * day + 50, 2 * day + 50), (WorkerLeft, 2 * day + 60, 2 * day)];
    assert_eq!(employment(&same_day, 3 * day), left(2 * day));
    let rehired_on_a_day = [(WorkerRehired, 2 * day + 50, 2 * day + 40), (WorkerLeft, 2 * day + 60, day)];
    assert_eq!(
        employment(&rehired_on_a_day, 3 * day),
        Employment::Active,
        "a late notice of an earlier departure"
    );
    let rehired_without_a_day =
        [(WorkerRehired, 2 * day + 50, 2 * day + 50), (WorkerLeft, 2 * day + 60, day)];
    assert_eq!(employment(&rehired_without_a_day, 3 * day), left(day), "its true first day is unknown");
    let next_record = [(WorkerLeft, day, day), (WorkerSnapshot, 2 * day, 2 * day)];
    assert_eq!(
        employment_of(next_record.iter().map(with_active), 3 * day),
        left(day),
        "what was said outweighs what is only seen"
    );
}

#[test]
fn a_cancelled_departure_never_happens() {
    let history = [(WorkerJoined, 1, 1), (WorkerLeft, 2, 30), (WorkerRehired, 10, 10)];
    assert_eq!(employment(&history, 31), Employment::Active);
}

#[test]
fn a_departure_can_be_moved_to_an_earlier_and_to_a_later_day() {
    let earlier = [(WorkerJoined, 1, 1), (WorkerLeft, 2, 30), (WorkerLeft, 10, 20)];
    assert_eq!(employment(&earlier, 25), left(20));
    let later = [(WorkerJoined, 1, 1), (WorkerLeft, 2, 30), (WorkerLeft, 10, 40)];
    assert_eq!(employment(&later, 35), Employment::Active);
    assert_eq!(employment(&later, 40), left(40));
}

#[test]
fn a_first_day_can_be_postponed() {
    let history = [(WorkerJoined, 1, 30), (WorkerJoined, 10, 40)];
    assert_eq!(employment(&history, 35), Employment::Unknown);
    assert_eq!(employment(&history, 40), Employment::Active);
}

#[test]
fn a_planned_break_keeps_both_departures() {
    let history = [(WorkerJoined, 1, 1), (WorkerLeft, 2, 30), (WorkerRehired, 3, 35), (WorkerLeft, 4, 40)];
    assert_eq!(employment(&history, 32), left(30));
    assert_eq!(employment(&history, 36), Employment::Active);
    assert_eq!(employment(&history, 41), left(40));
}

#[test]
fn a_rehire_on_a_later_day_leaves_the_departure_in_force_until_then() {
    let history = [(WorkerJoined, 1, 1), (WorkerLeft, 10, 10), (WorkerRehired, 20, 50)];
    assert_eq!(employment(&history, 49), left(10));
    assert_eq!(employment(&history, 50), Employment::Active);
}

#[test]
fn a_backdated_departure_holds_from_its_day() {
    let history = [(WorkerJoined, 1, 1), (WorkerLeft, 20, 10)];
    assert_eq!(employment(&history, 20), left(10));
}

#[test]
fn a_backdated_departure_does_not_undo_a_rehire_that_names_a_later_day() {
    let history = [(WorkerJoined, 1, 1), (WorkerRehired, 14, 15), (WorkerLeft, 20, 10)];
    assert_eq!(employment(&history, 20), Employment::Active);
    let undated = [(WorkerJoined, 1, 1), (WorkerRehired, 15, 15), (WorkerLeft, 20, 10)];
    assert_eq!(employment(&undated, 20), left(10), "a return without a day may have been before");
}

#[test]
fn what_was_stored_before_datings_were_recorded_is_decided_as_it_was() {
    let version = |said: i64, effective: i64| json!({ "effective_at": effective * SECOND, "said_at": said * SECOND, "sequence": said });
    let stored = |statements: Value| -> PersonRecord {
        serde_json::from_value(json!({ "attributes": {}, "snapshots": [], "employment": statements }))
            .unwrap()
    };
    let decided = |identity: &PersonRecord| identity.view("E-1", 50 * SECOND).employment;
    let back = stored(json!([
        { "version": version(1, 1), "kind": "active" },
        { "version": version(5, 5), "kind": "left" },
        { "version": version(9, 9), "kind": "active", "observed": true },
    ]));
    assert_eq!(decided(&back), Employment::Active, "a record of before brought the person back");
    let mut left_before = stored(json!([
        { "version": version(1, 1), "kind": "active" },
        { "version": version(5, 5), "kind": "left" },
    ]));
    let record = event(EventKind::WorkerSnapshot, 40, 40, json!({ "active": true }));
    left_before.merge(&record, 40, 40 * SECOND);
    assert_eq!(decided(&left_before), left(5), "a record of today does not undo a departure of before");
    let withdrawn = stored(json!([
        { "version": version(1, 1), "kind": "active" },
        { "version": version(10, 10), "kind": "active" },
        { "version": version(2, 30), "kind": "left" },
    ]));
    assert_eq!(decided(&withdrawn), Employment::Active, "a departure that was taken back");
    let mut leaves = back;
    leaves.merge(&event(WorkerLeft, 40, 20, json!({})), 40, 40 * SECOND);
    assert_eq!(decided(&leaves), left(20), "whichever sender said what was stored before");
    let again: PersonRecord = serde_json::from_str(&serde_json::to_string(&leaves).unwrap()).unwrap();
    assert_eq!(again, leaves);
}

#[test]
fn an_erased_person_is_deleted_and_a_change_says_nothing_of_employment() {
    assert_eq!(
        employment(&[(WorkerJoined, 1, 1), (WorkerDeleted, 5, 5), (WorkerChanged, 6, 6)], 7),
        Employment::Deleted { since: 5 * SECOND }
    );
    assert_eq!(employment(&[(WorkerChanged, 6, 6)], 7), Employment::Unknown);
}

#[test]
fn a_record_without_active_employs_only_those_of_whom_nothing_else_is_said() {
    assert_eq!(employment(&[(WorkerSnapshot, 1, 1)], 2), Employment::Active);
    assert_eq!(employment(&[(WorkerSnapshot, 1, 10)], 2), Employment::Unknown, "not yet");
    assert_eq!(employment(&[(WorkerLeft, 1, 1), (WorkerSnapshot, 5, 5)], 6), left(1));
    assert_eq!(employment(&[(WorkerJoined, 1, 30), (WorkerSnapshot, 5, 5)], 6), Employment::Unknown);
}

#[test]
fn a_nightly_record_does_not_cancel_a_planned_departure() {
    let record = |day| event(WorkerSnapshot, day, day, json!({ "active": true }));
    let history =
        [event(WorkerJoined, 1, 1, json!({})), event(WorkerLeft, 2, 30, json!({})), record(3), record(4)];
    assert_eq!(employment_of(history.clone(), 29), Employment::Active);
    assert_eq!(employment_of(history, 30), left(30));
}

#[test]
fn nightly_records_of_a_leaver_do_not_move_the_day_of_departure() {
    let nights = (10..500).map(|day| event(WorkerSnapshot, day, day, json!({ "active": "False" })));
    let joined = event(WorkerJoined, 1, 1, json!({}));
    assert_eq!(employment_of(std::iter::once(joined).chain(nights), 600), left(10));
}

#[test]
fn a_record_erases_what_it_does_not_name_and_nothing_newer() {
    let mut identity = PersonRecord::default();
    identity.merge(&event(WorkerChanged, 1, 1, json!({ "title": "a", "city": "b" })), 1, SECOND);
    identity.merge(&event(WorkerChanged, 9, 9, json!({ "phone": "c" })), 2, 9 * SECOND);
    identity.merge(&event(WorkerSnapshot, 5, 5, json!({ "city": "d", "active": true })), 3, 9 * SECOND);
    let view = identity.view("E-1", 10 * SECOND);
    assert_eq!(
        serde_json::to_value(view.attributes).unwrap(),
        json!({ "active": true, "city": "d", "phone": "c" })
    );
}

#[test]
fn a_day_that_is_named_later_counts_more_than_what_was_said_before_without_one() {
    let mut identity = PersonRecord::default();
    let mut say = |kind, said: i64, effective, attributes| {
        identity.merge(&event(kind, said, effective, attributes), said.unsigned_abs(), said * SECOND);
        serde_json::to_value(identity.view("E-1", said * SECOND).attributes).unwrap()
    };
    say(WorkerJoined, 1, 0, json!({ "title": "Trainee", "city": "a" }));
    assert_eq!(say(WorkerChanged, 5, 5, json!({ "title": "Analyst" }))["title"], json!("Analyst"));
    assert_eq!(say(WorkerChanged, 9, 3, json!({ "title": "Manager" }))["title"], json!("Manager"));
    assert_eq!(say(WorkerChanged, 10, 2, json!({ "title": "Clerk" }))["title"], json!("Manager"), "two days");
    assert_eq!(say(WorkerSnapshot, 12, 12, json!({ "title": "Analyst" })), json!({ "title": "Analyst" }));
    let told = say(WorkerChanged, 13, 11, json!({ "city": "b" }));
    assert_eq!(told, json!({ "title": "Analyst", "city": "b" }), "said after the record");
}

#[test]
fn a_membership_that_ended_on_a_day_said_later_has_ended() {
    let (mut group, mut edge) = (GroupState::default(), MembershipState::default());
    let said = |said, effective| event(EventKind::GroupMemberAdded, said, effective, json!({}));
    let _ = edge.say(StatementProvenance::of(&said(5, 5), 1), true, 5 * SECOND);
    let _ = edge.say(StatementProvenance::of(&said(9, 3), 2), false, 9 * SECOND);
    assert!(!edge.present_at(None, 9 * SECOND));
    let mut list = event(EventKind::GroupUpserted, 12, 12, json!({}));
    list.members = Some(Vec::new());
    group.merge(&list, 3, 12 * SECOND);
    let _ = edge.say(StatementProvenance::of(&said(13, 11), 4), true, 13 * SECOND);
    assert!(edge.present_at(group.member_floor_at(13 * SECOND), 13 * SECOND), "said after the list");
}

#[test]
fn no_flood_of_one_sender_drops_what_is_in_force_a_departure_or_what_another_one_plans() {
    let of = |sender: &str, mut event: Event| {
        event.sender = sender.to_owned();
        event
    };
    let mut identity = PersonRecord::default();
    identity.merge(&of("hr", event(WorkerJoined, 1, 1, json!({ "title": "a" }))), 1, SECOND);
    identity.merge(&of("hr", event(WorkerChanged, 2, 5_000, json!({ "title": "b" }))), 2, 2 * SECOND);
    let mut refused = 0;
    for day in 0..400 {
        let kind = if day % 2 == 0 { WorkerRehired } else { WorkerLeft };
        let flood = of("contractors", event(kind, 10 + day, 9_000 + day, json!({ "title": day })));
        refused += identity.merge(&flood, 10 + day.unsigned_abs(), (10 + day) * SECOND).len();
    }
    assert!(refused > 300, "{refused}");
    let size = serde_json::to_string(&identity).unwrap().len();
    assert!(size < 32_000, "{size}");
    assert_eq!(identity.view("E-1", 600 * SECOND).employment, Employment::Active);
    identity.merge(&of("hr", event(WorkerLeft, 600, 600, json!({}))), 600, 600 * SECOND);
    assert_eq!(identity.view("E-1", 601 * SECOND).employment, left(600));
    assert_eq!(
        identity.view("E-1", 5_000 * SECOND).attributes["title"],
        json!("b"),
        "planned by another sender"
    );
}

#[test]
fn nightly_rows_do_not_make_a_person_grow() {
    let mut identity = PersonRecord::default();
    let mut sizes = Vec::new();
    for night in 1..1_000_i64 {
        for (kind, effective) in [(WorkerJoined, -500), (WorkerSnapshot, night)] {
            let row = event(kind, night, effective, json!({ "active": true, "title": "a" }));
            identity.merge(&row, night.unsigned_abs(), night * SECOND);
        }
        sizes.push(serde_json::to_string(&identity).unwrap().len());
    }
    assert!(sizes.iter().max() < sizes[..60].iter().max().map(|size| size * 2).as_ref());
    assert_eq!(identity.view("E-1", 1_000 * SECOND).employment, Employment::Active);
}

/// Kind, time of the statement, delay until it holds, attribute, value.
type Said = (usize, i64, i64, usize, u8);

const KINDS: [EventKind; 6] =
    [WorkerJoined, WorkerChanged, WorkerLeft, WorkerRehired, WorkerSnapshot, WorkerDeleted];

fn worker_event(&(kind, said, delay, attribute, value): &Said) -> Event {
    let name = ["department", "active", "title"][attribute];
    let value = match (name, value) {
        (_, 0) => Value::Null,
        ("active", value) => json!(value % 2 == 0),
        (_, value) => json!(value),
    };
    event(KINDS[kind], said, said + delay, json!({ name: value }))
}

fn histories() -> impl Strategy<Value = (Vec<Said>, Vec<usize>)> {
    let said = (0..KINDS.len(), 0..60_i64, -20..40_i64, 0..3_usize, 0..4_u8);
    prop::collection::vec(said, 1..12).prop_flat_map(|history| {
        let order: Vec<usize> = (0..history.len()).chain(0..history.len()).collect();
        (Just(history), Just(order).prop_shuffle())
    })
}

/// The time at which the last event is merged, in seconds. Views are compared from here on.
const END: i64 = 60;

proptest! {
    #[test]
    fn a_person_is_the_same_whatever_the_order_and_number_of_deliveries((history, order) in histories()) {
        let events: Vec<Event> = history.iter().map(worker_event).collect();
        let (mut expected, mut shuffled) = (PersonRecord::default(), PersonRecord::default());
        for (sequence, event) in (1..).zip(&events) {
            expected.merge(event, sequence, END * SECOND);
        }
        for (step, index) in (0..).zip(&order) {
            // Time passes while the shuffled events arrive.
            let now = END * SECOND * step / i64::try_from(order.len()).unwrap();
            shuffled.merge(&events[*index], *index as u64 + 1, now);
        }
        for second in END..END + 60 {
            let now = second * SECOND;
            prop_assert_eq!(expected.view("E-1", now), shuffled.view("E-1", now));
            prop_assert_eq!(expected.next_due(now), shuffled.next_due(now));
        }
        let stored: PersonRecord = serde_json::from_str(&serde_json::to_string(&shuffled).unwrap()).unwrap();
        prop_assert_eq!(stored, shuffled);
    }

    #[test]
    fn a_group_and_its_members_are_the_same_whatever_the_order((history, order) in histories()) {
        let merged = |order: &[usize], now: &dyn Fn(usize) -> i64| {
            let (mut group, mut edge) = (GroupState::default(), MembershipState::default());
            for (step, index) in order.iter().enumerate() {
                group_event(&history[*index], *index as u64 + 1, now(step), &mut group, &mut edge);
            }
            (group, edge)
        };
        let in_order: Vec<usize> = (0..history.len()).collect();
        let (group, edge) = merged(&in_order, &|_| END * SECOND);
        let steps = i64::try_from(order.len()).unwrap();
        let (other_group, other_edge) = merged(&order, &|step| END * SECOND * step as i64 / steps);
        for second in END..END + 60 {
            let now = second * SECOND;
            prop_assert_eq!(group.exists_at(now), other_group.exists_at(now));
            prop_assert_eq!(group.gone_at(now), other_group.gone_at(now));
            prop_assert_eq!(group.attributes_at(now), other_group.attributes_at(now));
            let floor = group.member_floor_at(now);
            prop_assert_eq!(floor, other_group.member_floor_at(now));
            prop_assert_eq!(edge.present_at(floor, now), other_edge.present_at(floor, now));
            prop_assert_eq!(edge.next_due(now), other_edge.next_due(now));
        }
    }
}

/// Merges an event as a mapper would for one member of one group.
fn group_event(said: &Said, sequence: u64, now: i64, group: &mut GroupState, edge: &mut MembershipState) {
    let &(kind, at, delay, _, value) = said;
    let mut event = event(EventKind::GroupUpserted, at, at + delay, json!({ "displayName": value }));
    let from = StatementProvenance::of(&event, sequence);
    match kind {
        0 => drop(group.merge(&event, sequence, now)),
        1 => {
            event.members = Some(vec!["E-1".to_owned()]);
            group.merge(&event, sequence, now);
            let _ = edge.say(from, true, now);
        }
        2 => {
            event.members = Some(Vec::new());
            group.merge(&event, sequence, now);
        }
        3 => {
            event.kind = EventKind::GroupDeleted;
            group.merge(&event, sequence, now);
        }
        4 => {
            let _ = edge.say(from, true, now);
        }
        _ => {
            let _ = edge.say(from, false, now);
        }
    }
}

//! Vendors that may send values: each sample, and its exact notices.

use lifecycle::EventKind;
use serde_json::{Value, json};
use sources::{NoticeAnswer, NoticeEvent, SourceNotice};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::reading::{
    FORM, JSON, NOW, SAID_AT, attributes, changed, explicit, notices, observed, post, reader, said, unknown,
};

#[test]
fn bamboohr_says_who_changed_as_json_and_as_a_form() {
    let expected = [changed("67890", SAID_AT, EventKind::WorkerChanged)];
    let json = include_str!("../data/bamboohr_event_based_updated.json");
    assert_eq!(notices("kind: bamboohr", JSON, json), expected);
    let form = include_str!("../data/bamboohr_event_based.form");
    assert_eq!(notices("kind: bamboohr", FORM, form), [changed("67890", NOW, EventKind::WorkerChanged)]);
    // A form has no time; the signed header has one.
    let headers = [("content-type", FORM), ("X-BambooHR-Timestamp", "1769884920")];
    assert_eq!(post(&reader("kind: bamboohr"), &headers, form), NoticeAnswer::Notices(expected.to_vec()));
}

#[test]
fn bamboohr_says_what_changed_as_json_and_as_a_form() {
    let values = json!({
        "employeeId": "E-1001", "givenName": "Ada", "surname": "Byron", "displayName": "Ada Byron",
        "department": "Security", "startDate": "2026-02-02",
    });
    let event =
        NoticeEvent { attributes: attributes(values), ..said(EventKind::WorkerChanged, "67890", SAID_AT) };
    let json = include_str!("../data/bamboohr_field_based_updated.json");
    assert_eq!(notices("kind: bamboohr", JSON, json), [SourceNotice::Event(event)]);

    let name = |key, at, name| {
        SourceNotice::Event(NoticeEvent {
            attributes: attributes(json!({ "givenName": name })),
            ..said(EventKind::WorkerChanged, key, at)
        })
    };
    let plain = include_str!("../data/bamboohr_field_based_plain.json");
    assert_eq!(notices("kind: bamboohr", JSON, plain), [name("12345", SAID_AT, "Bryony")]);
    // The form has the label in another case: the owner can configure an alias.
    let form = include_str!("../data/bamboohr_field_based.form");
    let aliased = "{ kind: bamboohr, attributes: { givenName: '[First name]' } }";
    assert_eq!(notices(aliased, FORM, form), [name("12345", NOW, "John")]);
}

#[test]
fn bamboohr_employs_and_dismisses_only_by_what_changed() {
    let body = |changed: &str, status: &str, hired: &str| {
        json!({"employees": [{
            "id": 7, "action": "Updated", "timestamp": "2026-01-31T18:42:00+0000", "changedFields": [changed],
            "fields": {"Department": "Audit", "Status": {"value": status}, "Hire Date": hired},
        }]})
        .to_string()
    };
    let last = |changed: &str, status: &str, hired: &str| {
        let yaml = "{ kind: bamboohr, time_zone: America/Denver }";
        let mut notices = notices(yaml, JSON, &body(changed, status, hired));
        (notices.len(), notices.pop())
    };
    let event = |said: NoticeEvent| Some(SourceNotice::Event(said));
    let here = |kind| said(kind, "7", SAID_AT);
    assert_eq!(last("Status", "Inactive", "2020-01-01"), (2, event(here(EventKind::WorkerLeft))));
    assert_eq!(last("Status", "Active", "2020-01-01"), (2, event(here(EventKind::WorkerRehired))));
    let monday = explicit(here(EventKind::WorkerJoined), datetime!(2026-02-02 7:00 UTC));
    assert_eq!(last("Hire Date", "Active", "2026-02-02"), (2, event(monday)));
    assert_eq!(last("Department", "Inactive", "2020-01-01").0, 1);
    assert_eq!(last("Hire Date", "Active", "0000-00-00").0, 1);
    // A person on leave is employed, and an unknown word is listed.
    assert_eq!(last("Status", "On leave", "2020-01-01").0, 1);
    let (count, listed) = last("Status", "Seconded", "2020-01-01");
    let Some(SourceNotice::Event(listed)) = listed else { panic!("{listed:?}") };
    assert_eq!((count, listed.kind, listed.unread[0].class.as_str()), (2, EventKind::WorkerChanged, "a"));
}

#[test]
fn bamboohr_tells_a_last_day_that_was_set_or_taken_out() {
    let last = |date: Value| {
        let body = json!({"employees": [{
            "id": 7, "action": "Updated", "timestamp": "2026-01-31T18:42:00+0000",
            "changedFields": ["Termination Date"], "fields": {"Termination Date": {"value": date}},
        }]});
        notices("{ kind: bamboohr, time_zone: America/Denver }", JSON, &body.to_string()).pop()
    };
    let event = |said: NoticeEvent| Some(SourceNotice::Event(said));
    let left = explicit(said(EventKind::WorkerLeft, "7", SAID_AT), datetime!(2026-02-14 7:00 UTC));
    assert_eq!(last(json!("2026-02-13")), event(left));
    let stays = observed(said(EventKind::WorkerRehired, "7", SAID_AT));
    assert_eq!(last(json!("0000-00-00")), event(stays));
}

#[test]
fn bamboohr_creates_and_deletes_without_values() {
    let one = |action: &str| {
        json!({"employees": [{"id": "7", "action": action, "timestamp": "2026-01-31T18:42:00+0000", "changedFields": [], "fields": []}]})
            .to_string()
    };
    let read = |action: &str| notices("kind: bamboohr", JSON, &one(action));
    assert_eq!(read("Created"), [changed("7", SAID_AT, EventKind::WorkerJoined)]);
    assert_eq!(read("created"), [changed("7", SAID_AT, EventKind::WorkerJoined)]);
    assert_eq!(read("Deleted"), [SourceNotice::Event(said(EventKind::WorkerDeleted, "7", SAID_AT))]);
    assert_eq!(read("Promoted"), [unknown("Promoted")]);
}

const ADA_MERGE: &str = "0958cbc6-6040-430a-848e-aafacbadf4ae";

fn merge(event: &str, change: impl FnOnce(&mut Value)) -> Vec<SourceNotice> {
    let mut body: Value = serde_json::from_str(include_str!("../data/merge_employee_changed.json")).unwrap();
    body["hook"]["event"] = json!(event);
    change(&mut body["data"]);
    notices("{ kind: merge, time_zone: America/New_York }", JSON, &body.to_string())
}

#[test]
fn merge_gives_the_record_and_what_it_says_about_employment() {
    let values = json!({
        "givenName": "Ada", "surname": "Byron", "displayName": "Ada Byron", "userPrincipalName": "ada@acme.example",
        "mail": "ada@acme.example", "manager": "0048ea5b-911e-4dff-9364-92070dea62ff",
        "startDate": "2026-02-02T00:00:00Z", "endDate": null,
    });
    let values =
        NoticeEvent { attributes: attributes(values), ..said(EventKind::WorkerChanged, ADA_MERGE, NOW) };
    let joins = explicit(said(EventKind::WorkerJoined, ADA_MERGE, NOW), datetime!(2026-02-02 0:00 -5));
    let expected = [SourceNotice::Event(observed(values)), SourceNotice::Event(joins)];
    assert_eq!(merge("Employee.changed", |_| {}), expected);
    assert_eq!(merge("employee.added", |_| {}), expected);
}

#[test]
fn merge_makes_every_statement_that_its_record_contains() {
    use EventKind::{WorkerChanged, WorkerJoined, WorkerLeft, WorkerRehired};
    let about = |change: &dyn Fn(&mut Value)| -> Vec<(EventKind, Option<OffsetDateTime>)> {
        let notices = merge("Employee.changed", |data| change(data));
        let kinds = notices.into_iter().filter_map(|notice| match notice {
            SourceNotice::Event(said) if said.kind == WorkerChanged => None,
            SourceNotice::Event(said) => Some((said.kind, said.effective_at)),
            other => panic!("{other:?}"),
        });
        kinds.collect()
    };
    let ends = |date: &'static str, status: &'static str| {
        about(&move |data| {
            data["termination_date"] = json!(date);
            data["employment_status"] = json!(status);
            data["start_date"] = json!("2020-01-01T00:00:00Z");
        })
    };
    let joined = (WorkerJoined, Some(datetime!(2020-01-01 0:00 -5)));
    let left = |at| (WorkerLeft, Some(at));
    let fixed_term = vec![joined, left(datetime!(2026-04-01 0:00 -4)), (WorkerJoined, None)];
    assert_eq!(ends("2026-03-31T00:00:00Z", "ACTIVE"), fixed_term);
    let over = left(datetime!(2026-01-16 0:00 -5));
    assert_eq!(ends("2026-01-15T00:00:00Z", "INACTIVE"), [over, (WorkerLeft, None)]);
    assert_eq!(ends("2026-01-15T00:00:00Z", "ACTIVE"), [over, (WorkerJoined, None)], "it contradicts itself");
    let rehired = ends("2019-12-31T00:00:00Z", "ACTIVE");
    assert_eq!(rehired, [joined, (WorkerRehired, None)], "the last day is that of the time before");
    let inactive = about(&|data| data["employment_status"] = json!("INACTIVE"));
    assert_eq!(inactive.last(), Some(&(WorkerLeft, None)));
    let silent = about(&|data| {
        data["start_date"] = json!("2020-01-01T00:00:00Z");
        _ = data.as_object_mut().unwrap().remove("termination_date");
    });
    assert_eq!(silent, [joined, (WorkerJoined, None)], "it takes back no departure");
    let strange = about(&|data| data["employment_status"] = json!("SECONDED"));
    assert_eq!(
        strange,
        [(WorkerJoined, Some(datetime!(2026-02-02 0:00 -5)))],
        "an unknown word is no departure"
    );
}

#[test]
fn merge_may_send_less_or_something_else() {
    let slim = |data: &mut Value| *data = json!({"id": ADA_MERGE});
    assert_eq!(merge("Employee.changed", slim), [changed(ADA_MERGE, NOW, EventKind::WorkerChanged)]);
    assert_eq!(merge("Employee.added", slim), [changed(ADA_MERGE, NOW, EventKind::WorkerJoined)]);
    let removed = said(EventKind::WorkerDeleted, ADA_MERGE, NOW);
    assert_eq!(merge("Employee.removed", |_| {}), [SourceNotice::Event(removed)]);
    for employee in [json!(ADA_MERGE), json!({"id": ADA_MERGE})] {
        let of = |data: &mut Value| *data = json!({"id": "employment-1", "employee": employee});
        assert_eq!(merge("Employment.changed", of), [changed(ADA_MERGE, NOW, EventKind::WorkerChanged)]);
    }
    let sync = merge("LinkedAccount.synced", |_| {});
    assert_eq!(sync, [unknown("LinkedAccount.synced")]);
}

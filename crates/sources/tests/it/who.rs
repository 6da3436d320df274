//! Vendors that only send who changed: each sample, and its exact notices.

use lifecycle::EventKind;
use serde_json::json;
use sources::{NoticeAnswer, NoticeEvent, SourceNotice};
use time::macros::datetime;

use crate::reading::{
    ADA_GUSTO, FORM, GUSTO_AT, GUSTO_ID, JSON, NOW, SAID_AT, attributes, changed, explicit, ignored, notices,
    post, reader, said, unknown, with_id,
};

#[test]
fn hibob_says_who_and_a_departure_is_one_by_itself() {
    let berlin = "{ kind: hibob, time_zone: Europe/Berlin }";
    let joined = include_str!("../data/hibob_v2_employee_joined.json");
    let ada = "3332883884017713938";
    let midnight = datetime!(2026-02-02 0:00 +1);
    assert_eq!(notices(berlin, JSON, joined), [changed(ada, midnight, EventKind::WorkerJoined)]);
    let left = said(EventKind::WorkerLeft, ada, datetime!(2026-04-01 00:00:03.123_456 +2));
    let left = explicit(left, datetime!(2026-04-01 0:00 +2));
    assert_eq!(
        notices(berlin, JSON, include_str!("../data/hibob_v2_employee_left.json")),
        [SourceNotice::Event(left)]
    );
    let entry = include_str!("../data/hibob_v2_table_entry_created.json");
    let at = datetime!(2025-01-08 13:06:26.915_906 UTC);
    assert_eq!(
        notices("kind: hibob", JSON, entry),
        [changed("3332883854254932743", at, EventKind::WorkerChanged)]
    );
}

#[test]
fn personio_says_who_and_the_record_decides_about_a_departure() {
    let updated = include_str!("../data/personio_person_updated.json");
    assert_eq!(
        notices("kind: personio", JSON, updated),
        [changed("1024", SAID_AT, EventKind::WorkerChanged)]
    );
    let terminated = include_str!("../data/personio_employment_terminated.json");
    let at = datetime!(2026-03-31 22:00 UTC);
    assert_eq!(notices("kind: personio", JSON, terminated), [changed("1024", at, EventKind::WorkerLeft)]);
}

#[test]
fn gusto_tells_announced_from_effective_and_from_cancelled() {
    let created = include_str!("../data/gusto_employee_created.json");
    let of = |word: &str| notices("kind: gusto", JSON, &created.replace("employee.created", word));
    let asks = |hint| vec![with_id(changed(ADA_GUSTO, GUSTO_AT, hint), GUSTO_ID)];
    let says = |kind, withdraws| {
        vec![SourceNotice::Event(NoticeEvent {
            id: Some(GUSTO_ID.to_owned()),
            withdraws,
            ..said(kind, ADA_GUSTO, GUSTO_AT)
        })]
    };
    assert_eq!(of("employee.created"), asks(EventKind::WorkerJoined));
    assert_eq!(of("employee.updated"), asks(EventKind::WorkerChanged));
    assert_eq!(of("employee.terminated"), asks(EventKind::WorkerLeft));
    assert_eq!(of("employee.termination_effective"), says(EventKind::WorkerLeft, false));
    assert_eq!(of("employee.terminated_effective"), says(EventKind::WorkerLeft, false));
    assert_eq!(of("employee.rehired"), asks(EventKind::WorkerRehired));
    assert_eq!(of("employee.rehire_effective"), asks(EventKind::WorkerRehired));
    assert_eq!(of("employee.rehire_cancelled"), says(EventKind::WorkerLeft, true));
    assert_eq!(of("employee.deleted"), says(EventKind::WorkerDeleted, false));
    assert_eq!(
        of("employee.payment_method.deleted"),
        [ignored("event type `employee.payment_method.deleted`: it is about pay")]
    );
    let cancelled = include_str!("../data/gusto_employee_termination_cancelled.json");
    assert_eq!(notices("kind: gusto", JSON, cancelled), says(EventKind::WorkerRehired, true));
    // Older bodies have no id of their own.
    let older = created.replace("\"uuid\"", "\"x\"");
    assert_eq!(notices("kind: gusto", JSON, &older), [changed(ADA_GUSTO, GUSTO_AT, EventKind::WorkerJoined)]);
}

#[test]
fn rippling_says_who_in_either_spelling() {
    let updated = include_str!("../data/rippling_employee_updated.form");
    assert_eq!(
        notices("kind: rippling", FORM, updated),
        [changed("60b8d295f1c2a3", NOW, EventKind::WorkerChanged)]
    );
    let created = include_str!("../data/rippling_employee_created.form");
    assert_eq!(notices("kind: rippling", FORM, created), [changed("656992816f26d6caea00072c", NOW, None)]);
    let bare = post(&reader("kind: rippling"), &[], created);
    assert_eq!(
        bare,
        NoticeAnswer::Notices(vec![changed("656992816f26d6caea00072c", NOW, None)]),
        "without a content type"
    );
    let deleted = created.replace("employee.created", "employee.deleted");
    let departure = changed("656992816f26d6caea00072c", NOW, EventKind::WorkerLeft);
    assert_eq!(notices("kind: rippling", FORM, &deleted), [departure]);
    let leave = created.replace("employee.created", "leave_request.created");
    let why = "event type `leave_request.created`: it is about leave";
    assert_eq!(notices("kind: rippling", FORM, &leave), [ignored(why)]);
}

#[test]
fn finch_has_its_id_and_time_in_headers() {
    let body = include_str!("../data/finch_employment_updated.json");
    let ada = "b2338cfb-472f-4f72-9faa-e028c083144a";
    assert_eq!(notices("kind: finch", JSON, body), [changed(ada, NOW, EventKind::WorkerChanged)]);
    let headers = [("finch-event-id", "msg_1"), ("Finch-Timestamp", "1769884920")];
    let expected = with_id(changed(ada, SAID_AT, EventKind::WorkerChanged), "msg_1");
    assert_eq!(post(&reader("kind: finch"), &headers, body), NoticeAnswer::Notices(vec![expected]));
}

#[test]
fn okta_sends_several_entries_of_its_log() {
    let session = include_str!("../data/okta_event_hook.json");
    assert_eq!(notices("kind: okta", JSON, session), [unknown("user.session.start")]);

    let at = |second| datetime!(2026-01-31 18:42 UTC) + time::Duration::seconds(second);
    let event =
        |id: &str, said: NoticeEvent| SourceNotice::Event(NoticeEvent { id: Some(id.to_owned()), ..said });
    let left = said(EventKind::WorkerLeft, "00u1", datetime!(2026-01-31 18:42:00.159 UTC));
    let members = Some(vec!["00u2".to_owned()]);
    let added = NoticeEvent { members, ..said(EventKind::GroupMemberAdded, "00g1", at(1)) };
    let name = attributes(json!({ "displayName": "Audit" }));
    let group = NoticeEvent { attributes: name, ..said(EventKind::GroupUpserted, "00g2", at(2)) };
    let expected = [
        event("ev-1", left),
        event("ev-2", added),
        event("ev-3", group),
        with_id(changed("00u2", at(3), EventKind::WorkerChanged), "ev-4"),
        with_id(changed("00u3", at(3), EventKind::WorkerChanged), "ev-4#1"),
        ignored("it is about something that did not succeed"),
    ];
    let several = include_str!("../data/okta_lifecycle_and_groups.json");
    assert_eq!(notices("kind: okta", JSON, several), expected);
}

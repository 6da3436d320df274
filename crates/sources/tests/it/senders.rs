//! Custom senders, and properties of all kinds.

use lifecycle::EventKind;
use serde_json::{Value, json};
use sources::{AdapterKind, NoticeAdapter, NoticeAnswer, NoticeEvent, SourceNotice};
use time::macros::datetime;

use crate::reading::{
    ADA_GUSTO, GUSTO_AT, GUSTO_ID, JSON, NOW, SAID_AT, attributes, changed, explicit, ignored, notices, post,
    reader, said, unknown, with_id,
};

#[test]
fn standard_webhooks_need_a_day_to_let_somebody_go() {
    let thin = include_str!("../data/standard_webhooks_thin.json");
    let at = datetime!(2026-03-31 17:00 UTC);
    let ada = "1f81eb52-5198-4599-803e-771906343485";
    let ask = |id| with_id(changed(ada, at, EventKind::WorkerLeft), id);
    let yaml = "{ kind: standard_webhooks, time_zone: Asia/Tokyo }";
    let headers = [("webhook-id", "msg_1"), ("content-type", JSON)];
    assert_eq!(post(&reader(yaml), &headers, thin), NoticeAnswer::Notices(vec![ask("msg_1")]));

    let with = |more: &str| thin.replace("343485\"", &format!("343485\", {more}"));
    let named = with("\"email\": \"ada@acme.example\"");
    let values = attributes(json!({"mail": "ada@acme.example", "userPrincipalName": "ada@acme.example"}));
    let values = NoticeEvent {
        id: Some("msg_1".to_owned()),
        attributes: values,
        ..said(EventKind::WorkerChanged, ada, at)
    };
    let expected = vec![SourceNotice::Event(values), ask("msg_1#employment")];
    assert_eq!(
        post(&reader(yaml), &headers, &named),
        NoticeAnswer::Notices(expected),
        "values, and nobody is cut off on a guess"
    );

    let dated = with("\"last_day\": \"2026-04-30\"");
    let leaves = explicit(said(EventKind::WorkerLeft, ada, at), datetime!(2026-05-01 0:00 +9));
    assert_eq!(notices(yaml, JSON, &dated), [SourceNotice::Event(leaves)]);
    let first_day_away = "{ kind: standard_webhooks, time_zone: Asia/Tokyo, end_date: first_day_away }";
    let leaves = explicit(said(EventKind::WorkerLeft, ada, at), datetime!(2026-04-30 0:00 +9));
    assert_eq!(notices(first_day_away, JSON, &dated), [SourceNotice::Event(leaves)]);
    let cancelled = thin.replace("employee.terminated", "employee.termination_canceled");
    let back = NoticeEvent { withdraws: true, ..said(EventKind::WorkerRehired, ada, at) };
    assert_eq!(notices(yaml, JSON, &cancelled), [SourceNotice::Event(back)]);
}

#[test]
fn every_row_of_the_table_of_first_and_last_days_takes_effect_as_it_says() {
    let page = include_str!("../../../../docs/dates.md");
    let rows = page.lines().skip_while(|line| !line.starts_with("| of a notice |")).skip(2);
    let mut count = 0;
    for line in rows.take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> =
            line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let [word, end_date, value, is] = cells[..] else { panic!("{line}") };
        let yaml = format!(
            "{{ kind: json, time_zone: Europe/Berlin, key: /id, type: /what, effective_at: /day, end_date: {end_date},
                types: {{ gone: worker.left, hired: worker.joined }}, attributes: {{ department: /team }} }}"
        );
        let body = format!(r#"{{"id":"E-1","what":"{word}","day":{value},"team":"Sales"}}"#);
        let all = notices(&yaml, JSON, &body);
        let events = all
            .iter()
            .filter_map(|notice| if let SourceNotice::Event(said) = notice { Some(said) } else { None });
        let events: Vec<&NoticeEvent> = events.collect();
        let shown = if events.iter().any(|said| !said.unread.is_empty()) {
            assert!(events.iter().all(|said| said.kind == EventKind::WorkerChanged), "{line}: {all:?}");
            "nothing, listed".to_owned()
        } else {
            let at = events.iter().find_map(|said| said.effective_at).unwrap();
            at.to_offset(time::UtcOffset::UTC).format(&time::format_description::well_known::Rfc3339).unwrap()
        };
        assert_eq!(shown, is, "{line}");
        count += 1;
    }
    assert!(count > 12, "{count} rows");
}

#[test]
fn any_json_is_read_by_pointers() {
    let workday = r#"
kind: json
time_zone: America/Los_Angeles
events: /Report_Entry
key: /Employee_ID
at: /Last_Functionally_Updated
types: { "*": worker.snapshot }
attributes:
  givenName: /First_Name
  surname: /Last_Name
  mail: 'ToLower([Email])'
  manager: /Manager_ID
  endDate: /Termination_Date
  active: 'CBool([Active_Status])'
"#;
    let values = json!({
        "givenName": "Ada", "surname": "Byron", "mail": "ada@acme.example", "manager": "20077", "endDate": null, "active": true,
    });
    let at = datetime!(2026-01-31 18:42 UTC);
    let snapshot =
        NoticeEvent { attributes: attributes(values), ..said(EventKind::WorkerSnapshot, "21001", at) };
    assert_eq!(
        notices(workday, JSON, include_str!("../data/workday_raas_delta.json")),
        [SourceNotice::Event(snapshot)]
    );
}

#[test]
fn what_a_record_says_holds_before_somebody_comes() {
    let cloudevents = r#"
kind: json
time_zone: Europe/London
key: /subject
type: /type
id: /id
at: /time
effective_at: /data/effective_date
types: { com.example.hr.worker.joined: worker.joined, com.example.hr.worker.left: worker.left }
attributes: { givenName: /data/attributes/givenName, manager: '[data.attributes.managerWorkerId]' }
"#;
    let body = include_str!("../data/cloudevents_joiner.json");
    let values = attributes(json!({ "givenName": "Ada", "manager": "E-0077" }));
    let id = |id: &str| Some(id.to_owned());
    let values = NoticeEvent {
        id: id("hr-evt-0001"),
        attributes: values,
        ..said(EventKind::WorkerChanged, "E-1001", SAID_AT)
    };
    let joins = NoticeEvent {
        id: id("hr-evt-0001#employment"),
        ..explicit(said(EventKind::WorkerJoined, "E-1001", SAID_AT), datetime!(2026-02-02 0:00 UTC))
    };
    let expected = [SourceNotice::Event(values.clone()), SourceNotice::Event(joins.clone())];
    assert_eq!(notices(cloudevents, JSON, body), expected);
    let left = body.replace("worker.joined", "worker.left").replace("2026-02-02", "2026-06-30");
    let leaves = NoticeEvent {
        kind: EventKind::WorkerLeft,
        effective_at: Some(datetime!(2026-07-01 0:00 +1)),
        ..joins
    };
    assert_eq!(notices(cloudevents, JSON, &left), [SourceNotice::Event(values), SourceNotice::Event(leaves)]);
}

#[test]
fn groups_with_members_can_be_told_in_any_json() {
    let yaml = "{ kind: json, key: /g, type: /t, members: /m, types: { set: group.upserted, out: group.member.removed } }";
    let read = |body: &str| notices(yaml, JSON, body);
    let keys = |keys: &[&str]| Some(keys.iter().map(|key| (*key).to_owned()).collect());
    let all = NoticeEvent { members: keys(&["E-1", "2"]), ..said(EventKind::GroupUpserted, "G-1", NOW) };
    let out = NoticeEvent { members: keys(&["E-1"]), ..said(EventKind::GroupMemberRemoved, "G-1", NOW) };
    assert_eq!(read(r#"[{"g":"group/G-1","t":"set","m":["worker/E-1",2]}]"#), [SourceNotice::Event(all)]);
    assert_eq!(read(r#"{"g":"G-1","t":"out","m":"E-1"}"#), [SourceNotice::Event(out)]);
}

#[test]
fn an_unknown_type_is_named_and_never_an_error() {
    let bodies = [
        (AdapterKind::Bamboohr, r#"{"type":"TYPE"}"#),
        (AdapterKind::Hibob, r#"{"type":"TYPE","data":{}}"#),
        (AdapterKind::Personio, r#"{"event_name":"TYPE"}"#),
        (AdapterKind::Gusto, r#"{"event_type":"TYPE"}"#),
        (AdapterKind::Rippling, r#"{"event_name":"TYPE"}"#),
        (AdapterKind::Merge, r#"{"hook":{"event":"TYPE"}}"#),
        (AdapterKind::Finch, r#"{"event_type":"TYPE"}"#),
        (AdapterKind::Okta, r#"{"data":{"events":[{"eventType":"TYPE"}]}}"#),
        (AdapterKind::StandardWebhooks, r#"{"type":"TYPE"}"#),
    ];
    for (kind, body) in bodies {
        let reader = NoticeAdapter::new(kind).compile().unwrap();
        let read = |word: &str| post(&reader, &[], &body.replace("TYPE", word));
        let not_known = |word: &str| NoticeAnswer::Notices(vec![unknown(word)]);
        assert_eq!(read("lunch.served"), not_known("lunch.served"), "{kind:?}");
        let long = "x".repeat(500);
        assert_eq!(read(&long), not_known(&format!("{}…", "x".repeat(64))), "{kind:?}");
    }
}

#[test]
fn an_adapter_can_teach_a_vendors_words() {
    let yaml = "{ kind: gusto, types: { employee.onboarded: worker.joined, employee.updated: ignored, payroll.paid: worker.left } }";
    let created = include_str!("../data/gusto_employee_created.json");
    let of = |word: &str| notices(yaml, JSON, &created.replace("employee.created", word)).remove(0);
    assert_eq!(
        of("employee.onboarded"),
        with_id(changed(ADA_GUSTO, GUSTO_AT, EventKind::WorkerJoined), GUSTO_ID)
    );
    assert_eq!(
        of("employee.updated"),
        ignored("event type `employee.updated`: the adapter says to ignore it")
    );
    assert!(matches!(
        of("payroll.paid"),
        SourceNotice::Event(NoticeEvent { kind: EventKind::WorkerLeft, .. })
    ));
}

#[test]
fn the_same_notice_has_the_same_dedupe_id_and_another_has_another() {
    let body = include_str!("../data/bamboohr_field_based_plain.json");
    let id = |body: &str| match notices("kind: bamboohr", JSON, body).remove(0) {
        SourceNotice::Event(said) => said.dedupe_id(),
        other => panic!("{other:?}"),
    };
    assert_eq!(id(body), id(body));
    assert_eq!(id(body).len(), 32);
    for (from, to) in [("Bryony", "Bridget"), ("12345", "12346"), ("18:42", "18:43")] {
        assert_ne!(id(body), id(&body.replace(from, to)), "{to}");
    }
    let said = NoticeEvent { id: Some("msg_1".to_owned()), ..said(EventKind::WorkerLeft, "E-1", NOW) };
    assert_eq!(said.dedupe_id(), "msg_1");
}

#[test]
fn a_departure_whose_day_is_none_or_cannot_be_read_does_nothing_by_itself() {
    let yaml = "{ kind: json, key: /person, type: /what, effective_at: /day, attributes: { surname: /name },
                  types: { gone: worker.left, hired: worker.joined, erased: worker.deleted, moved: worker.changed } }";
    let read = |body: Value| match &notices(yaml, JSON, &body.to_string())[..] {
        [SourceNotice::Event(said)] => said.clone(),
        other => panic!("{other:?}"),
    };
    for what in ["gone", "erased"] {
        for day in [
            json!("9999-12-31"),
            json!("0000-00-00"),
            json!("1900-01-01"),
            json!(""),
            json!(" "),
            json!("-"),
            json!(null),
            json!("soon"),
            json!("31.12.2026"),
            json!(261231),
        ] {
            let said = read(json!({"what": what, "person": "E-1", "day": day, "name": "One"}));
            assert_eq!((said.kind, said.effective_at), (EventKind::WorkerChanged, None), "{what} {day}");
            assert_eq!((said.unread.len(), said.unread[0].field.as_str()), (1, "/day"), "{what} {day}");
            assert_eq!(said.attributes["surname"], "One", "{what} {day}: its values count");
        }
        let now = read(json!({"what": what, "person": "E-1"}));
        assert!(now.kind != EventKind::WorkerChanged && now.unread.is_empty(), "no field for the day is now");
    }
    let hired = read(json!({"what": "hired", "person": "E-4", "day": "9999-12-31", "name": "Four"}));
    assert_eq!((hired.kind, hired.unread.len()), (EventKind::WorkerChanged, 1));
    let moved = read(json!({"what": "moved", "person": "E-4", "day": "soon", "name": "Four"}));
    assert!(
        moved.attributes.is_empty() && moved.unread.len() == 1,
        "its values would count from an unknown day"
    );
    let compact = read(json!({"what": "gone", "person": "E-1", "day": 20_261_231}));
    assert_eq!(compact.effective_at, Some(datetime!(2027-01-01 0:00 UTC)));
}

#[test]
fn hibob_takes_no_sentinel_for_today() {
    let body = json!({"type": "employee.left", "triggeredAt": "2026-01-31T18:42:00Z",
                      "data": {"employeeId": "E-2", "effectiveDate": "9999-12-31"}});
    let notices = notices("{ kind: hibob }", JSON, &body.to_string());
    let [SourceNotice::Event(said)] = &notices[..] else { panic!("{notices:?}") };
    assert_eq!((said.kind, said.unread[0].field.as_str()), (EventKind::WorkerChanged, "/data/effectiveDate"));
}

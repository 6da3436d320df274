//! Errors of requests: the fault, its place and the remedy, never a value.

use sources::{AdapterKind, ErrorKind, NoticeAdapter, NoticeAnswer, NoticeRequest, ReadError, SourceNotice};
use time::macros::datetime;

/// A value that must not be repeated.
const SECRET: &str = "hunter2";

fn read(yaml: &str, content_type: &str, body: &[u8]) -> Result<NoticeAnswer, ReadError> {
    let reader = serde_saphyr::from_str::<NoticeAdapter>(yaml).unwrap().compile().unwrap();
    let headers = [("content-type", content_type)];
    reader.read(&NoticeRequest { method: "POST", headers: &headers, body }, datetime!(2026-02-01 12:00 UTC))
}

fn refused(yaml: &str, body: &str) -> ReadError {
    let error = read(yaml, "application/json", body.as_bytes()).unwrap_err();
    let all = format!("{error} {error:?}");
    assert!(!all.contains(SECRET), "{all}");
    assert!(!error.what.is_empty() && !error.fix.is_empty(), "{all}");
    error
}

const ANY: &str =
    "{ kind: json, events: /e, key: /k, at: /a, id: /i, effective_at: /f, types: { '*': worker.left } }";

#[test]
fn a_malformed_body_is_refused_where_it_is_wrong() {
    use ErrorKind::{Invalid, Unreadable};
    let table = [
        ("kind: gusto", r#"{"event_type": "hunter2"#, Unreadable, ""),
        ("kind: gusto", "hunter2", Unreadable, ""),
        ("kind: gusto", "", Unreadable, ""),
        ("kind: gusto", r#"{} {}"#, Unreadable, ""),
        ("kind: gusto", "[]", Invalid, ""),
        ("kind: gusto", "null", Invalid, ""),
        ("kind: gusto", "{}", Invalid, "/event_type"),
        ("kind: gusto", r#"{"event_type": ["hunter2"]}"#, Invalid, "/event_type"),
        ("kind: gusto", r#"{"event_type": "employee.updated"}"#, Invalid, "/entity_uuid"),
        (
            "kind: gusto",
            r#"{"event_type": "employee.updated", "entity_uuid": {"x": "hunter2"}}"#,
            Invalid,
            "/entity_uuid",
        ),
        (
            "kind: gusto",
            r#"{"event_type": "employee.updated", "entity_uuid": "a\u0007"}"#,
            Invalid,
            "/entity_uuid",
        ),
        ("kind: gusto", r#"{"event_type": "employee.updated", "entity_uuid": 1.5}"#, Invalid, "/entity_uuid"),
        (
            "kind: gusto",
            r#"{"event_type": "employee.updated", "entity_uuid": "e", "timestamp": "hunter2"}"#,
            Invalid,
            "/timestamp",
        ),
        ("kind: bamboohr", r#"{"type": "employee.updated", "data": "hunter2"}"#, Invalid, "/data/employeeId"),
        ("kind: bamboohr", r#"{"employees": "hunter2"}"#, Invalid, "/employees"),
        ("kind: bamboohr", r#"{"employees": [{"id": "1"}, 2]}"#, Invalid, "/employees/1"),
        (
            "kind: bamboohr",
            r#"{"employees": [{"action": "Updated", "fields": {}}]}"#,
            Invalid,
            "/employees/0/id",
        ),
        ("kind: hibob", r#"{"type": "employee.updated", "employee": {"id": "hunter2"}}"#, Invalid, "/data"),
        ("kind: personio", r#"{"event_name": "person.updated"}"#, Invalid, "/payload"),
        (
            "kind: personio",
            r#"{"event_name": "employment.updated", "payload": {"id": "77"}}"#,
            Invalid,
            "/payload/person_id",
        ),
        ("kind: rippling", r#"{"event_name": "employee.updated"}"#, Invalid, "/id"),
        ("kind: merge", r#"{"hook": {"event": "Employee.changed"}}"#, Invalid, "/data"),
        (
            "kind: finch",
            r#"{"event_type": "individual.updated", "data": {}}"#,
            Invalid,
            "/data/individual_id",
        ),
        ("kind: okta", r#"{"data": {}}"#, Invalid, "/data/events"),
        (
            "kind: okta",
            r#"{"data": {"events": [{"eventType": "user.lifecycle.create"}]}}"#,
            Invalid,
            "/data/events/0/target",
        ),
        (
            "kind: okta",
            r#"{"data": {"events": [{"eventType": "user.lifecycle.create", "target": []}]}}"#,
            Invalid,
            "/data/events/0/target",
        ),
        (
            "kind: okta",
            r#"{"data": {"events": [{"eventType": "user.lifecycle.create", "target": [{"type": "User"}]}]}}"#,
            Invalid,
            "/data/events/0/target/0/id",
        ),
        ("kind: standard_webhooks", r#"{"type": "employee.left"}"#, Invalid, "/data"),
        ("kind: standard_webhooks", r#"{"type": "employee.left", "data": {}}"#, Invalid, "/data/id"),
        (ANY, "{}", Invalid, "/e"),
        (ANY, r#"{"e": [{"k": "1"}, {"k": ""}]}"#, Invalid, "/e/1/k"),
        (ANY, r#"{"e": [{"k": "worker/"}]}"#, Invalid, "/e/0/k"),
        (ANY, r#"{"e": [{"k": "1", "a": "hunter2"}]}"#, Invalid, "/e/0/a"),
        (ANY, r#"{"e": [{"k": "1", "i": ["hunter2"]}]}"#, Invalid, "/e/0/i"),
        (
            "{ kind: json, key: /a~1b, type: /t, types: { x: worker.left } }",
            r#"{"a/b": "", "t": "x"}"#,
            Invalid,
            "/a~1b",
        ),
    ];
    for (yaml, body, kind, at) in table {
        let error = refused(yaml, body);
        assert_eq!((error.kind, error.at.as_str()), (kind, at), "{body}: {error}");
    }
}

#[test]
fn a_body_that_is_no_json_is_told_its_place() {
    let error = refused("kind: gusto", "{\n  \"a\": hunter2\n}");
    assert_eq!(error.to_string(), "the body is not JSON (line 2, column 8); send one JSON value in UTF-8");
    assert_eq!(read("kind: gusto", "", b"{\"a\": \"\xFF\"}").unwrap_err().kind, ErrorKind::Unreadable);
}

#[test]
fn what_grows_has_a_limit() {
    let events = |count: usize| format!("{{\"e\": [{}]}}", vec!["{\"k\": \"1\"}"; count].join(","));
    let taken = read(ANY, "application/json", events(1_000).as_bytes()).unwrap();
    assert!(matches!(taken, NoticeAnswer::Notices(notices) if notices.len() == 1_000));
    let error = refused(ANY, &events(1_001));
    assert_eq!((error.kind, error.at.as_str()), (ErrorKind::TooMuch, "/e"));
    assert_eq!(error.to_string(), "1001 notices in one body; send at most 1000");
    let few = "{ kind: bamboohr, notices_max: 1 }";
    assert_eq!(refused(few, r#"{"employees": [{}, {}]}"#).kind, ErrorKind::TooMuch);
    let form = b"employees[1][A]=1&employees[2][A]=2";
    let error = read(few, "application/x-www-form-urlencoded; charset=utf-8", form).unwrap_err();
    assert_eq!((error.kind, error.at.as_str()), (ErrorKind::TooMuch, "/employees"));

    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(refused("kind: gusto", &nested(33)).kind, ErrorKind::TooMuch);
    assert_eq!(refused("kind: gusto", &nested(100_000)).kind, ErrorKind::TooMuch);
    assert_eq!(refused("kind: gusto", &nested(32)).kind, ErrorKind::Invalid);
    let text = format!("{{\"event_type\": \"{}\"}}", "[{\\\"".repeat(100));
    assert!(
        read("kind: gusto", "application/json", text.as_bytes()).is_ok(),
        "brackets in a text are no nesting"
    );

    let key = |length: usize| {
        format!(r#"{{"event_type": "employee.updated", "entity_uuid": "{}"}}"#, "é".repeat(length))
    };
    assert!(read("kind: gusto", "application/json", key(512).as_bytes()).is_ok());
    assert_eq!(refused("kind: gusto", &key(513)).at, "/entity_uuid");
    let id = format!(r#"{{"e": [{{"k": "1", "i": "{}"}}]}}"#, "i".repeat(497));
    assert_eq!(refused(ANY, &id).at, "/e/0/i", "room is left for what tells several events apart");
}

#[test]
fn a_form_is_taken_only_from_who_sends_forms() {
    for kind in AdapterKind::ALL.into_iter().filter(|kind| *kind != AdapterKind::Json) {
        let reader = NoticeAdapter::new(kind).compile().unwrap();
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let request = NoticeRequest { method: "POST", headers: &headers, body: b"event_name=x&type=x" };
        let taken = reader.read(&request, datetime!(2026-02-01 12:00 UTC));
        match kind {
            AdapterKind::Bamboohr | AdapterKind::Rippling => assert!(taken.is_ok(), "{kind:?}"),
            _ => assert_eq!(taken.unwrap_err().kind, ErrorKind::MediaType, "{kind:?}"),
        }
    }
}

#[test]
fn an_attribute_that_cannot_be_had_is_left_out_and_told() {
    let yaml = "{ kind: json, key: /k, types: { '*': worker.changed }, attributes: { a: 'CDate([d])', b: /b, manager: /m } }";
    let body = br#"{"k": "1", "d": "hunter2", "b": 1, "m": {"name": "hunter2"}}"#;
    let NoticeAnswer::Notices(notices) = read(yaml, "application/json", body).unwrap() else { panic!() };
    let why: Vec<&str> = notices
        .iter()
        .filter_map(|n| match n {
            SourceNotice::Ignored { why } => Some(why.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(
        why,
        [
            "attribute `a` is left out: this is not a date",
            "attribute `manager` is left out: it must be the id of a person"
        ]
    );
    let Some(SourceNotice::Event(said)) = notices.last() else { panic!() };
    assert_eq!(said.attributes.keys().collect::<Vec<_>>(), ["b"]);
}

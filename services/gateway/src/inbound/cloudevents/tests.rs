use axum::http::{HeaderMap, HeaderName, HeaderValue};
use edge::Problem;
use lifecycle::{Event, EventKind, TraceContext};
use proptest::prelude::*;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

use super::{EventInput, EventMode, parse_request};
use crate::intake::limits::EventLimits;
use crate::intake::received::ReceivedEvent;

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| -> (HeaderName, HeaderValue) {
        (name.parse().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())
    };
    pairs.iter().map(pair).collect()
}

fn read(
    mode: EventMode,
    headers: &HeaderMap,
    body: &[u8],
    limits: &EventLimits,
) -> Result<Vec<ReceivedEvent>, Problem> {
    let dates = readings::DateReader::default();
    parse_request(EventInput { mode, sender: "hr", headers, body, limits, dates: &dates, now: NOW })
}

fn structured(event: &Value) -> Result<Event, Problem> {
    let body = event.to_string();
    let received = read(EventMode::Structured, &HeaderMap::new(), body.as_bytes(), &EventLimits::default())?;
    Ok(received.into_iter().next().unwrap().event)
}

/// Returns a valid event with `changes` applied; null removes a field.
fn event(changes: Value) -> Value {
    let mut event = json!({
        "specversion": "1.0", "id": "1", "source": "hr", "type": "worker.joined", "subject": "worker/E-1",
        "time": "2026-03-01T10:00:00+01:00", "data": {"attributes": {"givenName": "Ann"}},
    });
    for (name, value) in changes.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

#[test]
fn a_structured_event_is_normalised() {
    let data = json!({
        "effectiveAt": "2026-04-01", "attributes": {"givenName": "Zoë", "manager": "worker/E-2", "title": null},
    });
    let event =
        structured(&event(json!({"type": "com.example.worker.joined", "data": data, "extra": 1}))).unwrap();
    assert_eq!(event.kind, EventKind::WorkerJoined);
    assert_eq!(event.id, lifecycle::EventId::of("hr", "1"));
    assert_eq!((event.subject.as_str(), event.time), ("E-1", datetime!(2026-03-01 9:00 UTC)));
    assert_eq!((event.effective_at, event.accepted_at), (datetime!(2026-04-01 0:00 UTC), NOW));
    let attributes = json!({"givenName": "Zoë", "manager": "E-2", "title": null});
    assert_eq!(json!(event.attributes), attributes);
    assert_eq!(event.members, None);
}

#[test]
fn without_attributes_the_other_fields_are_the_attributes() {
    let event =
        structured(&event(json!({"data": {"effective_date": "2026-04-01", "givenName": "Ann"}}))).unwrap();
    assert_eq!(event.effective_at, datetime!(2026-04-01 0:00 UTC));
    assert_eq!(json!(event.attributes), json!({"givenName": "Ann"}));
}

#[test]
fn what_is_left_out_has_its_default() {
    let event = structured(&event(json!({"time": null, "data": null, "type": "worker.left"}))).unwrap();
    assert_eq!((event.time, event.effective_at), (NOW, NOW));
    assert!(event.attributes.is_empty());
}

#[test]
fn members_are_keys_each_once_in_order() {
    let data = json!({"members": ["worker/E-2", "E-1", "E-2"], "member": "E-1"});
    let added = event(json!({"type": "group.member.added", "subject": "group/G", "data": data}));
    assert_eq!(structured(&added).unwrap().members.unwrap(), ["E-2", "E-1"]);
    let nobody = event(json!({"type": "group.upserted", "data": {"members": []}}));
    assert_eq!(
        structured(&nobody).unwrap().members,
        Some(Vec::new()),
        "an empty list says that nobody is in it"
    );
    let nothing = event(json!({"type": "group.upserted", "data": {"displayName": "G"}}));
    assert_eq!(structured(&nothing).unwrap().members, None, "no list says nothing");
}

#[test]
fn a_batch_keeps_its_order_and_its_traces() {
    let trace = TraceContext::root();
    let batch =
        json!([event(json!({"id": "a"})), event(json!({"id": "b", "traceparent": trace.to_string()}))]);
    let body = batch.to_string();
    let received =
        read(EventMode::Batch, &HeaderMap::new(), body.as_bytes(), &EventLimits::default()).unwrap();
    let ids: Vec<_> = received.iter().map(|one| one.event.source_event_id.as_str()).collect();
    assert_eq!((ids.as_slice(), received[1].trace), (["a", "b"].as_slice(), Some(trace)));
    assert!(read(EventMode::Batch, &HeaderMap::new(), b"[]", &EventLimits::default()).unwrap().is_empty());
}

#[test]
fn a_binary_event_is_the_same_as_a_structured_one() {
    let headers = headers(&[
        ("ce-specversion", "1.0"),
        ("ce-id", "50%25"),
        ("ce-source", "hr"),
        ("ce-type", "worker.changed"),
        ("ce-subject", "worker/Zo%C3%AB"),
        ("ce-time", "2026-03-01T10:00:00Z"),
        ("ce-anything", "%%%"),
    ]);
    let received =
        read(EventMode::Binary, &headers, br#"{"attributes":{"surname":"Bell"}}"#, &EventLimits::default())
            .unwrap();
    let event = &received[0].event;
    assert_eq!((event.source_event_id.as_str(), event.subject.as_str()), ("50%", "Zoë"));
    assert_eq!(json!(event.attributes), json!({"surname": "Bell"}));
    assert!(
        read(EventMode::Binary, &headers, b"", &EventLimits::default()).unwrap()[0]
            .event
            .attributes
            .is_empty()
    );
}

#[test]
fn the_content_type_decides_the_mode() {
    let mode = |content_type: &str, more: &[(&str, &str)]| {
        let mut pairs = vec![("content-type", content_type)];
        pairs.extend(more);
        EventMode::of(&headers(&pairs)).map_err(|problem| problem.status().as_u16())
    };
    assert_eq!(mode("application/cloudevents+json; charset=UTF-8", &[]), Ok(EventMode::Structured));
    assert_eq!(mode("Application/CloudEvents-Batch+JSON", &[]), Ok(EventMode::Batch));
    assert_eq!(mode("application/json", &[("ce-id", "1")]), Ok(EventMode::Binary));
    assert_eq!(mode("application/json", &[]), Err(415));
    assert_eq!(mode("application/cloudevents+xml", &[("ce-id", "1")]), Err(415));
    assert_eq!(mode("text/plain", &[("ce-id", "1")]), Err(415));
    assert_eq!(mode("application/cloudevents+json; charset=latin-1", &[]), Err(415));
    assert_eq!(mode("application/cloudevents+json", &[("content-encoding", "gzip")]), Err(415));
}

#[test]
fn each_wrong_field_is_named() {
    let long = "x".repeat(513);
    let cases = [
        (json!({"specversion": "0.3"}), "/specversion"),
        (json!({"specversion": null}), "/specversion"),
        (json!({"id": 1}), "/id"),
        (json!({"id": ""}), "/id"),
        (json!({"id": long}), "/id"),
        (json!({"source": "a\nb"}), "/source"),
        (json!({"source": null}), "/source"),
        (json!({"type": "worker.promoted"}), "/type"),
        (json!({"type": "myworker.joined"}), "/type"),
        (json!({"subject": null}), "/subject"),
        (json!({"subject": "worker/ "}), "/subject"),
        (json!({"time": "yesterday"}), "/time"),
        (json!({"time": "0001-01-01T00:00:00Z"}), "/time"),
        (json!({"datacontenttype": "application/xml"}), "/datacontenttype"),
        (json!({"data_base64": "e30="}), "/data_base64"),
        (json!({"data": [1]}), "/data"),
        (json!({"data": "text"}), "/data"),
        (json!({"data": {"attributes": []}}), "/data/attributes"),
        (json!({"data": {"attributes": null}}), "/data/attributes"),
        (json!({"data": {"effectiveAt": "soon"}}), "/data/effectiveAt"),
        (json!({"data": {"effectiveAt": 12}}), "/data/effectiveAt"),
        (
            json!({"data": {"effectiveAt": "2026-03-01", "effective_date": "2026-03-02"}}),
            "/data/effective_date",
        ),
        (json!({"data": {"effectivAt": "2026-03-01", "attributes": {}}}), "/data/effectivAt"),
        (json!({"data": {"attributes": {"manager": 7}}}), "/data/attributes/manager"),
        (json!({"data": {"attributes": {"a/b": "x\u{0}y"}}}), "/data/attributes/a~1b"),
        (json!({"data": {"attributes": {"": 1}}}), "/data/attributes/"),
        (json!({"data": {"attributes": {"big": "x".repeat(65_536)}}}), "/data/attributes/big"),
        (json!({"data": {"members": ["E-1"]}}), "/data/members"),
        (json!({"type": "group.upserted", "data": {"member": "E-1"}}), "/data/member"),
        (json!({"type": "group.upserted", "data": {"members": "E-1"}}), "/data/members"),
        (json!({"type": "group.member.added", "data": {}}), "/data/members"),
        (json!({"type": "group.member.added", "data": {"members": []}}), "/data/members"),
        (json!({"type": "group.member.added", "data": {"members": ["E-1", 2]}}), "/data/members/1"),
        (json!({"type": "group.member.added", "data": {"member": ""}}), "/data/member"),
    ];
    for (changes, pointer) in cases {
        let problem = structured(&event(changes.clone())).unwrap_err();
        let found: Vec<_> = problem.errors().iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(
            (problem.status().as_u16(), problem.code(), found),
            (422, "invalid", vec![pointer]),
            "{changes}"
        );
    }
}

#[test]
fn all_faults_of_a_batch_are_listed_and_nothing_is_taken() {
    let batch = json!([event(json!({})), event(json!({"id": null, "type": "x"})), 7]);
    let problem =
        read(EventMode::Batch, &HeaderMap::new(), batch.to_string().as_bytes(), &EventLimits::default())
            .unwrap_err();
    let found: Vec<_> = problem.errors().iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(found, ["/1/id", "/1/type", "/2"]);
}

#[test]
fn sizes_are_limited() {
    let limits = EventLimits {
        batch_max: 2,
        attributes_max: 2,
        members_max: 2,
        event_bytes_max: 400,
        ..EventLimits::default()
    };
    let refused = |event: Value| {
        let body = json!([event]).to_string();
        let problem = read(EventMode::Batch, &HeaderMap::new(), body.as_bytes(), &limits).unwrap_err();
        (problem.status().as_u16(), problem.errors()[0].pointer.clone())
    };
    let attributes = json!({"data": {"attributes": {"a": 1, "b": 1, "c": 1}}});
    assert_eq!(refused(event(attributes)), (422, "/0/data/attributes".to_owned()));
    let members = json!({"type": "group.upserted", "data": {"members": ["1", "2", "3"]}});
    assert_eq!(refused(event(members)), (422, "/0/data/members".to_owned()));
    let large = json!({"data": {"attributes": {"a": "x".repeat(300)}}});
    assert_eq!(refused(event(large)), (413, "/0".to_owned()));
    let batch = read(EventMode::Batch, &HeaderMap::new(), b"[1,2,3]", &limits).unwrap_err();
    assert_eq!((batch.status().as_u16(), batch.code()), (413, "batch_too_large"));
    let deep = format!("{}{}", "[".repeat(33), "]".repeat(33));
    let deep = read(EventMode::Batch, &HeaderMap::new(), deep.as_bytes(), &limits).unwrap_err();
    assert_eq!((deep.status().as_u16(), deep.code()), (422, "too_deep"));
}

/// Generates JSON that resembles an event more often than not.
fn near_event() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(|n| Value::from(f64::from(n) / 4.0)),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::sample::select(vec![
            "1.0",
            "worker.left",
            "group.member.added",
            "feed.completed",
            "worker/E-1",
            "group/",
            "2026-03-01",
            "9999-12-31T23:59:60-23:59",
            "0000-01-01T00:00:00+23:59",
            "\u{0}",
        ])
        .prop_map(Value::from),
    ];
    let names = prop::sample::select(vec![
        "specversion",
        "id",
        "source",
        "type",
        "subject",
        "time",
        "data",
        "data_base64",
        "attributes",
        "effectiveAt",
        "effective_date",
        "member",
        "members",
        "manager",
        "Operations",
        "method",
        "path",
        "externalId",
        "x",
    ]);
    leaf.prop_recursive(5, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::vec((names.clone(), inner), 0..8).prop_map(|fields| fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()),
        ]
    })
}

fn never_fails(mode: EventMode, headers: &HeaderMap, body: &[u8]) {
    match read(mode, headers, body, &EventLimits::default()) {
        Ok(received) => {
            for one in received {
                let wire = serde_json::to_string(&one.event).expect("an accepted event can be stored");
                assert_eq!(serde_json::from_str::<Event>(&wire).expect("and read again"), one.event);
            }
        }
        Err(problem) => assert!(problem.status().is_client_error(), "{problem}"),
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_fail(body in prop::collection::vec(any::<u8>(), 0..300)) {
        for mode in [EventMode::Structured, EventMode::Batch, EventMode::Binary] {
            never_fails(mode, &HeaderMap::new(), &body);
        }
    }

    #[test]
    fn arbitrary_json_never_fails(value in near_event()) {
        let body = value.to_string();
        for mode in [EventMode::Structured, EventMode::Batch, EventMode::Binary] {
            never_fails(mode, &HeaderMap::new(), body.as_bytes());
        }
        let mut almost = event(json!({}));
        almost["data"] = value.clone();
        never_fails(EventMode::Structured, &HeaderMap::new(), almost.to_string().as_bytes());
        if let Value::Object(changes) = value {
            never_fails(EventMode::Structured, &HeaderMap::new(), event(Value::Object(changes)).to_string().as_bytes());
        }
    }

    #[test]
    fn arbitrary_headers_never_fail(values in prop::collection::vec(prop::collection::vec(0x20_u8..=0xff, 0..40), 6)) {
        let names = ["ce-specversion", "ce-id", "ce-source", "ce-type", "ce-subject", "ce-time"];
        let pairs = names.into_iter().zip(values).filter_map(|(name, value)| {
            Some((HeaderName::from_static(name), HeaderValue::from_bytes(&value).ok()?))
        });
        let mut headers = HeaderMap::from_iter(pairs);
        never_fails(EventMode::Binary, &headers, b"{}");
        headers.insert("ce-specversion", HeaderValue::from_static("1.0"));
        headers.insert("ce-type", HeaderValue::from_static("worker.left"));
        headers.remove("ce-time");
        never_fails(EventMode::Binary, &headers, b"");
    }
}

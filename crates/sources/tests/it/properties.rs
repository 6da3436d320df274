//! No bytes cause a panic in a reader, and its results keep its promises.

use std::sync::LazyLock;

use lifecycle::EventKind;
use proptest::prelude::*;
use serde_json::{Value, json};
use sources::{
    AdapterKind, NoticeAdapter, NoticeAnswer, NoticeReader, NoticeRequest, SourceNotice, TEXT_CHARS_MAX,
};
use time::OffsetDateTime;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2026-02-01 12:00 UTC);

const SAMPLES: [&str; 16] = [
    include_str!("../data/bamboohr_event_based_updated.json"),
    include_str!("../data/bamboohr_event_based.form"),
    include_str!("../data/bamboohr_field_based_plain.json"),
    include_str!("../data/bamboohr_field_based_updated.json"),
    include_str!("../data/bamboohr_field_based.form"),
    include_str!("../data/cloudevents_joiner.json"),
    include_str!("../data/finch_employment_updated.json"),
    include_str!("../data/gusto_employee_created.json"),
    include_str!("../data/gusto_employee_termination_cancelled.json"),
    include_str!("../data/hibob_v2_employee_left.json"),
    include_str!("../data/merge_employee_changed.json"),
    include_str!("../data/okta_lifecycle_and_groups.json"),
    include_str!("../data/personio_employment_terminated.json"),
    include_str!("../data/rippling_employee_created.form"),
    include_str!("../data/standard_webhooks_thin.json"),
    include_str!("../data/workday_raas_delta.json"),
];

/// One reader of each kind, shared as a server shares them.
static READERS: LazyLock<Vec<NoticeReader>> = LazyLock::new(|| {
    let generic = "{ kind: json, time_zone: Africa/Cairo, events: '', key: /id, type: /type, at: /timestamp, effective_at: /data/effectiveDate, \
                   members: /members, types: { '*': worker.left, a: group.upserted }, attributes: { x: '[data.a]', y: /data } }";
    let kinds = AdapterKind::ALL.into_iter().filter(|kind| *kind != AdapterKind::Json);
    let adapters = kinds.map(NoticeAdapter::new).chain([serde_saphyr::from_str(generic).unwrap()]);
    adapters.map(|adapter| adapter.compile().unwrap()).collect()
});

/// Reads a body with every reader, and checks the properties of every result.
fn check(body: &[u8], headers: &[(&str, &str)]) {
    for reader in READERS.iter() {
        for method in ["POST", "GET", "OPTIONS"] {
            let request = NoticeRequest { method, headers, body };
            let answer = reader.read(&request, NOW);
            assert_eq!(answer, reader.read(&request, NOW), "the same request, the same answer");
            match answer {
                Err(error) => assert!(!error.what.is_empty() && !error.fix.is_empty()),
                Ok(NoticeAnswer::Handshake { .. }) => {}
                Ok(NoticeAnswer::Notices(notices)) => notices.iter().for_each(check_notice),
            }
        }
    }
}

fn check_notice(notice: &SourceNotice) {
    let is_text = |text: &str| {
        !text.is_empty() && text.chars().count() <= TEXT_CHARS_MAX && !text.contains(char::is_control)
    };
    let years = 1899..=9999;
    match notice {
        SourceNotice::Event(said) => {
            assert!(is_text(&said.subject) && said.id.iter().all(|id| is_text(id)));
            assert!(years.contains(&said.at.year()));
            assert!(said.effective_at.is_none_or(|at| years.contains(&at.year()) && at != said.at));
            assert!(said.members.iter().flatten().all(|key| is_text(key)));
            assert!(!said.dedupe_id().is_empty());
            assert!(!said.withdraws || matches!(said.kind, EventKind::WorkerLeft | EventKind::WorkerRehired));
        }
        SourceNotice::Changed { key, at, .. } => assert!(is_text(key) && years.contains(&at.year())),
        SourceNotice::Ignored { why } => assert!(!why.is_empty()),
        SourceNotice::UnknownType { name } => assert!(name.chars().count() <= 65),
    }
}

/// Returns names and values that the readers look for, so that random JSON is partly understood.
fn known() -> impl Strategy<Value = String> {
    let names = [
        "type",
        "timestamp",
        "data",
        "employeeId",
        "employees",
        "fields",
        "changedFields",
        "action",
        "id",
        "event_name",
        "payload",
        "person",
        "person_id",
        "event_type",
        "entity_uuid",
        "uuid",
        "hook",
        "event",
        "employment_status",
        "start_date",
        "termination_date",
        "individual_id",
        "events",
        "eventType",
        "target",
        "outcome",
        "result",
        "published",
        "triggeredAt",
        "effectiveDate",
        "members",
        "Status",
        "Hire Date",
        "manager",
        "value",
        "employee",
        "occurred_at",
        "modified_at",
        "0",
        "",
    ];
    prop_oneof![4 => prop::sample::select(names.to_vec()).prop_map(str::to_owned), 1 => ".{0,6}"]
}

fn value() -> impl Strategy<Value = Value> {
    let words = [
        "employee.updated",
        "employee.left",
        "employee.terminated",
        "employee.deleted",
        "employee.termination_cancelled",
        "Updated",
        "Employee.changed",
        "employment.changed",
        "person.updated",
        "employment.terminated",
        "individual.updated",
        "User",
        "UserGroup",
        "user.lifecycle.deactivate",
        "group.user_membership.add",
        "group.lifecycle.create",
        "SUCCESS",
        "ACTIVE",
        "Inactive",
        "Status",
        "Hire Date",
        "2026-03-29",
        "2026-04-24T00:30:00",
        "2026-10-25T02:30:00+0000",
        "9999-12-31",
        "9998-12-31",
        "1900-01-01",
        "1900-01-01T00:00:00+14:00",
        "9998-12-31T23:59:60-12:00",
        "worker/E-1",
        "Ping test",
    ];
    let leaf = prop_oneof![
        4 => prop::sample::select(words.to_vec()).prop_map(Value::from),
        1 => ".{0,12}".prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(|number| json!(number)),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            3 => prop::collection::vec((known(), inner), 0..8).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Returns the pointers to every part of `value`.
fn places(value: &Value) -> Vec<String> {
    let below = |name: String, value: &Value| {
        let name = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        places(value).into_iter().map(move |place| format!("{name}{place}")).collect::<Vec<_>>()
    };
    let mut found = vec![String::new()];
    match value {
        Value::Array(list) => {
            found.extend(list.iter().enumerate().flat_map(|(index, v)| below(index.to_string(), v)))
        }
        Value::Object(fields) => found.extend(fields.iter().flat_map(|(name, v)| below(name.clone(), v))),
        _ => {}
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..256), kind in "[a-z/;=\\-]{0,40}") {
        check(&body, &[("content-type", &kind)]);
        check(&body, &[]);
    }

    #[test]
    fn no_json_makes_it_panic(body in value()) {
        check(body.to_string().as_bytes(), &[]);
    }

    #[test]
    fn no_record_and_no_row_makes_it_panic(record in value()) {
        for reader in READERS.iter() {
            for hint in [None, Some(EventKind::WorkerLeft), Some(EventKind::WorkerRehired)] {
                let fetched = reader.fetched(&record, "E-1", hint, NOW);
                prop_assert_eq!(&fetched, &reader.fetched(&record, "E-1", hint, NOW));
                fetched.iter().flatten().for_each(check_notice);
            }
            if let Ok(row) = reader.row(&record, NOW) {
                row.notices.iter().for_each(check_notice);
            }
        }
    }

    #[test]
    fn no_damaged_sample_makes_it_panic(
        sample in prop::sample::select(SAMPLES.to_vec()),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
        whole in any::<bool>(),
    ) {
        let mut body = sample.as_bytes().to_vec();
        for (at, byte) in damage {
            let at = at.index(body.len());
            body[at] = byte;
        }
        if !whole {
            body.truncate(cut.index(body.len()));
        }
        check(&body, &[]);
        check(&body, &[("content-type", "application/x-www-form-urlencoded")]);
    }

    #[test]
    fn no_changed_sample_makes_it_panic(
        sample in prop::sample::select(SAMPLES.to_vec()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), value()), 1..4),
    ) {
        let Ok(mut body) = serde_json::from_str::<Value>(sample) else { return Ok(()) };
        for (at, value) in changes {
            let places = places(&body);
            *body.pointer_mut(&places[at.index(places.len())]).unwrap() = value;
        }
        check(body.to_string().as_bytes(), &[]);
    }

    #[test]
    fn no_header_makes_it_panic(name in known(), value in "\\PC{0,40}", challenge in "\\PC{0,600}") {
        let body = SAMPLES[6].as_bytes();
        let known = [
            "webhook-id", "finch-event-id", "finch-timestamp", "x-bamboohr-timestamp", "webhook-request-origin", "webhook-request-rate",
        ];
        for header in known {
            check(body, &[(&name, &value), (header, &value), ("x-okta-verification-challenge", &challenge)]);
        }
    }

    #[test]
    fn no_adapter_makes_compiling_panic(text in ".{0,40}", zone in "[A-Za-z/_+0-9-]{0,24}") {
        let mut adapter = NoticeAdapter::new(AdapterKind::Json);
        adapter.time_zone = zone;
        adapter.key = Some(text.clone());
        adapter.attributes.insert(text.clone(), Some(text));
        let _ = adapter.compile();
    }
}

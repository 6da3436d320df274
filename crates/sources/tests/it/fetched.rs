//! Fetched records and their statements.

use lifecycle::EventKind::{self, WorkerChanged, WorkerJoined, WorkerLeft, WorkerRehired};
use serde_json::{Value, json};
use sources::{NoticeAdapter, SourceNotice};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::reading::{NOW, reader};

/// Returns the kind and the effective time of each event, and the reason for each ignored one.
fn said(yaml: &str, record: &Value, hint: Option<EventKind>) -> Vec<(String, Option<OffsetDateTime>)> {
    let notices = reader(yaml).fetched(record, "E-1", hint, NOW).unwrap();
    let each = notices.into_iter().map(|notice| match notice {
        SourceNotice::Event(said) => {
            assert_eq!((said.subject.as_str(), said.at, said.id), ("E-1", NOW, None));
            assert!(said.kind == WorkerChanged || said.attributes.is_empty(), "values are apart");
            (said.kind.to_string(), said.effective_at)
        }
        SourceNotice::Ignored { why } => (why, None),
        SourceNotice::UnknownType { name } => panic!("a record has no event type: {name}"),
        SourceNotice::Changed { .. } => panic!("it was fetched already"),
    });
    each.collect()
}

fn is(kind: EventKind, at: Option<OffsetDateTime>) -> (String, Option<OffsetDateTime>) {
    (kind.to_string(), at)
}

#[test]
fn the_days_of_a_vendors_record_are_read_in_the_sources_time_zone() {
    let record = |ends: Value| json!({"first_name": "Ada", "jobs": [{"hire_date": "2020-02-03"}], "terminations": [{"effective_date": ends}]});
    let gusto = "{ kind: gusto, time_zone: America/Los_Angeles }";
    let ends = Some(datetime!(2097-07-01 7:00 UTC));
    let joined = is(WorkerJoined, Some(datetime!(2020-02-03 8:00 UTC)));
    let expected = [is(WorkerChanged, None), joined.clone(), is(WorkerLeft, ends)];
    assert_eq!(said(gusto, &record(json!("2097-06-30")), Some(WorkerLeft)), expected);
    assert_eq!(
        said(gusto, &record(json!("2097-06-30T00:00:00Z")), None),
        expected,
        "midnight in UTC is a day"
    );
    let stays = is(WorkerRehired, None);
    assert_eq!(said(gusto, &record(Value::Null), None), [is(WorkerChanged, None), joined.clone(), stays]);
    assert_eq!(said(gusto, &record(json!("soon")), None), [is(WorkerChanged, None), joined]);
}

#[test]
fn what_cannot_be_read_is_named_by_its_place_and_form_and_the_rest_counts() {
    let yaml = "{ kind: json, key: /id, types: { '*': worker.changed }, attributes: { department: /dep },
                  employment: { active: '[status]', starts: /hired, ends: /last } }";
    let read = |status: Value, hired: Value, last: Value, hint| {
        let record = json!({"dep": "Sales", "status": status, "hired": hired, "last": last});
        let notices = reader(yaml).fetched(&record, "E-1", hint, NOW).unwrap();
        let said = notices.into_iter().filter_map(|notice| match notice {
            SourceNotice::Event(said) => Some(said),
            _ => None,
        });
        let said: Vec<_> = said.collect();
        let unread: Vec<_> =
            said[0].unread.iter().map(|value| format!("{}: {}", value.field, value.class)).collect();
        let kinds: Vec<_> = said[1..].iter().map(|said| said.kind).collect();
        (kinds, unread)
    };
    for (last, class) in [
        (json!("31.12.2027"), "99.99.9999"),
        (json!("12/31/2026"), "99/99/9999"),
        (json!("yesterday"), "a"),
        (json!(46387), "the number 99999"),
    ] {
        let listed = vec![format!("employment.ends: {class}")];
        let (kinds, unread) = read(json!("active"), json!("2024-03-01"), last.clone(), None);
        assert_eq!((kinds, unread), (vec![WorkerJoined, WorkerJoined], listed.clone()), "{last}");
        let (kinds, unread) = read(json!("inactive"), json!("2024-03-01"), last.clone(), None);
        assert_eq!((kinds, unread), (vec![WorkerLeft], listed), "{last}");
    }
    let (kinds, unread) = read(json!("active"), json!("soon"), json!("2097-01-31"), None);
    assert_eq!((kinds, unread.len()), (vec![WorkerLeft, WorkerJoined], 1));
    let (kinds, unread) = read(json!("seconded"), json!("2024-03-01"), Value::Null, None);
    assert_eq!((kinds, unread), (vec![WorkerJoined], vec!["employment.active: a".to_owned()]));
    let (kinds, unread) = read(json!("active"), json!("2024-03-01"), json!("31-Dec-2026 "), None);
    assert_eq!((kinds, unread.len()), (vec![WorkerJoined, WorkerLeft, WorkerJoined], 0));
    // The notice states a departure, and the record does not.
    let (kinds, unread) = read(json!("active"), json!("2024-03-01"), Value::Null, Some(WorkerLeft));
    assert_eq!((kinds, unread.len()), (vec![WorkerJoined, WorkerRehired], 1));
}

#[test]
fn a_status_whose_words_are_known_says_who_works_here_now() {
    let bamboo =
        |status: &str| json!({"firstName": "Ada", "status": status, "terminationDate": "0000-00-00"});
    let kind = "{ kind: bamboohr }";
    assert_eq!(said(kind, &bamboo("Active"), None)[1], is(WorkerRehired, None));
    assert_eq!(said(kind, &bamboo("Inactive"), None)[1], is(WorkerLeft, None));
    assert_eq!(said(kind, &bamboo("On leave"), None)[1], is(WorkerRehired, None), "and employed");
    assert_eq!(said(kind, &bamboo("Seconded"), None).len(), 1);
    assert_eq!(said(kind, &json!({"firstName": "Ada", "status": "Active"}), None)[1], is(WorkerJoined, None));
    assert_eq!(said(kind, &json!({"firstName": "Ada", "status": null}), None).len(), 1);
}

#[test]
fn an_adapter_says_where_its_own_records_tell_of_employment() {
    let yaml = "{ kind: json, key: /id, types: { '*': worker.changed }, attributes: { department: /dep }, end_date: first_day_away,
                  employment: { active: 'IIF([state] = \"left\", \"false\", \"true\")', starts: /from, ends: '[until]' } }";
    let record = json!({"dep": "Sales", "state": "here", "from": "2020-01-01", "until": "2097-07-01"});
    assert_eq!(said(yaml, &record, None)[2], is(WorkerLeft, Some(datetime!(2097-07-01 0:00 UTC))));
    let record = json!({"dep": "Sales", "state": "left", "from": "2020-01-01", "until": null});
    assert_eq!(said(yaml, &record, None)[1], is(WorkerLeft, None));
}

#[test]
fn what_is_no_record_is_refused_and_a_wrong_rule_at_the_start() {
    let reader = reader("{ kind: gusto }");
    for wrong in [json!("Ada"), json!([{"first_name": "Ada"}]), Value::Null] {
        assert!(reader.fetched(&wrong, "E-1", None, NOW).unwrap_err().to_string().contains("not an object"));
    }
    let deep = (0..40).fold(json!("Ada"), |inner, _| json!([inner]));
    let error = reader.fetched(&json!({"first_name": deep}), "E-1", None, NOW).unwrap_err();
    assert!(error.to_string().contains("deeper") && !error.to_string().contains("Ada"), "{error}");
    let adapter: NoticeAdapter =
        serde_saphyr::from_str("{ kind: gusto, employment: { active: 'IIF([a]' } }").unwrap();
    assert_eq!(adapter.compile().unwrap_err().field, "employment.active");
    assert!(serde_saphyr::from_str::<NoticeAdapter>("{ kind: gusto, employment: { gone: /a } }").is_err());
}

#[test]
fn a_row_holds_from_its_day_on() {
    let yaml = "{ kind: json, key: /id, types: { '*': worker.changed }, effective_at: /from, time_zone: Europe/Berlin,
                  attributes: { department: /dep }, employment: { active: /active, starts: /hired, ends: /last } }";
    let row = |from: &str, active: &str| {
        let row = json!({"id": "E-1", "dep": "Sales", "from": from, "active": active, "hired": "2020-01-01", "last": null});
        let row = reader(yaml).row(&row, NOW).unwrap();
        let events = row.notices.into_iter().filter_map(|notice| match notice {
            SourceNotice::Event(said) => Some((said.kind, said.effective_at)),
            _ => None,
        });
        (row.effective_at, events.collect::<Vec<_>>())
    };
    let (past, ahead) = (Some(datetime!(2024-06-30 22:00 UTC)), Some(datetime!(2097-06-30 22:00 UTC)));
    let hired = Some(datetime!(2019-12-31 23:00 UTC));
    let joined = (WorkerJoined, hired);
    assert_eq!(row("2024-07-01", "1"), (past, vec![(WorkerChanged, past), joined, (WorkerRehired, None)]));
    assert_eq!(row("2097-07-01", "1"), (ahead, vec![(WorkerChanged, ahead), joined, (WorkerJoined, ahead)]));
    assert_eq!(row("2097-07-01", "0"), (ahead, vec![(WorkerChanged, ahead), (WorkerLeft, ahead)]));
    assert_eq!(row("", "0"), (None, vec![(WorkerChanged, None), (WorkerLeft, None)]));
    let reader = reader(yaml);
    assert_eq!(row("soon", "1"), (None, vec![(WorkerChanged, None)]), "its values count from no known day");
    assert_eq!(
        row("soon", "0"),
        (None, vec![(WorkerChanged, None), (WorkerLeft, None)]),
        "the departure holds"
    );
    for wrong in [json!({"dep": "Sales"}), json!("E-1")] {
        assert!(reader.row(&wrong, NOW).is_err(), "{wrong}");
    }
}

//! Adapters in a configuration file, and the errors of wrong ones.

use serde_json::{Value, json};
use sources::{AdapterKind, MappedAttributes, NoticeAdapter};
use time::macros::datetime;

fn adapter(yaml: &str) -> NoticeAdapter {
    serde_saphyr::from_str(yaml).unwrap()
}

#[test]
fn every_kind_has_a_name_and_needs_nothing_else_but_json() {
    let names = [
        "bamboohr",
        "hibob",
        "personio",
        "gusto",
        "rippling",
        "merge",
        "finch",
        "okta",
        "standard_webhooks",
        "json",
    ];
    for (kind, name) in AdapterKind::ALL.into_iter().zip(names) {
        let adapter = adapter(&format!("kind: {name}"));
        assert_eq!(adapter, NoticeAdapter::new(kind));
        assert_eq!(adapter.compile().is_ok(), kind != AdapterKind::Json, "{name}");
        let written = serde_json::to_string(&adapter).unwrap();
        assert_eq!(serde_json::from_str::<NoticeAdapter>(&written).unwrap(), adapter, "{written}");
    }
}

#[test]
fn the_example_in_the_documentation_works() {
    let source = include_str!("../../src/adapter.rs");
    let (_, example) = source.split_once("/// ```yaml\n").unwrap();
    let (example, _) = example.split_once("/// ```\n").unwrap();
    let yaml: String = example.lines().map(|line| format!("{}\n", line.trim_start_matches("/// "))).collect();
    assert_eq!(adapter(&yaml).compile().unwrap().kind(), AdapterKind::Json);
}

#[test]
fn an_unknown_setting_kind_or_meaning_is_refused() {
    for yaml in [
        "{ kind: gusto, timezone: UTC }",
        "kind: workday",
        "{ kind: gusto, types: { x: left } }",
        "time_zone: UTC",
    ] {
        assert!(serde_saphyr::from_str::<NoticeAdapter>(yaml).is_err(), "{yaml}");
    }
}

#[test]
fn a_wrong_setting_is_named_with_what_to_do() {
    let table = [
        ("{ kind: gusto, time_zone: CEST/Berlin }", "time_zone", "Europe/Berlin"),
        ("{ kind: gusto, notices_max: 0 }", "notices_max", "at least 1"),
        ("{ kind: gusto, key: /id }", "key", "remove it"),
        ("{ kind: standard_webhooks, type: /t }", "type", "remove it"),
        ("{ kind: gusto, end_date: first_day_away }", "end_date", "remove it"),
        ("{ kind: json, types: { '*': worker.left } }", "key", "key: /employee/id"),
        ("{ kind: json, key: id, types: { '*': worker.left } }", "key", "/employee/id"),
        ("{ kind: json, key: /id }", "types", "worker.joined"),
        ("{ kind: json, key: /id, types: { x: worker.left } }", "types", "`*` alone"),
        ("{ kind: gusto, attributes: { mail: 'Nope([x])' } }", "attributes.mail", ""),
        (
            "{ kind: gusto, attributes: { mail: 'SelectUniqueValue([a], [b])' } }",
            "attributes.mail",
            "first rule",
        ),
        ("{ kind: gusto, attributes: { '': '[x]' } }", "attributes.", "characters"),
    ];
    for (yaml, field, fix) in table {
        let error = adapter(yaml).compile().unwrap_err();
        assert_eq!(error.field, field, "{error}");
        assert!(error.fix.contains(fix), "{error}");
        assert!(error.to_string().starts_with(&format!("`{field}` ")), "{error}");
    }
    let error = adapter("{ kind: gusto, attributes: { mail: 'Join(\"-\", [a)' } }").compile().unwrap_err();
    assert!(error.snippet.unwrap().contains('^'));
}

fn mapped(yaml: &str, record: &Value) -> MappedAttributes {
    adapter(yaml).compile().unwrap().attributes(record, "E-1", datetime!(2026-02-01 12:00 UTC))
}

#[test]
fn a_fetched_record_is_read_with_the_same_attributes() {
    let record = json!({
        "firstName": "Ada", "surname": "Byron", "displayName": "Ada Byron", "email": "ada@acme.example",
        "work": {"department": "Security", "title": "", "reportsTo": {"id": 77}, "startDate": "2026-02-02"},
    });
    let values = json!({
        "givenName": "Ada", "surname": "Byron", "displayName": "Ada Byron", "mail": "ada@acme.example",
        "userPrincipalName": "ada@acme.example", "department": "Security", "jobTitle": null, "manager": "77",
        "startDate": "2026-02-02",
    });
    assert_eq!(json!(mapped("kind: hibob", &record).attributes), values);
}

#[test]
fn an_adapter_adds_to_what_its_kind_maps_replaces_it_and_takes_away() {
    let yaml = r#"
kind: gusto
attributes:
  mail: 'ToLower([email])'
  userPrincipalName: ~
  skills: /skills
  city: '[addresses.1.city]'
  company: '"ACME"'
"#;
    let record = json!({
        "email": "ADA@acme.example", "skills": ["SCIM", "Rust"], "addresses": [{"city": "Paris"}, {"city": "London"}],
    });
    let values =
        json!({"mail": "ada@acme.example", "skills": ["SCIM", "Rust"], "city": "London", "company": "ACME"});
    assert_eq!(json!(mapped(yaml, &record).attributes), values);
    assert!(
        mapped(yaml, &json!({"unrelated": 1})).attributes.is_empty(),
        "what is the same for all is nothing by itself"
    );
}

#[test]
fn what_a_record_does_not_speak_of_is_not_said_to_have_no_value() {
    let yaml = "{ kind: json, key: /k, types: { '*': worker.changed }, attributes: { a: '[x.a]', b: /x/b, c: 'Coalesce([c], [d])' } }";
    let said = |record: Value| json!(mapped(yaml, &record).attributes);
    assert_eq!(said(json!({"x": {"a": null, "b": ""}})), json!({"a": null, "b": null}));
    assert_eq!(said(json!({"x": {}, "d": "0000-00-00"})), json!({"c": null}));
    assert_eq!(
        said(json!({"x": {"a": {"value": 7}, "b": {"value": true}}, "c": [1, "b"]})),
        json!({"a": 7, "b": true, "c": [1, "b"]})
    );
}

use serde_json::{Value, json};

use super::super::{ScopeClause, ScopeInput};
use crate::attributes::has_value;

/// Returns `true` if `x` with `value` fulfils the rest of a clause.
fn holds(rest: &str, value: &Value) -> bool {
    let attributes = [("x".to_owned(), value.clone())].into_iter().collect();
    let now = time::macros::datetime!(2026-05-10 12:00 UTC);
    let seen = ScopeInput {
        attributes: &attributes,
        manager: None,
        groups: &[],
        key: "E-1",
        impersonal: false,
        now,
    };
    let clause = ScopeClause::parse(&format!("x {rest}")).unwrap();
    let holds = clause.holds(&seen, lifecycle::unix_micros(now));
    let not = ScopeClause::Not(Box::new(clause));
    assert_eq!(not.holds(&seen, lifecycle::unix_micros(now)), !holds, "not is plain negation: {rest}");
    holds
}

#[test]
fn text_operators_hold_exactly_where_they_should() {
    let table = [
        (r#"EQUALS "Sales""#, json!("Sales"), true),
        (r#"EQUALS "Sales""#, json!("sales"), false),
        (r#"EQUALS "sales" ignoring case"#, json!("SALES"), true),
        (r#"EQUALS "ÉCOLE" ignoring case"#, json!("école"), true),
        (r#"EQUALS "ΟΔΟΣ" ignoring case"#, json!("οδος"), true),
        (r#"EQUALS "Sales""#, json!("Sales Ops"), false),
        (r#"EQUALS "7""#, json!(7), true),
        (r#"EQUALS "True""#, json!(true), true),
        (r#"EQUALS "b""#, json!(["a", "b"]), true),
        (r#"EQUALS "b""#, json!([{ "value": "b", "type": "work" }]), true),
        (r#"EQUALS """#, json!(""), false),
        (r#"NOT EQUALS "Sales""#, json!("HR"), true),
        (r#"NOT EQUALS "Sales""#, json!("Sales"), false),
        (r#"NOT EQUALS "a""#, json!(["a", "b"]), false),
        (r#"NOT EQUALS "c""#, json!(["a", "b"]), true),
        (r#"IN ["Sales", "R&D"]"#, json!("R&D"), true),
        (r#"IN ["Sales", "R&D"]"#, json!("r&d"), false),
        (r#"IN ["Sales"] ignoring case"#, json!(["HR", "SALES"]), true),
        (r#"NOT IN ["Sales", "R&D"]"#, json!("HR"), true),
        (r#"NOT IN ["Sales", "R&D"]"#, json!(["HR", "R&D"]), false),
        (r#"STARTS WITH "SEC-""#, json!("SEC-vpn"), true),
        (r#"STARTS WITH "SEC-""#, json!("sec-vpn"), false),
        (r#"STARTS WITH "SEC-" ignoring case"#, json!("sec-vpn"), true),
        (r#"STARTS WITH "SEC-""#, json!("x-SEC-"), false),
        (r#"ENDS_WITH "son""#, json!("Johnson"), true),
        (r#"ENDS_WITH "SON" ignoring case"#, json!("Johnson"), true),
        (r#"ENDS_WITH "John""#, json!("Johnson"), false),
        (r#"Includes "ohn""#, json!("Johnson"), true),
        (r#"Includes "OHN""#, json!("Johnson"), false),
        (r#"Includes "OHN" ignoring case"#, json!("Johnson"), true),
        (r#"NOT INCLUDES "ohn""#, json!("Johnson"), false),
        (r#"NOT INCLUDES "x""#, json!("Johnson"), true),
        (r#"MATCHES "SEC-*-?""#, json!("SEC-VPN-1"), true),
        (r#"MATCHES "SEC-*""#, json!("XSEC-VPN"), false),
        (r#"NOT MATCHES "SEC-*""#, json!(["a", "SEC-1"]), false),
        (r#"REGEX MATCH "[0-9]+""#, json!(42), true),
        (r#"REGEX MATCH "\d\d""#, json!("142"), false),
        (r#"REGEX MATCH "sales" ignoring case"#, json!("Sales"), true),
        (r#"NOT REGEX MATCH ".*@a\.org""#, json!("x@b.org"), true),
    ];
    for (rest, value, expected) in table {
        assert_eq!(holds(rest, &value), expected, "{rest} on {value}");
    }
}

#[test]
fn integers_booleans_and_presence_hold_exactly_where_they_should() {
    let table = [
        ("GREATER THAN 5", json!("6"), true),
        ("GREATER THAN 5", json!(5), false),
        ("GREATER THAN 5", json!("x"), false),
        ("GREATER THAN 5", json!(6.5), false),
        ("GREATER THAN OR EQUALS 5", json!(5), true),
        ("LESS THAN -1", json!(-2), true),
        ("LESS THAN 5", json!([9, 4]), true),
        ("LESS THAN OR EQUALS 5", json!(" 5 "), true),
        ("IS TRUE", json!(true), true),
        ("IS TRUE", json!("True"), true),
        ("IS TRUE", json!(false), false),
        ("IS FALSE", json!("FALSE"), true),
        ("IS FALSE", json!("no"), false),
        ("IS NULL", json!(0), false),
        ("IS NOT NULL", json!("x"), true),
        ("IS NOT NULL", json!([null]), false),
    ];
    for (rest, value, expected) in table {
        assert_eq!(holds(rest, &value), expected, "{rest} on {value}");
    }
}

#[test]
fn without_a_value_nothing_holds_but_is_null() {
    let rests = [
        "EQUALS \"\"",
        "NOT EQUALS a",
        "IN [a]",
        "NOT IN [a]",
        "STARTS WITH \"\"",
        "ENDS WITH \"\"",
        "INCLUDES \"\"",
        "NOT INCLUDES a",
        "MATCHES \"*\"",
        "NOT MATCHES a",
        "REGEX MATCH \".*\"",
        "NOT REGEX MATCH a",
        "GREATER THAN 0",
        "LESS THAN 0",
        "IS TRUE",
        "IS FALSE",
        "IS NOT NULL",
        "WITHIN 7 days",
        "WITHIN LAST 7 days",
        "BEFORE now",
        "ON OR BEFORE now",
        "AFTER now",
        "ON OR AFTER now",
    ];
    for value in [
        json!(null),
        json!(""),
        json!("  "),
        json!([]),
        json!([null, ""]),
        json!({}),
        json!({ "value": null }),
    ] {
        assert!(!has_value(&value));
        assert!(holds("IS NULL", &value), "{value}");
        for rest in rests {
            assert!(!holds(rest, &value), "{rest} on {value}");
        }
    }
}

//! The results of constants and functions that Entra's pages describe in words and not by example.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use expression::{Expression, RandomSeed, eval_lines};
use serde_json::{Value, json};
use time::OffsetDateTime;

/// Returns the answer of `usher policy eval` to a line.
fn answer(line: &Value) -> Value {
    let line = eval_lines::evaluate_line(&line.to_string(), OffsetDateTime::UNIX_EPOCH, RandomSeed([7; 32]));
    serde_json::from_str(&line).unwrap()
}

#[test]
fn not_is_false_for_true_and_true_for_everything_else() {
    let table = [
        (json!("True"), "False"),
        (json!("true"), "False"),
        (json!(true), "False"),
        (json!(["True"]), "False"),
        (json!("False"), "True"),
        (json!("1"), "True"),
        (json!(1), "True"),
        (json!("yes"), "True"),
        (json!(""), "True"),
        (json!(null), "True"),
        (json!(["True", "True"]), "True"),
    ];
    for (value, expected) in table {
        let line = json!({ "expression": "Not([x])", "source": { "x": value } });
        assert_eq!(answer(&line), json!({ "value": expected }), "{line}");
    }
    for (condition, expected) in [("[x] = \"a\"", "False"), ("[x] = \"b\"", "True")] {
        let line = json!({ "expression": format!("Not({condition})"), "source": { "x": "a" } });
        assert_eq!(answer(&line), json!({ "value": expected }), "{line}");
    }
}

#[test]
fn cbool_and_iif_hold_for_true_and_for_numbers_and_fail_for_any_other_word() {
    let table = [
        (json!("True"), Some("True")),
        (json!(" true "), Some("True")),
        (json!(true), Some("True")),
        (json!("False"), Some("False")),
        (json!("1"), Some("True")),
        (json!(-1), Some("True")),
        (json!(0.5), Some("True")),
        (json!("0"), Some("False")),
        (json!("0.0"), Some("False")),
        (json!(["True"]), Some("True")),
        // No value is no truth value either, and Entra's `CBool` is false for it.
        (json!(""), Some("False")),
        (json!(null), Some("False")),
        (json!([]), Some("False")),
        (json!("Yes"), None),
        (json!("Active"), None),
        (json!("ACTIVE"), None),
        (json!("no"), None),
        (json!("x"), None),
        (json!("NaN"), None),
        (json!("inf"), None),
        (json!("2026-01-01"), None),
        (json!(["True", "True"]), None),
    ];
    for expression in ["CBool([x])", r#"IIF([x], "True", "False")"#] {
        for (value, expected) in &table {
            let line = json!({ "expression": expression, "source": { "x": value } });
            let told = answer(&line);
            match expected {
                Some(expected) => assert_eq!(told, json!({ "value": expected }), "{line}"),
                None => {
                    let message = told["error"]["message"].as_str().unwrap_or_default();
                    let known = ["neither true nor false", "one value is needed"];
                    assert!(known.iter().any(|known| message.contains(known)), "{line}: {told}");
                }
            }
        }
    }
    let date = json!({ "expression": "CBool(Now())", "source": {} });
    assert!(answer(&date)["error"].is_object(), "a date");
}

#[test]
fn bare_numbers_are_constants_by_their_text() {
    let table = [
        (r#"Join("", 0041, "-")"#, "0041-"),
        (r#"Join("", 1000, "-")"#, "1000-"),
        (r#"Join("", -007)"#, "-007"),
        (r#"Mid("Quick", 02, 003)"#, "uic"),
        (r#"IIF([n] = 0041, "same", "other")"#, "same"),
        (r#"IIF([n] < 0042, "less", "other")"#, "less"),
    ];
    for (text, expected) in table {
        let line = json!({ "expression": text, "source": { "n": "0041" } });
        assert_eq!(answer(&line), json!({ "value": expected }), "{text}");
        let printed = Expression::compile(text).unwrap().to_string();
        let line = json!({ "expression": printed, "source": { "n": "0041" } });
        assert_eq!(answer(&line), json!({ "value": expected }), "{printed}");
    }
}

#[test]
fn a_file_of_cases_can_be_fed_as_it_is() {
    let line = json!({
        "fn": "ToUpper", "doc": "a.md", "id": "EX1", "kind": "exact", "note": "", "expected": "A", "corrected": "B",
        "expected_pattern": "B", "patterns": [], "expression": "ToUpper([x])", "source": { "x": "b" },
    });
    assert_eq!(answer(&line), json!({ "value": "B" }));
    let unknown = json!({ "expression": "[x]", "sorce": {} });
    assert!(answer(&unknown)["error"]["message"].as_str().unwrap().contains("unknown member `sorce`"));
}

#[test]
fn a_constant_interval_is_one_wherever_one_from_an_attribute_is() {
    for interval in ["yyyy", "q", "m", "y", "d", "w", "ww", "h", "n", "s"] {
        let dates = r#"CDate("2024-01-01"), CDate("2025-03-02")"#;
        let of = |interval: &str| format!("DateDiff({interval}, {dates})");
        let constant = json!({ "expression": of(&format!("\"{interval}\"")) });
        let given = json!({ "expression": of("[i]"), "source": { "i": interval } });
        assert_eq!(answer(&constant), answer(&given), "{interval}");
        assert!(answer(&constant)["value"].is_string(), "{interval}");
    }
}

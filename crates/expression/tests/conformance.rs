//! Runs all published vectors through the same API as `usher policy eval`.
//! For the origin of the data see `tests/vectors/README.md`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use expression::{RandomSeed, eval_lines};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use time::macros::datetime;

const VECTORS: &str = include_str!("vectors/entra_expressions.json");

/// The vectors whose expected value we do not return, with the reason.
const DIFFERENT: &[(&str, &str)] = &[];

/// The results of null tests inside IIF. Entra calls them unsupported; here they work.
const NULL_TESTS_IN_IIF: &[(&str, &str)] = &[("EX0047", "Other"), ("EX0048", "Other"), ("EX0049", "Other")];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    id: String,
    kind: String,
    expression: String,
    source: Map<String, Value>,
    now: Option<String>,
    existing: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    expected: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    corrected: Option<Value>,
    #[serde(default)]
    patterns: Vec<String>,
}

/// Distinguishes null from an absent value.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(VECTORS).unwrap()
}

fn evaluate(vector: &Vector) -> Value {
    let line = json!({
        "expression": vector.expression, "source": vector.source, "now": vector.now, "existing": vector.existing,
    });
    let answer =
        eval_lines::evaluate_line(&line.to_string(), datetime!(2025-07-30 0:00 UTC), RandomSeed([7; 32]));
    serde_json::from_str(&answer).unwrap()
}

fn failure(vector: &Vector) -> Option<String> {
    let answer = evaluate(vector);
    let unsupported =
        NULL_TESTS_IN_IIF.iter().find(|(id, _)| *id == vector.id).map(|(_, value)| json!(value));
    let wanted = unsupported.as_ref().or(vector.corrected.as_ref()).or(vector.expected.as_ref());
    let passes = match (vector.kind.as_str(), wanted) {
        ("no_output_documented", _) => answer["value"].is_null() || answer["error"]["message"].is_string(),
        (_, None) => vector.patterns.iter().all(|pattern| fits(pattern, &answer["value"])),
        (_, Some(wanted)) if wanted.get("$error").is_some() => answer.get("error").is_some(),
        (_, Some(wanted)) => answer.get("value") == Some(wanted),
    };
    let shown = wanted.map_or_else(|| vector.patterns.join(" and "), Value::to_string);
    (!passes).then(|| {
        format!(
            "{} {}\n  source {:?}\n  wanted {shown}\n  got    {answer}",
            vector.id, vector.expression, vector.source
        )
    })
}

fn fits(pattern: &str, value: &Value) -> bool {
    value.as_str().is_some_and(|text| regex::Regex::new(pattern).unwrap().is_match(text))
}

#[test]
fn every_vector_passes_or_is_listed_with_a_reason() {
    let mut wrong = Vec::new();
    for vector in vectors() {
        let listed = DIFFERENT.iter().find(|(id, _)| *id == vector.id);
        match (failure(&vector), listed) {
            (Some(failure), None) => wrong.push(failure),
            (None, Some((id, reason))) => {
                wrong.push(format!("{id} passes now, although it is listed: {reason}"))
            }
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{} vectors:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_vectors_are_all_there_and_every_random_one_has_a_pattern() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 476);
    for vector in &vectors {
        assert_eq!(vector.expected.is_none(), !vector.patterns.is_empty(), "{}", vector.id);
    }
    for (id, reason) in DIFFERENT {
        assert!(!reason.is_empty() && vectors.iter().any(|vector| vector.id == *id), "{id}");
    }
}

/// If a published value contradicts its own expression, we do not return the published value.
#[test]
fn published_values_that_contradict_their_expression_do_not_come_out() {
    for vector in vectors().iter().filter(|vector| vector.corrected.is_some()) {
        let answer = evaluate(vector);
        assert!(
            answer.get("value") != vector.expected.as_ref() || vector.corrected == vector.expected,
            "{}",
            vector.id
        );
    }
}

#[test]
fn an_evaluation_asked_twice_answers_alike() {
    for vector in vectors() {
        assert_eq!(evaluate(&vector), evaluate(&vector), "{}", vector.id);
    }
}

#[test]
fn bad_lines_get_an_error_line_without_a_span() {
    let long = format!(r#"{{"expression": "{}"}}"#, "x".repeat(eval_lines::MAX_LINE_BYTES));
    for input in [
        "",
        "{",
        "[]",
        "null",
        "{}",
        r#"{"expression": 1}"#,
        r#"{"expression": "Guid()", "sauce": {}}"#,
        r#"{"expression": "Guid()", "now": "today"}"#,
        r#"{"expression": "Guid()", "source": []}"#,
        r#"{"expression": "Guid()", "existing": [1]}"#,
        long.as_str(),
    ] {
        let answer: Value = serde_json::from_str(&eval_lines::evaluate_line(
            input,
            datetime!(2025-07-30 0:00 UTC),
            RandomSeed([7; 32]),
        ))
        .unwrap();
        assert!(
            answer["error"]["message"].is_string() && answer["error"]["span"].is_null(),
            "{input:.60} {answer}"
        );
    }
}

#[test]
fn a_misspelt_function_is_pointed_at() {
    let input = r#"{"expression": "ToLow([mail])"}"#;
    let answer: Value = serde_json::from_str(&eval_lines::evaluate_line(
        input,
        datetime!(2025-07-30 0:00 UTC),
        RandomSeed([7; 32]),
    ))
    .unwrap();
    assert_eq!(answer["error"]["span"], json!({"start": 0, "end": 5}), "{answer}");
    assert!(answer["error"]["hint"].as_str().unwrap().contains("ToLower"), "{answer}");
}

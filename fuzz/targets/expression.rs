//! Any text: compiling never panics; what compiles prints to a text that compiles to the same; evaluating and explaining
//! never panic and agree.

#![no_main]

use std::collections::BTreeMap;

use expression::{EvaluationEnvironment, Expression, RandomSeed};
use serde_json::{Value, json};
use time::OffsetDateTime;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Ok(compiled) = Expression::compile(text).map_err(|error| error.render(text)) else { return };
    let printed = compiled.to_string();
    let again = Expression::compile(&printed).expect("what was printed compiles");
    assert_eq!(again.to_string(), printed, "printing is stable");
    let values = [json!(null), json!("Ada O'Brien"), json!(["a", "B"]), json!(7), json!("2025-01-31")];
    let source: BTreeMap<String, Value> =
        compiled.attributes().iter().cloned().zip(values.into_iter().cycle()).collect();
    let nothing_is_taken = |_: &str| false;
    let environment = EvaluationEnvironment {
        now: OffsetDateTime::UNIX_EPOCH,
        seed: RandomSeed([7; 32]),
        is_taken: &nothing_is_taken,
        default_domain: Some("example.com"),
    };
    let once = format!("{:?}", compiled.evaluate(&source, &environment));
    assert_eq!(
        once,
        format!("{:?}", compiled.evaluate(&source, &environment)),
        "evaluating is deterministic"
    );
    let _ = compiled.explain(&source, &environment);
});

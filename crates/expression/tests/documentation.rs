//! The examples in docs/policy.md are pairs of lines, input and output of
//! `usher policy eval`. The tests check their results, and that each function has an example.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;

use expression::{RandomSeed, eval_lines};
use serde_json::Value;
use time::OffsetDateTime;

const PAGE: &str = include_str!("../../../docs/policy.md");

/// Returns the headings with the lines of the examples below them.
fn sections() -> Vec<(&'static str, Vec<&'static str>)> {
    let mut sections: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut inside = false;
    for line in PAGE.lines() {
        match line {
            "```jsonl" => inside = true,
            "```" => inside = false,
            heading if heading.starts_with("#### `") => sections.push((heading, Vec::new())),
            example if inside => sections.last_mut().unwrap().1.push(example),
            _ => {}
        }
    }
    sections
}

#[test]
fn every_example_of_a_function_does_what_the_page_says() {
    let mut wrong = Vec::new();
    for (heading, lines) in sections() {
        assert!(!lines.is_empty() && lines.len() % 2 == 0, "{heading}: {lines:?}");
        for pair in lines.chunks(2) {
            let answer = eval_lines::evaluate_line(pair[0], OffsetDateTime::UNIX_EPOCH, RandomSeed([7; 32]));
            let answer: Value = serde_json::from_str(&answer).unwrap();
            let said: Value = serde_json::from_str(pair[1]).unwrap();
            if answer != said {
                wrong.push(format!("{heading}\n  {}\n  said {said}\n  is   {answer}", pair[0]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_function_is_on_the_page() {
    let name = |heading: &'static str| {
        heading.trim_start_matches("#### `").split(['(', '`']).next().unwrap_or_default()
    };
    let told: BTreeSet<&str> = sections().iter().map(|(heading, _)| name(heading)).collect();
    let words = ["IgnoreAttributeFlow", "IgnoreObjectFlow"];
    let known: BTreeSet<&str> = expression::list_functions().map(|(name, _)| name).chain(words).collect();
    assert_eq!(told, known);
}

//! Measures the time to decide policies and to compile expressions, on one core. Run with `cargo bench -p policy`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use expression::{EvaluationEnvironment, Expression, RandomSeed};
use lifecycle::{AttributeMap, DesiredState, Employment, IdentityView};
use policy::{DecisionSubject, GroupMembership, Policy, decide_person};
use serde_json::json;
use time::OffsetDateTime;

const PEOPLE: usize = 100_000;
const ROUNDS: usize = 5;
const ZSCALER: &str = include_str!("../../../deploy/policies/zscaler.yaml");
const RICH: &str = r#"
target: t
users:
  scope:
    any:
      - all: ['memberOf "SEC-*"', 'startDate ON OR BEFORE "now + 7 days"', 'not employeeType EQUALS "Contractor"']
      - all: ['department IN ["Sales", "Research", "Legal"]']
  mappings:
    - { target: userName, expression: 'ToLower([userPrincipalName])' }
    - { target: displayName, expression: 'Join(" ", [givenName], [surname])' }
    - { target: title, expression: 'Switch([employeeType], "Staff", "Contractor", "External")' }
    - { target: nickName, expression: 'Replace([userPrincipalName], , "^(?<user>[^@]+)@.*$", , "${user}", , )' }
    - { target: name.givenName, source: givenName }
    - { target: name.familyName, source: surname }
"#;

fn person(n: usize) -> IdentityView {
    let departments = ["Sales", "Research", "Legal", "Support", "Finance", "Security"];
    let attributes: AttributeMap = serde_json::from_value(json!({
        "userPrincipalName": format!("person.{n}@example.com"), "mail": format!("person.{n}@example.com"),
        "givenName": format!("Given{}", n % 977), "surname": format!("Family{}", n % 4_931),
        "displayName": format!("Given{} Family{}", n % 977, n % 4_931), "department": departments[n % 6],
        "employeeType": if n.is_multiple_of(10) { "Contractor" } else { "Employee" }, "jobTitle": format!("Title {}", n % 37),
        "country": "CH", "startDate": "2026-03-01",
    }))
    .expect("a map of texts");
    IdentityView {
        key: format!("E-{n:07}"),
        attributes,
        employment: Employment::Active,
        ..IdentityView::default()
    }
}

/// Returns the best and the median time of several rounds.
fn rounds(mut round: impl FnMut()) -> (Duration, Duration) {
    let mut took: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            round();
            started.elapsed()
        })
        .collect();
    took.sort();
    (took[0], took[ROUNDS / 2])
}

fn tell(what: &str, count: usize, unit: &str, (best, median): (Duration, Duration)) {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let rate = |took: Duration| count as f64 / took.as_secs_f64();
    println!("{what:<58} {:>12.0} {unit} (median {:.0})", rate(best), rate(median));
}

fn main() {
    let now = OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000);
    let people: Vec<IdentityView> = (0..PEOPLE).map(person).collect();
    let groups = [GroupMembership { key: "G-1".to_owned(), name: Some("SEC-VPN".to_owned()), direct: true }];
    for (name, yaml) in [("Zscaler default policy", ZSCALER), ("4 expressions, memberOf, dates", RICH)] {
        let policy = Policy::parse(yaml, "bench.yaml").expect("the policy of the bench is right");
        let subject = |identity| DecisionSubject {
            identity,
            groups: &groups,
            manager: None,
            seed: RandomSeed([7; 32]),
        };
        let decided = rounds(|| {
            for identity in &people {
                black_box(decide_person(&subject(identity), &policy, now));
            }
        });
        tell(&format!("{name}: decide"), PEOPLE, "people/s", decided);
        let asked_for = rounds(|| {
            for identity in &people {
                let account =
                    decide_person(&subject(identity), &policy, now).account().map(DesiredState::User);
                black_box(serde_json::to_string(&account).expect("plain data"));
            }
        });
        tell(&format!("{name}: decide and write as JSON"), PEOPLE, "people/s", asked_for);
    }
    expressions(&people, now);
}

fn expressions(people: &[IdentityView], now: OffsetDateTime) {
    let environment =
        EvaluationEnvironment { now, seed: RandomSeed([7; 32]), is_taken: &|_| false, default_domain: None };
    for text in [
        r#"Join("@", NormalizeDiacritics(StripSpaces(Join(".", [givenName], [surname]))), "example.com")"#,
        r#"Switch([department], "Other", "Sales", "S", "Research", "R", "Legal", "L")"#,
        r#"IIF(DateDiff("d", Now(), CDate([startDate])) > 5, "False", "True")"#,
    ] {
        let expression = Expression::compile(text).expect("the expression of the bench is right");
        let took = rounds(|| {
            for identity in people {
                let _ = black_box(expression.evaluate(&identity.attributes, &environment));
            }
        });
        tell(&format!("evaluate {}...", &text[..30]), people.len(), "times/s", took);
    }
    for (name, text) in [("wide", wide()), ("deep", deep())] {
        let took = rounds(|| {
            black_box(Expression::compile(&text).map_err(|error| error.render(&text)).expect("it is right"));
        });
        println!(
            "{:<58} {:>9} µs (median {})",
            format!("compile {} characters, {name}", text.chars().count()),
            took.0.as_micros(),
            took.1.as_micros()
        );
    }
}

/// Builds a `Switch` expression of the maximum length.
fn wide() -> String {
    let mut text = r#"Switch([department], "Other""#.to_owned();
    for n in 0.. {
        let pair = format!(r#", "Department {n}", Join("-", [country], "D{n}")"#);
        if text.len() + pair.len() > 9_999 {
            break;
        }
        text.push_str(&pair);
    }
    text + ")"
}

/// Builds an expression of the maximum nesting depth and the maximum length.
fn deep() -> String {
    let mut text = r#"[department]"#.to_owned();
    for n in 0..60 {
        text = format!(r#"IIF([country] = "{n:0124}", ToUpper([surname]), {text})"#);
        if text.len() > 9_800 {
            break;
        }
    }
    text
}

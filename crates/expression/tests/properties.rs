//! Properties that hold for every text, expression and source.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use expression::{EvaluationEnvironment, Expression, RandomSeed};
use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};
use time::OffsetDateTime;

/// Expressions of the kinds that administrators write.
const REAL: &[&str] = &[
    r#"Join(" ", NormalizeDiacritics([givenName]), [surname])"#,
    r#"Replace([mobile], , "\\+(?<isdCode>\\d* )(?<phoneNumber>\\d{10})", "phoneNumber", , [telephone], )"#,
    r#"Switch([Active], , "1", IIF(DateDiff("d", Now(), CDate([HireDate])) > 5, "False", "True"), "0", "False")"#,
    r#"SelectUniqueValue (Join("@", [a], "x.org"), Append(Mid([a], 1, 8), RandomString(6,3,0,0,3)))"#,
    r#"IIF([type]="Intern","t-" & [alias],[alias])"#,
    r#"BitAnd(&HF, &HF7)"#,
    r#"IgnoreFlowIfNullOrEmpty(FormatDateTime([d], , "yyyyMMddHHmmss.fZ", "yyyy-MM-dd"))"#,
    r#"Item(Split(ToLower([a], ), ","), Contains([proxyAddresses], "SMTP:"))"#,
];

/// Functions with their number of arguments. The calls are written with holes and white space.
const SHAPES: &[(&str, usize)] = &[
    ("Append", 2),
    ("AppRoleAssignments", 1),
    ("AppRoleAssignmentsComplex", 1),
    ("BitAnd", 2),
    ("CBool", 1),
    ("CDate", 1),
    ("Coalesce", 2),
    ("Coalesce", 3),
    ("Contains", 2),
    ("ConvertFromBase64", 1),
    ("ConvertToBase64", 1),
    ("ConvertToUTF8Hex", 1),
    ("Count", 1),
    ("CRef", 1),
    ("CStr", 1),
    ("DateAdd", 3),
    ("DateDiff", 3),
    ("DateFromNum", 1),
    ("DefaultDomain", 0),
    ("DNComponent", 2),
    ("Error", 1),
    ("FormatDateTime", 3),
    ("FormatDateTime", 4),
    ("Guid", 0),
    ("IgnoreFlowIfNullOrEmpty", 1),
    ("IIF", 3),
    ("InStr", 2),
    ("InStr", 3),
    ("IsNothing", 1),
    ("IsNull", 1),
    ("IsNullOrEmpty", 1),
    ("IsPresent", 1),
    ("IsString", 1),
    ("Item", 2),
    ("Join", 2),
    ("Join", 3),
    ("Left", 2),
    ("Mid", 2),
    ("Mid", 3),
    ("NormalizeDiacritics", 1),
    ("Not", 1),
    ("Now", 0),
    ("NumFromDate", 1),
    ("PCase", 1),
    ("PCase", 2),
    ("Prepend", 2),
    ("RandomString", 5),
    ("RandomString", 6),
    ("Redact", 1),
    ("RemoveDuplicates", 1),
    ("Replace", 5),
    ("Replace", 7),
    ("SelectUniqueValue", 2),
    ("SingleAppRoleAssignment", 1),
    ("Split", 2),
    ("StringFromSid", 1),
    ("StripSpaces", 1),
    ("Switch", 4),
    ("Switch", 6),
    ("ToLower", 1),
    ("ToUpper", 2),
    ("Trim", 1),
    ("Word", 3),
];

fn constant() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        (-3i64..40).prop_map(|number| number.to_string()),
        (0u32..70_000).prop_map(|number| format!("&H{number:X}")),
        Just("\"d\"".to_owned()),
        Just("\"2025-02-28T23:59:59-08:00\"".to_owned()),
        Just("\"(?<g>[a-z])\\\\w*\"".to_owned()),
        Just("\"${g}$1\"".to_owned()),
        Just("\"yyyy-MM-dd\"".to_owned()),
        any::<String>().prop_map(|text| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))),
        "[ -~]{0,12}".prop_map(|text| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))),
    ]
}

fn leaf() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[a-f]".prop_map(|name| format!("[{name}]")),
        4 => constant(),
        1 => Just("IgnoreAttributeFlow".to_owned()),
    ]
}

/// Generates the normal form of a random expression.
fn normal_form() -> impl Strategy<Value = String> {
    leaf().prop_recursive(5, 40, 7, |inner| {
        let call = (0..SHAPES.len(), prop::collection::vec(prop::option::weighted(0.9, inner.clone()), 7))
            .prop_map(|(shape, arguments)| {
                let (name, count) = SHAPES[shape];
                let given: Vec<String> =
                    arguments.into_iter().take(count).map(Option::unwrap_or_default).collect();
                format!("{name}({})", given.join(", "))
            });
        let condition = ("IIF|CBool|Not", inner.clone(), "=|<>|<|<=|>|>=", inner.clone()).prop_map(
            |(name, left, sign, right)| match name.as_str() {
                "IIF" => format!("IIF({left} {sign} {right}, {left}, {right})"),
                _ => format!("{name}({left} {sign} {right})"),
            },
        );
        // Replace with a valid pattern, so that it is often reached.
        let replace = (inner.clone(), inner.clone())
            .prop_map(|(source, with)| format!("Replace({source}, , \"(?<g>.)[a-m]*\", , {with}, , )"));
        prop_oneof![6 => call, 2 => condition, 1 => replace]
    })
}

fn json_value() -> impl Strategy<Value = Json> {
    let scalar = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        any::<String>().prop_map(Json::from),
        "[a-zA-Z0-9@. ,-]{0,12}".prop_map(Json::from),
        Just(json!("2025-08-01")),
        Just(json!("8/25/2021 5:41:18 PM")),
    ];
    scalar.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::btree_map("value|id|displayName|x", inner, 0..3)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

fn source() -> impl Strategy<Value = Map<String, Json>> {
    prop::collection::btree_map("[a-f]", json_value(), 0..6).prop_map(|members| members.into_iter().collect())
}

fn environment<'a>(is_taken: &'a dyn Fn(&str) -> bool, seconds: i64) -> EvaluationEnvironment<'a> {
    let now = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
    EvaluationEnvironment { now, seed: RandomSeed([3; 32]), is_taken, default_domain: Some("x.org") }
}

/// Puts white space around every comma and bracket that stands outside of texts.
fn loosen(text: &str) -> String {
    let mut out = String::from("\n ");
    let mut quoted = false;
    let mut escaped = false;
    for c in text.chars() {
        if !quoted && matches!(c, '(' | ',' | ')') {
            out.push_str(" \t");
        }
        out.push(c);
        if !quoted && matches!(c, '(' | ',' | ')') {
            out.push('\n');
        }
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_printed_form_reads_back_as_the_same_expression(normal in normal_form()) {
        let loose = Expression::compile(&loosen(&normal));
        let Ok(expression) = Expression::compile(&normal) else {
            prop_assert!(loose.is_err() || normal.len() > 9_000);
            return Ok(());
        };
        prop_assert_eq!(expression.to_string(), normal.as_str());
        prop_assert_eq!(Expression::compile(&expression.to_string()).unwrap(), expression.clone());
        if let Ok(loose) = loose {
            prop_assert_eq!(loose, expression);
        }
    }

    #[test]
    fn evaluation_gives_a_value_or_an_error(normal in normal_form(), source in source(), seconds in 0i64..4_000_000_000) {
        let Ok(expression) = Expression::compile(&normal) else { return Ok(()) };
        let taken = |value: &str| value.len().is_multiple_of(2);
        let env = environment(&taken, seconds);
        let first = expression.evaluate(&source, &env).map(|flow| flow.to_json());
        let second = expression.evaluate(&source, &env).map(|flow| flow.to_json());
        prop_assert_eq!(&first, &second);
        let explained = expression.explain(&source, &env);
        match first {
            Ok(value) if !normal.contains("Redact(") => prop_assert_eq!(explained.value, Some(value)),
            Ok(_) => {}
            Err(error) => {
                prop_assert!(explained.error.is_some());
                prop_assert!(normal.get(error.span.start..error.span.end).is_some());
            }
        }
    }

    #[test]
    fn any_text_compiles_or_gives_an_error_at_a_place_in_it(text in any::<String>()) {
        compiles_or_points_at_a_place(&text)?;
    }

    #[test]
    fn any_text_of_the_signs_of_the_language_compiles_or_gives_an_error(
        text in "([A-Za-z]{1,8}|\\[[a-z]\\]|\"[^\"]*\"|[-(),&=<>\\\\\"\\[\\] ]|[0-9]{1,20}|&H[0-9A-G]{0,3}|IIF\\(|Join\\(){0,40}"
    ) {
        compiles_or_points_at_a_place(&text)?;
    }

    #[test]
    fn damaged_expressions_compile_or_give_an_error(
        which in 0..REAL.len(), at in any::<prop::sample::Index>(), cut in 0usize..4, with in "[ -~ä“]{0,3}"
    ) {
        let mut chars: Vec<char> = REAL[which].chars().collect();
        let start = at.index(chars.len());
        let end = (start + cut).min(chars.len());
        chars.splice(start..end, with.chars());
        compiles_or_points_at_a_place(&chars.into_iter().collect::<String>())?;
    }

    #[test]
    fn any_pattern_compiles_or_gives_an_error(pattern in "([a-c.*+?|^$(){}0-9,-]|\\[|\\]|\\\\.|\\(\\?[<'#:!=>a-z]?){0,20}", text in "[a-c0-9{}-]{0,8}") {
        let quoted = pattern.replace('\\', "\\\\").replace('"', "\\\"");
        let expression = format!("Replace([a], , \"{quoted}\", , \"<$1>\")");
        compiles_or_points_at_a_place(&expression)?;
        if let Ok(expression) = Expression::compile(&expression) {
            let source: Map<String, Json> = [("a".to_owned(), Json::from(text))].into_iter().collect();
            prop_assert!(expression.evaluate(&source, &environment(&|_| false, 0)).is_ok());
        }
    }
}

fn compiles_or_points_at_a_place(text: &str) -> Result<(), TestCaseError> {
    if let Err(error) = Expression::compile(text) {
        prop_assert!(text.get(error.span.start..error.span.end).is_some(), "{error:?}");
        prop_assert!(!error.message.is_empty());
        prop_assert!(!error.render(text).is_empty());
    }
    Ok(())
}

#[test]
fn the_real_expressions_compile() {
    for text in REAL {
        if let Err(error) = Expression::compile(text) {
            panic!("{}", error.render(text));
        }
    }
}

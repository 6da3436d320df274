//! The meaning of expressions, beyond the published examples.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use expression::{EvaluationEnvironment, Expression, ExpressionType, RandomSeed};
use serde_json::{Map, Value as Json, json};
use time::macros::datetime;

fn environment<'a>(is_taken: &'a dyn Fn(&str) -> bool) -> EvaluationEnvironment<'a> {
    let now = datetime!(2025-08-01 12:00 UTC);
    EvaluationEnvironment { now, seed: RandomSeed([7; 32]), is_taken, default_domain: Some("example.com") }
}

fn source() -> Map<String, Json> {
    let source = json!({
        "name": "Zoë Smith", "empty": "", "null": null, "yes": true, "one": 1, "text": "10",
        "mails": ["a@x.org", "b@x.org", "a@x.org"], "single": ["only"], "none": [],
        "manager": {"value": "E-7", "displayName": "Ann"}, "thing": {"k": 1},
        "roles": [{"id": "r1", "displayName": "Admin"}, "Reader"],
        "emails[type eq \"work\"].value": "w@x.org",
    });
    source.as_object().unwrap().clone()
}

fn result(text: &str) -> Json {
    let expression = Expression::compile(text).unwrap_or_else(|error| panic!("{}", error.render(text)));
    match expression.evaluate(&source(), &environment(&|_| false)) {
        Ok(flow) => flow.to_json(),
        Err(error) => json!({"$error": error.message}),
    }
}

fn check(table: &[(&str, Json)]) {
    for (text, expected) in table {
        assert_eq!(&result(text), expected, "{text}");
    }
}

#[test]
fn a_bare_attribute_text_or_number_is_an_expression() {
    check(&[
        ("[name]", json!("Zoë Smith")),
        (" [ name ] ", json!("Zoë Smith")),
        ("[missing]", json!(null)),
        ("[yes]", json!("True")),
        ("[one]", json!("1")),
        ("[mails]", json!(["a@x.org", "b@x.org", "a@x.org"])),
        ("[manager]", json!("E-7")),
        ("[thing]", json!("{\"k\":1}")),
        ("[emails[type eq \"work\"].value]", json!("w@x.org")),
        ("\"a \\\"b\\\" \\\\ \\d\"", json!("a \"b\" \\ \\d")),
        ("42", json!("42")),
        ("&HfF", json!("255")),
        ("IgnoreAttributeFlow", json!({"$ignore_flow": true})),
        ("IgnoreObjectFlow", json!({"$ignore_object": true})),
    ]);
}

#[test]
fn conditions_with_null_do_not_hold_unless_they_ask_for_it() {
    check(&[
        ("IIF([null] = \"x\", 1, 2)", json!("2")),
        ("IIF([null] <> \"x\", 1, 2)", json!("2")),
        ("IIF([empty] < 5, 1, 2)", json!("2")),
        ("IIF([null] = [missing], 1, 2)", json!("2")),
        ("IIF([null] = \"\", 1, 2)", json!("1")),
        ("IIF([name] <> \"\", 1, 2)", json!("1")),
        ("IIF([name] = \"\", 1, 2)", json!("2")),
        ("IIF(IsNullOrEmpty([null]), 1, 2)", json!("1")),
        ("CBool([null])", json!("False")),
        ("Not([null])", json!("True")),
    ]);
}

#[test]
fn comparisons_are_of_numbers_dates_booleans_or_characters() {
    check(&[
        ("IIF([text] > 9, 1, 2)", json!("1")),
        ("IIF([text] > \"9\", 1, 2)", json!("1")),
        ("IIF([text] = 10, 1, 2)", json!("1")),
        ("IIF(\"010\" = [text], 1, 2)", json!("2")),
        ("IIF(\"b\" > \"a\", 1, 2)", json!("1")),
        ("IIF(\"A\" = \"a\", 1, 2)", json!("2")),
        ("IIF([yes] = \"true\", 1, 2)", json!("1")),
        ("IIF([single] = \"only\", 1, 2)", json!("1")),
        ("IIF(CDate(\"2025-07-31\") < Now(), 1, 2)", json!("1")),
        ("CBool([name] & \"!\" = \"Zoë Smith!\")", json!("True")),
    ]);
}

#[test]
fn branches_not_taken_are_not_evaluated() {
    check(&[
        ("IIF(IsPresent([name]), [name], Error(\"no\"))", json!("Zoë Smith")),
        ("IIF(IsPresent([null]), [name], Error(\"no name\"))", json!({"$error": "no name"})),
        ("Switch([yes], Error(\"no\"), \"True\", \"on\", Error(\"key\"), \"x\")", json!("on")),
        ("Coalesce([null], [empty], [one], Error(\"no\"))", json!("1")),
        ("Coalesce([null], \"\")", json!("")),
        ("Coalesce([null], )", json!(null)),
    ]);
}

#[test]
fn functions_of_text_treat_the_values_of_a_list_one_by_one() {
    check(&[
        ("ToUpper([mails])", json!(["A@X.ORG", "B@X.ORG", "A@X.ORG"])),
        ("Append(RemoveDuplicates([mails]), \"!\")", json!(["a@x.org!", "b@x.org!"])),
        ("Replace([mails], \"@x.org\", , , \"\")", json!(["a", "b", "a"])),
        ("Append([single], \"!\")", json!("only!")),
        ("Join(\";\", [mails], [null], \"z\")", json!("a@x.org;b@x.org;a@x.org;z")),
        ("Count([mails])", json!("3")),
        ("Count([null])", json!("0")),
        ("Count([one])", json!("1")),
        ("Item([mails], 2)", json!("b@x.org")),
        ("Item([mails], 4)", json!({"$error": "there is no value at this index: there are 3"})),
        ("Contains([mails], \"b@\")", json!("2")),
        (
            "Word([mails], 1, \"@\")",
            json!({"$error": "one value is needed, and there are several: choose with `Item` or use `Join`"}),
        ),
        ("[none]", json!([])),
        ("ToLower([none])", json!([])),
    ]);
}

#[test]
fn case_changes_letter_by_letter() {
    check(&[
        ("ToUpper(\"straße ı\")", json!("STRAßE ı")),
        ("ToUpper(\"title\", \"tr-TR\")", json!("TİTLE")),
        ("ToLower(\"TITLE\", \"tr\")", json!("tıtle")),
        ("ToLower(\"ΣΑΣ\", )", json!("σασ")),
    ]);
}

#[test]
fn replacements_and_patterns_are_those_of_dotnet() {
    check(&[
        (r#"Replace("a.b", , "(.)\\.(.)", , "$2$$$1")"#, json!("b$a")),
        (r#"Replace("ab", , "(?<x>a)(b)", , "$1|$2|${x}|$0|$9")"#, json!("b|a|a|ab|$9")),
        (r#"Replace("abc", , "b", , "[$&$`$'$_]")"#, json!("a[baсabc]c".replace('с', "c"))),
        (r#"Replace("x<y>", , "[\\<\\>]", , "")"#, json!("xy")),
        (r#"Replace("abcde", , "[a-e-[bd]]", , "")"#, json!("bd")),
        (r#"Replace("a[b&&c", , "[[&]", , "")"#, json!("abc")),
        (r#"Replace("a{b}", , "{b}", , "")"#, json!("a")),
        (r#"Replace("a-b_c", , "[\\w-]", , "")"#, json!("")),
        (r#"Replace("a-b.c", , "[\\d-.]", , "")"#, json!("abc")),
        (r#"Replace("aXbX", , "(?'g'X)", "g", "-")"#, json!("a-b-")),
        (r#"Replace([name], , [text], , "")"#, json!("Zoë Smith")),
        (r#"Replace([null], "a", , , "b")"#, json!(null)),
        (r#"Replace([null], , "(?<u>.*)@", "u", , [emails[type eq "work"].value])"#, json!("w")),
        (r#"Replace([null], , "(?<u>.*)!", "u", , [name])"#, json!(null)),
        (r#"Replace([one], , "(?<u>.*)@", "u", , [name])"#, json!("1")),
        (r#"Replace([name], "", "Z", "", "z", "", "")"#, json!("zoë Smith")),
    ]);
}

#[test]
fn keywords_pass_through_every_function() {
    check(&[
        ("Append(\"a\", IIF([yes] = \"True\", IgnoreAttributeFlow, \"b\"))", json!({"$ignore_flow": true})),
        ("IIF([yes] = \"True\", IgnoreObjectFlow, )", json!({"$ignore_object": true})),
        ("IIF([yes] = \"False\", IgnoreObjectFlow, )", json!(null)),
        ("IgnoreFlowIfNullOrEmpty([none])", json!({"$ignore_flow": true})),
    ]);
}

#[test]
fn roles_come_from_names_and_objects() {
    let complex = |display: &str, value: &str| {
        json!({"primary": false, "type": "WindowsAzureActiveDirectoryRole", "display": display, "value": value})
            .to_string()
    };
    check(&[
        ("AppRoleAssignments([roles])", json!(["r1", "Reader"])),
        ("SingleAppRoleAssignment([roles])", json!("Reader")),
        ("SingleAppRoleAssignment([null])", json!(null)),
        ("AppRoleAssignmentsComplex([roles])", json!([complex("Admin", "r1"), complex("Reader", "Reader")])),
        ("AssertiveAppRoleAssignmentsComplex([name])", json!([complex("Zoë Smith", "Zoë Smith")])),
        ("AppRoleAssignments(Split(\"a,b\", \",\"))", json!(["a", "b"])),
        ("DefaultDomain()", json!("example.com")),
    ]);
}

#[test]
fn the_first_value_that_is_not_taken_wins() {
    let expression = Expression::compile("SelectUniqueValue([null], \"a\", \"b\")").unwrap();
    assert!(expression.needs_uniqueness());
    let source = source();
    let given = |taken: &dyn Fn(&str) -> bool| {
        expression.evaluate(&source, &environment(taken)).map(|flow| flow.to_json()).unwrap()
    };
    assert_eq!(given(&|_| false), json!("a"));
    assert_eq!(given(&|value| value == "a"), json!("b"));
    assert_eq!(given(&|_| true), json!({"$escrow": true}));
}

#[test]
fn random_values_depend_on_the_seed_and_the_place_only() {
    let expression = Expression::compile("Join(\",\", Guid(), Guid())").unwrap();
    assert!(expression.uses_random());
    let source = source();
    let given = |seed: u8| {
        let env = EvaluationEnvironment { seed: RandomSeed([seed; 32]), ..environment(&|_| false) };
        expression.evaluate(&source, &env).unwrap().to_json().as_str().unwrap().to_owned()
    };
    assert_eq!(given(1), given(1));
    assert_ne!(given(1), given(2));
    let both = given(1);
    let (first, second) = both.split_once(',').unwrap();
    assert_ne!(first, second);
}

#[test]
fn results_cannot_grow_without_bounds() {
    let tenfold = |inner: String| format!("Replace({inner}, \"a\", , , \"aaaaaaaaaa\")");
    let mut text = "\"aaaaaaaaaa\"".to_owned();
    for _ in 0..7 {
        text = tenfold(text);
    }
    assert_eq!(result(&text), json!({"$error": "the text is longer than 1048576 bytes"}));
    let commas = format!("Split(\"{}\", \",\")", ",".repeat(9_980));
    assert_eq!(result(&commas).as_array().unwrap().len(), 9_981);
    let many = "Split(Replace(Replace(\"aaaaaaaaaa\", \"a\", , , \"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\"), \"b\", , , \
                \",,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,\"), \",\")";
    assert_eq!(result(many), json!({"$error": "the list has more than 10000 values"}));
}

#[test]
fn what_an_expression_needs_is_known_before_evaluation() {
    let text = "IIF(DateDiff(\"d\", Now(), CDate([hire])) > 5, Join(\" \", [b], [a]), Append(\"x\", [b]))";
    let expression = Expression::compile(text).unwrap();
    assert_eq!(expression.attributes(), ["hire", "b", "a"]);
    assert!(expression.uses_now() && !expression.uses_random() && !expression.needs_uniqueness());
    let types = [
        (text, ExpressionType::Text),
        ("[a]", ExpressionType::Any),
        ("ToLower([a])", ExpressionType::Any),
        ("ToLower(\"A\")", ExpressionType::Text),
        ("ToLower(Split([a], \",\"))", ExpressionType::List),
        ("Switch([a], , \"1\", \"x\", \"2\", IgnoreAttributeFlow)", ExpressionType::Text),
        ("IIF([a] = \"1\", 1, \"x\")", ExpressionType::Any),
        ("Coalesce(Now(), CDate([a]))", ExpressionType::Date),
        ("Not([a])", ExpressionType::Boolean),
        ("Count([a])", ExpressionType::Integer),
    ];
    for (text, expected) in types {
        assert_eq!(Expression::compile(text).unwrap().result_type(), expected, "{text}");
    }
}

#[test]
fn printing_gives_the_normal_form() {
    let table = [
        ("Replace([a],,\"\\+\" ,,\"x\",,)", "Replace([a], , \"\\\\+\", , \"x\", , )"),
        ("ToLower ( [ a ] , )", "ToLower([a], )"),
        ("CBool([a]=&hff)", "CBool([a] = &HFF)"),
        ("[a]&\"b\"&[c]", "[a] & \"b\" & [c]"),
        ("Now( )", "Now()"),
        ("IIF([a]<=-14,\"x\",IgnoreAttributeFlow)", "IIF([a] <= -14, \"x\", IgnoreAttributeFlow)"),
    ];
    for (text, normal) in table {
        let expression = Expression::compile(text).unwrap();
        assert_eq!(expression.to_string(), normal);
        assert_eq!(expression.text(), text);
        assert_eq!(Expression::compile(normal).unwrap(), expression);
    }
}

#[test]
fn explanations_show_every_part_that_was_looked_at() {
    let text = "IIF([yes] = \"True\", Append([name], \"!\"), [null])";
    let explanation = Expression::compile(text).unwrap().explain(&source(), &environment(&|_| false));
    assert_eq!(explanation.text, text);
    assert_eq!(explanation.value, Some(json!("Zoë Smith!")));
    let parts: Vec<_> =
        explanation.parts.iter().map(|part| (part.text.as_str(), part.value.clone().unwrap())).collect();
    assert_eq!(parts, [("[yes] = \"True\"", json!("True")), ("Append([name], \"!\")", json!("Zoë Smith!"))]);
    assert_eq!(explanation.parts[1].parts[0].value, Some(json!("Zoë Smith")));
}

#[test]
fn explanations_of_failures_name_the_part_that_failed() {
    let text = "Append(\"a\", Item([mails], 9))";
    let explanation = Expression::compile(text).unwrap().explain(&source(), &environment(&|_| false));
    assert_eq!(explanation.value, None);
    let failed = &explanation.parts[1];
    assert_eq!(failed.text, "Item([mails], 9)");
    assert_eq!(failed.error.as_deref(), Some("there is no value at this index: there are 3"));
}

#[test]
fn redacted_values_flow_and_are_not_shown() {
    let text = "Append(Redact([name]), \"!\")";
    let expression = Expression::compile(text).unwrap();
    let explanation =
        serde_json::to_string(&expression.explain(&source(), &environment(&|_| false))).unwrap();
    assert_eq!(result(text), json!("Zoë Smith!"));
    assert!(!explanation.contains("Zoë"), "{explanation}");
    assert!(explanation.contains("[Redact]"), "{explanation}");
}

#[test]
fn messages_show_no_redacted_values() {
    check(&[
        (
            "Error(Join(\": \", \"no account for\", Redact([name])))",
            json!({"$error": "no account for: [Redact]"}),
        ),
        ("Error(Append(Redact([mails]), \"!\"))", json!({"$error": "[Redact]!"})),
        ("Error(IIF(Redact([name]) = \"Zoë Smith\", Redact([name]), \"no\"))", json!({"$error": "[Redact]"})),
        (
            "Error(Switch(Redact([one]), \"no\", \"1\", \"the first \" & Redact([one])))",
            json!({"$error": "the first [Redact]"}),
        ),
        ("Item([mails], Redact([text]))", json!({"$error": "there is no value at this index: there are 3"})),
        (
            "FormatDateTime(\"2020-03-16\", Redact([name]), , \"s\")",
            json!({"$error": "unknown date style: use one of None, AllowLeadingWhite, AllowTrailingWhite, AllowInnerWhite, AllowWhiteSpaces, NoCurrentDateDefault, AdjustToUniversal, AssumeLocal, AssumeUniversal, RoundtripKind, or nothing"}),
        ),
        (
            "FormatDateTime(\"2020-03-16\", , , Redact(Left([name], 1)))",
            json!({"$error": "a single letter that is not one of .NET's standard date formats"}),
        ),
        (
            "RandomString(Redact(47110815), 1, 1, 1, 1)",
            json!({"$error": "a random string has 0 to 256 characters"}),
        ),
        (
            "RandomString(5, Redact([text]), 1, 1, 1)",
            json!({"$error": "the minima add up to more characters than the length"}),
        ),
    ]);
}

#[test]
fn what_another_engine_would_read_differently_means_what_dotnet_means() {
    for (text, expected) in [
        ("Replace(\"+,-.x\", , \"[+--]\", , \"\")", ".x"),
        ("Replace(\"-A0z\", , \"[--a]\", , \"\")", "z"),
        ("Replace(\"-A0z\", , \"[^--a]\", , \"\")", "-A0"),
        ("Replace(\"-a&b~z\", , \"[-a&&b~~c]\", , \"\")", "z"),
        ("Replace(\"aab\", , \"a{2}?\", , \"x\")", "xb"),
        ("Replace(\"aab\", , \"a+?\", , \"x\")", "xxb"),
        ("Replace(\"a{b\", , \"a{\", , \"x\")", "xb"),
        (
            "FormatDateTime(\"2020-03-16T01:00:00+02:00\", \"AdjustToUniversal\", , \"yyyy-MM-dd HH\")",
            "2020-03-15 23",
        ),
        (
            "FormatDateTime(\"2020-03-16T01:00:00+02:00\", , \"yyyy-MM-ddTHH:mm:ssK\", \"yyyy-MM-dd HH\")",
            "2020-03-16 01",
        ),
        (
            "FormatDateTime(\"2020-03-16T01:00:00+02:00\", \"adjusttouniversal, AllowWhiteSpaces\", \"yyyy-MM-ddTHH:mm:ssK\", \"yyyy-MM-dd HH\")",
            "2020-03-15 23",
        ),
    ] {
        assert_eq!(result(text), json!(expected), "{text}");
    }
}

#[test]
fn lines_say_where_they_are_not_json_and_may_begin_with_a_byte_order_mark() {
    for (line, expected) in [
        ("\u{feff}{\"expression\": \"\\\"a\\\"\"}", json!({"value": "a"})),
        (
            "{\"expression\": }",
            json!({"error": {"message": "the line is not JSON: expected value at column 16", "span": null}}),
        ),
    ] {
        let answer =
            expression::eval_lines::evaluate_line(line, datetime!(2025-08-01 12:00 UTC), RandomSeed([7; 32]));
        assert_eq!(serde_json::from_str::<Json>(&answer).unwrap(), expected, "{line}");
    }
}

#[test]
fn expressions_can_be_shared_among_threads() {
    fn shared<T: Send + Sync + Clone>() {}
    shared::<Expression>();
}

#[test]
fn the_list_of_functions_is_in_alphabetical_order_and_says_how_they_are_written() {
    let functions: Vec<_> = expression::list_functions().collect();
    assert!(functions.is_sorted_by_key(|(name, _)| name.to_lowercase()));
    assert!(functions.contains(&("Join", "Join(separator, source, ...)".to_owned())));
    assert!(functions.iter().all(|(name, usage)| usage.starts_with(&format!("{name}("))));
}

#[test]
fn patterns_that_come_from_attributes_are_limited() {
    let source: Map<String, Json> =
        [("p".to_owned(), json!("\\w{900}")), ("q".to_owned(), json!("(?=x)"))].into_iter().collect();
    for (text, message) in [
        ("Replace(\"x\", , [p], , \"\")", "the pattern needs too much memory"),
        (
            "Replace(\"x\", , [q], , \"\")",
            "look-around (`(?=`) cannot be used: matching must take linear time for every text",
        ),
    ] {
        let expression = Expression::compile(text).unwrap();
        assert_eq!(expression.evaluate(&source, &environment(&|_| false)).unwrap_err().message, message);
    }
}

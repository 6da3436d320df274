//! Errors in expressions: each has a message in words, a position, and a suggested fix where there is one.

use expression::Expression;

/// Rows of expression, underlined part, message and hint.
const WRONG: &[(&str, &str, &str, &str)] = &[
    (
        "",
        "",
        "the expression is empty",
        "an attribute is written `[name]`, a text `\"...\"`, a function `Join(...)`",
    ),
    ("ToLow([a])", "ToLow", "unknown function `ToLow`", "did you mean `ToLower`?"),
    ("tolower([a])", "tolower", "unknown function `tolower`", "upper and lower case matter: write `ToLower`"),
    ("Zzzzzz([a])", "Zzzzzz", "unknown function `Zzzzzz`", ""),
    (
        "Switch([a], \"x\", \"1\", \"y\", \"2\")",
        "Switch([a], \"x\", \"1\", \"y\", \"2\")",
        "`Switch` needs a default and pairs, got 5 arguments",
        "write `Switch(source, defaultValue, key, value, ...)`",
    ),
    (
        "Append([a])",
        "Append([a])",
        "`Append` needs a source and a suffix, got 1 argument",
        "write `Append(source, suffix)`",
    ),
    ("Now(1)", "Now(1)", "`Now` needs no arguments, got 1 argument", "write `Now()`"),
    (
        "ToLower()",
        "ToLower()",
        "`ToLower` needs a source and perhaps a culture, got none",
        "write `ToLower(source, culture)`",
    ),
    (
        "Append([a], )",
        "Append([a], )",
        "`Append` needs a source and a suffix: `suffix` is empty",
        "an empty text is written `\"\"`",
    ),
    ("Mid([a], \"x\", 2)", "\"x\"", "`Mid` needs an integer for `start`, and this text is not one", ""),
    ("Mid([a], Now(), 2)", "Now()", "`Mid` needs an integer for `start`, and this is a date", ""),
    (
        "CDate(\"soon\")",
        "\"soon\"",
        "`CDate` needs a date for `expression`, and this text is not one",
        "write dates as `\"2025-12-31\"` or `\"2025-12-31T23:59:59Z\"`",
    ),
    (
        "DateAdd(\"days\", 1, Now())",
        "\"days\"",
        "`DateAdd` does not know `days`",
        "it knows yyyy, q, m, y, d, w, ww, h, n, s",
    ),
    (
        "DateAdd(\"D\", 1, Now())",
        "\"D\"",
        "`DateAdd` does not know `D`",
        "upper and lower case matter: write `d`",
    ),
    (
        "InStr([a], \"x\", 1, vbtextcompare)",
        "vbtextcompare",
        "`InStr` does not know `vbtextcompare`",
        "upper and lower case matter: write `vbTextCompare`",
    ),
    (
        "Word(Split([a], \",\"), 1, \" \")",
        "Split([a], \",\")",
        "`Word` needs one value here, and this is a list",
        "choose one with `Item`, or put them together with `Join`",
    ),
    (
        "[a] = \"x\"",
        "[a] = \"x\"",
        "a comparison can only stand where a condition is expected",
        "use it in `IIF`, `CBool` or `Not`",
    ),
    (
        "ToLower([a] = \"x\")",
        "[a] = \"x\"",
        "a comparison can only stand where a condition is expected",
        "use it in `IIF`, `CBool` or `Not`",
    ),
    (
        "IIF([a] = \"x\" AND [b] = \"y\", 1, 2)",
        "AND",
        "`,` or `)` is missing before this",
        "conditions cannot be combined with an operator: nest `IIF` instead",
    ),
    ("IIF([a] == \"x\", 1, 2)", "==", "`==` is not an operator", "write `=`"),
    ("IIF([a] != \"x\", 1, 2)", "!", "`!` means nothing here", "write `<>` for `!=`, and `Not(...)` for `!`"),
    ("IIF([a] < 1 < 2, 1, 2)", "<", "a condition compares two values only", "nest `IIF` instead"),
    ("Join(\" \", [a] [b])", "[b]", "`,` or `)` is missing before this", ""),
    ("Join(\" \", [a]", "Join(", "`Join(` has no closing bracket `)`", ""),
    ("Join(\" \", [a]))", ")", "this `)` closes nothing", ""),
    ("Append([a, \"x\")", "[a, \"x\")", "this attribute has no closing bracket `]`", ""),
    (
        "Append([a], \"x)",
        "\"x)",
        "this text has no closing quote",
        "a quote inside of a text is written `\\\"`",
    ),
    ("Append([a], “x”)", "“", "`“` means nothing here", "text stands in straight double quotes: `\"...\"`"),
    ("([a])", "(", "`(` without a function", "brackets follow the name of a function; they do not group"),
    (
        "department",
        "department",
        "unknown word `department`",
        "write `\"department\"` for the text, `[department]` for the attribute",
    ),
    ("Now", "Now", "unknown word `Now`", "`Now` is a function: write `Now(...)`"),
    (
        "Mid([a], 1.5, 2)",
        "1.5",
        "this is not a whole number of at most 19 digits",
        "text needs quotes: `\"...\"`",
    ),
    ("[ ]", "[ ]", "the name of the attribute is missing", ""),
    (
        "ToLower(SelectUniqueValue([a], [b]))",
        "SelectUniqueValue([a], [b])",
        "`SelectUniqueValue` cannot stand inside of another function",
        "make it the outermost function, and put the others into its rules",
    ),
    (
        "SelectUniqueValue([a])",
        "SelectUniqueValue([a])",
        "`SelectUniqueValue` needs at least two rules, got 1 argument",
        "write `SelectUniqueValue(rule, ...)`",
    ),
    (
        "Replace([a], , \"(?=x)y\", , \"z\", , )",
        "\"(?=x)y\"",
        "look-around (`(?=`) cannot be used: matching must take linear time for every text",
        "match it with what is around it and keep a group of that; in a scope, say it with two clauses, one of them NOT REGEX MATCH",
    ),
    (
        "Replace([a], , \"(?<!x)y\", , \"z\")",
        "\"(?<!x)y\"",
        "look-around (`(?<!`) cannot be used: matching must take linear time for every text",
        "match it with what is around it and keep a group of that; in a scope, say it with two clauses, one of them NOT REGEX MATCH",
    ),
    (
        "Replace([a], , \"(.)\\\\1\", , \"z\")",
        "\"(.)\\\\1\"",
        "back references (`\\1`) cannot be used: matching must take linear time for every text",
        "write out what it repeats",
    ),
    (
        "Replace([a], , \"a++\", , \"z\")",
        "\"a++\"",
        "`+` follows a repetition: .NET has no possessive repetitions",
        "put the first one into a group: `(?:a+)*`",
    ),
    (
        "FormatDateTime([a], \"AdjustToMars\", , \"yyyy\")",
        "\"AdjustToMars\"",
        "unknown date style: use one of None, AllowLeadingWhite, AllowTrailingWhite, AllowInnerWhite, AllowWhiteSpaces, NoCurrentDateDefault, AdjustToUniversal, AssumeLocal, AssumeUniversal, RoundtripKind, or nothing",
        "",
    ),
    (
        "FormatDateTime([a], \"RoundtripKind, AdjustToUniversal\", , \"yyyy\")",
        "\"RoundtripKind, AdjustToUniversal\"",
        "the date styles `RoundtripKind` and `AdjustToUniversal` contradict each other",
        "",
    ),
    (
        "FormatDateTime([a], , , \"X\")",
        "\"X\"",
        "a single letter that is not one of .NET's standard date formats",
        "",
    ),
    (
        "Replace([a], , \"(\", , \"z\")",
        "\"(\"",
        "not a regular expression: unclosed group",
        "close every group, and write `\\(` for the character",
    ),
    (
        r#"Replace([a], , "\p{IsTelephone}", , "z")"#,
        r#""\p{IsTelephone}""#,
        "unknown Unicode property",
        r"use a general category or a script, such as `\p{L}` or `\p{Greek}`; .NET's blocks are unknown",
    ),
    (
        r#"Replace([a], , "(?<1>b)", , "z")"#,
        r#""(?<1>b)""#,
        "not a regular expression: invalid capture group character",
        "name a group with letters, digits and `_`, a letter first: `(?<name>...)`",
    ),
    (
        "Replace([a], , \"(?<x>.)\", \"y\", \"z\")",
        "\"y\"",
        "the pattern has no group `y`",
        "a group is named in the pattern as `(?<y>...)`",
    ),
];

#[test]
fn errors_say_what_is_wrong_and_where_and_what_to_do() {
    for (text, underlined, message, hint) in WRONG {
        let error = Expression::compile(text).expect_err(text);
        assert_eq!(error.message, *message, "{text}");
        assert_eq!(error.hint.as_deref().unwrap_or_default(), *hint, "{text}");
        let mut place = &text[error.span.start..error.span.end];
        if message.starts_with("a condition compares") {
            place = "<";
        }
        assert_eq!(place, *underlined, "{text}");
    }
}

#[test]
fn rendering_underlines_the_place_in_its_line() {
    let text = "Join(\" \",\n  ToLow([näme]),\n  [b])";
    let error = Expression::compile(text).unwrap_err();
    let shown = error.render(text);
    assert_eq!(
        shown,
        "error: unknown function `ToLow`\n   2 |   ToLow([näme]),\n     |   ^^^^^\n  = hint: did you mean `ToLower`?"
    );
}

#[test]
fn rendering_a_span_of_many_lines_shows_the_first_of_them() {
    let text = "Switch([a],\n\"b\",\n\"c\",\n\"d\",\n\"e\"\n)";
    let shown = Expression::compile(text).unwrap_err().render(text);
    assert_eq!(shown.matches("^").count(), 11 + 4 + 4 + 4, "{shown}");
}

#[test]
fn rendering_a_long_line_shows_the_part_around_the_place() {
    let text = format!("Join(\"\", \"{}\", ToLow([a]))", "x".repeat(500));
    let shown = Expression::compile(&text).unwrap_err().render(&text);
    let lines: Vec<&str> = shown.lines().collect();
    let column = lines[2].find('^').unwrap();
    assert!(lines[1][column..].starts_with("ToLow"), "{shown}");
    assert!(lines.iter().all(|line| line.len() < 130), "{shown}");
}

#[test]
fn an_expression_has_at_most_ten_thousand_characters_and_sixty_four_levels() {
    let longest = format!("\"{}\"", "ä".repeat(9_998));
    assert!(Expression::compile(&longest).is_ok());
    assert!(Expression::compile(&format!("{longest} ")).is_err());
    let nested = |depth: usize| format!("{}[a]{}", "ToLower(".repeat(depth), ")".repeat(depth));
    assert!(Expression::compile(&nested(64)).is_ok());
    assert!(Expression::compile(&nested(65)).unwrap_err().message.contains("64 deep"));
    assert!(Expression::compile(&nested(1_000)).is_err());
}

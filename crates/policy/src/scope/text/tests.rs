use proptest::prelude::*;

use super::super::ScopeClause;

#[test]
fn clauses_are_printed_in_one_way_however_they_were_written() {
    let table = [
        ("department EQUALS Sales", r#"department EQUALS "Sales""#),
        ("department equals 'Sales' IGNORING CASE", r#"department EQUALS "Sales" ignoring case"#),
        ("lvl Greater_Than_OR_EQUALS 5", "lvl GREATER THAN OR EQUALS 5"),
        ("a ENDS_WITH son", r#"a ENDS WITH "son""#),
        ("a is not null", "a IS NOT NULL"),
        ("a in (x, 'y z',)", r#"a IN ["x", "y z"]"#),
        ("NOT (not memberof SEC-*)", r#"not not memberOf "SEC-*""#),
        ("memberOf \"X\" directly", r#"memberOf "X" directly"#),
        ("startDate within 7 days", "startDate WITHIN 7 days"),
        ("startDate WITHIN LAST '1 week'", "startDate WITHIN LAST 1 week"),
        ("endDate ON OR AFTER now+12hours", "endDate ON OR AFTER now + 12 hours"),
        ("endDate BEFORE 2026-01-31T08:00+01:00", "endDate BEFORE 2026-01-31T07:00:00Z"),
        (r#""not" EQUALS x"#, r#""not" EQUALS "x""#),
        (r#""cost center" EQUALS "a\"b\u{41}\d""#, r#""cost center" EQUALS "a\"bA\\d""#),
        ("manager.department EQUALS R&D", r#"manager.department EQUALS "R&D""#),
    ];
    for (text, expected) in table {
        assert_eq!(
            ScopeClause::parse(text).map(|clause| clause.to_string()).as_deref(),
            Ok(expected),
            "{text}"
        );
    }
}

#[test]
fn what_is_no_clause_is_answered_with_place_and_remedy() {
    let table = [
        ("", 0..0, "a clause is an attribute", "write"),
        ("department", 10..10, "an operator is missing", "write"),
        ("department EQUAL Sales", 11..16, "unknown operator `EQUAL`", "did you mean EQUALS?"),
        ("a NOT EQAULS b", 2..12, "unknown operator `NOT EQAULS`", "did you mean NOT EQUALS?"),
        ("startDate WITHN 7 days", 10..15, "unknown operator `WITHN`", "did you mean WITHIN?"),
        ("a & b", 2..3, "unknown operator `&`", "no documented meaning"),
        ("a EQUALS", 8..8, "EQUALS needs something", "quotes"),
        ("a EQUALS b c", 11..12, "unexpected `c`", "between quotes"),
        ("a EQUALS b and c IS NULL", 11..14, "unexpected `and`", "two clauses"),
        ("a EQUALS b or c IS NULL", 11..13, "unexpected `or`", "two alternatives"),
        ("a EQUALS \"b", 9..11, "a quote is not closed", "closing quote"),
        ("a IN b", 5..6, "IN compares with a list", "write IN"),
        ("a IN []", 5..7, "IN compares with a list", "values"),
        ("a IN [b c]", 8..9, "unexpected `c`", "between quotes"),
        ("a GREATER THAN x", 15..16, "GREATER THAN compares integers", "whole number"),
        ("a BEFORE soon", 9..13, "BEFORE compares dates", "now + 7 days"),
        ("a WITHIN 7 months", 9..17, "WITHIN needs a period", "7 days"),
        ("a IS NULL ignoring case", 0..9, "IS NULL does not distinguish upper", "remove"),
        ("a REGEX MATCH '(?=b)'", 14..21, "look-around", "NOT REGEX MATCH"),
        ("manager. IS NULL", 0..8, "`manager.` is not the name", "manager.department"),
        ("cost center EQUALS x", 5..11, "`center` stands between", "between quotes"),
        ("department EQUALS “Sales”", 18..21, "`“` is not a quote", "word processor"),
        ("memberOf ‘Sales’", 9..12, "`‘` is not a quote", "word processor"),
        ("memberOf", 8..8, "`memberOf` needs", "Domain Users"),
        ("(a IS NULL", 10..10, "the clause ends too early", "bracket"),
    ];
    for (text, place, message, hint) in table {
        let error = ScopeClause::parse(text).unwrap_err();
        assert_eq!(error.start..error.end, place, "{text}: {error}");
        assert!(error.message.contains(message), "{text}: {error}");
        assert!(error.hint.as_ref().is_some_and(|words| words.contains(hint)), "{text}: {:?}", error.hint);
    }
    assert!(ScopeClause::parse(&"not ".repeat(100_000)).unwrap_err().message.contains("more than"));
    assert!(ScopeClause::parse(&"(".repeat(100_000)).unwrap_err().message.contains("more than"));
}

proptest! {
    #[test]
    fn what_is_printed_reads_back_as_the_same_clause(clause in crate::scope::tests::clauses()) {
        let text = clause.to_string();
        prop_assert_eq!(ScopeClause::parse(&text), Ok(clause), "{}", text);
    }

    #[test]
    fn no_text_makes_reading_a_clause_panic(text in "\\PC{0,60}") {
        if let Err(error) = ScopeClause::parse(&text) {
            prop_assert!(text.get(error.start..error.end).is_some(), "{error:?}");
        }
    }

    #[test]
    fn no_pieces_make_reading_a_clause_panic(pieces in prop::collection::vec(
        prop::sample::select(vec!["not", "memberOf", "a", "\"", "'", "[", "]", "(", ")", ",", "IN", "IS", "NULL",
            "EQUALS", "WITHIN", "LAST", "now", "+", "7 days", "\\", "é", "ignoring", "case", "directly"]), 0..10)) {
        if let Err(error) = ScopeClause::parse(&pieces.join(" ")) {
            prop_assert!(pieces.join(" ").get(error.start..error.end).is_some(), "{error:?}");
        }
    }
}

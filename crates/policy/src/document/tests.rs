use lifecycle::{OrphanAction, OrphanPolicy};

use crate::{Policy, PolicyError};

const GOOD: &str = r#"target: zscaler
users:
  scope:
    any:
      - all:
          - { attribute: department, operator: IN, values: [Sales, R&D] }
          - { memberOf: "G-12" }
  mappings:
    - { target: userName, source: userPrincipalName }
    - { target: 'emails[type eq "work"].value', source: mail }
  match: [userName]
  leaver: { action: disable, deleteAfterDays: 30 }
  assumeEmpty: false
groups:
  mappings: [ { target: displayName, source: displayName } ]
  match: [displayName]
"#;

fn error(from: &str, to: &str) -> PolicyError {
    assert!(GOOD.contains(from), "{from}");
    Policy::parse(&GOOD.replacen(from, to, 1), "zscaler.yaml").unwrap_err()
}

#[test]
fn a_policy_is_read_and_its_fingerprint_follows_its_text() {
    let policy = Policy::parse(GOOD, "zscaler.yaml").unwrap();
    assert_eq!(policy.target(), "zscaler");
    assert!(policy.uses_groups() && policy.has_groups());
    assert_eq!(policy.fingerprint(), Policy::parse(GOOD, "other.yaml").unwrap().fingerprint());
    let changed = GOOD.replace("30", "31");
    assert_ne!(policy.fingerprint(), Policy::parse(&changed, "zscaler.yaml").unwrap().fingerprint());
}

#[test]
fn an_empty_scope_is_no_scope_of_everybody() {
    for scope in ["scope: { any: [] }", "scope: { any: [{ all: [] }] }"] {
        let yaml =
            format!("target: a\nusers:\n  {scope}\n  mappings: [{{ target: userName, source: mail }}]\n");
        let error = Policy::parse(&yaml, "a.yaml").unwrap_err();
        assert!(error.what.contains("has no"), "{error}");
        assert_eq!(error.line, 3);
    }
}

#[test]
fn what_is_no_yaml_of_a_policy_is_said_without_the_words_of_a_parser() {
    let table = [
        ("", "ends too early"),
        ("target: a\ntarget: b\n", "2:1: `target` occurs twice; keep one"),
        (
            "target: a\nusers: { mappings: [{ target: userName, source: mail }] }\n---\ntarget: b\n",
            "one policy per file",
        ),
        ("target: a\nusers: { mappings: 3 }\n", "2:20: a list is expected here"),
        ("target: a\nusers: 3\n", "2:8: a map is expected here"),
        ("target: a\nusers:\n\tmappings: []\n", "not allow tabs"),
        ("target: a\nguard: { deletions: -1 }\n", "not a whole number"),
        (
            "target: a\nusers:\n  scope:\n  mappings: [{ target: userName, source: mail }]\n",
            "3:8: `scope` has no value; write one",
        ),
    ];
    for (yaml, said) in table {
        let error = Policy::parse(yaml, "a.yaml").unwrap_err().to_string();
        assert!(error.contains(said), "{yaml:?}: {error}");
    }
}

#[test]
fn a_target_that_is_nearly_an_attribute_is_remarked_upon() {
    let table = [
        ("displayNam", Some("displayName")),
        ("email[type eq \"work\"].value", Some("emails")),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:departement", Some("department")),
        ("TITLE", None),
        ("custom.level", None),
        ("urn:acme:1.0:User:departement", None),
        ("im", Some("ims")),
        ("alias", None),
    ];
    for (target, meant) in table {
        let yaml = GOOD.replacen("emails[type eq \"work\"].value", target, 1);
        let policy = Policy::parse(&yaml, "a.yaml").unwrap();
        let remarks: Vec<_> = policy.remarks().iter().map(|remark| (remark.line, &remark.text)).collect();
        match (meant, remarks.as_slice()) {
            (None, []) => {}
            (Some(meant), [(10, text)]) => assert!(text.ends_with(&format!("`{meant}`?")), "{text}"),
            other => panic!("{target}: {other:?}"),
        }
    }
}

#[test]
fn a_wrong_policy_is_refused_with_place_reason_and_remedy() {
    let table = [
        ("values: [Sales, R&D]", "value: Sales", "6:48", "IN compares with a list"),
        ("operator: IN", "operator: INN", "6:48", "unknown operator `INN`; did you mean IN?"),
        ("- { memberOf: \"G-12\" }", "- { operator: IS NULL }", "7:13", "a clause needs `attribute`"),
        ("source: userPrincipalName", "default: x", "9:7", "needs `source`, `constant`, `expression`"),
        ("source: userPrincipalName", "source: a, constant: b", "9:7", "more than one of"),
        (
            "source: userPrincipalName",
            "expression: 'ToLow([mail])'",
            "9:39",
            "expression of `userName` is wrong",
        ),
        (
            "source: userPrincipalName",
            "expression: 'SelectUniqueValue([a], [b])'",
            "9:39",
            "the content of the target",
        ),
        ("values: [Sales, R&D]", "value: [Sales]", "6:48", "the list of IN is called `values`"),
        ("  match: [userName]", "  match: []", "11:10", "`match` names no path"),
        ("  match: [userName]", "  protected: {}", "11:14", "`protected` lists neither people nor groups"),
        (
            "  match: [displayName]",
            "  protected: { users: [E-1] }",
            "16:24",
            "people are listed in the rules for groups",
        ),
        ("users:\n", "guard: { windowHours: 0 }\nusers:\n", "2:8", "`windowHours` is 0"),
        (
            "'emails[type eq \"work\"].value'",
            "'emails[type eq work].value'",
            "10:17",
            "is not an attribute path",
        ),
        (
            "'emails[type eq \"work\"].value'",
            "'emails[type ne \"work\"].value'",
            "10:17",
            "is not an attribute path",
        ),
        ("'emails[type eq \"work\"].value'", "name.", "10:17", "is not an attribute path"),
        ("source: mail", "source: mail, onNull: never", "10:71", "unknown `onNull` `never`"),
        ("source: mail", "source: mail, onNull: default", "10:71", "has no default"),
        ("source: mail", "source: mail, default: x, onNull: clear", "10:83", "written and then cleared"),
        ("source: mail", "source: mail, apply: once", "10:70", "unknown `apply` `once`"),
        ("source: mail", "source: mail, type: number", "10:69", "unknown type `number`"),
        ("assumeEmpty: false", "outOfScope: delete", "13:15", "unknown `outOfScope` `delete`"),
        ("action: disable", "when: later", "12:19", "unknown moment `later`"),
        ("target: userName, source", "target: username, source", "9:17", "`username` is misspelt"),
        ("'emails[type eq \"work\"].value'", "userName", "10:17", "`userName` is mapped twice"),
        ("'emails[type eq \"work\"].value'", "UserName.x", "10:17", "one contains the other"),
        ("'emails[type eq \"work\"].value'", "active", "10:17", "`active` cannot be mapped"),
        (
            "'emails[type eq \"work\"].value'",
            "'urn:ietf:params:scim:schemas:core:2.0:User:active'",
            "10:17",
            "`urn:ietf:params:scim:schemas:core:2.0:User:active` cannot be mapped",
        ),
        (
            "'emails[type eq \"work\"].value'",
            "'URN:IETF:params:scim:schemas:core:2.0:user:Active'",
            "10:17",
            "cannot be mapped",
        ),
        ("'emails[type eq \"work\"].value'", "active.value", "10:17", "cannot be mapped"),
        (
            "'emails[type eq \"work\"].value'",
            "'urn:ietf:params:scim:schemas:core:2.0:User:groups[type eq \"direct\"].value'",
            "10:17",
            "cannot be mapped",
        ),
        (
            "'emails[type eq \"work\"].value'",
            "'urn:ietf:params:scim:schemas:core:2.0:User:externalId'",
            "10:17",
            "is misspelt; write `externalId`",
        ),
        ("'emails[type eq \"work\"].value'", "'emails['", "10:17", "`emails[` is not an attribute path"),
        ("match: [userName]", "match: [id]", "11:11", "`match` names `id`"),
        ("action: disable", "action: fire", "12:21", "unknown action `fire`"),
        ("action: disable", "action: none", "12:11", "`deleteAfterDays` contradicts"),
        ("target: zscaler", "target: a b", "1:9", "`a b` cannot be the name"),
        ("match: [displayName]", "leaver: { action: delete }", "16:11", "groups have no leaver rule"),
    ];
    for (from, to, place, what) in table {
        let error = error(from, to).to_string();
        assert!(error.starts_with(&format!("zscaler.yaml:{place}: ")), "{error}");
        assert!(error.contains(what) && error.contains("; "), "{error}");
    }
}

#[test]
fn an_unknown_or_missing_field_or_broken_yaml_is_refused_with_its_place() {
    let unknown = error("assumeEmpty: false", "assumeEmtpy: false");
    assert_eq!(unknown.line, 13);
    assert!(unknown.what.contains("assumeEmtpy"), "{unknown}");
    assert!(error("target: zscaler", "").what.contains("target"));
    assert!(error("users:", "users: [").line > 0);
}

/// Parses a policy with this clause, and with these keys in the mapping of `title`.
fn with(clause: &str, title: &str) -> Result<Policy, PolicyError> {
    let yaml = format!(
        "target: t\nusers:\n  scope: {{ any: [{{ all: [{clause}] }}] }}\n  mappings:\n    \
         - {{ target: userName, source: mail }}\n    - {{ target: title, {title} }}\n"
    );
    Policy::parse(&yaml, "t.yaml")
}

#[test]
fn what_the_file_gives_has_the_type_that_the_target_wants() {
    use serde_json::json;
    let table = [
        ("type: boolean, source: a, default: 'False'", Some(json!(false))),
        ("type: integer, source: a, default: '7'", Some(json!(7))),
        ("type: text, source: a, default: 7", Some(json!("7"))),
        ("type: integer, none: true, default: '7'", Some(json!(7))),
        ("type: integer, source: a, default: abc", None),
        ("type: boolean, source: a, default: [true]", None),
        ("type: integer, constant: abc", None),
    ];
    for (title, expected) in table {
        match (with(ANY_CLAUSE, title), expected) {
            (Ok(policy), Some(expected)) => {
                assert_eq!(policy.users().mappings[1].default, Some(expected), "{title}");
            }
            (Err(error), None) => assert!(error.what.contains("does not fit its `type`"), "{title}: {error}"),
            (other, expected) => panic!("{title}: {other:?} instead of {expected:?}"),
        }
    }
    let typed = with(ANY_CLAUSE, "constant: 'true', type: boolean").unwrap();
    assert_eq!(typed.users().mappings[1].source, crate::MappingSource::Constant(json!(true)));
}

const ANY_CLAUSE: &str = "mail IS NOT NULL";

#[test]
fn operands_are_what_is_written_whatever_yaml_takes_them_for() {
    let table = [
        ("operator: IN, values: [NO, CH, yes, Off]", r#"x IN ["NO", "CH", "yes", "Off"]"#),
        ("operator: EQUALS, value: 0041", r#"x EQUALS "0041""#),
        ("operator: EQUALS, value: 1.0", r#"x EQUALS "1.0""#),
        ("operator: EQUALS, value: 0x10", r#"x EQUALS "0x10""#),
        ("operator: EQUALS, value: 1e3", r#"x EQUALS "1e3""#),
        ("operator: EQUALS, value: 1_000", r#"x EQUALS "1_000""#),
        ("operator: EQUALS, value: 2026-01-31", r#"x EQUALS "2026-01-31""#),
        ("operator: EQUALS, value: TRUE", r#"x EQUALS "TRUE""#),
        ("operator: EQUALS, value: 'NO'", r#"x EQUALS "NO""#),
        ("operator: EQUALS, value: ' 007'", r#"x EQUALS " 007""#),
        ("operator: GREATER THAN, value: 5", "x GREATER THAN 5"),
    ];
    for (clause, expected) in table {
        let policy = with(&format!("{{ attribute: x, {clause} }}"), "constant: x").unwrap();
        assert_eq!(policy.users().scope.any[0][0].to_string(), expected, "{clause}");
    }
    let anchored = "target: t\nusers:\n  scope: { any: [{ all: [{ attribute: x, operator: EQUALS, value: &a 007 }, \
                    { attribute: y, operator: EQUALS, value: *a }] }] }\n  mappings: [{ target: userName, source: m }]\n";
    let anchored = Policy::parse(&format!("\u{feff}# é\n{anchored}"), "t").unwrap();
    let clauses: Vec<_> = anchored.users().scope.any[0].iter().map(ToString::to_string).collect();
    assert_eq!(clauses, [r#"x EQUALS "007""#, r#"y EQUALS "007""#]);
}

#[test]
fn a_constant_is_what_is_written_or_refused() {
    use serde_json::json;
    let table = [
        ("NO", Some(json!("NO"))),
        ("yes", Some(json!("yes"))),
        ("true", Some(json!(true))),
        ("5", Some(json!(5))),
        ("-5", Some(json!(-5))),
        ("1.5", Some(json!(1.5))),
        ("'0041'", Some(json!("0041"))),
        ("[1, NO]", Some(json!([1, "NO"]))),
        ("{ a: { b: 1 } }", Some(json!({ "a": { "b": 1 } }))),
        ("1_000", None),
        ("0041", None),
        ("1.10", None),
        ("0x10", None),
        ("1e3", None),
        ("+5", None),
        ("[0041]", None),
        ("{ a: 1.0e1 }", None),
        ("123456789012345678901234567890", None),
    ];
    for (written, expected) in table {
        for key in ["constant", "source: a, default"] {
            match (with(ANY_CLAUSE, &format!("{key}: {written}")), &expected) {
                (Ok(policy), Some(expected)) => {
                    let mapping = &policy.users().mappings[1];
                    let value = match &mapping.source {
                        crate::MappingSource::Constant(value) => value,
                        _ => mapping.default.as_ref().unwrap(),
                    };
                    assert_eq!(value, expected, "{written}");
                }
                (Err(error), None) => {
                    assert!(error.line == 6 && error.fix.contains("in quotes"), "{written}: {error}");
                }
                (other, _) => panic!("{key}: {written}: {other:?}"),
            }
        }
    }
}

proptest::proptest! {
    /// For any plain text, the clause compares with exactly that text, or the file is refused.
    #[test]
    fn no_operand_becomes_another_one(text in "[0-9A-Za-z.+-][0-9A-Za-z._+-]{0,11}") {
        let written = format!("{{ attribute: x, operator: EQUALS, value: {text} }}");
        if let Ok(policy) = with(&written, "constant: x") {
            let clause = policy.users().scope.any[0][0].to_string();
            proptest::prop_assert_eq!(clause, format!("x EQUALS \"{text}\""));
        }
        if let Ok(policy) = with(ANY_CLAUSE, &format!("constant: {text}")) {
            let crate::MappingSource::Constant(value) = &policy.users().mappings[1].source else { panic!() };
            let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let is_truth = value.is_boolean() && shown.eq_ignore_ascii_case(&text);
            proptest::prop_assert!(is_truth || shown == text, "{} became {}", text, shown);
        }
    }
}

#[test]
fn a_small_file_cannot_ask_for_much_work() {
    let replaces = |count: usize| vec![r#"Replace([x],,"\\w{9}",,"",,)"#; count].join(", ");
    let mappings = |each: usize, count: usize| {
        let one =
            |n| format!("    - {{ target: 'custom{n}', expression: 'Join(\"\", {})' }}\n", replaces(each));
        let all: String = (0..count).map(one).collect();
        format!("target: t\nusers:\n  mappings:\n    - {{ target: userName, source: mail }}\n{all}")
    };
    let one = Policy::parse(&mappings(300, 1), "t").unwrap_err();
    assert!(one.what.contains("too much memory"), "{one}");
    let many = Policy::parse(&mappings(10, 100), "t").unwrap_err();
    assert!(many.what.contains("of the policy need too much memory"), "{many}");
    // Files that contain other errors as well do not get through either.
    for mistake in ["ToLow([x])", r#"Replace([x],,"\\w{9999}",,"",,)"#] {
        let wrong = mappings(10, 400).replace("Join(\"\", ", &format!("Join({mistake}, "));
        let wrong = Policy::parse(&wrong, "t").unwrap_err();
        assert!(wrong.all().count() < 10, "{wrong}");
    }
    let clauses = vec![r#"'x REGEX MATCH "\\w{9}"'"#; 900].join(", ");
    let scope = format!(
        "target: t\nusers:\n  scope: {{ any: [{{ all: [{clauses}] }}] }}\n  mappings: [{{ target: userName, source: m }}]\n"
    );
    assert!(Policy::parse(&scope, "t").unwrap_err().what.contains("of the policy need too much memory"));
    // A usual policy of this kind stays far below the limit.
    let usual = mappings(1, 1).replace(r"\\w{9}", r"^(?<user>[\\w.-]+)@(?<domain>[\\w.-]+)$");
    let usual = Policy::parse(&usual, "t").unwrap();
    let crate::MappingSource::Expression(expression) = &usual.users().mappings[1].source else { panic!() };
    assert!((1..50_000).contains(&expression.pattern_weight()), "{}", expression.pattern_weight());
}

#[test]
fn everything_that_is_wrong_with_clauses_and_mappings_is_told_at_once() {
    let yaml = "target: t\nusers:\n  scope: { any: [{ all: ['a EQUAL b', 'c IS NULL', 'd BEFORE soon'] }] }\n  mappings:\n    \
                - { target: userName, expression: 'ToLow([mail])' }\n    - { target: title, constant: 0041 }\n    \
                - { target: name, source: a }\n    - { target: name.givenName, source: b }\n  match: [userName]\n";
    let error = Policy::parse(yaml, "t").unwrap_err();
    let told: Vec<_> =
        error.all().map(|error| (error.line, error.span().map(|span| (span.start, span.end)))).collect();
    let clause = |from, to| Some((from, to));
    assert_eq!(
        told,
        [(3, clause(2, 7)), (3, clause(9, 13)), (5, clause(0, 5)), (6, None), (8, None)],
        "{error:?}"
    );
    assert!(error.all().all(
        |error| !error.fix.is_empty() && error.more.is_empty() == (error.line != 3 || error.column > 26)
    ));
}

#[test]
fn in_a_block_the_place_is_that_of_what_is_wrong() {
    let yaml = "target: t\nusers:\n  mappings:\n    - target: userName\n      expression: |\n        Join(\"é\",\n          [a], ToLow([b]),\n          Foo([c]))\n    - { target: title, constant: x }\n";
    let error = Policy::parse(yaml, "t").unwrap_err();
    assert_eq!((error.line, error.column), (7, 16), "{error}");
    let folded = Policy::parse(&yaml.replace("|\n", ">\n"), "t").unwrap_err();
    assert_eq!((folded.line, folded.column), (7, 16), "{folded}");
}

#[test]
fn a_misspelt_key_is_answered_with_what_was_meant_there() {
    let table = [
        (
            "source: userPrincipalName",
            "sorce: userPrincipalName",
            "unknown key `sorce`; did you mean `source`?",
        ),
        ("assumeEmpty: false", "assumeEmtpy: false", "did you mean `assumeEmpty`?"),
        ("  scope:", "  scop:", "did you mean `scope`?"),
        ("operator: IN", "operater: IN", "did you mean `operator`?"),
        (
            "deleteAfterDays: 30",
            "grace: 30",
            "unknown key `grace`; known here: action, when, deleteAfterDays",
        ),
        ("target: zscaler", "", "`target` is missing; add it"),
    ];
    for (from, to, said) in table {
        let error = error(from, to).to_string();
        assert!(error.contains(said), "{to}: {error}");
    }
}

#[test]
fn accounts_of_nobody_are_reported_unless_the_policy_says_more() {
    let with = |orphans: &str| GOOD.replacen("users:\n", &format!("users:\n  orphans: {orphans}\n"), 1);
    assert_eq!(*Policy::parse(GOOD, "a.yaml").unwrap().orphans(), OrphanPolicy::default());
    let said = Policy::parse(&with("{ action: delete, except: [admin@example.com] }"), "a.yaml").unwrap();
    let except = vec!["admin@example.com".to_owned()];
    assert_eq!(*said.orphans(), OrphanPolicy { action: OrphanAction::Delete, except });
    for (orphans, error) in [
        ("{ action: remove }", "3:22: unknown action `remove`; use report, disable or delete"),
        ("{ except: [a] }", "action"),
        ("{ action: disable, except: [\" \"] }", "an exception without a name"),
    ] {
        let refused = Policy::parse(&with(orphans), "a.yaml").unwrap_err().to_string();
        assert!(refused.contains(error), "{refused}");
    }
}

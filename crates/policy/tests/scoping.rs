//! Scopes in policy files: Entra's documented filters, and feature requests of its users.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use lifecycle::AttributeMap;
use policy::{GroupMembership, Policy, PolicyError, Scope, ScopeClause, ScopeInput};
use serde_json::{Value, json};
use time::macros::datetime;

const NOON: time::OffsetDateTime = datetime!(2026-05-10 12:00 UTC);

fn attributes(value: Value) -> AttributeMap {
    serde_json::from_value(value).unwrap()
}

fn group(key: &str, name: &str, direct: bool) -> GroupMembership {
    GroupMembership { key: key.to_owned(), name: Some(name.to_owned()), direct }
}

fn person<'a>(key: &'a str, attributes: &'a AttributeMap, groups: &'a [GroupMembership]) -> ScopeInput<'a> {
    ScopeInput { attributes, manager: None, groups, key, impersonal: false, now: NOON }
}

fn parse(users: &str, groups: &str) -> Result<Policy, PolicyError> {
    let yaml = format!(
        "target: zscaler\nusers:\n  scope: {users}\n  mappings: [ {{ target: userName, source: userPrincipalName }} ]\n\
         groups:\n  scope: {groups}\n  mappings: [ {{ target: displayName, source: displayName }} ]\n"
    );
    Policy::parse(&yaml, "zscaler.yaml")
}

fn user_scope(users: &str) -> Scope {
    parse(users, "{ mode: all }").unwrap().users().scope.clone()
}

fn group_is_inside(policy: &Policy, key: &str, name: &str) -> bool {
    let attributes = attributes(json!({ "displayName": name }));
    policy
        .groups()
        .unwrap()
        .scope
        .judge(&ScopeInput { impersonal: true, ..person(key, &attributes, &[]) })
        .inside
}

#[test]
fn entras_documented_filters_hold_as_documented() {
    let vectors: Vec<Value> = serde_json::from_str(include_str!("vectors/entra_scoping.json")).unwrap();
    assert_eq!(vectors.len(), 20);
    for vector in &vectors {
        let mut clause = json!({ "attribute": vector["attribute"], "operator": vector["operator"] });
        if !vector["value"].is_null() {
            clause["value"] = vector["value"].clone();
        }
        let scope = user_scope(&json!({ "any": [{ "all": [clause] }] }).to_string());
        let attributes = attributes(vector["source"].clone());
        // Entra's page leaves SC012 open: a pattern without anchors must match the whole value.
        let expected = vector["expected"].as_bool().unwrap_or(false);
        assert_eq!(scope.judge(&person("E-1", &attributes, &[])).inside, expected, "{vector}");
    }
}

/// "Synchronize *Domain Users* for the user mapping and several security-group wildcards for the group mapping."
#[test]
fn domain_users_get_accounts_and_several_wildcards_of_security_groups_become_groups() {
    let policy = parse(
        r#"{ any: [ { all: [ { memberOf: "Domain Users" } ] } ] }"#,
        r#"
    any:
      - all: [ { attribute: displayName, operator: MATCHES, value: "SEC-*" } ]
      - all: [ 'displayName MATCHES "APP-*-Users"' ]
      - all: [ 'displayName STARTS WITH "vpn" ignoring case', 'not displayName ENDS WITH "-test"' ]"#,
    )
    .unwrap();
    let nobody = AttributeMap::new();
    let inside =
        |groups: &[GroupMembership]| policy.users().scope.judge(&person("E-1", &nobody, groups)).inside;
    assert!(inside(&[group("S-1-513", "Domain Users", true)]));
    assert!(
        inside(&[group("G-7", "Sales", true), group("S-1-513", "Domain Users", false)]),
        "through a nested group"
    );
    assert!(!inside(&[group("G-7", "SEC-VPN", true)]), "the groups of the group mapping let nobody in");
    assert!(!inside(&[]));
    for (name, expected) in [
        ("SEC-VPN", true),
        ("APP-Jira-Users", true),
        ("APP-Jira-Admins", false),
        ("VPN Zürich", true),
        ("vpn-test", false),
        ("Domain Users", false),
        ("MYSEC-1", false),
    ] {
        assert_eq!(group_is_inside(&policy, "G-1", name), expected, "{name}");
    }
    assert!(policy.uses_groups());
}

/// "Sync all users and groups, scoped, instead of only assigned ones."
#[test]
fn everybody_in_scope_is_synchronised_or_only_the_assigned_as_the_mode_says() {
    let users = r#"any: [ { all: [ 'employeeType EQUALS "Employee"' ] } ]"#;
    let all = parse(&format!("{{ mode: all, {users} }}"), "{ mode: all }").unwrap();
    let assigned = parse(
        &format!(r#"{{ mode: assigned, assigned: {{ users: [E-1], groups: ["SEC-*", G-9] }}, {users} }}"#),
        r#"{ mode: assigned, assigned: { groups: ["SEC-*", G-9] } }"#,
    )
    .unwrap();
    let employee = attributes(json!({ "employeeType": "Employee" }));
    let contractor = attributes(json!({ "employeeType": "Contractor" }));
    let vpn = [group("G-2", "SEC-VPN", false)];
    let choir = [group("G-3", "Choir", true)];
    let ninth = [group("G-9", "Nine", true)];
    let table: [(&str, &AttributeMap, &[GroupMembership], bool, bool); 7] = [
        ("E-1", &employee, &[], true, true),
        ("E-2", &employee, &[], true, false),
        ("E-2", &employee, &vpn, true, true),
        ("E-2", &employee, &ninth, true, true),
        ("E-2", &employee, &choir, true, false),
        ("E-1", &contractor, &vpn, false, false),
        ("E-3", &contractor, &[], false, false),
    ];
    for (key, attributes, groups, with_all, with_assigned) in table {
        let seen = person(key, attributes, groups);
        assert_eq!(all.users().scope.judge(&seen).inside, with_all, "{key} {groups:?}");
        assert_eq!(assigned.users().scope.judge(&seen).inside, with_assigned, "{key} {groups:?}");
    }
    for (key, name, with_assigned) in
        [("G-2", "SEC-VPN", true), ("G-9", "Nine", true), ("G-3", "Choir", false)]
    {
        assert!(group_is_inside(&all, key, name));
        assert_eq!(group_is_inside(&assigned, key, name), with_assigned, "{name}");
    }
    assert!(!all.uses_groups() && assigned.uses_groups());
}

#[test]
fn a_clause_means_the_same_as_a_map_and_as_a_text() {
    let table = [
        (
            "{ attribute: department, operator: EQUALS, value: Sales, ignoreCase: true }",
            r#"department EQUALS "Sales" ignoring case"#,
        ),
        (
            "{ attribute: manager.department, operator: not_in, values: [Sales, 7, true] }",
            r#"manager.department NOT IN ["Sales", "7", "true"]"#,
        ),
        (
            "{ attribute: level, operator: Greater_Than_OR_EQUALS, value: 5 }",
            "level GREATER THAN OR EQUALS 5",
        ),
        ("{ attribute: startDate, operator: WITHIN, value: 7 days }", "startDate WITHIN 7 days"),
        ("{ attribute: endDate, operator: before, value: now - 2 weeks }", "endDate BEFORE now - 2 weeks"),
        ("{ attribute: endDate, operator: AFTER, value: 2026-01-31 }", "endDate AFTER 2026-01-31"),
        ("{ memberOf: SEC-*, nested: false }", r#"memberOf "SEC-*" directly"#),
        ("{ not: { not: { memberOf: X } } }", r#"not not memberOf "X""#),
        ("{ not: 'department EQUALS Sales' }", r#"not department EQUALS "Sales""#),
        ("not department IS NULL", "not department IS NULL"),
    ];
    for (yaml, text) in table {
        let scope = user_scope(&format!("{{ any: [ {{ all: [ {yaml} ] }} ] }}"));
        assert_eq!(scope.any, [[ScopeClause::parse(text).unwrap()]], "{yaml}");
        assert_eq!(scope.any[0][0].to_string(), text);
    }
}

#[test]
fn a_wrong_scope_is_refused_with_place_reason_and_remedy() {
    let clause = |clause: &str| format!("{{ any: [ {{ all: [ {clause} ] }} ] }}");
    let table = [
        (clause("{ attribute: a, operator: EQUALL, value: b }"), "3:54", "did you mean EQUALS?"),
        (clause("{ attribute: a, operator: '&', value: b }"), "3:54", "no documented meaning"),
        (clause("{ attribute: a, operator: GREATER THAN, value: b }"), "3:54", "whole number"),
        (clause("{ attribute: a, operator: EQUALS, values: [b] }"), "3:54", "one operand"),
        (clause("{ attribute: a, operator: EQUALS, value: b, values: [b] }"), "3:54", "both"),
        (clause("{ attribute: a, operator: IN, value: b }"), "3:54", "compares with a list"),
        (clause("{ attribute: a, operator: IN, values: [[b]] }"), "3:67", "not a plain value"),
        (clause("{ attribute: a, operator: IS NULL, value: b }"), "3:54", "takes no operand"),
        (clause("{ attribute: a, operator: IS NULL, ignoreCase: true }"), "3:54", "upper and lower case"),
        (clause("{ attribute: a, operator: BEFORE, value: soon }"), "3:54", "compares dates"),
        (clause("{ attribute: a, operator: WITHIN, value: 7 }"), "3:54", "needs a period"),
        (clause("{ attribute: a, operator: REGEX MATCH, value: '(?=a)' }"), "3:54", "look-around"),
        (clause(r"{ attribute: a, operator: REGEX MATCH, value: '(a)\1' }"), "3:54", "back reference"),
        (clause("{ attribute: manager., operator: IS NULL }"), "3:41", "not the name of an attribute"),
        (clause("{ operator: IS NULL }"), "3:28", "a clause needs"),
        (clause("{ memberOf: X, attribute: a }"), "3:28", "stands beside"),
        (clause("{ not: { memberOf: X }, nested: true }"), "3:28", "stands beside"),
        (clause("{ memberOf: ' ' }"), "3:40", "blank"),
        (clause("{ nested: true }"), "3:28", "belongs to `memberOf`"),
        (clause("'department EQUAL Sales'"), "3:28", "did you mean EQUALS?"),
        ("{ any: [ { all: [] } ] }".to_owned(), "3:19", "has no clauses"),
        ("{ mode: some }".to_owned(), "3:18", "unknown mode `some`"),
        ("{ mode: assigned }".to_owned(), "3:18", "no one would be in scope"),
        ("{ assigned: { users: [E-1] } }".to_owned(), "3:22", "only matters with"),
        ("{ mode: assigned, assigned: {} }".to_owned(), "3:38", "lists neither people nor groups"),
        ("{ mode: assigned, assigned: { users: [''] } }".to_owned(), "3:48", "blank"),
    ];
    for (scope, place, what) in table {
        let error = parse(&scope, "{ mode: all }").unwrap_err().to_string();
        assert!(error.starts_with(&format!("zscaler.yaml:{place}: ")), "{scope}: {error}");
        assert!(error.contains(what), "{scope}: {error}");
    }
    let people = parse("{ mode: all }", "{ mode: assigned, assigned: { users: [E-1] } }").unwrap_err();
    assert!(people.what.contains("people are listed"), "{people}");
}

/// The reader of the policy file must refuse deep nesting before any code recurses into it.
#[test]
fn deeply_nested_clauses_are_refused_and_not_followed() {
    let with_nots = |depth: usize| {
        let clause = format!("{}{{ memberOf: X }}{}", "{ not: ".repeat(depth), " }".repeat(depth));
        parse(&format!("{{ any: [ {{ all: [ {clause} ] }} ] }}"), "{ mode: all }")
    };
    assert!(with_nots(10).is_ok());
    for depth in [20, 50, 2_000, 50_000] {
        assert!(with_nots(depth).is_err(), "{depth}");
    }
}

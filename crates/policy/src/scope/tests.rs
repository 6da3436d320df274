use lifecycle::AttributeMap;
use proptest::prelude::*;
use serde_json::{Value, json};
use time::macros::datetime;

use super::operator::{AttributeOperator, WrittenOperands};
use super::spelling::OperatorKind;
use super::{
    AssignedNames, AssignmentMode, AttributeName, GroupMembership, GroupPattern, Scope, ScopeClause,
    ScopeInput,
};

const NOON: time::OffsetDateTime = datetime!(2026-05-10 12:00 UTC);

fn seen(attributes: &AttributeMap) -> ScopeInput<'_> {
    ScopeInput { attributes, manager: None, groups: &[], key: "E-1", impersonal: false, now: NOON }
}

fn attributes(value: Value) -> AttributeMap {
    serde_json::from_value(value).unwrap()
}

fn scope(any: &[&[&str]]) -> Scope {
    let clauses = |texts: &&[&str]| texts.iter().map(|text| ScopeClause::parse(text).unwrap()).collect();
    Scope { mode: AssignmentMode::All, any: any.iter().map(clauses).collect() }
}

fn in_words(scope: &Scope, seen: &ScopeInput<'_>) -> String {
    let judgement = scope.judge(seen);
    let saw = judgement.because.saw(seen).map_or(String::new(), |saw| format!(" ({saw})"));
    format!("{}: {}{saw}", judgement.inside, judgement.because.clause())
}

#[test]
fn groups_of_clauses_are_alternatives_and_the_closest_one_explains() {
    let scope =
        scope(&[&["country EQUALS CH"], &["employeeType EQUALS Employee", "department EQUALS Sales"]]);
    let judge = |value| in_words(&scope, &seen(&attributes(value)));
    assert_eq!(judge(json!({ "country": "CH" })), r#"true: country EQUALS "CH" ("CH")"#);
    assert_eq!(
        judge(json!({ "employeeType": "Employee", "department": "Sales" })),
        r#"true: employeeType EQUALS "Employee" and department EQUALS "Sales" ("Employee"; "Sales")"#
    );
    assert_eq!(
        judge(json!({ "employeeType": "Employee", "department": "HR" })),
        r#"false: department EQUALS "Sales" ("HR")"#
    );
    assert_eq!(judge(json!({})), r#"false: country EQUALS "CH" (no value)"#);
    assert_eq!(in_words(&Scope::default(), &seen(&AttributeMap::new())), "true: everybody");
}

#[test]
fn a_reason_hides_personal_values_and_an_explanation_shows_them() {
    let scope = scope(&[&["not mail EQUALS a@b.org", "department EQUALS Sales"]]);
    let attributes = attributes(json!({ "mail": "a@b.org", "department": "Sales" }));
    assert_eq!(in_words(&scope, &seen(&attributes)), r#"false: not mail EQUALS "a@b.org" (<hidden>)"#);
    let results = scope.explain(&seen(&attributes));
    assert_eq!(results.len(), 1, "what was not looked at is not told");
    assert_eq!(
        (results[0].alternative, results[0].holds, results[0].saw.as_str()),
        (1, false, "\"a@b.org\"")
    );
}

#[test]
fn membership_counts_by_name_wildcard_or_key_and_through_nested_groups() {
    let groups = [
        GroupMembership { key: "G-1".to_owned(), name: Some("Domain Users".to_owned()), direct: false },
        GroupMembership { key: "G-2".to_owned(), name: Some("SEC-VPN".to_owned()), direct: true },
        GroupMembership { key: "sec-x".to_owned(), name: None, direct: true },
    ];
    let attributes = AttributeMap::new();
    let seen = ScopeInput { groups: &groups, ..seen(&attributes) };
    let table = [
        ("memberOf \"domain users\"", true),
        ("memberOf \"domain users\" directly", false),
        ("memberOf G-1", true),
        ("memberOf g-1", false),
        ("memberOf \"SEC-*\" directly", true),
        ("memberOf \"SEC-?\"", true),
        ("memberOf \"SEC-VP\"", false),
        ("not memberOf \"SEC-*\"", false),
        ("not memberOf Choir", true),
    ];
    for (clause, expected) in table {
        assert_eq!(scope(&[&[clause]]).judge(&seen).inside, expected, "{clause}");
    }
    assert_eq!(
        in_words(&scope(&[&["memberOf \"Domain *\""]]), &seen),
        r#"true: memberOf "Domain *" (member of "Domain Users" (nested))"#
    );
}

#[test]
fn with_assigned_only_the_listed_come_in_and_then_the_clauses_decide() {
    let assigned =
        AssignedNames { users: ["E-1".to_owned()].into(), groups: vec![GroupPattern::new("SEC-*")] };
    let scope = Scope { mode: AssignmentMode::Assigned(assigned), ..scope(&[&["department EQUALS Sales"]]) };
    let attributes = attributes(json!({ "department": "Sales", "displayName": "SEC-VPN" }));
    let listed = seen(&attributes);
    assert_eq!(
        in_words(&scope, &listed),
        r#"true: assigned and department EQUALS "Sales" (listed; "Sales")"#
    );
    let other = ScopeInput { key: "E-2", ..listed };
    assert_eq!(in_words(&scope, &other), "false: mode: assigned (not listed)");
    let explained = scope.explain(&other);
    assert_eq!(explained.len(), 1);
    assert_eq!((explained[0].clause.as_str(), explained[0].holds), ("mode: assigned", false));
    let groups = [GroupMembership { key: "G".to_owned(), name: Some("sec-vpn".to_owned()), direct: false }];
    assert!(scope.judge(&ScopeInput { groups: &groups, ..other }).inside);
    assert!(
        scope.judge(&ScopeInput { impersonal: true, ..other }).inside,
        "a group is listed by its own name"
    );
    assert!(scope.uses_groups() && scope.names_groups());
}

#[test]
fn attributes_of_the_manager_are_looked_at_and_reported() {
    let scope = scope(&[
        &["manager.department EQUALS Sales", "not manager.country IS NULL"],
        &["manager.department IS NULL"],
    ]);
    assert_eq!(scope.manager_attributes(), ["department", "country"]);
    let manager = attributes(json!({ "department": "Sales", "country": "CH" }));
    let own = attributes(json!({ "department": "HR" }));
    assert!(scope.judge(&ScopeInput { manager: Some(&manager), ..seen(&own) }).inside);
    assert_eq!(in_words(&scope, &seen(&own)), "true: manager.department IS NULL (no manager)");
    assert!(!scope.uses_groups());
}

#[test]
fn a_scope_is_judged_again_when_the_first_of_its_dates_comes() {
    let scope =
        scope(&[&["endDate BEFORE now"], &["not startDate WITHIN 7 days", "department EQUALS Sales"]]);
    let attributes = attributes(json!({ "startDate": "2026-06-10", "endDate": "2026-12-31" }));
    let judgement = scope.judge(&seen(&attributes));
    assert_eq!(judgement.recheck_at, Some(datetime!(2026-06-03 00:00 UTC)));
    assert_eq!(Scope::default().judge(&seen(&attributes)).recheck_at, None);
}

/// Generates any clause that can be written.
pub(crate) fn clauses() -> impl Strategy<Value = ScopeClause> {
    let names = prop_oneof!["[a-z]{1,8}", "manager\\.[a-z]{1,4}", "\\PC{1,8}", Just("not".to_owned())]
        .prop_filter_map("a name", |name| AttributeName::parse(&name));
    let about = (names, operators(), any::<bool>()).prop_filter_map(
        "an operator with fitting operands",
        |(name, (kind, operands), ignore_case)| {
            let operator = AttributeOperator::new(kind, operands, ignore_case).ok()?;
            Some(ScopeClause::Attribute { name, operator, ignore_case })
        },
    );
    let groups = prop_oneof!["[A-Z]{1,3}[*?-]{0,2}", "\\PC{1,8}"];
    let member = (groups, any::<bool>()).prop_filter_map("no blank name", |(group, nested)| {
        (!group.trim().is_empty())
            .then(|| ScopeClause::MemberOf { pattern: GroupPattern::new(&group), nested })
    });
    prop_oneof![6 => about, 1 => member]
        .prop_recursive(3, 4, 1, |inner| inner.prop_map(|inner| ScopeClause::Not(Box::new(inner))))
}

fn operators() -> impl Strategy<Value = (OperatorKind, WrittenOperands)> {
    use OperatorKind::*;
    let unary = prop::sample::select(vec![IsNull, IsNotNull, IsTrue, IsFalse]);
    let lists = (prop::sample::select(vec![In, NotIn]), prop::collection::vec("(?s).{0,6}", 1..4));
    let texts = prop::sample::select(vec![
        Equals,
        NotEquals,
        StartsWith,
        EndsWith,
        Includes,
        NotIncludes,
        Matches,
        NotMatches,
        RegexMatch,
        NotRegexMatch,
    ]);
    let integers = prop::sample::select(vec![GreaterThan, GreaterThanOrEquals, LessThan, LessThanOrEquals]);
    let periods = (prop::sample::select(vec![Within, WithinLast]), 0..400_u32);
    let moments = prop::sample::select(vec![
        "now",
        "now + 1 day",
        "now - 3 weeks",
        "2026-05-10",
        "2026-05-10T12:00:00.25Z",
        "0001-01-01",
    ]);
    let dates = (prop::sample::select(vec![Before, OnOrBefore, After, OnOrAfter]), moments);
    prop_oneof![
        unary.prop_map(|kind| (kind, WrittenOperands::None)),
        lists.prop_map(|(kind, values)| (kind, WrittenOperands::Many(values))),
        (texts, "(?s).{0,6}|[a-z*?.]{0,6}").prop_map(|(kind, value)| (kind, WrittenOperands::One(value))),
        (integers, any::<i64>()).prop_map(|(kind, value)| (kind, WrittenOperands::One(value.to_string()))),
        periods.prop_map(|(kind, days)| (kind, WrittenOperands::One(format!("{days} days")))),
        dates.prop_map(|(kind, date)| (kind, WrittenOperands::One(date.to_owned()))),
    ]
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        "20[0-9]{2}-0[1-9]-[0-2][1-9](T1[0-9]:00Z)?".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("value|[a-z]", inner, 0..3)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn judging_never_panics_and_is_the_same_every_time(
        any in prop::collection::vec(prop::collection::vec(clauses(), 1..3), 0..3),
        own in prop::collection::btree_map("[a-z]{1,2}", values(), 0..6),
        second in -70_000_000_000_i64..253_000_000_000,
        member in any::<bool>(),
    ) {
        // Each clause has an attribute to look at.
        let mut own = own;
        let some: Vec<Value> = own.values().cloned().collect();
        let names = any.iter().flatten().filter_map(|clause| match clause.innermost() {
            ScopeClause::Attribute { name, .. } => Some(name.name().to_owned()),
            _ => None,
        });
        own.extend(names.zip(some.into_iter().cycle()).collect::<Vec<_>>());
        let groups = [GroupMembership { key: "G".to_owned(), name: Some("A-".to_owned()), direct: member }];
        let now = time::OffsetDateTime::from_unix_timestamp(second).unwrap();
        let scope = Scope { mode: AssignmentMode::All, any };
        let seen = ScopeInput { manager: member.then_some(&own), groups: &groups, now, ..seen(&own) };
        let judgement = scope.judge(&seen);
        prop_assert_eq!(judgement, scope.judge(&seen));
        prop_assert!(judgement.recheck_at.is_none_or(|at| at > now));
        let _ = (judgement.because.clause(), judgement.because.saw(&seen));
        let explained = scope.explain(&seen);
        let inside = scope.any.is_empty() || explained.last().is_some_and(|result| result.holds);
        prop_assert_eq!(inside, judgement.inside, "the explanation agrees");
        if let Some(at) = judgement.recheck_at {
            let just_before = ScopeInput { now: now + (at - now) / 2, ..seen };
            prop_assert_eq!(scope.judge(&just_before).inside, judgement.inside, "nothing changes before");
        } else {
            let later = ScopeInput { now: now + time::Duration::days(400), ..seen };
            prop_assert_eq!(scope.judge(&later).inside, judgement.inside, "nothing ever changes");
        }
    }

    #[test]
    fn twice_not_is_nothing(clause in clauses(), own in prop::collection::btree_map("[a-z]{1,2}", values(), 0..6)) {
        let twice = ScopeClause::Not(Box::new(ScopeClause::Not(Box::new(clause.clone()))));
        let seen = seen(&own);
        let now = lifecycle::unix_micros(NOON);
        prop_assert_eq!(twice.holds(&seen, now), clause.holds(&seen, now));
        prop_assert_eq!(twice.flips_at(&seen, now), clause.flips_at(&seen, now));
    }
}

#[test]
fn a_value_that_cannot_be_compared_is_said_to_be_none() {
    let table = [
        ("startDate BEFORE now", json!("soon"), "<hidden>, which is no date"),
        ("startDate BEFORE now", json!("11/30/2026"), "<hidden>"),
        ("startDate BEFORE now", json!(["soon", "2026-11-30"]), "<hidden>"),
        ("startDate BEFORE now", json!(""), "no value"),
        ("costCenter GREATER THAN 5", json!("CH-7"), "\"CH-7\", which is no whole number"),
        ("userType IS TRUE", json!("yes"), "\"yes\", which is no truth value"),
        ("userType EQUALS \"x\"", json!("yes"), "\"yes\""),
    ];
    for (clause, value, expected) in table {
        let clause = ScopeClause::parse(clause).unwrap();
        let ScopeClause::Attribute { name, .. } = &clause else { panic!("{clause}") };
        let attributes = AttributeMap::from([(name.name().to_owned(), value)]);
        assert_eq!(clause.saw(&seen(&attributes)), expected, "{clause}");
    }
}

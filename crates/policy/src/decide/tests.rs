use lifecycle::{Account, AccountState, Attributes, Employment, IdentityView};
use proptest::prelude::*;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::{Decision, Subject, decide, decide_group};
use crate::{Policy, Rule};

const POLICY: &str = r#"
target: zscaler
users:
  scope:
    any:
      - all:
          - { attribute: employeeType, operator: EQUALS, value: Employee }
          - { attribute: department, operator: IN, values: [Sales, R&D] }
      - all: [ { memberOf: "G-12" } ]
  mappings:
    - { target: userName, source: userPrincipalName }
    - { target: 'emails[type eq "work"].value', source: mail }
    - { target: department, source: department, default: Unassigned }
    - { target: manager, source: manager, reference: user }
    - { target: userType, constant: Employee }
  leaver: { action: LEAVER }
groups:
  scope: { any: [ { all: [ { attribute: displayName, operator: STARTS WITH, value: "SEC-" } ] } ] }
  mappings: [ { target: displayName, source: displayName } ]
"#;

fn policy(leaver: &str) -> Policy {
    Policy::parse(&POLICY.replace("action: LEAVER", leaver), "test.yaml").unwrap()
}

fn attributes(value: Value) -> Attributes {
    serde_json::from_value(value).unwrap()
}

fn at(day: i64) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::days(day)
}

fn micros(day: i64) -> i64 {
    day * super::DAY_MICROS
}

fn person(employment: Employment, department: &str) -> IdentityView {
    let attributes = attributes(json!({
        "userPrincipalName": "e1@example.org", "mail": "e1@example.org", "employeeType": "Employee",
        "department": department, "manager": "worker/E-9"
    }));
    IdentityView { key: "E-1".to_owned(), attributes, employment }
}

fn decided(identity: &IdentityView, groups: &[String], leaver: &str, now: OffsetDateTime) -> Decision {
    decide(&Subject { identity, groups }, &policy(leaver), now)
}

fn state(decision: &Decision) -> Option<AccountState> {
    decision.desired.as_ref().map(|account| account.state)
}

#[test]
fn an_employee_in_scope_has_an_account_with_mapped_attributes() {
    let decision = decided(&person(Employment::Active, "sales"), &[], "action: disable", at(1));
    let Account { state, attributes, references, match_on, assume_empty, .. } = decision.desired.unwrap();
    assert_eq!(state, AccountState::Active);
    let expected = json!({
        "externalId": "E-1", "userName": "e1@example.org", "emails[type eq \"work\"].value": "e1@example.org",
        "department": "sales", "userType": "Employee"
    });
    assert_eq!(serde_json::to_value(attributes).unwrap(), expected);
    assert_eq!(references.get("manager").map(String::as_str), Some("E-9"));
    assert_eq!((match_on.as_slice(), assume_empty), (["userName".to_owned()].as_slice(), false));
    assert_eq!(decision.user_name.as_deref(), Some("e1@example.org"));
}

#[test]
fn whoever_is_out_of_scope_is_disabled_and_the_failing_clause_is_named() {
    let decision = decided(&person(Employment::Active, "HR"), &[], "action: disable", at(1));
    assert_eq!(state(&decision), Some(AccountState::Disabled));
    assert_eq!(decision.reason.to_string(), r#"out of scope: department IN ["Sales", "R&D"] (seen: "HR")"#);
    let member = decided(&person(Employment::Active, "HR"), &["G-12".to_owned()], "action: disable", at(1));
    assert_eq!(state(&member), Some(AccountState::Active));
}

#[test]
fn a_reason_never_shows_personal_values() {
    let yaml = "target: t\nusers:\n  scope: { any: [ { all: [ { attribute: mail, operator: IS NULL } ] } ] }\n  mappings: [ { target: userName, source: mail } ]\n";
    let identity = person(Employment::Active, "HR");
    let decision =
        decide(&Subject { identity: &identity, groups: &[] }, &Policy::parse(yaml, "t").unwrap(), at(1));
    assert_eq!(decision.reason.to_string(), "out of scope: mail IS NULL (seen: <hidden>)");
}

#[test]
fn nobody_gets_an_account_without_a_user_name() {
    for value in [json!(null), json!("  ")] {
        let mut identity = person(Employment::Active, "Sales");
        identity.attributes.insert("userPrincipalName".to_owned(), value);
        let decision = decided(&identity, &[], "action: disable", at(1));
        assert_eq!(decision.desired, None);
        assert_eq!(decision.reason.to_string(), "userName has no value");
        identity.employment = Employment::Left { since: 0 };
        let left = decided(&identity, &[], "action: disable", at(1));
        assert_eq!(state(&left), Some(AccountState::Disabled), "a leaver is cut off all the same");
    }
}

#[test]
fn somebody_of_whose_employment_nothing_is_known_has_no_usable_account() {
    let decision = decided(&person(Employment::Unknown, "Sales"), &[], "action: disable", at(1));
    assert_eq!((state(&decision), decision.rule), (Some(AccountState::Disabled), Rule::NotEmployedYet));
}

#[test]
fn a_leaver_is_disabled_at_once_and_deleted_after_the_days_of_grace() {
    let rule = "action: disable, deleteAfterDays: 30";
    for employment in [Employment::Left { since: micros(100) }, Employment::Deleted { since: micros(100) }] {
        let identity = person(employment, "Sales");
        let before = decided(&identity, &[], rule, at(130) - Duration::microseconds(1));
        assert_eq!((state(&before), before.recheck_at), (Some(AccountState::Disabled), Some(at(130))));
        let after = decided(&identity, &[], rule, at(130));
        assert_eq!((state(&after), after.recheck_at), (Some(AccountState::Deleted), None));
        assert!(after.desired.unwrap().attributes.contains_key("userName"), "it can still be found");
    }
}

#[test]
fn the_leaver_rule_decides_between_disable_delete_and_nothing() {
    let identity = person(Employment::Left { since: micros(100) }, "Sales");
    let with = |rule| state(&decided(&identity, &[], rule, at(101)));
    assert_eq!(with("action: disable"), Some(AccountState::Disabled));
    assert_eq!(with("action: delete"), Some(AccountState::Deleted));
    assert_eq!(with("action: delete, deleteAfterDays: 5"), Some(AccountState::Disabled));
    assert_eq!(with("action: none"), Some(AccountState::Active));
}

#[test]
fn a_group_exists_while_it_is_in_scope_and_has_a_name() {
    let decided = |name: Value, exists| {
        decide_group(
            "G-1",
            &attributes(json!({ "displayName": name })),
            exists,
            &policy("action: disable"),
            at(1),
        )
    };
    let existing = |name: Value, exists| decided(name, exists).desired.map(|group| group.exists);
    assert_eq!(existing(json!("sec-vpn"), true), Some(true));
    assert_eq!(existing(json!("SEC-vpn"), false), Some(false));
    assert_eq!(existing(json!("Choir"), true), Some(false));
    assert_eq!(
        decided(json!("Choir"), true).reason.to_string(),
        r#"out of scope: displayName STARTS WITH "SEC-" (seen: "Choir")"#
    );
    let no_groups =
        Policy::parse("target: t\nusers: { mappings: [ { target: userName, source: a } ] }", "t").unwrap();
    assert_eq!(decide_group("G-1", &Attributes::new(), true, &no_groups, at(1)).desired, None);
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop::sample::select(vec!["Employee", "Sales", "worker/E-2", ""]).prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,3}", inner, 0..3)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn views() -> impl Strategy<Value = IdentityView> {
    let names = prop::sample::select(vec![
        "userPrincipalName",
        "mail",
        "employeeType",
        "department",
        "manager",
        "other",
    ]);
    let employment = prop_oneof![
        Just(Employment::Unknown),
        Just(Employment::Active),
        any::<i64>().prop_map(|since| Employment::Left { since }),
        any::<i64>().prop_map(|since| Employment::Deleted { since }),
    ];
    let attributes = prop::collection::btree_map(names.prop_map(str::to_owned), values(), 0..7);
    ("\\PC{0,8}", attributes, employment).prop_map(|(key, attributes, employment)| IdentityView {
        key,
        attributes,
        employment,
    })
}

proptest! {
    #[test]
    fn decisions_are_deterministic_and_a_leaver_is_never_active(
        identity in views(),
        member in any::<bool>(),
        leaver in prop::sample::select(vec!["action: disable, deleteAfterDays: 30", "action: delete", "action: disable"]),
        second in -60_000_000_000_i64..200_000_000_000,
    ) {
        let now = OffsetDateTime::from_unix_timestamp(second).unwrap();
        let groups: Vec<String> = member.then(|| "G-12".to_owned()).into_iter().collect();
        let decision = decided(&identity, &groups, leaver, now);
        prop_assert_eq!(&decision, &decided(&identity, &groups, leaver, now));
        let gone = matches!(identity.employment, Employment::Left { .. } | Employment::Deleted { .. });
        prop_assert!(!(gone && state(&decision) == Some(AccountState::Active)));
        prop_assert!(decision.recheck_at.is_none_or(|at| at > now));
        if state(&decision) == Some(AccountState::Active) {
            prop_assert!(decision.user_name.is_some());
        }
        let _ = decide_group(&identity.key, &identity.attributes, member, &policy(leaver), now);
    }
}

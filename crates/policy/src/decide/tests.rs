use expression::RandomSeed;
use lifecycle::{AccountState, AttributeMap, DesiredAccount, Employment, IdentityView};
use proptest::prelude::*;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::verdict::DAY_MICROS;
use super::{DecisionSubject, GroupSubject, decide_group, decide_person};
use crate::{DecisionReason, DecisionRule, GroupMembership, Policy};

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

fn attributes(value: Value) -> AttributeMap {
    serde_json::from_value(value).unwrap()
}

fn at(day: i64) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::days(day)
}

fn micros(day: i64) -> i64 {
    day * DAY_MICROS
}

fn person(employment: Employment, department: &str) -> IdentityView {
    let attributes = attributes(json!({
        "userPrincipalName": "e1@example.org", "mail": "e1@example.org", "employeeType": "Employee",
        "department": department, "manager": "worker/E-9"
    }));
    IdentityView { key: "E-1".to_owned(), attributes, employment, ..IdentityView::default() }
}

/// A decision that owns its data.
#[derive(Debug, Clone, PartialEq)]
struct Decided {
    desired: Option<DesiredAccount>,
    rule: DecisionRule,
    reason: DecisionReason,
    recheck_at: Option<OffsetDateTime>,
    user_name: Option<String>,
    in_scope: bool,
}

fn in_groups(keys: &[String]) -> Vec<GroupMembership> {
    keys.iter().map(|key| GroupMembership { key: key.clone(), name: None, direct: true }).collect()
}

fn decided_by(policy: &Policy, identity: &IdentityView, groups: &[String], now: OffsetDateTime) -> Decided {
    let groups = in_groups(groups);
    let subject = DecisionSubject { identity, groups: &groups, manager: None, seed: RandomSeed([7; 32]) };
    let decision = decide_person(&subject, policy, now);
    Decided {
        desired: decision.account(),
        rule: decision.rule,
        reason: decision.reason(),
        recheck_at: decision.recheck_at,
        user_name: decision.user_name(),
        in_scope: decision.in_scope,
    }
}

fn decided(identity: &IdentityView, groups: &[String], leaver: &str, now: OffsetDateTime) -> Decided {
    decided_by(&policy(leaver), identity, groups, now)
}

fn state(decision: &Decided) -> Option<AccountState> {
    decision.desired.as_ref().map(|account| account.state)
}

#[test]
fn whoever_is_protected_is_marked_when_access_is_to_be_taken_away() {
    let yaml = "target: zia\nusers:\n  protected: { users: [E-1] }\n  leaver: { action: disable }\n  mappings: [{ target: userName, source: mail }]\n";
    let policy = Policy::parse(yaml, "zia.yaml").unwrap();
    for (key, employment, expected) in [
        ("E-1", lifecycle::Employment::Active, false),
        ("E-1", lifecycle::Employment::Left { since: 0 }, true),
        ("E-2", lifecycle::Employment::Left { since: 0 }, false),
    ] {
        let identity = lifecycle::IdentityView {
            key: key.to_owned(),
            attributes: serde_json::from_str(r#"{"mail": "a@b"}"#).unwrap(),
            employment,
            ..IdentityView::default()
        };
        let subject =
            DecisionSubject { identity: &identity, groups: &[], manager: None, seed: RandomSeed([7; 32]) };
        let account = decide_person(&subject, &policy, OffsetDateTime::UNIX_EPOCH).account().unwrap();
        assert_eq!(account.protected, expected, "{key} {employment:?}");
    }
}

#[test]
fn an_employee_in_scope_has_an_account_with_mapped_attributes() {
    let decision = decided(&person(Employment::Active, "Sales"), &[], "action: disable", at(1));
    let DesiredAccount { state, attributes, references, match_on, assume_empty, .. } =
        decision.desired.unwrap();
    assert_eq!(state, AccountState::Active);
    let expected = json!({
        "externalId": "E-1", "userName": "e1@example.org", "emails[type eq \"work\"].value": "e1@example.org",
        "department": "Sales", "userType": "Employee"
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
    let decision = decided_by(&Policy::parse(yaml, "t").unwrap(), &identity, &[], at(1));
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
    assert_eq!(
        (state(&decision), decision.rule),
        (Some(AccountState::Disabled), DecisionRule::NotEmployedYet)
    );
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
fn days_of_grace_count_from_the_departure_or_from_when_it_was_known_whichever_is_later() {
    let mut identity = person(Employment::Left { since: micros(10) }, "Sales");
    identity.known_since = Some(micros(100));
    let rule = "action: disable, deleteAfterDays: 30";
    let before = decided(&identity, &[], rule, at(130) - Duration::microseconds(1));
    assert_eq!((state(&before), before.recheck_at), (Some(AccountState::Disabled), Some(at(130))));
    assert_eq!(state(&decided(&identity, &[], rule, at(130))), Some(AccountState::Deleted));
    identity.known_since = Some(micros(5));
    assert_eq!(state(&decided(&identity, &[], rule, at(40))), Some(AccountState::Deleted));
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
    let decided = |policy: &Policy, name: Value, exists| {
        let attributes = attributes(json!({ "displayName": name }));
        let seed = RandomSeed([7; 32]);
        let subject = GroupSubject { key: "G-1", attributes: &attributes, exists, groups: &[], seed };
        let decision = decide_group(&subject, policy, at(1));
        (decision.resource().map(|group| group.exists), decision.reason().to_string())
    };
    let policy = policy("action: disable");
    assert_eq!(decided(&policy, json!("SEC-vpn"), true).0, Some(true));
    assert_eq!(decided(&policy, json!("SEC-vpn"), false).0, Some(false));
    let choir = decided(&policy, json!("Choir"), true);
    assert_eq!(choir.0, Some(false));
    assert_eq!(choir.1, r#"out of scope: displayName STARTS WITH "SEC-" (seen: "Choir")"#);
    let no_groups = "target: t\nusers: { mappings: [ { target: userName, source: a } ] }";
    assert_eq!(decided(&Policy::parse(no_groups, "t").unwrap(), json!("x"), true).0, None);
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
    let planned = prop::option::of(any::<i64>());
    ("\\PC{0,8}", attributes, employment, planned).prop_map(
        |(key, attributes, employment, planned_departure)| IdentityView {
            key,
            attributes,
            employment,
            planned_departure,
            ..IdentityView::default()
        },
    )
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
        let groups = in_groups(&groups);
        let IdentityView { key, attributes, .. } = &identity;
        let subject = GroupSubject { key, attributes, exists: member, groups: &groups, seed: RandomSeed([7; 32]) };
        let policy = policy(leaver);
        let decision = decide_group(&subject, &policy, now);
        let _ = (decision.resource(), decision.reason());
    }
}

const MAPPINGS: &str = r#"
target: t
users:
  mappings:
    - { target: userName, source: userPrincipalName }
    - { target: title, MAPPING }
  REST
"#;

/// Decides the account of a person with these attributes, with `mapping` as the mapping of `title`.
fn account(mapping: &str, rest: &str, extra: Value) -> Decided {
    let yaml = MAPPINGS.replace("MAPPING", mapping).replace("REST", rest);
    let policy = Policy::parse(&yaml, "t").unwrap_or_else(|error| panic!("{error}\n{yaml}"));
    let mut identity = person(Employment::Active, "Sales");
    identity.attributes.extend(attributes(extra));
    decided_by(&policy, &identity, &[], at(20_000))
}

#[test]
fn a_mapping_sets_clears_leaves_alone_or_is_written_on_creation_only() {
    let has = json!({ "jobTitle": "Engineer" });
    let none = json!({});
    let table = [
        ("source: jobTitle", &has, "set Engineer"),
        ("source: jobTitle", &none, "clear"),
        ("source: jobTitle, onNull: clear", &none, "clear"),
        ("source: jobTitle, onNull: skip", &none, "alone"),
        ("source: jobTitle, default: Staff", &none, "set Staff"),
        ("source: jobTitle, default: Staff, onNull: default", &none, "set Staff"),
        ("source: jobTitle, default: Staff, onNull: skip", &none, "create Staff"),
        ("source: jobTitle, default: Staff, onNull: skip", &has, "set Engineer"),
        ("source: jobTitle, apply: onCreate", &has, "create Engineer"),
        ("source: jobTitle, apply: onCreate", &none, "alone"),
        ("source: jobTitle, apply: onCreate, default: Staff", &none, "create Staff"),
        ("constant: Staff", &none, "set Staff"),
        ("none: true", &has, "alone"),
        ("none: true, default: Staff", &has, "create Staff"),
        ("expression: 'ToUpper([jobTitle])'", &has, "set ENGINEER"),
        ("expression: 'ToUpper([jobTitle])'", &none, "clear"),
        ("expression: 'IgnoreFlowIfNullOrEmpty([jobTitle])'", &none, "alone"),
        ("expression: 'IIF(IsPresent([jobTitle]), [jobTitle], Error(\"no\"))'", &none, "alone"),
        ("expression: 'Switch([jobTitle], , \"Engineer\", \"E\")', onNull: skip", &none, "alone"),
        ("expression: 'IIF([IsSoftDeleted] = \"True\", \"gone\", \"here\")'", &none, "set here"),
        ("expression: 'Guid()', apply: onCreate", &none, "create"),
    ];
    for (mapping, extra, expected) in table {
        let account = account(mapping, "", extra.clone()).desired.unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let seen = match (account.attributes.get("title"), account.on_create.get("title")) {
            (Some(value), None) => format!("set {}", text(value)),
            (None, Some(value)) => format!("create {}", text(value)),
            (None, None) if account.clear == ["title"] => "clear".to_owned(),
            (None, None) => "alone".to_owned(),
            both => panic!("{mapping}: {both:?}"),
        };
        assert!(seen.starts_with(expected), "{mapping} on {extra}: {seen}");
    }
}

#[test]
fn a_failed_mapping_is_told_and_one_that_identifies_somebody_stops_the_account() {
    let failed = account("expression: 'Error(\"no title\")'", "", json!({}));
    assert_eq!(state(&failed), Some(AccountState::Active));
    assert_eq!(failed.reason.to_string(), "in scope: everybody; title is left alone: no title");
    let stopped = account("expression: 'Error(\"no title\")'", "match: [title]", json!({}));
    assert_eq!((state(&stopped), stopped.rule), (None, DecisionRule::RequiredValueMissing));
    let ignored = account("expression: 'IgnoreObjectFlow'", "", json!({}));
    assert_eq!((state(&ignored), ignored.rule), (None, DecisionRule::ObjectIgnored));
}

#[test]
fn the_policy_says_what_becomes_of_those_out_of_scope_and_what_may_be_done_at_all() {
    let nobody = "scope: { any: [{ all: ['department EQUALS \"Nobody\"'] }] }";
    let with = |rest: &str| {
        let decided = account("none: true", rest, json!({}));
        (state(&decided), decided.rule, decided.in_scope)
    };
    let off = Some(AccountState::Disabled);
    assert_eq!(with(nobody), (off, DecisionRule::OutOfScope, false));
    assert_eq!(with(&format!("{nobody}\n  outOfScope: keep")), (None, DecisionRule::OutOfScope, false));
    assert_eq!(
        with(&format!("{nobody}\n  actions: {{ disable: false }}")),
        (None, DecisionRule::SwitchedOff, false)
    );
    assert_eq!(with("actions: { create: false }"), (Some(AccountState::Active), DecisionRule::InScope, true));
    let account =
        account("none: true", "actions: { create: false, update: false }", json!({})).desired.unwrap();
    assert!(!account.actions.create && !account.actions.update && account.actions.disable);
}

#[test]
fn a_known_departure_counts_at_once_where_the_policy_says_so() {
    let mut identity = person(Employment::Active, "Sales");
    identity.planned_departure = Some(micros(100));
    assert_eq!(state(&decided(&identity, &[], "action: disable", at(90))), Some(AccountState::Active));
    let at_once = decided(&identity, &[], "action: disable, when: atOnce, deleteAfterDays: 30", at(90));
    assert_eq!((state(&at_once), at_once.recheck_at), (Some(AccountState::Disabled), Some(at(130))));
}

#[test]
fn whoever_looks_at_the_time_is_decided_about_again_at_midnight() {
    let now = at(20_000);
    let decided =
        account("expression: 'FormatDateTime(Now(), , \"M/d/yyyy h:mm:ss tt\", \"yyyy\")'", "", json!({}));
    assert_eq!(decided.recheck_at, Some(now + Duration::days(1)));
}

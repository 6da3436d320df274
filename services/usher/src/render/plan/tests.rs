use serde_json::{Value, json};

use super::*;

fn read(value: Value) -> PolicyPlan {
    serde_json::from_value(value).unwrap()
}

fn counts(some: Value) -> Value {
    let mut all = serde_json::to_value(PlanCounts::default()).unwrap();
    all.as_object_mut().unwrap().extend(some.as_object().unwrap().clone());
    all
}

fn whole() -> PolicyPlan {
    let clause = "department EQUALS \"Sales\"";
    read(json!({
        "target": "zia",
        "baseVersion": 3,
        "users": counts(json!({"evaluated": 1000, "create": 12, "update": 3, "disable": 612, "unchanged": 373,
                               "intoScope": 12, "outOfScope": 612})),
        "groups": counts(json!({"evaluated": 6, "delete": 1, "unchanged": 5})),
        "memberships": 1,
        "attributes": {"displayName": 2, "title": 1},
        "guard": [{"threshold": "guard.deletions: 500", "removals": 613, "of": 1006}],
        "changes": [
            {"kind": "group", "subject": "G-1", "action": "delete", "reason": "groups are not mapped"},
            {"kind": "user", "subject": "E-1", "name": "anna@x.org", "action": "create", "scope": "into",
             "reason": clause, "attributes": [{"path": "nickName", "after": "anna", "onCreation": true},
                            {"path": "userName", "after": "anna@x.org"}]},
            {"kind": "user", "subject": "E-2", "name": "bo\u{1b}[2Jb", "action": "update", "reason": clause,
             "attributes": [
                {"path": "displayName", "before": "Bob", "after": "BOB"},
                {"path": "nickName", "before": "B"},
                {"path": "title", "before": "Clerk", "released": true},
             ]},
            {"kind": "user", "subject": "E-3", "action": "disable", "scope": "out_of", "reason": clause},
            {"kind": "user", "subject": "E-4", "action": "enable", "reason": clause},
            {"kind": "user", "subject": "E-5", "action": "none", "scope": "out_of", "reason": clause},
        ],
        "more": 610,
    }))
}

#[test]
fn a_plan_reads_like_an_infrastructure_plan() {
    assert_eq!(
        render_plan(&whole()),
        r#"zia: compared with version 3, which is in force

  x delete group G-1
      groups are not mapped
  + create or adopt user E-1 (anna@x.org)
      comes into scope: department EQUALS "Sales"
      nickName: "anna" (on creation)
      userName: "anna@x.org"
  ~ update user E-2 (bo [2Jb)
      department EQUALS "Sales"
      displayName: "Bob" -> "BOB"
      nickName:    "B" -> (removed)
      title:       "Clerk" (stays, and is left alone from now on)
  - disable user E-3
      falls out of scope: department EQUALS "Sales"
  ^ enable user E-4
      department EQUALS "Sales"
  . nothing to do for user E-5
      falls out of scope: department EQUALS "Sales"
  ... and 610 more changes; --changes N lists more

Plan: 12 to create or adopt, 3 to change, 0 to enable, 612 to disable, 1 to delete
        EVALUATED  CREATE  ADOPT  CHANGE  ENABLE  DISABLE  DELETE  UNCHANGED  IMPOSSIBLE  INTO SCOPE  OUT OF SCOPE
people  1000       12      0      3       0       612      0       373        0           12          612
groups  6          0       0      0       0       0        1       5          0           0           0
The target is not read: an existing account or group is adopted and changed as the policy says
1 membership would be sent because their group is created

ATTRIBUTE    CHANGES
displayName  2
title        1

Guard: 613 of 1006 accounts and groups would lose access, over guard.deletions: 500
  what to do: check who loses access and why; if it is a mistake, correct the scope; if it is intended, apply with
    --allow-deletes 613
"#
    );
}

#[test]
fn a_plan_that_changes_nothing_says_so() {
    let nothing = read(json!({
        "target": "zia", "baseVersion": null, "users": counts(json!({"evaluated": 2, "unchanged": 2})),
        "groups": counts(json!({})), "memberships": 0, "attributes": {}, "guard": [], "changes": [], "more": 0,
    }));
    let text = render_plan(&nothing);
    assert!(text.starts_with("zia: the target has no policy yet\n\nPlan: nothing changes\n"), "{text}");
    assert!(!text.contains("Guard") && !text.contains("ATTRIBUTE"), "{text}");
    assert_eq!(render_question(&nothing), "Nothing changes at zia.");
}

#[test]
fn what_cannot_be_worked_out_comes_first() {
    let failing = read(json!({
        "target": "zia", "baseVersion": 1, "users": counts(json!({"evaluated": 20, "impossible": 20})),
        "groups": counts(json!({})), "memberships": 0, "attributes": {}, "guard": [], "changes": [], "more": 0,
        "failures": {"userName": 20, "title": 3}, "newlyFailing": 19,
    }));
    let text = render_plan(&failing);
    let told = "IMPOSSIBLE: 20 of 20 people cannot be built and stay as they are\nNO VALUE FOR  HOW MANY\ntitle         3\nuserName      20\n19 of them only with this policy";
    assert!(text.find(told) < text.find("Plan: nothing changes") && text.contains(told), "{text}");
    assert!(
        failing.needs_a_look() && render_question(&failing).contains("new mapping failures occur for 19")
    );
}

#[test]
fn what_may_only_be_adopted_is_told_and_counted() {
    let adopts = read(json!({
        "target": "zia", "baseVersion": 1, "users": counts(json!({"evaluated": 2, "adopt": 2})),
        "groups": counts(json!({})), "memberships": 0, "attributes": {}, "guard": [],
        "changes": [{"kind": "user", "subject": "E-1", "action": "adopt", "scope": "into", "reason": "everybody"}],
        "more": 1,
    }));
    let text = render_plan(&adopts);
    for said in [
        "  = adopt, if it is there, user E-1\n",
        "0 to create or adopt, 2 to adopt if they are there,",
        "not read",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(render_question(&adopts).starts_with("2 accounts and groups would change"));
}

#[test]
fn the_question_says_how_many_lose_access() {
    let words = "628 accounts and groups would change at zia; 613 would lose access.";
    assert_eq!(render_question(&whole()), words);
    let one =
        PolicyPlan { users: PlanCounts { update: 1, ..PlanCounts::default() }, ..PolicyPlan::default() };
    assert_eq!(render_question(&one), "1 account or group would change at .");
}

#[test]
fn what_was_applied_is_told_with_its_version() {
    let reply = |unchanged| ApplyReply { target: "zia".into(), version: 4, unchanged, to_evaluate: 1006 };
    assert_eq!(
        render_applied(&reply(false)),
        "zia: version 4 is in force, 1006 people and groups are evaluated again\n"
    );
    assert_eq!(render_applied(&reply(true)), "zia: version 4 has this text already and stays in force\n");
}

#[test]
fn what_becomes_of_accounts_of_nobody_is_told_although_nobody_can_count_them() {
    let orphans = OrphanPolicy { action: OrphanAction::Delete, except: vec!["admin@*".to_owned()] };
    let plan_of = PolicyPlan { target: "zia".to_owned(), orphans: Some(orphans), ..PolicyPlan::default() };
    let text = render_plan(&plan_of);
    for said in [
        "Orphans (accounts without a person): at the next reconciliation of the target they are deleted, except for 1 exception.\n",
        "usher reconcile zia --dry-run",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert_eq!(render_question(&plan_of), "The handling of orphans changes at zia.");
}

use serde_json::{Value, json};

use super::*;

fn account() -> Value {
    json!({"kind": "user", "state": "active", "attributes": {"userName": "anna@x.org"}})
}

fn person(more: &Value) -> ProvisionAnswer {
    let mut report = json!({
        "explained": {
            "subject": "E-1", "kind": "user", "target": "zia", "policyVersion": 3, "employment": "active",
            "attributes": {"department": "Sales", "surname": "\u{1b}[2JÅ"}, "groups": ["Domain Users", "SEC-VPN"],
            "inScope": true,
            "clauses": [
                {"alternative": 1, "clause": "department EQUALS \"IT\"", "holds": false, "saw": "\"Sales\""},
                {"alternative": 2, "clause": "memberOf \"SEC-*\"", "holds": true, "saw": "SEC-VPN"},
            ],
            "reason": "in scope: memberOf \"SEC-*\"",
            "mappings": [
                {"path": "userName", "from": "userPrincipalName", "effect": "set", "value": "anna@x.org"},
                {"path": "nickName", "from": "none", "effect": "left_alone", "note": "no value"},
            ],
            "desired": account(), "askedFor": null,
        },
        "look": {
            "steps": [{"request": "GET /Users?filter=externalId eq \"E-1\"", "status": 200, "found": "one account"}],
            "matched": "found", "remoteId": "42",
            "action": {"action": "adopt", "why": "externalId is the same", "request": "PATCH /Users/42",
                       "body": {"Operations": []}},
        },
    });
    report.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(report).unwrap()
}

#[test]
fn provisioning_is_told_step_by_step() {
    assert_eq!(
        render_report(&person(&json!({}))),
        r#"user E-1 at zia, policy version 3

1 Import
  is          active
  department  "Sales"
  surname     "\u001b[2JÅ"
  in groups   Domain Users, SEC-VPN

2 Scope: in scope
  does not hold  department EQUALS "IT"  saw "Sales"
  or
  holds          memberOf "SEC-*"        saw SEC-VPN
  decision: in scope: memberOf "SEC-*"

3 Match: found at the target, 42
  GET /Users?filter=externalId eq "E-1"  200  one account

4 Action: adopt
  externalId is the same
  PATCH /Users/42
  {
    "Operations": []
  }

  ATTRIBUTE  EFFECT      VALUE         FROM               NOTE
  userName   set         "anna@x.org"  userPrincipalName
  nickName   left alone                none               no value
"#
    );
}

#[test]
fn a_target_that_cannot_be_looked_at_is_told_with_the_reason() {
    let problem =
        json!({"service": "writer", "code": "writer_not_running", "detail": "the writer is not running"});
    let text = render_report(&person(&json!({"look": null, "lookProblem": problem})));
    assert!(
        text.contains("3 Match: the target could not be read\n  the writer is not running [code wr"),
        "{text}"
    );
    assert!(text.contains("4 Action: none, because"), "{text}");
}

#[test]
fn nothing_to_be_said_is_told_with_the_rule() {
    let mut nobody = person(&json!({"look": null}));
    nobody.explained.desired = None;
    nobody.explained.mappings.clear();
    nobody.explained.reason = "never had an account".into();
    let text = render_report(&nobody);
    assert!(text.ends_with("3 Match: not needed\n\n4 Action: none\n  never had an account\n"), "{text}");
}

#[test]
fn a_group_shows_its_members_and_how_many_memberships_are_pending() {
    let mut group = person(&json!({}));
    group.explained.members_total = 1200;
    group.explained.members = serde_json::from_value(json!([
        {"member": "E-1", "present": true, "account": "active"},
        {"member": "E-2", "present": false},
    ]))
    .unwrap();
    let text = render_report(&group);
    assert!(
        text.ends_with(
            "Members: 1200, the first 2 are shown\n  MEMBER  IN THE GROUP  ACCOUNT\n  E-1     yes           active\n  \
             E-2     no            none\n"
        ),
        "{text}"
    );
    let row = RowReply {
        status: Some("in_sync".into()),
        applied_revision: 4,
        remote_id: Some("7".into()),
        memberships_pending: 3,
        ..RowReply::default()
    };
    assert_eq!(
        render_outcome(&row, SettledOperation::MembershipsWait),
        "\nOutcome\n  result               the group agrees (revision 4); memberships wait for accounts\n  \
         status               in_sync\n  remote id            7\n  memberships pending  3\n"
    );
    assert_eq!(render_waiting(&row), "waiting: in_sync, 3 memberships");
    assert_eq!(render_waiting(&RowReply::default()), "waiting: on its way to the writer");
}

#[test]
fn a_failure_shows_its_error() {
    let row = RowReply {
        status: Some("dead".into()),
        error: Some("no department\n".into()),
        ..RowReply::default()
    };
    let text = render_outcome(&row, SettledOperation::Stuck);
    assert!(text.contains("usher dead ls") && text.contains("error   no department \n".trim_end()), "{text}");
}

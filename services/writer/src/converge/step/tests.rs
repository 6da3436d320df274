use std::collections::HashMap;

use lifecycle::{DesiredAccount, DesiredState, PolicyActions};
use serde_json::json;

use super::*;

fn attributes(value: Value) -> AttributeMap {
    serde_json::from_value(value).unwrap()
}

fn wanted(state: AccountState, actions: PolicyActions) -> WantedState {
    let account = DesiredAccount {
        state,
        attributes: attributes(json!({ "userName": "a", "externalId": "E-1" })),
        on_create: attributes(json!({ "title": "new", "userName": "ignored", "active": "ignored" })),
        clear: vec!["nickName".to_owned()],
        references: [("manager".to_owned(), "E-2".to_owned())].into(),
        match_on: Vec::new(),
        assume_empty: true,
        protected: false,
        delete_grace_days: None,
        actions,
    };
    WantedState::new(DesiredState::User(account), &HashMap::new()).unwrap()
}

fn some_actions() -> impl Iterator<Item = PolicyActions> {
    let bit = |n: u8, i: u8| n & (1 << i) != 0;
    (0..16).map(move |n| PolicyActions {
        create: bit(n, 0),
        update: bit(n, 1),
        disable: bit(n, 2),
        delete: bit(n, 3),
        ..PolicyActions::default()
    })
}

const STATES: [AccountState; 3] = [AccountState::Active, AccountState::Disabled, AccountState::Deleted];

/// Covers every combination of actions, states and target contents.
#[test]
fn no_step_does_what_the_actions_forbid_and_without_any_there_is_no_step_at_all() {
    let profile = TargetProfile::builtin("generic").unwrap();
    let there =
        [json!({}), json!({ "active": true, "nickName": "N", "title": "T" }), json!({ "active": false })];
    for actions in some_actions() {
        for state in STATES {
            let wanted = wanted(state, actions);
            let nothing = next_step(&profile, &wanted, TargetState::Nothing);
            assert_eq!(
                nothing == ConvergeStep::Create,
                actions.create && state == AccountState::Active,
                "{actions:?}"
            );
            for (applied, surely_ours) in there.iter().flat_map(|there| [(there, true), (there, false)]) {
                let applied = attributes(applied.clone());
                let there = TargetState::Something { applied: &applied, surely_ours };
                match next_step(&profile, &wanted, there) {
                    ConvergeStep::Create => panic!("it is there already"),
                    ConvergeStep::Delete => {
                        assert!(actions.delete && surely_ours && state == AccountState::Deleted)
                    }
                    ConvergeStep::SwitchOff => assert!(actions.disable && state == AccountState::Deleted),
                    ConvergeStep::Write { ops, .. } => {
                        assert!(!ops.is_empty() && state != AccountState::Deleted);
                        let allowed = |op: &PatchOp| {
                            if op.path() == "active" { actions.disable } else { actions.update }
                        };
                        assert!(ops.iter().all(allowed), "{actions:?}: {ops:?}");
                    }
                    ConvergeStep::Forbidden { .. } => assert!(!actions.is_all()),
                    ConvergeStep::Rest { .. } => {}
                }
                let written = wanted.written(&applied);
                let again =
                    next_step(&profile, &wanted, TargetState::Something { applied: &written, surely_ours });
                assert!(!matches!(again, ConvergeStep::Write { .. }), "once is enough: {again:?}");
            }
        }
    }
}

#[test]
fn a_leaver_is_never_deleted_where_the_target_only_disables() {
    let mut profile = TargetProfile::builtin("generic").unwrap();
    let wanted = wanted(AccountState::Deleted, PolicyActions::default());
    for delete in [DeleteMethod::Disable, DeleteMethod::Unsupported] {
        profile.delete = delete;
        for (applied, step) in [
            (json!({ "active": true }), ConvergeStep::SwitchOff),
            (json!({}), ConvergeStep::SwitchOff),
            (json!({ "active": false }), ConvergeStep::Rest { how: SettledOutcome::Kept }),
        ] {
            let applied = attributes(applied);
            assert_eq!(
                next_step(&profile, &wanted, TargetState::Something { applied: &applied, surely_ours: true }),
                step
            );
        }
    }
}

#[test]
fn only_a_create_carries_values_for_creation_and_nothing_remembers_them() {
    let wanted = wanted(AccountState::Active, PolicyActions::default());
    let created = wanted.to_create();
    assert_eq!(
        (&created["title"], &created["userName"], &created["active"]),
        (&json!("new"), &json!("a"), &json!(true))
    );
    assert!(!wanted.created().contains_key("title") && !wanted.to_write().0.contains_key("title"));
    assert!(!wanted.assume_empty || wanted.actions.create);
    assert_eq!(wanted.created()["manager"], Value::Null, "a reference without a link is empty");
    assert!(!wanted.to_create().contains_key("manager"));
}

#[test]
fn the_target_is_read_first_only_where_a_blind_request_could_be_wrong() {
    let with = |value: Value, clear: &[&str]| {
        let mut wanted = wanted(AccountState::Active, PolicyActions::default());
        wanted.attributes = attributes(value);
        wanted.clear = clear.iter().map(|&path| path.to_owned()).collect();
        wanted
    };
    let work = "emails[type eq \"work\"].value";
    for (wanted, applied, reads) in [
        (with(json!({ "title": "T" }), &[]), json!({}), false),
        (with(json!({ work: "a" }), &[]), json!({}), true),
        (with(json!({ work: "a" }), &[]), json!({ work: null }), false),
        (with(json!({ "roles": ["a"] }), &[]), json!({}), true),
        (with(json!({}), &["title"]), json!({}), true),
        (with(json!({}), &["title"]), json!({ "title": null }), false),
        (with(json!({}), &["title"]), json!({ "title": "T" }), false),
    ] {
        assert_eq!(wanted.must_read(&attributes(applied.clone())), reads, "{wanted:?} over {applied}");
    }
}

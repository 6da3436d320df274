use super::*;

const SAMPLE: &str = include_str!("../../tests/samples/zscaler_two.json");

/// Imports a job that syncs all users and groups.
fn import(json: &str, target: Option<&str>) -> Result<ImportResult, ImportError> {
    super::import_schema(json, target, &JobScope::Everybody)
}

fn imported() -> ImportResult {
    import(SAMPLE, None).unwrap()
}

fn must_be_a_policy(yaml: &str) -> policy::Policy {
    policy::Policy::parse(yaml, "imported.yaml").unwrap_or_else(|error| panic!("{error}\n{yaml}"))
}

#[test]
fn an_export_becomes_a_policy_that_can_be_used_as_it_is() {
    let imported = imported();
    assert_eq!(imported.policies.len(), 1);
    let ImportedPolicy { target, yaml } = &imported.policies[0];
    assert_eq!(target, "zscaler-two");
    let policy = must_be_a_policy(yaml);
    assert_eq!(policy.target(), "zscaler-two");
    assert_eq!(policy.users().match_on, ["userName", "externalId"], "in order of matchingPriority");
    assert!(policy.has_groups());
    for line in [
        r#"{ target: userName, source: userPrincipalName, onNull: skip }"#,
        r#"{ target: displayName, expression: "Join(\" \", [givenName], [surname])", onNull: skip }"#,
        r#"{ target: name.familyName, source: surname, default: ".", onNull: skip }"#,
        r#"{ target: "emails[type eq \"other\"].value", source: proxyAddresses, onNull: skip }"#,
        r#"{ target: nickName, none: true, default: "none" }"#,
        r#"{ target: custom.level, source: extensionAttribute1, apply: onCreate, type: integer }"#,
        r#"{ target: locale, expression: "Replace([preferredLanguage], \"-\", , , \"_\")", onNull: skip }"#,
        r#"User:manager, source: manager, reference: user, onNull: skip }"#,
        r#"{ attribute: country, operator: IN, values: ["CH", "AT"] }"#,
        r#"{ attribute: userPrincipalName, operator: REGEX MATCH, value: ".*\\@example\\.com" }"#,
        r#"actions: { create: true, update: true, disable: true, delete: false }"#,
    ] {
        assert!(yaml.contains(line), "{line} is not in\n{yaml}");
    }
}

#[test]
fn what_could_not_be_taken_over_is_said_in_the_notes_and_in_the_file() {
    let imported = imported();
    let told: Vec<String> = imported.notes.iter().map(ToString::to_string).collect();
    for (place, word) in [
        ("active", "NOT taken over"),
        ("title", "Frobnicate"),
        ("nickName", "on creation only here"),
        ("scope of users, filter \"Unclear\"", "no documented meaning"),
        ("scope of users, filter \"By domain\"", "whole value"),
    ] {
        let note = told.iter().find(|note| note.starts_with(place));
        let note = note.unwrap_or_else(|| panic!("no note about {place}: {told:#?}"));
        assert!(note.contains(word), "{note}");
        assert!(imported.policies[0].yaml.contains(note.as_str()), "{note}");
    }
    assert_eq!(told.len(), 5, "{told:#?}");
}

#[test]
fn a_filter_that_cannot_be_taken_over_lets_nobody_in() {
    let mapping = serde_json::json!({
        "sourceObjectName": "User", "targetObjectName": "User",
        "scope": { "groups": [{ "name": "a", "clauses": [
            { "operatorName": "!&", "sourceOperandName": "x", "targetOperand": { "values": ["1"] } },
            { "operatorName": "EQUALS", "sourceOperandName": "y", "targetOperand": { "values": ["1"] } }] }] },
        "attributeMappings": [{ "targetAttributeName": "userName", "source": { "name": "mail", "type": "Attribute" } }]
    });
    let imported = import(&mapping.to_string(), Some("app")).unwrap();
    let yaml = &imported.policies[0].yaml;
    assert_eq!(must_be_a_policy(yaml).target(), "app");
    assert!(yaml.contains("replaceThisScope") && !yaml.contains("attribute: y"), "{yaml}");
}

/// Imports a user mapping with this scope, and more fields of the object mapping.
fn users_with(scope: &serde_json::Value, more: &str) -> policy::Policy {
    let json = format!(
        r#"{{"sourceObjectName": "User", "targetObjectName": "User", "scope": {scope}, {more}
            "attributeMappings": [{{"targetAttributeName": "userName", "source": {{"name": "mail", "type": "Attribute"}}}}]}}"#
    );
    let imported = import(&json, Some("app")).unwrap();
    assert!(!imported.notes.is_empty(), "nothing is said about {json}");
    must_be_a_policy(&imported.policies[0].yaml)
}

/// Returns `true` if a person with all attributes that the filters of these tests require is in scope.
fn lets_in(policy: &policy::Policy) -> bool {
    let attributes = serde_json::from_str(r#"{"department": "Sales", "mail": "a@b"}"#).unwrap();
    let now = time::OffsetDateTime::UNIX_EPOCH;
    let seen = policy::ScopeInput {
        attributes: &attributes,
        manager: None,
        groups: &[],
        key: "E-1",
        impersonal: false,
        now,
    };
    policy.users().scope.judge(&seen).inside
}

#[test]
fn in_doubt_nobody_gets_in() {
    let clause = serde_json::json!({ "operatorName": "EQUALS", "sourceOperandName": "department",
        "targetOperand": { "values": ["Sales"] } });
    let group = serde_json::json!({ "clauses": [clause] });
    let table = [
        serde_json::json!({ "groups": [{ "clauses": [] }] }),
        serde_json::json!({ "groups": [{ "name": "a" }] }),
        serde_json::json!({ "groups": [{}] }),
        serde_json::json!({ "groups": [group], "inputFilterGroups": [group] }),
        serde_json::json!({ "groups": [], "categoryFilterGroups": [group] }),
        serde_json::json!({ "groups": null, "inputFilterGroups": [{}] }),
    ];
    for scope in table {
        assert!(!lets_in(&users_with(&scope, "")), "{scope}");
    }
    let scope = serde_json::json!({ "groups": [{ "clauses": [] }, group] });
    assert!(lets_in(&users_with(&scope, "")), "the filter that has clauses still counts");
}

#[test]
fn a_mapping_that_is_switched_off_does_nothing_also_on_the_way_back() {
    let policy = users_with(&serde_json::Value::Null, "\"enabled\": false,");
    let again = import(&crate::export_policy(&policy).json, Some("app")).unwrap();
    for policy in [policy, must_be_a_policy(&again.policies[0].yaml)] {
        assert!(!lets_in(&policy));
        assert_eq!(policy.users().out_of_scope, policy::OutOfScope::Keep);
        assert_eq!(policy.users().leaver.action, policy::LeaverAction::None);
    }
}

#[test]
fn a_mapping_that_is_switched_off_gives_way_to_one_that_is_on() {
    let mapping = |enabled: bool, source: &str| {
        serde_json::json!({ "sourceObjectName": "User", "enabled": enabled, "attributeMappings": [
            { "targetAttributeName": "userName", "source": { "name": source, "type": "Attribute" } }] })
    };
    for mappings in
        [[mapping(false, "title"), mapping(true, "mail")], [mapping(true, "mail"), mapping(false, "title")]]
    {
        let imported =
            import(&serde_json::json!({ "objectMappings": mappings }).to_string(), Some("app")).unwrap();
        assert!(imported.policies[0].yaml.contains("source: mail"));
        assert!(lets_in(&must_be_a_policy(&imported.policies[0].yaml)));
        assert_eq!(imported.notes.len(), 1, "{:?}", imported.notes);
    }
}

#[test]
fn an_account_that_is_disabled_in_the_directory_stays_so() {
    assert_eq!(
        imported().policies[0].yaml.matches("accountEnabled, operator: IS FALSE").count(),
        2,
        "once per alternative"
    );
}

#[test]
fn whatever_is_no_schema_is_refused_with_a_way_out() {
    let table = [
        ("", "not a synchronizationSchema"),
        ("[1]", "none of `synchronizationRules`"),
        ("{\"value\": []}", "lists 0 schemas"),
        ("{\"synchronizationRules\": 7}", "not a synchronizationSchema"),
        ("{\"synchronizationRules\": []}", "no object mapping"),
        ("{\"synchronizationRules\": [{\"objectMappings\": []}]}", "no object mapping"),
    ];
    for (json, said) in table {
        let error = import(json, None).unwrap_err().to_string();
        assert!(error.contains(said), "{json}: {error}");
    }
}

#[test]
fn an_export_of_groups_alone_leaves_accounts_as_they_are() {
    let groups = r#"{"sourceObjectName": "Group", "attributeMappings": [
        {"targetAttributeName": "members", "source": {"name": "members", "type": "Attribute"}}]}"#;
    let imported = import(groups, Some("app")).unwrap();
    let policy = must_be_a_policy(&imported.policies[0].yaml);
    assert!(policy.has_groups());
    let again = import(&crate::export_policy(&policy).json, Some("app")).unwrap();
    for policy in [policy, must_be_a_policy(&again.policies[0].yaml)] {
        assert_eq!(policy.users().out_of_scope, policy::OutOfScope::Keep);
        assert!(!lets_in(&policy) && policy.has_groups());
    }
}

proptest::proptest! {
    #[test]
    fn names_from_an_export_cannot_break_out_of_the_file(name in "\\PC{0,40}", value in "(?s).{0,40}", filter in "(?s).{0,20}") {
        let schema = serde_json::json!({
            "sourceObjectName": "User", "name": name,
            "scope": { "groups": [{ "name": filter, "clauses": [
                { "operatorName": "EQUALS", "sourceOperandName": "a", "targetOperand": { "values": [value] } }] }] },
            "attributeMappings": [
                { "targetAttributeName": "userName", "source": { "name": "mail", "type": "Attribute" } },
                { "targetAttributeName": "title", "source": { "expression": value, "type": "Function" }, "defaultValue": value },
                { "targetAttributeName": "nickName", "source": { "name": name, "type": "Attribute" } },
            ]
        });
        if let Ok(imported) = import(&schema.to_string(), Some("app")) {
            must_be_a_policy(&imported.policies[0].yaml);
        }
    }
}

/// Imports an object mapping of users with these attribute mappings (target, source).
fn mapped(mappings: &[(&str, &str)]) -> ImportResult {
    let mappings: Vec<_> = mappings
        .iter()
        .map(|(target, source)| {
            serde_json::json!({ "targetAttributeName": target, "source": { "name": source, "type": "Attribute" } })
        })
        .collect();
    let json = serde_json::json!({ "sourceObjectName": "User", "attributeMappings": mappings });
    import(&json.to_string(), Some("app")).unwrap()
}

#[test]
fn of_two_targets_that_contain_one_another_the_first_is_taken() {
    for (first, second) in [("name", "name.givenName"), ("emails[type eq \"work\"].value", "emails")] {
        let imported = mapped(&[("userName", "mail"), (first, "a"), (second, "b")]);
        let policy = must_be_a_policy(&imported.policies[0].yaml);
        let targets: Vec<_> = policy.users().mappings.iter().map(|mapping| mapping.target.as_str()).collect();
        assert_eq!(targets, ["userName", first]);
        let note = imported.notes.iter().map(ToString::to_string).find(|note| note.starts_with(second));
        assert!(note.as_deref().is_some_and(|note| note.contains(first)), "{:?}", imported.notes);
    }
}

/// Imports a whole schema with one more mapping of users, for a target attribute of the given type.
fn with_attribute(name: &str, kind: &str, mapping: &serde_json::Value) -> ImportResult {
    let json = serde_json::json!({
        "directories": [{ "name": "App", "objects": [{ "name": "User", "attributes": [{ "name": name, "type": kind }] }] }],
        "synchronizationRules": [{ "targetDirectoryName": "App", "objectMappings": [{ "sourceObjectName": "User",
            "attributeMappings": [
                { "targetAttributeName": "userName", "source": { "name": "mail", "type": "Attribute" } }, mapping] }] }]
    });
    import(&json.to_string(), None).unwrap()
}

#[test]
fn a_default_has_the_type_of_its_attribute_or_is_left_out_with_a_note() {
    let table = [
        ("Boolean", "False", Some(serde_json::json!(false))),
        ("Integer", "7", Some(serde_json::json!(7))),
        ("String", "7", Some(serde_json::json!("7"))),
        ("Integer", "abc", None),
    ];
    for (kind, default, expected) in table {
        let mapping = serde_json::json!({ "targetAttributeName": "custom", "defaultValue": default,
            "source": { "name": "x", "type": "Attribute" } });
        let imported = with_attribute("custom", kind, &mapping);
        let policy = must_be_a_policy(&imported.policies[0].yaml);
        assert_eq!(policy.users().mappings[1].default, expected, "{kind} {default}");
        let told = imported.notes.iter().any(|note| note.to_string().contains("default `abc`"));
        assert_eq!(told, expected.is_none(), "{:?}", imported.notes);
    }
}

#[test]
fn who_is_assigned_to_a_job_is_asked_and_not_guessed() {
    let assigned = |groups: &[&str]| JobScope::Assigned(groups.iter().map(ToString::to_string).collect());
    let with_filter = SAMPLE.to_owned();
    let without = serde_json::json!({ "objectMappings": [
        { "sourceObjectName": "User", "attributeMappings": [
            { "targetAttributeName": "userName", "source": { "name": "mail", "type": "Attribute" } }] },
        { "sourceObjectName": "Group", "attributeMappings": [
            { "targetAttributeName": "displayName", "source": { "name": "displayName", "type": "Attribute" } }] }] });
    let groups = |policy: &policy::Policy| -> Vec<Option<Vec<String>>> {
        let scopes = [&policy.users().scope, &policy.groups().unwrap().scope];
        let listed = scopes.map(|scope| match &scope.mode {
            policy::AssignmentMode::All => None,
            policy::AssignmentMode::Assigned(list) => {
                Some(list.groups.iter().map(|group| group.text().to_owned()).collect())
            }
        });
        listed.into()
    };
    for json in [with_filter, without.to_string()] {
        for (job, expected) in [
            (JobScope::Everybody, None),
            (
                assigned(&["Domain Users", "a: \"b\""]),
                Some(vec!["Domain Users".to_owned(), "a: \"b\"".to_owned()]),
            ),
            (JobScope::NotSaid, Some(vec!["replaceThisGroup".to_owned()])),
        ] {
            let imported = super::import_schema(&json, Some("app"), &job).unwrap();
            let policy = must_be_a_policy(&imported.policies[0].yaml);
            assert_eq!(groups(&policy), [expected.clone(), expected], "{job:?}");
            let told = imported.notes.iter().any(|note| note.place() == "scope");
            assert_eq!(told, job == JobScope::NotSaid, "{:?}", imported.notes);
        }
    }
}

#[test]
fn five_hundred_mappings_are_taken_and_every_one_more_is_told() {
    for (count, left_out) in [(policy::MAPPINGS_MAX, 0), (policy::MAPPINGS_MAX + 2, 2)] {
        for required_last in [false, true] {
            let names: Vec<String> = (1..count).map(|n| format!("custom{n}")).collect();
            let mut all: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
            all.insert(if required_last { all.len() } else { 0 }, ("userName", "mail"));
            let imported = mapped(&all);
            let policy = must_be_a_policy(&imported.policies[0].yaml);
            assert_eq!(policy.users().mappings.len(), policy::MAPPINGS_MAX);
            let told: Vec<String> = imported.notes.iter().map(ToString::to_string).collect();
            let told = told.iter().any(|note| note.contains(&format!("the last {left_out} are not in it")));
            assert_eq!(told, left_out > 0, "{:?}", imported.notes);
        }
    }
}

#[test]
fn what_means_something_else_here_is_told() {
    let roles =
        |function: &str| serde_json::json!({ "expression": format!("{function}([appRoleAssignments])") });
    let table = [
        ("String", serde_json::json!({ "defaultValue": "none" }), Some("on creation only here")),
        (
            "String",
            serde_json::json!({ "source": roles("AppRoleAssignmentsComplex") }),
            Some("only adds roles"),
        ),
        ("String", serde_json::json!({ "source": roles("AssertiveAppRoleAssignmentsComplex") }), None),
        (
            "Reference",
            serde_json::json!({ "source": { "name": "x", "type": "Attribute" } }),
            Some("refers to another"),
        ),
        ("String", serde_json::json!({ "source": { "name": "x", "type": "Attribute" } }), None),
    ];
    for (kind, mut mapping, said) in table {
        mapping["targetAttributeName"] = "custom".into();
        let notes: Vec<String> =
            with_attribute("custom", kind, &mapping).notes.iter().map(ToString::to_string).collect();
        match said {
            Some(said) => assert!(notes.iter().any(|note| note.contains(said)), "{said}: {notes:?}"),
            None => assert!(notes.is_empty(), "{mapping}: {notes:?}"),
        }
    }
}

#[test]
fn a_comparison_with_a_truth_value_is_one_however_it_is_spelt_here() {
    let table = [
        (
            "EQUALS",
            "True",
            [
                (serde_json::json!("true"), true),
                (serde_json::json!(true), true),
                (serde_json::json!(false), false),
            ],
        ),
        (
            "EQUALS",
            "false",
            [
                (serde_json::json!("False"), true),
                (serde_json::json!(false), true),
                (serde_json::json!(true), false),
            ],
        ),
        (
            "NOT EQUALS",
            "True",
            [
                (serde_json::json!("true"), false),
                (serde_json::json!(false), true),
                (serde_json::json!("x"), true),
            ],
        ),
    ];
    for (operator, operand, values) in table {
        let scope = serde_json::json!({ "groups": [{ "clauses": [{ "operatorName": operator, "sourceOperandName": "vip",
            "targetOperand": { "values": [operand] } }] }] });
        let json = serde_json::json!({ "sourceObjectName": "User", "scope": scope, "attributeMappings": [
            { "targetAttributeName": "userName", "source": { "name": "mail", "type": "Attribute" } }] });
        let policy = must_be_a_policy(&import(&json.to_string(), Some("app")).unwrap().policies[0].yaml);
        for (value, expected) in values {
            let attributes = [("vip".to_owned(), value.clone())].into_iter().collect();
            let now = time::OffsetDateTime::UNIX_EPOCH;
            let seen = policy::ScopeInput {
                attributes: &attributes,
                manager: None,
                groups: &[],
                key: "E",
                impersonal: false,
                now,
            };
            assert_eq!(policy.users().scope.judge(&seen).inside, expected, "{operator} {operand}: {value}");
        }
    }
}

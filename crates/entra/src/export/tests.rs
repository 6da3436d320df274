use serde_json::Value;

use super::*;
use crate::import::import_schema;

const POLICY: &str = r#"
target: zscaler
users:
  scope:
    any:
      - all:
          - { attribute: department, operator: EQUALS, value: Sales }
          - { attribute: country, operator: IN, values: [CH, AT] }
          - { not: { attribute: accountEnabled, operator: IS FALSE } }
      - all: ['memberOf "Domain Users"']
      - all: ['displayName MATCHES "SEC-*"']
  mappings:
    - { target: userName, source: userPrincipalName, onNull: skip }
    - { target: displayName, expression: 'Switch([a], , "x\"y", Join(", ", [b], 7))', onNull: skip }
    - { target: title, source: manager.title }
    - { target: nickName, constant: x, apply: onCreate }
    - { target: locale, none: true, default: en }
  match: [externalId, userName]
  leaver: { action: delete }
groups:
  mappings: [{ target: displayName, source: displayName, onNull: skip }]
"#;

fn exported() -> (Value, Vec<String>) {
    let exported = export_policy(&Policy::parse(POLICY, "t").unwrap());
    let notes = exported.notes.iter().map(ToString::to_string).collect();
    (serde_json::from_str(&exported.json).unwrap(), notes)
}

#[test]
fn what_entra_has_goes_back_and_what_it_has_not_is_told() {
    let (schema, notes) = exported();
    let users = &schema["synchronizationRules"][0]["objectMappings"][0];
    let clauses = &users["scope"]["groups"][0]["clauses"];
    assert_eq!(clauses.as_array().unwrap().len(), 2, "accountEnabled is Entra's own: {clauses}");
    assert_eq!(clauses[1]["targetOperand"]["values"][0], "^(CH|AT)$");
    assert_eq!(users["scope"]["groups"][1]["clauses"][0]["targetOperand"]["values"][0], "^SEC-.*$");
    let mapping = |path: &str| {
        let all = users["attributeMappings"].as_array().unwrap();
        all.iter().find(|mapping| mapping["targetAttributeName"] == path).unwrap_or(&Value::Null).clone()
    };
    assert_eq!(mapping("userName")["matchingPriority"], 2);
    assert_eq!(mapping("nickName")["flowType"], "ObjectAddOnly");
    assert_eq!(mapping("locale")["defaultValue"], "en");
    let tree = &mapping("displayName")["source"];
    assert_eq!(tree["name"], "Switch");
    let keys: Vec<&str> =
        tree["parameters"].as_array().unwrap().iter().map(|p| p["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["source", "switchValue", "switchValue"], "holes are left out");
    assert_eq!(tree["parameters"][1]["value"]["name"], "x\"y");
    assert_eq!(tree["parameters"][2]["value"]["parameters"][2]["value"]["expression"], "\"7\"");
    assert_eq!(mapping("title"), Value::Null);
    for word in ["memberOf", "title of users", "leaver"] {
        assert!(notes.iter().any(|note| note.contains(word)), "{word}: {notes:#?}");
    }
}

#[test]
fn what_was_exported_can_be_imported_again() {
    let (schema, _) = exported();
    let imported = import_schema(&schema.to_string(), Some("zscaler"), &crate::JobScope::Everybody).unwrap();
    let policy = Policy::parse(&imported.policies[0].yaml, "t").unwrap();
    let original = Policy::parse(POLICY, "t").unwrap();
    let mapping = |policy: &Policy, path: &str| {
        policy.users().mappings.iter().find(|mapping| mapping.target == path).cloned()
    };
    for path in ["userName", "displayName"] {
        assert_eq!(mapping(&policy, path), mapping(&original, path), "{path}");
    }
    assert!(policy.has_groups());
}

#[test]
fn whatever_entra_does_not_have_is_told() {
    let table = [
        ("target: zscaler\n", "target: zscaler\nguard: { deletions: 3 }\n", "guard"),
        ("target: zscaler\n", "target: zscaler\ndefaultDomain: example.com\n", "defaultDomain"),
        ("leaver: { action: delete }", "leaver: { when: atOnce }", "leaver"),
        ("leaver: { action: delete }", "protected: { users: [E-1] }", "protected of users"),
        ("leaver: { action: delete }", "outOfScope: keep", "outOfScope of users"),
        ("groups:\n", "groups:\n  outOfScope: keep\n", "outOfScope of groups"),
        ("groups:\n", "groups:\n  protected: { groups: [A] }\n", "protected of groups"),
        ("constant: x", "constant: x, type: text", "nickName of users"),
    ];
    let told = |text: &str, place: &str| {
        let exported = export_policy(&Policy::parse(text, "t").unwrap());
        exported.notes.iter().any(|note| note.place() == place)
    };
    let plain = POLICY.replace("leaver: { action: delete }", "leaver: {}");
    for (from, to, place) in table {
        assert!(POLICY.contains(from), "{from}");
        assert!(told(&POLICY.replacen(from, to, 1), place), "{place}");
        assert!(!told(&plain, place), "{place} is told where there is nothing to tell");
    }
}

#[test]
fn wildcards_and_dates_mean_the_same_there() {
    let policy = POLICY
        .replace(r#"MATCHES "SEC-*""#, r#"MATCHES "a\\*b*?.""#)
        .replace(r#"Switch([a], , "x\"y", Join(", ", [b], 7))"#, r#"FormatDateTime([d], , "in", "yyyy")"#);
    let exported = export_policy(&Policy::parse(&policy, "t").unwrap());
    let schema: Value = serde_json::from_str(&exported.json).unwrap();
    let users = &schema["synchronizationRules"][0]["objectMappings"][0];
    assert_eq!(users["scope"]["groups"][1]["clauses"][0]["targetOperand"]["values"][0], r"^a\*b.*.\.$");
    let tree = users["attributeMappings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|m| m["targetAttributeName"] == "displayName");
    let parameters = tree.unwrap()["source"]["parameters"].as_array().unwrap();
    let keys: Vec<_> = parameters
        .iter()
        .map(|p| (p["key"].as_str().unwrap(), p["value"]["name"].as_str().unwrap()))
        .collect();
    assert_eq!(keys, [("source", "d"), ("inputFormat", "in"), ("outputFormat", "yyyy")]);
}

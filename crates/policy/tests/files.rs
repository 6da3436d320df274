//! Policy files that users rely on: the ready-made ones, those in the documentation, and the published JSON Schema.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};

use policy::Policy;
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn ready_made() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(root().join("deploy/policies")).unwrap() {
        let path = entry.unwrap().path();
        files.push((path.display().to_string(), std::fs::read_to_string(path).unwrap()));
    }
    files
}

/// Returns the YAML blocks of the pages that are a whole policy.
fn documented() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for page in ["docs/policy.md", "docs/coming-from-entra.md"] {
        let text = std::fs::read_to_string(root().join(page)).unwrap();
        for block in text.split("```yaml\n").skip(1) {
            let yaml = block.split("```").next().unwrap();
            found.push((page.to_owned(), yaml.to_owned()));
        }
    }
    found
}

fn schema() -> jsonschema::Validator {
    jsonschema::validator_for(&serde_json::from_str(policy::SCHEMA).unwrap()).unwrap()
}

fn as_json(yaml: &str) -> Value {
    serde_saphyr::from_str(yaml).unwrap()
}

#[test]
fn the_ready_made_and_the_documented_policies_can_be_used_and_fit_the_schema() {
    let files: Vec<_> = ready_made().into_iter().chain(documented()).collect();
    assert!(files.len() >= 12, "{}", files.len());
    let schema = schema();
    for (name, yaml) in files {
        Policy::parse(&yaml, &name).unwrap_or_else(|error| panic!("{error}\n{yaml}"));
        let errors: Vec<String> = schema.iter_errors(&as_json(&yaml)).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}\n{yaml}");
    }
}

#[test]
fn the_published_schema_is_the_one_in_use() {
    let path = root().join("docs/policy.schema.json");
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, policy::SCHEMA).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        published == policy::SCHEMA,
        "docs/policy.schema.json is out of date: UPDATE_SCHEMA=1 cargo test -p policy"
    );
}

const WHOLE: &str = r#"
target: t
guard: { deletions: 5, percent: 10 }
defaultDomain: example.com
users:
  scope:
    mode: assigned
    assigned: { users: [E-1], groups: [G-1] }
    any:
      - all:
          - { attribute: department, operator: IN, values: [Sales], ignoreCase: true }
          - { memberOf: "SEC-*", nested: false }
          - { not: { attribute: level, operator: GREATER THAN, value: 5 } }
          - startDate WITHIN 7 days
  mappings:
    - { target: userName, source: manager.mail, onNull: skip, apply: always, default: x, type: text }
    - { target: title, expression: 'ToUpper([a])' }
    - { target: nickName, none: true }
    - { target: manager, source: manager, reference: user }
    - { target: userType, constant: 7, type: integer }
  match: [userName]
  actions: { create: true, update: false, disable: true, delete: false }
  outOfScope: keep
  leaver: { action: delete, when: atOnce, deleteAfterDays: 3 }
  assumeEmpty: true
groups:
  mappings: [{ target: displayName, source: displayName }]
  outOfScope: disable
"#;

#[test]
fn the_schema_and_the_reader_agree_on_every_key_and_word() {
    let schema = schema();
    let whole = as_json(WHOLE);
    Policy::parse(WHOLE, "t").unwrap();
    assert!(
        schema.is_valid(&whole),
        "{:?}",
        schema.iter_errors(&whole).map(|e| e.to_string()).collect::<Vec<_>>()
    );
    let broken = [
        ("target: t\n", "target: a b\n"),
        ("guard:", "gard:"),
        ("percent: 10", "percent: 101"),
        ("defaultDomain: example.com", "defaultDomain: 'a@example.com'"),
        ("mode: assigned", "mode: some"),
        ("users: [E-1]", "people: [E-1]"),
        ("ignoreCase: true", "ignorecase: true"),
        ("nested: false", "deep: false"),
        ("onNull: skip", "onNull: never"),
        ("apply: always", "apply: never"),
        ("type: text", "type: string"),
        ("none: true", "none: true, source: x"),
        ("reference: user", "reference: group"),
        ("update: false", "updates: false"),
        ("outOfScope: keep", "outOfScope: delete"),
        ("action: delete", "action: fire"),
        ("when: atOnce", "when: now"),
        ("deleteAfterDays: 3", "deleteAfterDays: 40000"),
        ("mappings: [{ target: displayName, source: displayName }]", "match: []"),
        ("target: t\n", "target: 5\n"),
        ("source: manager.mail", "source: true"),
        ("memberOf: \"SEC-*\"", "memberOf: 12"),
        ("users: [E-1]", "users: [12]"),
        ("none: true", "none: false"),
        ("source: manager.mail", "source: manager.mail, none: false"),
        ("constant: 7", "constant: null"),
        ("    assigned: { users: [E-1], groups: [G-1] }\n", ""),
        ("mode: assigned", "mode: all"),
        ("assigned: { users: [E-1], groups: [G-1] }", "assigned: {}"),
        ("guard: { deletions: 5, percent: 10 }", "guard:"),
        ("leaver: { action: delete, when: atOnce, deleteAfterDays: 3 }", "leaver:"),
        ("actions: { create: true, update: false, disable: true, delete: false }", "actions: ~"),
        ("  match: [userName]", "  match: null"),
        ("  outOfScope: disable", "  scope:\n  outOfScope: disable"),
        (
            "groups:\n  mappings: [{ target: displayName, source: displayName }]\n  outOfScope: disable\n",
            "groups:\n",
        ),
    ];
    for (from, to) in broken {
        assert!(WHOLE.contains(from), "{from}");
        let yaml = WHOLE.replacen(from, to, 1);
        assert!(Policy::parse(&yaml, "t").is_err(), "the reader takes {to}");
        assert!(!schema.is_valid(&as_json(&yaml)), "the schema takes {to}");
    }
}

proptest::proptest! {
    #[test]
    fn a_spoilt_policy_file_is_read_or_refused_and_nothing_else(at in 0..WHOLE.len(), what in "\\PC{0,4}") {
        let at = (0..=at).rev().find(|at| WHOLE.is_char_boundary(*at)).unwrap_or(0);
        let mut yaml = WHOLE.to_owned();
        yaml.replace_range(at..at + usize::from(WHOLE.is_char_boundary(at + 1)), &what);
        if let Err(error) = Policy::parse(&yaml, "t") {
            assert!(!error.what.is_empty() && !error.fix.is_empty());
        }
    }
}

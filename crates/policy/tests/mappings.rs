//! The results of mappings for a person, through the public API of the crate.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use expression::RandomSeed;
use lifecycle::{AttributeMap, DesiredAccount, Employment, IdentityView};
use policy::{DecisionSubject, Policy, decide_person};
use serde_json::{Value, json};
use time::OffsetDateTime;

/// Decides the account of a person with these attributes. `head`
/// stands before `users`; `title` is the mapping of the title.
fn account(head: &str, title: &str, attributes: &Value) -> DesiredAccount {
    let yaml = format!(
        "target: t\n{head}users:\n  mappings:\n    - {{ target: userName, source: mail }}\n    - {{ target: title, {title} }}\n"
    );
    let policy = Policy::parse(&yaml, "t.yaml").unwrap_or_else(|error| panic!("{error}\n{yaml}"));
    let mut attributes: AttributeMap = serde_json::from_value(attributes.clone()).unwrap();
    attributes.insert("mail".to_owned(), json!("ada@example.com"));
    let identity = IdentityView {
        key: "E-1".to_owned(),
        attributes,
        employment: Employment::Active,
        ..IdentityView::default()
    };
    let subject =
        DecisionSubject { identity: &identity, groups: &[], manager: None, seed: RandomSeed([7; 32]) };
    decide_person(&subject, &policy, OffsetDateTime::UNIX_EPOCH).account().unwrap()
}

#[test]
fn the_default_domain_is_that_of_the_policy_and_nothing_without_one() {
    let title = r#"expression: 'Join("@", [login], DefaultDomain())'"#;
    let login = json!({ "login": "ada" });
    let with = account("defaultDomain: example.org\n", title, &login);
    assert_eq!(with.attributes["title"], "ada@example.org");
    assert_eq!(account("", title, &login).attributes["title"], "ada");
    let coalesced = r#"expression: 'Coalesce(DefaultDomain(), "example.net")'"#;
    assert_eq!(account("", coalesced, &login).attributes["title"], "example.net");
    assert_eq!(account("", "expression: 'DefaultDomain()'", &login).clear, ["title"]);
}

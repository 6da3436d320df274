//! Any text as a policy file: reading never panics, and whatever can be read decides without panicking.

#![no_main]

use lifecycle::{AttributeMap, Employment, IdentityView};
use policy::{DecisionSubject, GroupMembership, GroupSubject, Policy, decide_group, decide_person};
use serde_json::json;
use time::OffsetDateTime;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Ok(policy) = Policy::parse(text, "fuzz.yaml") else { return };
    let attributes = AttributeMap::from([
        ("userPrincipalName".to_owned(), json!("ada@example.com")),
        ("department".to_owned(), json!("Sales")),
        ("startDate".to_owned(), json!("2026-01-31")),
        ("level".to_owned(), json!(7)),
        ("proxyAddresses".to_owned(), json!(["a@example.com", "b@example.com"])),
        ("displayName".to_owned(), json!(null)),
    ]);
    let groups =
        [GroupMembership { key: "G-1".to_owned(), name: Some("SEC-Admins".to_owned()), direct: false }];
    let now = OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000);
    let seed = expression::RandomSeed([7; 32]);
    for employment in [Employment::Active, Employment::Unknown, Employment::Left { since: 0 }] {
        let identity = IdentityView {
            key: "E-1".to_owned(),
            attributes: attributes.clone(),
            employment,
            ..IdentityView::default()
        };
        let subject = DecisionSubject {
            identity: &identity,
            groups: &groups,
            manager: Some(&attributes),
            seed: seed.clone(),
        };
        let decision = decide_person(&subject, &policy, now);
        let _ = (decision.account(), decision.reason_in_full(), decision.failures(), decision.user_name());
    }
    let subject = GroupSubject { key: "G-1", attributes: &attributes, exists: true, groups: &groups, seed };
    let decision = decide_group(&subject, &policy, now);
    let _ = (decision.resource(), decision.reason_in_full(), decision.failures());
});

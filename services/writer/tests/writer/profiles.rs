//! Every profile that ships keeps to the rules of its target: all operations run against a server that enforces them.

use lifecycle::{
    AccountState, AttributeMap, DesiredState, GroupResource, HeldBy, HeldDecision, HeldReply, HeldRequest,
    RemovalGuard, ResourceKind, verbs,
};
use scim::{DeleteMethod, RequestRateLimit, TargetProfile};
use serde_json::{Value, json};

use crate::world::{Sent, World, account, group};

const GUARD: RemovalGuard =
    RemovalGuard { deletions: 1_000, percent: 100, window_hours: 24, hard_deletions: 1_000, failures: 1_000 };

/// Returns a person with every attribute that any target requires.
fn somebody(key: &str, more: &Value) -> AttributeMap {
    let mut all = json!({
        "userName": format!("{}@example.com", key.to_lowercase()), "externalId": key, "displayName": format!("Person {key}"),
        "name.givenName": "Person", "name.familyName": key, "title": "Clerk", "nickName": "P",
        r#"emails[type eq "work"].value"#: format!("{}@example.com", key.to_lowercase()),
        r#"emails[type eq "home"].value"#: format!("{}@example.org", key.to_lowercase()),
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department": "R&D",
    });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(all).unwrap()
}

fn active(key: &str, more: &Value) -> DesiredState {
    DesiredState::User(account(AccountState::Active, somebody(key, more)))
}

fn in_state(key: &str, state: AccountState) -> DesiredState {
    DesiredState::User(account(state, somebody(key, &json!({}))))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_repertoire_meets_no_refusal_at_any_target_whose_profile_ships() {
    for name in TargetProfile::builtin_names()
        .into_iter()
        .filter(|name| !name.starts_with("zscaler-z") || name.matches('-').count() == 1)
    {
        let mut profile = TargetProfile::builtin(name).unwrap();
        faster(&mut profile.rate);
        repertoire(profile).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_repertoire_meets_no_refusal_at_a_target_that_is_odd_in_every_way() {
    let odd = r#"
        { "name": "odd", "update_method": "patch", "string_booleans": true, "single_valued": true, "paging": "none",
          "patch": { "op_case": "capitalised", "extension_separator": "dot" },
          "attributes": { "user": ["userName", "externalId", "displayName", "emails",
              "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"] },
          "membership": { "members_per_request_max": 2, "operations_per_request_max": 1, "remove_form": "value_list", "readable": false },
          "lengths_max": { "user": { "displayName": 40 } }, "domains": ["example.com"], "delete": "disable" }"#;
    repertoire(TargetProfile::parse(odd, "odd").unwrap()).await;
    let put = r#"{ "name": "put", "update_method": "put", "string_booleans": true }"#;
    repertoire(TargetProfile::parse(put, "put").unwrap()).await;
    let only_put = r#"{ "name": "only-put", "update_method": "put", "membership": { "method": "put" } }"#;
    repertoire(TargetProfile::parse(only_put, "only-put").unwrap()).await;
    let no_filters = r#"{ "name": "no-filters", "lookups": { "user": { "unique_on": ["userName"] } } }"#;
    repertoire(TargetProfile::parse(no_filters, "no-filters").unwrap()).await;
    let mixed = r#"{ "name": "mixed", "update_method": { "user": "put", "group": "patch" }, "answers_show": false,
        "membership": { "nested": "keep", "readable": false, "asked_by": "members.value" } }"#;
    repertoire(TargetProfile::parse(mixed, "mixed").unwrap()).await;
    let pathless =
        r#"{ "name": "pathless", "patch": { "pathless": true }, "membership": { "body_bytes_max": 1024 } }"#;
    repertoire(TargetProfile::parse(pathless, "pathless").unwrap()).await;
}

/// Speeds the limits up for a target and a writer that run this many times as fast.
fn faster(rate: &mut RequestRateLimit) {
    const TIMES: u32 = 50;
    rate.requests_per_second = rate.requests_per_second.map(|rate| rate * f64::from(TIMES));
    for bucket in &mut rate.buckets {
        bucket.requests *= TIMES;
    }
}

async fn repertoire(profile: TargetProfile) {
    let name = profile.name.clone();
    let world = World::of_profile(&profile).await;
    let sent = Sent::guarded(GUARD);
    let settle = async |kind, key: &str, revision, desired| {
        world.send_as(key, revision, desired, sent).await;
        let row = world.settled(kind, key, revision).await;
        assert_eq!(row.status.as_deref(), Some("in_sync"), "{name}: {key} r{revision}: {row:?}");
    };
    let user = ResourceKind::User;
    let people: Vec<String> = (0..7).map(|n| format!("E-{n}")).collect();
    for key in &people {
        settle(user, key, 1, active(key, &json!({}))).await;
    }
    settle(
        user,
        "E-1",
        2,
        active("E-1", &json!({ "displayName": "Grace", "title": "Boss", "nickName": "G" })),
    )
    .await;
    settle(user, "E-1", 3, active("E-1", &json!({ "userName": "grace@example.com" }))).await;
    settle(user, "E-2", 2, in_state("E-2", AccountState::Disabled)).await;
    settle(user, "E-2", 3, in_state("E-2", AccountState::Disabled)).await;
    settle(user, "E-2", 4, active("E-2", &json!({}))).await;
    let state = world.sandbox.state();
    assert!(state.users["e-2@example.com"].active, "{name}: switched on again");
    assert!(state.users.contains_key("grace@example.com"), "{name}: renamed");

    settle(ResourceKind::Group, "G-1", 1, DesiredState::Group(group("G-1"))).await;
    let members = async |changes: &[(&str, bool)], revision, expected: usize| {
        world.members("G-1", revision, changes).await;
        let has = || world.sandbox.state().groups.get("G-1").map_or(0, |group| group.members.len());
        world.until("the members are as wanted", async || has() == expected).await;
        world.settled(ResourceKind::Group, "G-1", 1).await;
    };
    let all: Vec<(&str, bool)> = people.iter().map(|key| (key.as_str(), true)).collect();
    members(&all, 1, 7).await;
    members(&[("E-1", false), ("E-2", false), ("E-3", false)], 2, 4).await;
    let none: Vec<(&str, bool)> = people.iter().map(|key| (key.as_str(), false)).collect();
    members(&none, 3, 0).await;

    let deleted = format!("/Users/{}", world.user("E-4").unwrap().id);
    settle(user, "E-4", 2, in_state("E-4", AccountState::Deleted)).await;
    let left = world.sandbox.state().users.get("e-4@example.com").map(|user| user.active);
    let expected = if profile.delete == DeleteMethod::Hard { None } else { Some(false) };
    assert_eq!(left, expected, "{name}: leavers have no usable account");
    let absent = GroupResource { exists: false, ..group("G-1") };
    settle(ResourceKind::Group, "G-1", 2, DesiredState::Group(absent)).await;

    let refused: Vec<_> = world
        .sandbox
        .ledger()
        .since(0, 10_000)
        .into_iter()
        .filter(|entry| entry.status >= Some(400) && !(profile.hides_disabled && entry.status == Some(404)))
        // A deletion is read back.
        .filter(|entry| !(&*entry.method == "GET" && *entry.path == *deleted && entry.status == Some(404)))
        .map(|entry| (entry.method, entry.path, entry.status, entry.body))
        .collect();
    assert!(refused.is_empty(), "{name}: {refused:#?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_profile_knows_to_be_refused_is_held_with_the_remedy_and_never_sent() {
    let strict = r#"{ "name": "strict", "domains": ["example.com"], "lengths_max": { "user": { "displayName": 12 } },
        "required": { "user": [{ "path": "title" }] } }"#;
    let world = World::of_profile(&TargetProfile::parse(strict, "strict").unwrap()).await;
    let table = [
        ("E-1", json!({ "displayName": "A very long name" }), "displayName has 16 characters"),
        ("E-2", json!({ "title": "" }), "requires title"),
        ("E-3", json!({ "userName": "e-3@example.org" }), "is not registered"),
    ];
    for (key, more, reason) in &table {
        world.send_as(key, 1, active(key, more), Sent::guarded(GUARD)).await;
        let row = world.settled(ResourceKind::User, key, 1).await;
        assert_eq!(row.status.as_deref(), Some("held"), "{key}: {row:?}");
        let held: HeldReply = world
            .ask::<verbs::HeldVerb>(&HeldRequest { target: None, limit: 10, cursor: None })
            .await
            .unwrap();
        let held = held.items.iter().find(|held| held.subject == *key).unwrap();
        assert!(held.by == HeldBy::Profile && held.reason.contains(reason), "{held:?}");
        assert!(held.decisions == [HeldDecision::Reject] && held.help.is_some(), "{held:?}");
    }
    assert!(world.sandbox.ledger().since(0, 100).iter().all(|entry| &*entry.method == "GET"));
    // A value that is corrected at the source goes out by itself.
    for (key, _, _) in &table {
        world.send_as(key, 2, active(key, &json!({})), Sent::guarded(GUARD)).await;
        assert_eq!(world.settled(ResourceKind::User, key, 2).await.status.as_deref(), Some("in_sync"));
    }
    // A leaver is switched off, even if other attributes cannot be written.
    let mut left = somebody("E-1", &json!({ "displayName": "A very long name" }));
    left.insert("nickName".to_owned(), json!("X"));
    world
        .send_as("E-1", 3, DesiredState::User(account(AccountState::Disabled, left)), Sent::guarded(GUARD))
        .await;
    world.settled(ResourceKind::User, "E-1", 3).await;
    assert!(!world.sandbox.state().users["e-1@example.com"].active);
    world.stop().await;
}

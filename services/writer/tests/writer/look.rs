//! A preview describes what would be sent, and sends only requests that read.

use lifecycle::{
    AccountState, DesiredAccount, DesiredState, GroupResource, PolicyActions, PreviewReply, ResourceKind,
};
use serde_json::{Value, json};

use crate::world::{World, account, active, clearing, group, last_body, methods, name_of, person};

fn said(reply: &PreviewReply) -> (&str, &str) {
    (&reply.matched, &reply.action.action)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_somebody_nobody_has_heard_of_it_shows_the_create_that_would_be_sent() {
    let world = World::start().await;
    let on_create = serde_json::from_value(json!({ "password": "hunter2", "nickName": "Nick" })).unwrap();
    let wanted = DesiredState::User(DesiredAccount { on_create, ..active("E-1", json!({ "title": "CTO" })) });
    let reply = world.look("E-1", wanted.clone()).await.unwrap();
    assert_eq!(said(&reply), ("nothing", "create"));
    assert_eq!(reply.action.request.as_deref(), Some("POST /Users"));
    let mut body = reply.action.body.clone().unwrap();
    assert_eq!((&body["title"], &body["password"]), (&json!("CTO"), &json!("<redacted>")));
    assert_eq!(reply.steps.len(), 2, "by externalId, then by userName: {:?}", reply.steps);
    assert!(reply.steps.iter().all(|step| step.status == Some(200) && step.found == "nothing"));
    assert!(reply.steps[1].request.contains("userName eq \"e-1@example.com\""), "{:?}", reply.steps);
    assert_eq!(world.row(ResourceKind::User, "E-1").await.status, None, "it leaves no row behind");

    let (_, sent) = world.want("E-1", 1, wanted).await;
    body["password"] = "hunter2".into();
    assert_eq!(last_body(&sent), body, "and that is what is sent");
    world.stop().await;
}

/// Each case is previewed first; then it is wanted, and the requests must match the preview.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_says_is_what_is_done() {
    for profile in ["", "update_method: put\n"] {
        let world = World::with_profile(profile).await;
        let cleared = clearing(active("E-1", json!({})), &["title"]);
        let off = DesiredState::User(account(AccountState::Disabled, person("E-1", json!({}))));
        let gone = DesiredState::User(account(AccountState::Deleted, person("E-1", json!({}))));
        let steps = [
            ("E-1", DesiredState::User(active("E-1", json!({ "title": "A" }))), "nothing", "create"),
            ("E-1", DesiredState::User(active("E-1", json!({ "title": "A" }))), "linked", "none"),
            ("E-1", DesiredState::User(active("E-1", json!({ "title": "B" }))), "linked", "update"),
            ("E-1", cleared, "linked", "update"),
            ("E-1", off.clone(), "linked", "disable"),
            ("E-1", off, "linked", "none"),
            ("E-1", DesiredState::User(active("E-1", json!({}))), "linked", "enable"),
            ("E-1", gone.clone(), "linked", "delete"),
            ("E-1", gone, "nothing", "none"),
        ];
        for (revision, (subject, desired, matched, action)) in (1..).zip(steps) {
            let reply = world.look(subject, desired.clone()).await.unwrap();
            assert_eq!(said(&reply), (matched, action), "{profile}{revision}");
            let (_, sent) = world.want(subject, revision, desired).await;
            let changes: Vec<_> = sent.into_iter().filter(|entry| &*entry.method != "GET").collect();
            let Some(request) = reply.action.request else {
                assert!(changes.is_empty(), "{profile}{revision}: {changes:?}");
                continue;
            };
            assert_eq!(changes.len(), 1, "{profile}{revision}: {changes:?}");
            let sent = format!("{} {}", changes[0].method, changes[0].path);
            assert_eq!(request, sent, "{profile}{revision}");
            if action != "delete" {
                assert_eq!(reply.action.body, Some(last_body(&changes)), "{profile}{revision}");
            }
        }
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_that_were_there_are_adopted_or_foreign() {
    let world = World::start().await;
    world.seed(json!({ "userName": name_of("E-1"), "title": "old" }));
    let reply = world.look("E-1", clearing(active("E-1", json!({})), &["title"])).await.unwrap();
    assert_eq!(said(&reply), ("found", "adopt"));
    assert_eq!(reply.remote_id, Some(world.user("E-1").unwrap().id));
    assert!(reply.steps[1].found.contains("without externalId"), "{:?}", reply.steps);

    world.seed(json!({ "userName": name_of("E-2"), "externalId": "somebody" }));
    let reply = world.look("E-2", DesiredState::User(active("E-2", json!({})))).await.unwrap();
    assert_eq!(said(&reply), ("foreign", "conflict"));
    assert!(reply.action.why.unwrap().contains("somebody"));

    // The account was adopted without permission to write our externalId: only our own links know whose it is.
    let no_update = PolicyActions { update: false, ..PolicyActions::default() };
    world.seed(json!({ "userName": name_of("E-3") }));
    world
        .want("E-3", 1, DesiredState::User(DesiredAccount { actions: no_update, ..active("E-3", json!({})) }))
        .await;
    for state in [AccountState::Active, AccountState::Disabled, AccountState::Deleted] {
        let wanted = DesiredState::User(account(state, person("E-4", json!({ "userName": name_of("E-3") }))));
        let reply = world.look("E-4", wanted.clone()).await.unwrap();
        assert_eq!(said(&reply), ("foreign", "conflict"));
        assert!(reply.action.why.unwrap().contains("linked to E-3 already"));
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_policy_forbids_is_said_to_be_forbidden() {
    let world = World::start().await;
    let nothing = PolicyActions {
        create: false,
        update: false,
        disable: false,
        delete: false,
        ..PolicyActions::default()
    };
    let limited = |state, more: Value| {
        DesiredState::User(DesiredAccount { actions: nothing, ..account(state, person("E-1", more)) })
    };
    let reply = world.look("E-1", limited(AccountState::Active, json!({}))).await.unwrap();
    assert_eq!(said(&reply), ("nothing", "forbidden"));
    world.want("E-1", 1, DesiredState::User(active("E-1", json!({})))).await;
    for (state, more, action) in [
        (AccountState::Active, json!({}), "none"),
        (AccountState::Active, json!({ "title": "T" }), "forbidden"),
        (AccountState::Disabled, json!({}), "forbidden"),
        (AccountState::Deleted, json!({}), "forbidden"),
    ] {
        let reply = world.look("E-1", limited(state, more)).await.unwrap();
        assert_eq!(said(&reply), ("linked", action), "{state:?}");
        assert_eq!(reply.action.why.is_some_and(|why| why.contains("policy")), action == "forbidden");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_leads_nowhere_and_drift_are_seen() {
    let world = World::start().await;
    let wanted = |title: &str| DesiredState::User(active("E-1", json!({ "title": title })));
    world.want("E-1", 1, wanted("A")).await;
    world.sandbox.reset();
    let reply = world.look("E-1", wanted("A")).await.unwrap();
    assert_eq!(said(&reply), ("nothing", "create"));
    assert_eq!(reply.steps[0].status, Some(404));
    assert!(reply.steps[0].found.contains("leads nowhere"), "{:?}", reply.steps);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_and_references_are_looked_at_as_well() {
    let world = World::start().await;
    world.sandbox.seed_group(json!({ "displayName": "SEC-1" })).unwrap();
    let reply = world.look("G-1", DesiredState::Group(group("SEC-1"))).await.unwrap();
    assert_eq!(said(&reply), ("found", "adopt"));
    assert!(reply.action.request.unwrap().starts_with("PATCH /Groups/"));
    let absent = DesiredState::Group(GroupResource { exists: false, ..group("SEC-2") });
    assert_eq!(said(&world.look("G-2", absent).await.unwrap()), ("nothing", "none"));

    let manager = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";
    world.want("E-1", 1, DesiredState::User(active("E-1", json!({})))).await;
    let references = [(manager.to_owned(), "E-1".to_owned())].into();
    let reply = world
        .look("E-2", DesiredState::User(DesiredAccount { references, ..active("E-2", json!({})) }))
        .await
        .unwrap();
    let body = reply.action.body.unwrap().to_string();
    assert!(
        body.contains(&format!(r#""manager":{{"value":"{}"}}"#, world.user("E-1").unwrap().id)),
        "{body}"
    );
    assert_eq!(methods(&world.sandbox.ledger().since(0, 100)).iter().filter(|m| *m == "POST").count(), 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_put_of_a_group_that_is_adopted_shows_the_members_that_it_would_keep() {
    let world = World::with_profile("update_method: put\n").await;
    let member = world.seed(json!({ "userName": name_of("E-1") }));
    let members = json!([{ "value": member }]);
    world.sandbox.seed_group(json!({ "displayName": "SEC-1", "members": members })).unwrap();
    let reply = world.look("G-1", DesiredState::Group(group("SEC-1"))).await.unwrap();
    assert_eq!(said(&reply), ("found", "adopt"));
    assert!(reply.action.request.unwrap().starts_with("PUT /Groups/"));
    assert_eq!(reply.action.body.clone().unwrap()["members"][0]["value"], json!(member));
    let (_, sent) = world.want("G-1", 1, DesiredState::Group(group("SEC-1"))).await;
    assert_eq!(Some(last_body(&sent)), reply.action.body);
    world.stop().await;
}

//! Attributes that the policy does not map are never touched; attributes that it clears are removed.

use serde_json::{Value, json};

use crate::world::{World, active, clearing, last_body, methods, name_of};
use lifecycle::{DesiredAccount, DesiredState, ResourceKind};

const PUT: &str = "update_method: put\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_that_is_not_mapped_any_more_stays_and_one_that_is_cleared_goes() {
    for profile in ["", PUT] {
        let world = World::with_profile(profile).await;
        let with = json!({ "title": "T", "nickName": "N" });
        world.want("E-1", 1, DesiredState::User(active("E-1", with))).await;
        let renamed = active("E-1", json!({ "displayName": "New" }));
        let (row, sent) = world.want("E-1", 2, clearing(renamed, &["nickName"])).await;
        assert_eq!(row.status.as_deref(), Some("in_sync"));
        let attributes = world.attributes("E-1");
        assert_eq!(
            (&attributes["title"], &attributes["displayName"]),
            (&json!("T"), &json!("New")),
            "{profile}"
        );
        assert!(attributes.get("nickName").is_none(), "{profile}: {attributes}");
        if profile.is_empty() {
            assert_eq!(methods(&sent), ["PATCH"], "one request for one change");
        }
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clearing_what_was_known_to_be_empty_costs_nothing() {
    let world = World::start().await;
    let clear = ["title", "emails[type eq \"work\"].value"];
    world.want("E-1", 1, clearing(active("E-1", json!({})), &clear)).await;
    let renamed = active("E-1", json!({ "displayName": "New" }));
    let (_, sent) = world.want("E-1", 2, clearing(renamed, &clear)).await;
    assert_eq!(methods(&sent), ["PATCH"]);
    assert_eq!(last_body(&sent)["Operations"].as_array().unwrap().len(), 1);
    let mail = json!({ "displayName": "New", "emails[type eq \"work\"].value": "a@x" });
    let (_, sent) = world.want("E-1", 3, clearing(active("E-1", mail), &["title"])).await;
    assert_eq!(methods(&sent), ["PATCH"], "that there was none was known");
    let (_, sent) =
        world.want("E-1", 4, clearing(active("E-1", json!({ "displayName": "New" })), &clear)).await;
    assert_eq!(methods(&sent), ["PATCH"]);
    assert!(world.attributes("E-1").get("emails").is_none());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_that_comes_to_be_cleared_is_read_first_because_others_may_have_written_it() {
    let world = World::start().await;
    let on_create = serde_json::from_value(json!({ "title": "New here", "userName": "ignored" })).unwrap();
    let account = DesiredAccount { on_create, ..active("E-1", json!({})) };
    let (_, sent) = world.want("E-1", 1, DesiredState::User(account)).await;
    assert_eq!(last_body(&sent)["title"], "New here");
    assert_eq!(last_body(&sent)["userName"], name_of("E-1"), "a path in attributes wins");

    let (_, sent) = world.want("E-1", 2, clearing(active("E-1", json!({})), &["title", "nickName"])).await;
    assert_eq!(methods(&sent), ["GET", "PATCH"]);
    assert_eq!(last_body(&sent)["Operations"], json!([{ "op": "remove", "path": "title" }]));
    let (_, sent) =
        world.want("E-1", 3, clearing(active("E-1", json!({ "x": null })), &["title", "nickName"])).await;
    assert_eq!(methods(&sent), Vec::<String>::new(), "known by now");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_for_creation_change_nothing_later_and_nothing_that_was_there() {
    let world = World::start().await;
    let with = |title: &str| {
        let on_create = serde_json::from_value(json!({ "title": title })).unwrap();
        DesiredState::User(DesiredAccount { on_create, ..active("E-1", json!({})) })
    };
    world.want("E-1", 1, with("A")).await;
    let (_, sent) = world.want("E-1", 2, with("B")).await;
    assert!(sent.is_empty(), "{sent:?}");
    assert_eq!(world.attributes("E-1")["title"], "A");

    world.seed(json!({ "userName": name_of("E-2"), "title": "theirs" }));
    let on_create = serde_json::from_value(json!({ "title": "B" })).unwrap();
    world.want("E-2", 1, DesiredState::User(DesiredAccount { on_create, ..active("E-2", json!({})) })).await;
    assert_eq!(world.user("E-2").unwrap().external_id.as_deref(), Some("E-2"), "adopted");
    assert_eq!(world.attributes("E-2")["title"], "theirs");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adopted_account_keeps_what_is_not_mapped_and_loses_what_is_cleared() {
    for profile in ["", PUT] {
        let world = World::with_profile(profile).await;
        world.seed(json!({
            "userName": name_of("E-1"), "title": "old", "nickName": "theirs",
            "emails": [{ "type": "work", "value": "w@x" }, { "type": "home", "value": "h@x" }],
        }));
        let clear = ["title", "emails[type eq \"work\"].value", "userType"];
        let (row, _) = world.want("E-1", 1, clearing(active("E-1", json!({})), &clear)).await;
        assert_eq!(row.status.as_deref(), Some("in_sync"));
        let attributes = world.attributes("E-1");
        assert!(attributes.get("title").is_none(), "{profile}: {attributes}");
        assert_eq!(attributes["nickName"], "theirs");
        assert_eq!(attributes["emails"].as_array().unwrap().len(), 1);
        assert_eq!(attributes["emails"][0]["value"], "h@x");
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_element_that_is_mapped_anew_is_not_there_twice() {
    let world = World::start().await;
    let work = "emails[type eq \"work\"].value";
    world.want("E-1", 1, DesiredState::User(active("E-1", json!({ work: "a@x" })))).await;
    world.want("E-1", 2, DesiredState::User(active("E-1", json!({ "displayName": "No mail" })))).await;
    assert_eq!(world.attributes("E-1")["emails"][0]["value"], "a@x", "not mapped: stays");
    world.want("E-1", 3, DesiredState::User(active("E-1", json!({ work: "b@x" })))).await;
    let emails = world.attributes("E-1")["emails"].clone();
    assert_eq!(emails.as_array().unwrap().len(), 1, "{emails}");
    assert_eq!(emails[0]["value"], "b@x");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reference_to_somebody_without_an_account_is_cleared_until_they_have_one() {
    let world = World::start().await;
    let manager = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";
    world.want("E-1", 1, DesiredState::User(active("E-1", json!({})))).await;
    let led_by = |who: &str, name: &str| {
        let references = [(manager.to_owned(), who.to_owned())].into();
        let account = active("E-2", json!({ "displayName": name }));
        clearing(DesiredAccount { references, ..account }, &[manager])
    };
    world.want("E-2", 1, led_by("E-1", "A")).await;
    let there = |world: &World| {
        let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        world.attributes("E-2")[urn]["manager"]["value"].clone()
    };
    let first = there(&world);
    assert_eq!(first, json!(world.user("E-1").unwrap().id));
    let (row, _) = world.want("E-2", 2, led_by("E-9", "B")).await;
    assert_eq!((row.status.as_deref(), there(&world)), (Some("in_sync"), Value::Null), "not the old one");
    world.want("E-9", 1, DesiredState::User(active("E-9", json!({})))).await;
    world
        .until("the new manager is there", async || there(&world) == json!(world.user("E-9").unwrap().id))
        .await;
    world.settled(ResourceKind::User, "E-2", 2).await;
    world.stop().await;
}

//! The writer does nothing that the policy's actions forbid.

use lifecycle::{AccountState, DesiredAccount, DesiredState, GroupResource, PolicyActions, ResourceKind};
use sandbox::RequestKind;
use serde_json::{Value, json};

use crate::world::{World, account, active, group, last_body, methods, name_of, person};

fn all() -> PolicyActions {
    PolicyActions::default()
}

fn limited(account: DesiredAccount, actions: PolicyActions) -> DesiredState {
    DesiredState::User(DesiredAccount { actions, ..account })
}

fn with_state(key: &str, state: AccountState, more: Value, actions: PolicyActions) -> DesiredState {
    limited(account(state, person(key, more)), actions)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_create_what_is_missing_is_skipped_visibly_and_what_is_there_is_adopted() {
    let world = World::start().await;
    let no_create = PolicyActions { create: false, ..all() };
    let wanted = |more: Value| {
        let account = DesiredAccount { assume_empty: true, ..active("E-1", more) };
        limited(account, no_create)
    };
    let (row, sent) = world.want("E-1", 1, wanted(json!({}))).await;
    assert_eq!(row.status.as_deref(), Some("in_sync"));
    assert_eq!(row.error.as_deref(), Some("not created: the policy's actions forbid it"));
    assert!(sent.iter().all(|entry| &*entry.method == "GET"), "{sent:?}");
    world
        .told(
            "it was skipped",
            |record| matches!(&record.fact, lifecycle::Fact::Settled { outcome, .. } if outcome == "skipped"),
        )
        .await;

    world.seed(json!({ "userName": name_of("E-1") }));
    let (row, _) = world.want("E-1", 2, wanted(json!({ "title": "T" }))).await;
    assert_eq!((row.status.as_deref(), row.error), (Some("in_sync"), None));
    assert_eq!(world.user("E-1").unwrap().external_id.as_deref(), Some("E-1"), "adopted");
    assert_eq!(world.attributes("E-1")["title"], "T", "and kept up to date");
    assert_eq!(world.sandbox.ledger().count_by("POST", RequestKind::User), 0);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_skipped_is_looked_for_again_when_it_is_provisioned() {
    let world = World::start().await;
    let wanted = limited(active("E-1", json!({})), PolicyActions { create: false, ..all() });
    world.want("E-1", 1, wanted).await;
    world.seed(json!({ "userName": name_of("E-1") }));
    assert!(world.provision(ResourceKind::User, "E-1").await.queued);
    let row = world.settled(ResourceKind::User, "E-1", 1).await;
    assert_eq!((row.remote_id, row.error), (Some(world.user("E-1").unwrap().id), None));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_update_only_active_is_ever_written_to_what_exists() {
    for profile in ["", "update_method: put\n"] {
        let world = World::with_profile(profile).await;
        let no_update = PolicyActions { update: false, ..all() };
        world.seed(json!({ "userName": name_of("E-1"), "title": "theirs", "active": true }));
        let mut wanted = active("E-1", json!({ "title": "ours" }));
        wanted.clear = vec!["nickName".to_owned()];
        let (row, sent) = world.want("E-1", 1, limited(wanted, no_update)).await;
        assert_eq!(row.remote_id, Some(world.user("E-1").unwrap().id), "the link is kept by us");
        assert!(sent.iter().all(|entry| &*entry.method == "GET"), "no externalId either: {sent:?}");
        assert_eq!(row.error.as_deref(), Some("not changed: the policy's actions forbid it"));

        let off = with_state("E-1", AccountState::Disabled, json!({ "title": "ours" }), no_update);
        world.want("E-1", 2, off).await;
        let user = world.user("E-1").unwrap();
        assert_eq!(
            (user.active, user.external_id, &user.attributes["title"]),
            (false, None, &json!("theirs"))
        );

        let allowed = with_state("E-1", AccountState::Active, json!({ "title": "ours" }), all());
        world.want("E-1", 3, allowed).await;
        let user = world.user("E-1").unwrap();
        assert_eq!((user.active, user.external_id.as_deref()), (true, Some("E-1")));
        assert_eq!(user.attributes["title"], "ours", "nothing was taken for written that was not");
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_disable_active_is_never_written_to_what_exists() {
    let world = World::start().await;
    let no_disable = PolicyActions { disable: false, delete: false, ..all() };
    world.want("E-1", 1, with_state("E-1", AccountState::Active, json!({}), no_disable)).await;
    let off = with_state("E-1", AccountState::Disabled, json!({ "title": "Left" }), no_disable);
    let (_, sent) = world.want("E-1", 2, off).await;
    assert_eq!(methods(&sent), ["PATCH"]);
    assert_eq!(last_body(&sent)["Operations"], json!([{ "op": "add", "path": "title", "value": "Left" }]));
    assert!(world.user("E-1").unwrap().active);

    let gone = with_state("E-1", AccountState::Deleted, json!({}), no_disable);
    let (row, sent) = world.want("E-1", 3, gone).await;
    assert!(sent.is_empty(), "{sent:?}");
    assert_eq!(row.error.as_deref(), Some("neither deleted nor disabled: the policy's actions forbid it"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_delete_nothing_is_deleted_but_disabled_whether_linked_or_not() {
    let world = World::start().await;
    let no_delete = PolicyActions { delete: false, ..all() };
    world.want("E-1", 1, with_state("E-1", AccountState::Active, json!({}), no_delete)).await;
    let (row, sent) =
        world.want("E-1", 2, with_state("E-1", AccountState::Deleted, json!({}), no_delete)).await;
    assert_eq!(
        (&methods(&sent)[..], row.status.as_deref()),
        (&["PATCH".to_owned(), "GET".to_owned()][..], Some("in_sync"))
    );
    assert!(!world.user("E-1").unwrap().active);

    world.seed(json!({ "userName": name_of("E-2"), "externalId": "E-2", "active": true }));
    world.want("E-2", 1, with_state("E-2", AccountState::Deleted, json!({}), no_delete)).await;
    assert!(!world.user("E-2").unwrap().active);
    assert_eq!(world.sandbox.ledger().count_by("DELETE", RequestKind::User), 0);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_obey_the_same_actions() {
    let world = World::start().await;
    let limited = |exists: bool, actions: PolicyActions| {
        DesiredState::Group(GroupResource { exists, actions, ..group("SEC-1") })
    };
    let (row, sent) = world.want("G-1", 1, limited(true, PolicyActions { create: false, ..all() })).await;
    assert!(row.error.unwrap().starts_with("not created"));
    assert!(sent.iter().all(|entry| &*entry.method == "GET"), "{sent:?}");

    world.sandbox.seed_group(json!({ "displayName": "SEC-1" })).unwrap();
    let (row, sent) =
        world.want("G-1", 2, limited(true, PolicyActions { create: false, update: false, ..all() })).await;
    assert!(row.remote_id.is_some() && sent.iter().all(|entry| &*entry.method == "GET"), "{row:?}");
    assert_eq!(world.sandbox.state().groups["SEC-1"].external_id, None);

    let (row, sent) = world.want("G-1", 3, limited(false, PolicyActions { delete: false, ..all() })).await;
    assert!(sent.is_empty() && row.error.is_some(), "{sent:?}");
    let (row, sent) = world.want("G-1", 4, limited(false, all())).await;
    assert!(sent.is_empty() && row.error.unwrap().contains("adopted"), "{sent:?}");

    world.want("G-2", 1, DesiredState::Group(group("SEC-2"))).await;
    let (_, sent) =
        world.want("G-2", 2, DesiredState::Group(GroupResource { exists: false, ..group("SEC-2") })).await;
    assert_eq!(methods(&sent), ["DELETE"], "what we created");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_should_be_deleted_and_can_only_be_disabled_is_told_so() {
    let world = World::with_profile("delete: disable\n").await;
    world.want("E-1", 1, limited(active("E-1", json!({})), all())).await;
    let (row, _) = world.want("E-1", 2, with_state("E-1", AccountState::Deleted, json!({}), all())).await;
    assert!(
        row.error.as_deref().is_some_and(|error| error.contains("the target's profile only disables")),
        "{row:?}"
    );
    world
        .told("why it is only off", |record| {
            matches!(&record.fact, lifecycle::Fact::Settled { outcome, note: Some(note), .. }
                if outcome == "disabled" && note.contains("only disables"))
        })
        .await;
    world.stop().await;
}

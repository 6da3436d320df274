//! References to an account: the manager of others, members of groups. They follow the account when it goes and comes back.

use lifecycle::{
    AccountState, DesiredAccount, DesiredState, GroupResource, ResourceKind, StatusReply, verbs,
};
use sandbox::SandboxBehaviour;
use serde_json::{Value, json};

use crate::world::{World, account, active, group, person};

const URN: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn led_by(key: &str, manager: &str) -> DesiredState {
    let references = [(format!("{URN}:manager"), manager.to_owned())].into();
    DesiredState::User(DesiredAccount { references, ..active(key, json!({})) })
}

impl World {
    fn manager_of(&self, key: &str) -> Value {
        self.attributes(key)[URN]["manager"]["value"].clone()
    }

    fn id_of(&self, key: &str) -> Value {
        self.user(key).map_or(Value::Null, |user| user.id.into())
    }

    /// Returns the names of the members of a group. An id without an account begins with a question mark.
    fn in_group(&self, name: &str) -> Vec<String> {
        self.sandbox.state().groups[name].members.iter().cloned().collect()
    }

    async fn memberships_that_wait(&self) -> i64 {
        let status: StatusReply = self.ask::<verbs::WriterStatusVerb>(&()).await.unwrap();
        status.targets[0].resources.get("membership.waiting").copied().unwrap_or(0)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_names_an_account_that_goes_is_taken_away_and_comes_back_with_it() {
    for (database, profile) in store::testing::test_databases()
        .into_iter()
        .zip(["", "update_method: put\nmembership: { method: put }\n"])
    {
        let world = World::over(database, profile).await;
        world
            .sandbox
            .set_behaviour(SandboxBehaviour { keeps_references: true, ..SandboxBehaviour::default() });
        let reports = ["R-1", "R-2", "R-3"];
        let someone = |state| DesiredState::User(account(state, person("M-1", json!({}))));
        world.want("M-1", 1, someone(AccountState::Active)).await;
        for report in reports {
            world.want(report, 1, led_by(report, "M-1")).await;
        }
        for name in ["G-1", "G-2"] {
            world.want(name, 1, DesiredState::Group(group(name))).await;
            world.members(name, 1, &[("M-1", true), ("R-1", true)]).await;
            world.until("both are in", async || world.in_group(name).len() == 2).await;
            world.settled(ResourceKind::Group, name, 1).await;
        }
        let first = world.id_of("M-1");
        assert!(reports.iter().all(|report| world.manager_of(report) == first));

        world.send("M-1", 2, someone(AccountState::Deleted)).await;
        world
            .until("nothing names the account that is gone", async || {
                reports.iter().all(|report| world.manager_of(report).is_null())
                    && ["G-1", "G-2"].iter().all(|name| world.in_group(name) == ["r-1@example.com"])
            })
            .await;

        world.send("M-1", 3, someone(AccountState::Active)).await;
        world
            .until("all of it names the new one", async || {
                let id = world.id_of("M-1");
                !id.is_null()
                    && id != first
                    && reports.iter().all(|report| world.manager_of(report) == id)
                    && ["G-1", "G-2"].iter().all(|name| world.in_group(name).len() == 2)
            })
            .await;

        world.send("M-1", 4, someone(AccountState::Deleted)).await;
        world.until("memberships wait for her", async || world.memberships_that_wait().await == 2).await;
        for name in ["G-1", "G-2"] {
            let gone = GroupResource { exists: false, ..group(name) };
            world.send(name, 2, DesiredState::Group(gone)).await;
        }
        world
            .until("none wait in a group that is gone", async || world.memberships_that_wait().await == 0)
            .await;
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manager_who_comes_back_under_another_id_is_named_by_it() {
    let world = World::start().await;
    world.want("M-1", 1, DesiredState::User(active("M-1", json!({})))).await;
    world.want("R-1", 1, led_by("R-1", "M-1")).await;
    let first = world.id_of("M-1");
    assert_eq!(world.manager_of("R-1"), first);
    world.delete_user(first.as_str().unwrap()).await;
    let second = world.seed(json!({ "userName": "m-1@example.com", "externalId": "M-1", "active": true }));
    world.want("M-1", 2, DesiredState::User(active("M-1", json!({ "title": "T" })))).await;
    world.until("the new id is named", async || world.manager_of("R-1") == json!(second)).await;
    world.settled(ResourceKind::User, "R-1", 1).await;
    world.stop().await;
}

/// A group that is created again gets the members that the mapper sends again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_is_made_again_gets_the_members_that_are_told_again() {
    let world = World::start().await;
    world.want("E-1", 1, DesiredState::User(active("E-1", json!({})))).await;
    world.want("G-1", 1, DesiredState::Group(group("G-1"))).await;
    world.members("G-1", 5, &[("E-1", true)]).await;
    world.until("the member is in", async || world.in_group("G-1").len() == 1).await;
    world.want("G-1", 2, DesiredState::Group(GroupResource { exists: false, ..group("G-1") })).await;
    world.want("G-1", 3, DesiredState::Group(group("G-1"))).await;
    world.members("G-1", 5, &[("E-1", true)]).await;
    world.until("the member is in again", async || world.in_group("G-1").len() == 1).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_under_a_key_that_was_given_up_ends_with_it() {
    let world = World::start().await;
    world.want("C-1", 1, DesiredState::User(active("C-1", json!({})))).await;
    world.want("G-1", 1, DesiredState::Group(group("G-1"))).await;
    let name = json!({ "userName": "c-1@example.com" });
    let waits = active("E-1", name.clone());
    world.want("E-1", 1, DesiredState::User(waits.clone())).await;
    world.seed(json!({ "userName": "e-2@example.com", "externalId": "old-hr-7" }));
    let conflict = active("E-2", json!({}));
    let (row, _) = world.want("E-2", 1, DesiredState::User(conflict.clone())).await;
    assert_eq!(row.status.as_deref(), Some("conflict"));
    let letter = world.died().await;
    world.members("G-1", 1, &[("E-1", true), ("E-2", true)]).await;
    world.until("they wait", async || world.memberships_that_wait().await == 2).await;
    for (key, given_up) in [("E-1", waits), ("E-2", conflict)] {
        let (row, sent) = world.want(key, 2, DesiredState::User(given_up.given_up())).await;
        assert_eq!((row.status.as_deref(), row.remote_id), (Some("in_sync"), None), "{key}");
        assert!(sent.iter().all(|entry| &*entry.method == "GET"), "{sent:?}");
    }
    assert_eq!(world.letter_state(&letter.id).await, "discarded");
    world.until("nothing waits", async || world.memberships_that_wait().await == 0).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_comparison_counts_what_names_accounts_that_are_not_there() {
    let world = World::start().await;
    world.sandbox.set_behaviour(SandboxBehaviour { keeps_references: true, ..SandboxBehaviour::default() });
    world.want("M-1", 1, DesiredState::User(active("M-1", json!({})))).await;
    world.want("R-1", 1, led_by("R-1", "M-1")).await;
    world.want("G-1", 1, DesiredState::Group(group("G-1"))).await;
    world.members("G-1", 1, &[("M-1", true)]).await;
    world.until("the member is in", async || world.in_group("G-1").len() == 1).await;
    world.settled(ResourceKind::Group, "G-1", 1).await;
    let stranger = world.seed(json!({ "userName": "stranger@example.com" }));
    let report = world.reconcile(true).await;
    assert_eq!((report.counts.dangling, report.counts.drifted), (0, 0));
    world
        .patch_user(
            &world.user("R-1").unwrap().id,
            json!([{ "op": "replace", "path": format!("{URN}:manager"), "value": { "value": stranger } }]),
        )
        .await;
    let group_id = world.sandbox.state().groups["G-1"].id.clone();
    world
        .patch_group(&group_id, json!([{ "op": "add", "path": "members", "value": [{ "value": stranger }] }]))
        .await;
    let report = world.reconcile(true).await;
    assert_eq!(
        (report.counts.dangling, report.counts.drifted),
        (0, 1),
        "an account is there, if not the right one"
    );
    world.delete_user(&stranger).await;
    let report = world.reconcile(true).await;
    assert_eq!((report.counts.dangling, report.counts.drifted), (2, 1), "{report:?}");
    world.stop().await;
}

//! Large groups, and people who are in many groups.

use lifecycle::{DesiredState, EDGES_PER_COMMAND_MAX, HeldBy, ResourceKind};
use serde_json::{Value, json};

use crate::world::{World, active, group, name_of};

impl World {
    pub(crate) async fn groups(&self, keys: &[&str]) {
        for key in keys {
            self.want(key, 1, DesiredState::Group(group(key))).await;
        }
    }

    fn groups_of(&self, key: &str) -> Vec<String> {
        let state = self.sandbox.state();
        let of = state.groups.iter().filter(|(_, group)| group.members.contains(&name_of(key)));
        of.map(|(name, _)| name.clone()).collect()
    }

    async fn held_memberships(&self) -> Vec<lifecycle::HeldResource> {
        self.held_pages(1).await.into_iter().filter(|held| held.kind == ResourceKind::Membership).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_too_many_is_held_with_the_remedy_and_goes_out_when_there_is_room() {
    for database in store::testing::test_databases() {
        let world = World::over(database, "groups_per_user_max: 2\n").await;
        world.want("E-1", 1, DesiredState::User(active("E-1", json!({})))).await;
        world.want("E-2", 1, DesiredState::User(active("E-2", json!({})))).await;
        world.groups(&["G-1", "G-2", "G-3", "G-4"]).await;
        for key in ["G-1", "G-2", "G-3", "G-4"] {
            world.members(key, 1, &[("E-1", true), ("E-2", key == "G-4")]).await;
        }
        world.until("two are held", async || world.held_memberships().await.len() == 2).await;
        world.until("the others are there", async || world.groups_of("E-1").len() == 2).await;
        world.until("who has room gets in", async || world.groups_of("E-2") == ["G-4"]).await;
        let held = world.held_memberships().await;
        assert!(held.iter().all(|held| held.by == HeldBy::Profile && held.subject == "E-1"), "{held:?}");
        assert!(held[0].reason.contains("groups_per_user_max"), "{held:?}");
        assert!(held[0].wanted.starts_with("member of G-"), "{held:?}");
        assert!(held.iter().all(|held| held.decisions.is_empty() && held.help.is_some()), "{held:?}");
        let reply = world.decide_held(Some(&["E-1", "E-77"]), true).await;
        assert_eq!((reply.decided, reply.only_memberships), (0, vec!["E-1".to_owned()]));
        assert_eq!(reply.not_held, ["E-77"], "nothing of theirs is held");

        let first = world.groups_of("E-1")[0].clone();
        world.members(&first, 2, &[("E-1", false)]).await;
        world.until("one of them goes out", async || world.held_memberships().await.len() == 1).await;
        world
            .until("in two again", async || {
                let groups = world.groups_of("E-1");
                groups.len() == 2 && !groups.contains(&first)
            })
            .await;
        world.stop().await;
    }
}

const PEOPLE: usize = 20_000;
const CHUNK: usize = 1_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_of_20_000_is_filled_and_emptied_in_chunks_to_the_last_member() {
    let lines = format!("membership: {{ members_per_request_max: {CHUNK}, remove_form: value_list }}\n");
    let world = World::with_profile(&lines).await;
    // The accounts are linked already: creating so many is covered elsewhere.
    let keys: Vec<String> = (0..PEOPLE).map(|n| format!("E-{n}")).collect();
    let mut ids = Vec::new();
    for key in &keys {
        ids.push(world.seed(json!({ "userName": name_of(key), "externalId": key, "active": true })));
    }
    world.link(&keys, &ids).await;
    world.groups(&["G-1"]).await;
    let before = world.sandbox.ledger().len();

    for present in [true, false] {
        let revision = if present { 1 } else { 2 };
        for some in keys.chunks(EDGES_PER_COMMAND_MAX) {
            let edges: Vec<(&str, bool)> = some.iter().map(|key| (key.as_str(), present)).collect();
            world.members("G-1", revision, &edges).await;
        }
        let wanted = if present { PEOPLE } else { 0 };
        world
            .until("all are in, or out", async || {
                world.row(ResourceKind::Group, "G-1").await.memberships_pending == 0
                    && world.sandbox.state().groups["G-1"].members.len() == wanted
            })
            .await;
    }
    let sent = world.sandbox.ledger().since(before, 10_000);
    let patches: Vec<_> = sent.iter().filter(|entry| &*entry.method == "PATCH").collect();
    // The first requests go out while the other commands are still arriving.
    assert!(patches.len() <= 2 * PEOPLE / CHUNK + 10, "{} requests", patches.len());
    for entry in patches {
        let body: Value = serde_json::from_str(entry.body.as_deref().unwrap()).unwrap();
        let operations = body["Operations"].as_array().unwrap();
        let members = |op: &Value| op["value"].as_array().map_or(1, Vec::len);
        assert!(operations.iter().map(members).sum::<usize>() <= CHUNK);
    }
    world.stop().await;
}

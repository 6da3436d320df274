//! A target that refuses connections: no request was sent, so no row is in doubt and no failure counts against a resource.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use lifecycle::{AccountState, DesiredState, RemovalGuard, ResourceKind};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::world::{Sent, World, account, active, group, name_of, person};

/// A proxy in front of the sandbox that can be shut: then connections are refused.
struct Door {
    address: SocketAddr,
    behind: SocketAddr,
    passing: Arc<Mutex<JoinSet<()>>>,
}

impl Door {
    async fn open(behind: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let door = Self { address: listener.local_addr().unwrap(), behind, passing: Arc::default() };
        door.let_pass(listener);
        door
    }

    fn let_pass(&self, listener: TcpListener) {
        let (behind, passing) = (self.behind, Arc::clone(&self.passing));
        let accepting = async move {
            while let Ok((mut outside, _)) = listener.accept().await {
                passing.lock().unwrap().spawn(async move {
                    let Ok(mut inside) = TcpStream::connect(behind).await else { return };
                    let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
                });
            }
        };
        self.passing.lock().unwrap().spawn(accepting);
    }

    /// Refuses new connections, and drops the current ones.
    async fn shut(&self) {
        let mut passing = std::mem::take(&mut *self.passing.lock().unwrap());
        passing.shutdown().await;
        assert!(TcpStream::connect(self.address).await.is_err(), "the door is shut");
    }

    async fn open_again(&self) {
        self.let_pass(TcpListener::bind(self.address).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_target_refuses_to_be_told_is_done_when_it_listens_again_and_counts_against_nobody() {
    let (world, door) = {
        let sandbox = crate::world::sandbox().await;
        let door = Door::open(sandbox.address()).await;
        (World::through(sandbox, &format!("http://{}/scim/v2", door.address)).await, door)
    };
    let guard = Sent::guarded(RemovalGuard { deletions: 100, percent: 100, ..RemovalGuard::default() });
    let people = ["update", "disable", "delete", "add", "remove"];
    for key in people {
        world.want(key, 1, DesiredState::User(active(key, json!({ "title": "A" })))).await;
    }
    for key in ["G-renamed", "G-deleted", "G-members"] {
        world.want(key, 1, DesiredState::Group(group(key))).await;
    }
    world.members("G-members", 1, &[("remove", true)]).await;
    let members = || world.sandbox.state().groups["G-members"].members.clone();
    world.until("the member is in", async || members().contains(&name_of("remove"))).await;
    world.settled(ResourceKind::Group, "G-members", 1).await;

    door.shut().await;
    let before = world.sandbox.ledger().len();
    world.send_as("create", 1, DesiredState::User(active("create", json!({}))), guard).await;
    world.send_as("update", 2, DesiredState::User(active("update", json!({ "title": "B" }))), guard).await;
    for (key, state) in [("disable", AccountState::Disabled), ("delete", AccountState::Deleted)] {
        world
            .send_as(key, 2, DesiredState::User(account(state, person(key, json!({ "title": "A" })))), guard)
            .await;
    }
    world.send_as("G-created", 1, DesiredState::Group(group("G-created")), guard).await;
    let renamed = lifecycle::GroupResource { exists: true, ..group("new name") };
    world.send_as("G-renamed", 2, DesiredState::Group(renamed), guard).await;
    let deleted = lifecycle::GroupResource { exists: false, ..group("G-deleted") };
    world.send_as("G-deleted", 2, DesiredState::Group(deleted), guard).await;
    world.members("G-members", 2, &[("add", true), ("remove", false)]).await;
    world.until("the circuit is open", async || world.circuit().await.starts_with("open")).await;
    let tried = world
        .query("SELECT subject FROM writer_resources WHERE attempts > 0 OR in_doubt OR status = 'dead'")
        .await;
    assert!(tried.is_empty(), "nothing was sent: {} rows", tried.len());
    let unsure =
        world.query("SELECT member_subject FROM writer_edges WHERE status IN ('unsure', 'dead')").await;
    assert!(unsure.is_empty());
    assert_eq!(world.sandbox.ledger().len(), before);

    door.open_again().await;
    let user = |key: &str| world.sandbox.state().users.get(&name_of(key)).cloned();
    world
        .until("all of it is done", async || {
            let groups = world.sandbox.state().groups;
            let has = |name: &str| groups.contains_key(name);
            user("create").is_some()
                && user("update").is_some_and(|user| user.attributes["title"] == "B")
                && user("disable").is_some_and(|user| !user.active)
                && user("delete").is_none()
                && has("G-created")
                && has("new name")
                && !has("G-deleted")
                && members() == [name_of("add")].into()
        })
        .await;
    let changes = world.sandbox.ledger().since(before, 1_000);
    let changes = changes.iter().filter(|entry| &*entry.method != "GET").count();
    assert_eq!(changes, 9, "each once");
    world.stop().await;
}

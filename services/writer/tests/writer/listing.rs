//! The first sync against a target that has accounts already: one list instead of a lookup of each account.

use lifecycle::{DesiredState, ResourceKind};
use sandbox::{FaultRule, InjectedFault};
use serde_json::json;

use crate::world::{World, active, name_of};

const PEOPLE: usize = 300;
const PAGE: usize = 50;

fn keys() -> Vec<String> {
    (0..PEOPLE).map(|n| format!("E-{n:03}")).collect()
}

impl World {
    /// Sends all commands, starts when all of them are known, and waits for the result. Returns the number of requests by each method.
    async fn first_sync(&self, keys: &[String]) -> (usize, usize, usize) {
        self.pause(true).await;
        for key in keys {
            self.send(key, 1, DesiredState::User(active(key, json!({})))).await;
        }
        for key in keys {
            self.until("it is known", async || self.row(ResourceKind::User, key).await.revision == 1).await;
        }
        self.pause(false).await;
        for key in keys {
            self.settled(ResourceKind::User, key, 1).await;
        }
        let count = |method| self.sandbox.ledger().count_by(method, sandbox::RequestKind::User);
        (count("GET"), count("POST"), count("PATCH"))
    }
}

/// Returns whether the requests are the pages plus the few lookups that may be under way before there are enough accounts for a list.
fn few(requests: usize, pages: usize) -> bool {
    (pages..PEOPLE / 2).contains(&requests)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_that_are_there_are_found_on_pages_and_only_what_differs_is_written() {
    for database in store::testing::test_databases() {
        let world =
            World::over(database, &format!("page_size: {PAGE}\nrate: {{ requests_per_second: 400 }}\n"))
                .await;
        let keys = keys();
        for (n, key) in keys.iter().enumerate() {
            let display = if n % 3 == 0 { "Another name".to_owned() } else { format!("Person {key}") };
            // The names differ in case from ours, and some have no externalId.
            let mut user =
                json!({ "userName": name_of(key).to_uppercase(), "displayName": display, "active": true });
            if n % 2 == 0 {
                user["externalId"] = json!(key);
            }
            world.seed(user);
        }
        let (get, post, patch) = world.first_sync(&keys).await;
        assert_eq!(post, 0, "no account twice");
        assert!(few(get, PEOPLE / PAGE), "{get} reads");
        assert_eq!(world.sandbox.state().users.len(), PEOPLE);
        assert!(patch <= PEOPLE, "{patch}");
        let state = world.sandbox.state();
        assert!(state.users.values().all(|user| user.external_id.is_some()), "all are adopted");
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_list_does_not_have_is_created_without_a_lookup_and_what_came_meanwhile_is_found() {
    let world = World::with_profile("rate: { requests_per_second: 400 }\n").await;
    let keys = keys();
    // Another client created the accounts after the list was read: the target refuses the second one.
    let conflict = InjectedFault::Status {
        status: 409,
        retry_after: None,
        scim_type: Some("uniqueness".to_owned()),
        after_work: true,
    };
    world.sandbox.faults().inject(FaultRule::new(conflict).method("POST").skip(200).times(1));
    let (get, post, _) = world.first_sync(&keys).await;
    assert_eq!(world.sandbox.state().users.len(), PEOPLE);
    assert!(few(get, 1), "{get} reads");
    assert_eq!(post, PEOPLE, "each is created once");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_of_somebody_else_on_the_list_stays_theirs() {
    let world = World::with_profile("rate: { requests_per_second: 400 }\n").await;
    let keys = keys();
    for key in &keys {
        world.seed(json!({ "userName": name_of(key), "externalId": format!("other-{key}"), "active": true }));
    }
    for key in &keys {
        world.send(key, 1, DesiredState::User(active(key, json!({})))).await;
    }
    for key in &keys {
        let row = world.settled(ResourceKind::User, key, 1).await;
        assert_eq!(row.status.as_deref(), Some("conflict"), "{key}");
    }
    let changed = world.sandbox.ledger().entries().into_iter().filter(|entry| &*entry.method != "GET");
    assert_eq!(changed.count(), 0);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_pages_cost_more_than_lookups_everybody_is_looked_for() {
    let world = World::with_profile("page_size: 5\nrate: { requests_per_second: 1000 }\n").await;
    for n in 0..2_000 {
        world.seed(json!({ "userName": format!("other-{n}@example.com"), "active": true }));
    }
    let (get, post, _) = world.first_sync(&keys()).await;
    assert_eq!(post, PEOPLE);
    assert!(
        (2 * PEOPLE..2 * PEOPLE + 20).contains(&get),
        "{get} reads: two lookups each, and the page that told"
    );
    world.stop().await;
}

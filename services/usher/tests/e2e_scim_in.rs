//! An identity provider provisions into Usher as into an application; its changes arrive at the target.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use harness::world::wait_for_level;
use harness::{UsherWorld, WorldOptions};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const SOON: Duration = Duration::from_secs(90);
const TOKEN: &str = "entra-token";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

struct Provider {
    world: UsherWorld,
}

impl Provider {
    async fn start(postgres: Option<String>) -> Self {
        let hash = hex::encode(Sha256::digest(TOKEN));
        let scim = json!([{"name": "entra", "token": format!("sha256:{hash}")}]);
        let gateway = [("scim".to_owned(), scim)].into_iter().collect();
        let options = WorldOptions { gateway, postgres, ..WorldOptions::new(env!("CARGO_BIN_EXE_usher")) };
        Self { world: UsherWorld::start(options).await.unwrap() }
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}/scim/v2/entra{path}", self.world.usher.addresses().gateway());
        let request = self.world.http().request(method, url).bearer_auth(TOKEN);
        let request = request.header("content-type", "application/scim+json").body(body.to_string());
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
    }

    async fn create(&self, list: &str, body: Value) -> String {
        let (status, created) = self.send(Method::POST, list, &body).await;
        assert_eq!(status, 201, "{created}");
        created["id"].as_str().unwrap().to_owned()
    }

    async fn patch(&self, place: &str, operation: Value) {
        let schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
        let body = json!({"schemas": [schema], "Operations": [operation]});
        let (status, answer) = self.send(Method::PATCH, place, &body).await;
        assert!([200, 204].contains(&status), "{status}: {answer}");
    }

    /// Waits until `check` holds for the target.
    async fn target(&self, what: &str, check: impl Fn(&harness::reader::ServerDirectory) -> bool) {
        wait_for_level(what, SOON, async || {
            let directory = self.world.directory().await?;
            anyhow::ensure!(check(&directory), "{directory:?}");
            Ok::<_, anyhow::Error>(())
        })
        .await
        .unwrap();
    }
}

async fn arrives_at_the_target(postgres: Option<String>) {
    let provider = Provider::start(postgres).await;
    let boss = json!({
        "userName": "boss@example.com", "externalId": "m1", "displayName": "Bo Boss", "active": true,
        "name": {"givenName": "Bo", "familyName": "Boss"}, ENTERPRISE: {"department": "R&D"},
    });
    let boss = provider.create("/Users", boss).await;
    let ann = json!({
        "userName": "ann@example.com", "externalId": "a1", "displayName": "Ann Archer", "active": true, "title": "Engineer",
        "name": {"givenName": "Ann", "familyName": "Archer"}, "emails": [{"type": "work", "value": "ann@example.com"}],
        ENTERPRISE: {"department": "R&D", "manager": {"value": boss}},
    });
    let ann = provider.create("/Users", ann).await;
    let group = provider.create("/Groups", json!({"displayName": "Staff", "externalId": "g1"})).await;
    let (user, staff) = (format!("/Users/{ann}"), format!("/Groups/{group}"));
    provider
        .patch(&staff, json!({"op": "Add", "path": "members", "value": [{"$ref": null, "value": ann}]}))
        .await;
    provider
        .target("the account and the membership are there", |directory| {
            let account = directory.users.get("ann@example.com");
            account.is_some_and(|ann| {
                (ann.department.as_str(), ann.manager.as_str(), ann.active)
                    == ("R&D", "boss@example.com", Some(true))
            }) && directory.groups.get("Staff").is_some_and(|group| group.members.contains("ann@example.com"))
        })
        .await;

    provider
        .patch(&user, json!({"op": "Replace", "path": "userName", "value": "ann.baker@example.com"}))
        .await;
    provider.patch(&staff, json!({"op": "Remove", "path": "members", "value": [{"value": ann}]})).await;
    provider
        .target("the account is renamed and in no group", |directory| {
            directory.users.contains_key("ann.baker@example.com")
                && !directory.users.contains_key("ann@example.com")
                && directory.groups.get("Staff").is_some_and(|group| group.members.is_empty())
        })
        .await;

    provider.patch(&user, json!({"op": "Replace", "path": "active", "value": "False"})).await;
    provider.target("the account is off", |directory| active(directory) == Some(false)).await;
    provider.patch(&user, json!({"op": "Replace", "path": "title", "value": "Former engineer"})).await;
    provider
        .target("the title arrives and the account stays off", |directory| {
            directory.users.get("ann.baker@example.com").is_some_and(|ann| ann.title == "Former engineer")
                && active(directory) == Some(false)
        })
        .await;
    provider.patch(&user, json!({"op": "replace", "value": {"active": true}})).await;
    provider.target("the account is on again", |directory| active(directory) == Some(true)).await;
    assert_eq!(provider.send(Method::DELETE, &user, &Value::Null).await.0, 204);
    provider.target("the account is off for good", |directory| active(directory) != Some(true)).await;
    provider.world.settled(SOON).await.unwrap();
}

fn active(directory: &harness::reader::ServerDirectory) -> Option<bool> {
    directory.users.get("ann.baker@example.com")?.active
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_identity_provider_says_arrives_at_the_target_on_sqlite() {
    arrives_at_the_target(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_identity_provider_says_arrives_at_the_target_on_postgresql() {
    let Some(database) = store::testing::postgres_database() else {
        eprintln!("no PostgreSQL on this machine: nothing was tested");
        return;
    };
    arrives_at_the_target(Some(database.url.clone())).await;
}

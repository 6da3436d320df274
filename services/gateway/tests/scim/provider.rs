//! An identity provider, and what it caused on the stream.

use std::time::Duration;

use bus::Consumer;
use edge::TokenHash;
use lifecycle::{Event, EventKind};
use reqwest::Method;
use serde_json::{Value, json};
use store::testing::TestDatabase;

use crate::world::{Answer, World};

pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// A gateway with the provider `entra` (token `entra-token`), and the stream behind it.
pub struct Provider {
    pub world: World,
    pub stream: Consumer<Event>,
    _database: TestDatabase,
}

impl Provider {
    pub async fn start() -> Self {
        Self::on(store::testing::sqlite(), json!({})).await
    }

    /// `settings` are those of the provider.
    pub async fn on(database: TestDatabase, settings: Value) -> Self {
        let mut entra = json!({"name": "entra", "token": TokenHash::of("entra-token").to_string()});
        for (name, value) in settings.as_object().unwrap() {
            entra[name] = value.clone();
        }
        let okta = json!({"name": "okta", "token": TokenHash::of("okta-token").to_string()});
        let changes = json!({"database": database.url, "scim": [entra, okta]});
        let world = World::start(changes).await;
        let stream = world.stored().await;
        Self { world, stream, _database: database }
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}/scim/v2/entra{path}", self.world.url);
        self.world.http.request(method, url).bearer_auth("entra-token")
    }

    pub async fn send(&self, method: Method, path: &str, body: &Value) -> Answer {
        let request = self.request(method, path).header("content-type", "application/scim+json");
        Answer::of(request.body(body.to_string())).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, &body).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, &body).await
    }

    pub async fn patch(&self, path: &str, operations: Value) -> Answer {
        let body = json!({"schemas": [PATCH_OP], "Operations": operations});
        self.send(Method::PATCH, path, &body).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::DELETE, path)).await
    }

    /// What `filter` finds.
    pub async fn find(&self, list: &str, filter: &str) -> Vec<Value> {
        let request = self.request(Method::GET, list).query(&[("filter", filter)]);
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, 200, "{filter}: {:?}", answer.body);
        answer.body["Resources"].as_array().unwrap().clone()
    }

    /// Creates a user and gives back its id.
    pub async fn user(&self, name: &str) -> String {
        let body = json!({"userName": name, "externalId": format!("x-{name}"), "active": true});
        let answer = self.post("/Users", body).await;
        assert_eq!(answer.status, 201, "{:?}", answer.body);
        answer.body["id"].as_str().unwrap().to_owned()
    }

    /// Creates a group and gives back its id.
    pub async fn group(&self, name: &str, members: &[&str]) -> String {
        let members: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
        let body = json!({"displayName": name, "externalId": format!("g-{name}"), "members": members});
        let answer = self.post("/Groups", body).await;
        assert_eq!(answer.status, 201, "{:?}", answer.body);
        answer.body["id"].as_str().unwrap().to_owned()
    }

    /// The next `count` events, in the order of their times.
    pub async fn events(&mut self, count: usize) -> Vec<Event> {
        let mut events: Vec<Event> = Vec::new();
        while events.len() < count {
            let batch = tokio::time::timeout(Duration::from_secs(20), self.stream.next_batch(1_000)).await;
            let batch = batch.expect("events arrive").unwrap();
            for delivery in batch {
                events.push(delivery.body.as_ref().unwrap().clone());
                delivery.ack().await;
            }
        }
        assert_eq!(events.len(), count, "{events:#?}");
        events.sort_by_key(|event| event.effective_at);
        events
    }
}

/// Kind, subject and members.
pub fn said(events: &[Event]) -> Vec<(EventKind, &str, Vec<&str>)> {
    let members = |event: &Event| {
        let mut keys: Vec<&str> = Vec::new();
        if let Some(members) = event.members.clone() {
            keys = members.into_iter().map(|key| &*key.leak()).collect();
        }
        keys.sort_unstable();
        keys
    };
    events.iter().map(|event| (event.kind, event.subject.as_str(), members(event))).collect()
}

/// The ids of the members that an answer shows.
pub fn members(group: &Value) -> Vec<&str> {
    let list = group["members"].as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().map(|member| member["value"].as_str().unwrap()).collect()
}

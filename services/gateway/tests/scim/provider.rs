//! An identity provider, and the events of its requests on the stream.

use std::collections::HashSet;
use std::time::Duration;

use bus::{Consumer, OutgoingMessage};
use edge::TokenHash;
use lifecycle::{AttributeMap, Event, EventId, EventKind, SourceProblem, SourceProblemKind, TraceContext};
use reqwest::Method;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use store::testing::TestDatabase;
use store::{Store, outbox};
use telemetry::{Readiness, Shutdown};
use time::OffsetDateTime;

use crate::world::{Answer, World};

pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// Sends the requests of an identity provider.
#[derive(Clone)]
pub struct Caller {
    http: reqwest::Client,
    url: String,
}

impl Caller {
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}/scim/v2/entra{path}", self.url)).bearer_auth("entra-token")
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

    /// Returns the resources that match `filter`.
    pub async fn find(&self, list: &str, filter: &str) -> Vec<Value> {
        let request = self.request(Method::GET, list).query(&[("filter", filter)]);
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, 200, "{filter}: {:?}", answer.body);
        answer.body["Resources"].as_array().unwrap().clone()
    }

    /// Creates a user and returns its id.
    pub async fn user(&self, name: &str) -> String {
        let body = json!({"userName": name, "externalId": format!("x-{name}"), "active": true});
        let answer = self.post("/Users", body).await;
        assert_eq!(answer.status, 201, "{:?}", answer.body);
        answer.body["id"].as_str().unwrap().to_owned()
    }

    /// Creates a group and returns its id.
    pub async fn group(&self, name: &str, members: &[&str]) -> String {
        let members: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
        let body = json!({"displayName": name, "externalId": format!("g-{name}"), "members": members});
        let answer = self.post("/Groups", body).await;
        assert_eq!(answer.status, 201, "{:?}", answer.body);
        answer.body["id"].as_str().unwrap().to_owned()
    }
}

/// A gateway with the provider `entra` (token `entra-token`), and its stream.
pub struct Provider {
    pub world: World,
    pub stream: Consumer<Event>,
    pub caller: Caller,
    pub database: TestDatabase,
    pub changes: Value,
    pub seen: HashSet<EventId>,
}

impl std::ops::Deref for Provider {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl Provider {
    pub async fn start() -> Self {
        Self::on(store::testing::sqlite_database(), json!({})).await
    }

    /// Starts the gateway with `settings` for the provider.
    pub async fn on(database: TestDatabase, settings: Value) -> Self {
        let mut entra = json!({"name": "entra", "token": TokenHash::of("entra-token").to_string()});
        for (name, value) in settings.as_object().unwrap() {
            entra[name] = value.clone();
        }
        let okta = json!({"name": "okta", "token": TokenHash::of("okta-token").to_string()});
        let changes = json!({"database": database.url, "scim": [entra, okta]});
        let world = World::start(changes.clone()).await;
        let stream = world.stored().await;
        let caller = Caller { http: world.http.clone(), url: world.url.clone() };
        Self { world, stream, caller, database, changes, seen: HashSet::new() }
    }

    /// Stops the gateway, which writes its pending problems, and returns the only problem of this kind.
    pub async fn problem(mut self, kind: SourceProblemKind) -> SourceProblem {
        self.world.shutdown.soft.cancel();
        (&mut self.world.run).await.unwrap().unwrap();
        let all = self.world.bus.source_problems(0).await.unwrap().problems;
        let found = all.iter().find(|one| one.kind == kind);
        found.unwrap_or_else(|| panic!("{kind:?} is not among {all:?}")).clone()
    }

    /// Stops the gateway cleanly, and starts it again on the same data.
    pub async fn restart(&mut self) {
        self.world.shutdown.soft.cancel();
        (&mut self.world.run).await.unwrap().unwrap();
        let mut config = self.changes.clone();
        config["listen"] = json!("127.0.0.1:0");
        let config: gateway::GatewayConfig = serde_json::from_value(config).unwrap();
        let app = gateway::build_gateway(config, self.world.bus.clone(), Readiness::default()).await.unwrap();
        self.world.url = format!("http://{}", app.address());
        self.caller.url = self.world.url.clone();
        self.world.shutdown = Shutdown::default();
        self.world.run = tokio::spawn(app.run(self.world.shutdown.clone()));
    }

    /// Changes the database without the gateway's knowledge.
    pub async fn execute(&self, sql: &str) {
        let store = Store::connect(&self.database.url).await.unwrap();
        store.writer().execute_unprepared(sql).await.unwrap();
    }

    /// Leaves an event of a resource in the outbox, as a request would, and returns its id.
    pub async fn left_behind(&self, resource: &str, kind: EventKind, subject: &str) -> EventId {
        let (source, now) = ("entra/scim".to_owned(), OffsetDateTime::now_utc());
        let source_event_id = format!("{resource}#left");
        let id = EventId::of(&source, &source_event_id);
        let event = Event {
            id: id.clone(),
            source,
            source_event_id,
            kind,
            subject: subject.to_owned(),
            time: now,
            effective_at: now,
            accepted_at: now,
            sender: String::new(),
            dated: None,
            attributes: AttributeMap::new(),
            members: None,
            feed: None,
            withdraws: false,
            unread: Vec::new(),
        };
        let messages =
            serde_json::to_string(&[OutgoingMessage::event(&event, TraceContext::root())]).unwrap();
        let store = Store::connect(&self.database.url).await.unwrap();
        let tx = store.begin().await.unwrap();
        outbox::put_row(
            &tx,
            "gateway",
            outbox::OutboxLane::Commands,
            &format!("{resource}/1"),
            now,
            messages,
        )
        .await
        .unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// Inserts this number of people, as if they had been created long ago.
    pub async fn insert_people(&self, count: usize) -> Vec<String> {
        let store = Store::connect(&self.database.url).await.unwrap();
        let ids: Vec<String> = (0..count).map(|n| format!("00000000-0000-7000-8000-{n:012}")).collect();
        for some in ids.chunks(store::ROWS_PER_STATEMENT_MAX) {
            let row = |id: &String| {
                format!(
                    "('{id}', 'entra', 'User', 'k-{id}', 'n-{id}', '{{\"userName\":\"n-{id}\"}}', true, 1, 1, 1)"
                )
            };
            let rows: Vec<String> = some.iter().map(row).collect();
            let sql = format!(
                "INSERT INTO gateway_scim_resources (id, source, kind, key, name, attributes, employed, version, created_at, \
                 changed_at) VALUES {}",
                rows.join(",")
            );
            store.writer().execute_unprepared(&sql).await.unwrap();
        }
        ids
    }

    /// Returns the next events, at least one.
    pub async fn any_events(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        let batch = tokio::time::timeout(Duration::from_secs(40), self.stream.next_batch(1_000)).await;
        for delivery in batch.expect("events arrive").unwrap() {
            events.push(delivery.body.as_ref().unwrap().clone());
            delivery.ack().await;
        }
        events
    }

    /// Returns the next `count` events, in the order of their times.
    pub async fn events(&mut self, count: usize) -> Vec<Event> {
        let mut events: Vec<Event> = Vec::new();
        while events.len() < count {
            for event in self.any_events().await {
                // On a slow machine some events are delivered twice.
                if self.seen.insert(event.id.clone()) {
                    events.push(event);
                }
            }
        }
        assert_eq!(events.len(), count, "{:#?}", said(&events));
        events.sort_by_key(|event| event.effective_at);
        events
    }
}

/// Returns the kind, subject and members of each event.
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

/// Returns the ids of the members in a response.
pub fn members(group: &Value) -> Vec<&str> {
    let list = group["members"].as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().map(|member| member["value"].as_str().unwrap()).collect()
}

//! A started sandbox and a bare HTTP client.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};
use sandbox::{Sandbox, SandboxBehaviour, SandboxOptions};
use serde_json::{Value, json};

pub const TOKEN: &str = "test-token";
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

pub struct World {
    pub sandbox: Sandbox,
    pub http: reqwest::Client,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Seen {
    pub status: StatusCode,
    pub body: Value,
}

impl Seen {
    /// Returns the id of the resource in the body.
    pub fn id(&self) -> String {
        self.body["id"].as_str().unwrap_or_else(|| panic!("no id: {self:?}")).to_owned()
    }

    /// Returns the status and `scimType` of a refusal.
    pub fn refusal(&self) -> (u16, &str) {
        (self.status.as_u16(), self.body["scimType"].as_str().unwrap_or_default())
    }
}

pub fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    builder.timeout(Duration::from_secs(20)).build().unwrap()
}

impl World {
    pub async fn start(behaviour: SandboxBehaviour) -> Self {
        let listen = "127.0.0.1:0".parse().unwrap();
        let options = SandboxOptions { listen, token: TOKEN.to_owned(), behaviour };
        Self { sandbox: Sandbox::start(options).await.unwrap(), http: http() }
    }

    pub async fn generic() -> Self {
        Self::start(SandboxBehaviour::default()).await
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.sandbox.base_url())).bearer_auth(TOKEN)
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Seen {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.header("content-type", "application/scim+json").body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() };
        Seen { status, body }
    }

    pub async fn get(&self, path: &str) -> Seen {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Seen {
        self.send(Method::POST, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, operations: Value) -> Seen {
        let schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"];
        self.send(Method::PATCH, path, Some(json!({ "schemas": schemas, "Operations": operations }))).await
    }

    /// Returns the `userName`s or `displayName`s that a filter finds.
    pub async fn find(&self, endpoint: &str, filter: &str) -> Vec<String> {
        let answer = self.request(Method::GET, endpoint).query(&[("filter", filter)]).send().await.unwrap();
        let list: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        let found = list["Resources"].as_array().unwrap_or_else(|| panic!("{filter}: {list}"));
        let name = if endpoint == "/Users" { "userName" } else { "displayName" };
        found.iter().map(|one| one[name].as_str().unwrap().to_owned()).collect()
    }

    pub async fn refused_filter(&self, filter: &str) -> (u16, String) {
        let answer = self.request(Method::GET, "/Users").query(&[("filter", filter)]).send().await.unwrap();
        let status = answer.status().as_u16();
        let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        (status, body["scimType"].as_str().unwrap_or_default().to_owned())
    }
}

pub fn user(name: &str) -> Value {
    json!({ "schemas": [USER], "userName": name, "externalId": format!("ext-{name}"), "active": true })
}

pub fn group(name: &str, members: &[&str]) -> Value {
    let members: Vec<Value> = members.iter().map(|id| json!({ "value": id })).collect();
    json!({ "schemas": [GROUP], "displayName": name, "externalId": format!("ext-{name}"), "members": members })
}

//! The independent SCIM servers start, answer, and can be read by the plain reader.

use harness::interop::{InteropServer, RunningInteropServer};
use harness::{http_client, reader};
use serde_json::{Value, json};

async fn post(http: &reqwest::Client, server: &RunningInteropServer, list: &str, resource: Value) -> String {
    let url = format!("{}/{list}", server.base_url);
    let request = http.post(url).bearer_auth(&server.token).header("content-type", "application/scim+json");
    let answer = request.body(resource.to_string()).send().await.expect("the server answers");
    assert_eq!(answer.status(), 201, "{list}");
    let created: Value = answer.json().await.expect("the server answers JSON");
    created["id"].as_str().expect("a created resource has an id").to_owned()
}

async fn what_is_posted_is_read_back(server: InteropServer) {
    if !server.possible_here() {
        eprintln!("skipped: {server:?} cannot run on this machine");
        return;
    }
    let server = RunningInteropServer::start(server).await.expect("the server starts");
    let http = http_client();
    let mut ids = Vec::new();
    for number in 0..120 {
        let user = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": format!("user+{number}@example.com"),
            "name": { "givenName": "Zoë", "familyName": "O’Brien" },
            "active": number % 2 == 0,
        });
        ids.push(post(&http, &server, "Users", user).await);
    }
    let members: Vec<Value> = ids.iter().take(3).map(|id| json!({ "value": id })).collect();
    let group = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": "R&D",
        "members": members,
    });
    post(&http, &server, "Groups", group).await;

    let found = reader::read_directory(&http, &server.base_url, &server.token).await.expect("it can be read");
    assert!(found.problems.is_empty(), "{:?}", found.problems);
    assert_eq!(found.users.len(), 120, "all pages are walked");
    assert_eq!(found.users["user+7@example.com"].active, Some(false));
    assert_eq!(found.users["user+7@example.com"].surname, "O’Brien");
    assert_eq!(found.groups["R&D"].members.len(), 3);
}

#[tokio::test]
async fn scim2_server_is_read_as_it_was_written() {
    what_is_posted_is_read_back(InteropServer::Scim2).await;
}

#[tokio::test]
async fn scimmy_is_read_as_it_was_written() {
    what_is_posted_is_read_back(InteropServer::Scimmy).await;
}

#[tokio::test]
async fn better_auth_is_read_as_it_was_written() {
    what_is_posted_is_read_back(InteropServer::BetterAuth).await;
}

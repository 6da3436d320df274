use reqwest::{Method, StatusCode};
use sandbox::SandboxBehaviour;
use serde_json::{Value, json};

use crate::client::{ENTERPRISE, World, group, user};

#[tokio::test]
async fn a_resource_can_be_created_read_replaced_and_deleted() {
    let world = World::generic().await;
    let created = world.post("/Users", user("ada@example.com")).await;
    assert_eq!(created.status, StatusCode::CREATED);
    let path = format!("/Users/{}", created.id());
    let read = world.get(&path).await;
    assert_eq!(read.body, created.body);
    assert_eq!(read.body["meta"]["location"], format!("{}{path}", world.sandbox.base_url()));

    let mut replacement = user("ada@example.com");
    replacement["title"] = "Countess".into();
    replacement["externalId"] = Value::Null;
    let replaced = world.send(Method::PUT, &path, Some(replacement)).await;
    assert_eq!((replaced.status, &replaced.body["title"]), (StatusCode::OK, &json!("Countess")));
    assert_eq!(replaced.body.get("externalId"), None);

    assert_eq!(world.send(Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(world.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.send(Method::DELETE, &path, None).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn answers_and_errors_are_scim_json() {
    let world = World::generic().await;
    let answer = world.request(Method::GET, "/Users/77").send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/scim+json");
    let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(body["status"], "404");
    assert_eq!(body["schemas"][0], "urn:ietf:params:scim:api:messages:2.0:Error");
}

#[tokio::test]
async fn only_the_right_bearer_token_opens() {
    let world = World::generic().await;
    let url = format!("{}/Users", world.sandbox.base_url());
    assert_eq!(world.http.get(&url).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    let wrong = world.http.get(&url).bearer_auth("wrong").send().await.unwrap();
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
    world.sandbox.set_token("another");
    assert_eq!(world.get("/Users").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(world.get("/ServiceProviderConfig").await.status, StatusCode::UNAUTHORIZED);
    world.sandbox.set_behaviour(SandboxBehaviour::zscaler());
    assert_eq!(world.get("/ServiceProviderConfig").await.status, StatusCode::OK);
}

#[tokio::test]
async fn names_are_unique_regardless_of_case() {
    let world = World::generic().await;
    let first = world.post("/Users", user("Ünal@example.com")).await;
    let second = world.post("/Users", user("üNAL@EXAMPLE.com")).await;
    assert_eq!(second.refusal(), (409, "uniqueness"));
    let other = world.post("/Users", user("b@example.com")).await;
    let path = format!("/Users/{}", other.id());
    let rename = json!([{ "op": "replace", "path": "userName", "value": "ÜNAL@example.com" }]);
    assert_eq!(world.patch(&path, rename.clone()).await.refusal(), (409, "uniqueness"));
    world.post("/Groups", group("Sales", &[])).await;
    assert_eq!(world.post("/Groups", group("SALES", &[])).await.refusal(), (409, "uniqueness"));

    // The name is free again as soon as its owner is deleted or renamed.
    world.send(Method::DELETE, &format!("/Users/{}", first.id()), None).await;
    assert_eq!(world.patch(&path, rename).await.status, StatusCode::OK);

    world.sandbox.set_behaviour(SandboxBehaviour { unique_names: false, ..SandboxBehaviour::default() });
    assert_eq!(world.post("/Users", user("ünal@example.com")).await.status, StatusCode::CREATED);
    assert_eq!(world.sandbox.state().users.len(), 2);
}

#[tokio::test]
async fn malformed_resources_are_refused() {
    let world =
        World::start(SandboxBehaviour { require_department: true, ..SandboxBehaviour::default() }).await;
    let mut complete = user("a");
    complete[ENTERPRISE] = json!({ "department": "Sales" });
    let cases = [
        (json!([]), "invalidSyntax"),
        (json!({ "userName": "a" }), "invalidValue"),
        (user(" "), "invalidValue"),
        (user("a"), "invalidValue"),
        (with(&complete, "active", json!("true")), "invalidValue"),
        (with(&complete, "emails", json!("a@b")), "invalidValue"),
        (with(&complete, "emails", json!([{ "primary": true }, { "primary": true }])), "invalidValue"),
        (with(&complete, "USERNAME", json!("b")), "invalidSyntax"),
    ];
    for (body, scim_type) in cases {
        assert_eq!(world.post("/Users", body.clone()).await.refusal(), (400, scim_type), "{body}");
    }
    assert_eq!(world.post("/Users", complete).await.status, StatusCode::CREATED);
    assert_eq!(world.post("/Groups", group("g", &["99"])).await.refusal(), (400, "invalidValue"));
    let garbage = world.request(Method::POST, "/Users").body("{").send().await.unwrap();
    assert_eq!(garbage.status(), StatusCode::BAD_REQUEST);
}

fn with(resource: &Value, name: &str, value: Value) -> Value {
    let mut resource = resource.clone();
    resource[name] = value;
    resource
}

#[tokio::test]
async fn a_strict_server_wants_scim_json() {
    let world =
        World::start(SandboxBehaviour { strict_content_type: true, ..SandboxBehaviour::default() }).await;
    let plain = world.request(Method::POST, "/Users").json(&user("a")).send().await.unwrap();
    assert_eq!(plain.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(world.post("/Users", user("a")).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn pages_cover_every_resource_once() {
    let behaviour = SandboxBehaviour { page_size: 4, count_max: 5, ..SandboxBehaviour::default() };
    let world = World::start(behaviour).await;
    for n in 0..13 {
        world.sandbox.seed_user(json!({ "userName": format!("u{n:02}") })).unwrap();
    }
    let first = world.get("/Users").await.body;
    assert_eq!((&first["totalResults"], &first["itemsPerPage"]), (&json!(13), &json!(4)));
    let mut names = Vec::new();
    while let Some(page) =
        Some(world.get(&format!("/Users?startIndex={}&count=50", names.len() + 1)).await.body)
    {
        let resources = page["Resources"].as_array().unwrap();
        assert!(resources.len() <= 5);
        if resources.is_empty() {
            break;
        }
        names.extend(resources.iter().map(|one| one["userName"].as_str().unwrap().to_owned()));
    }
    assert_eq!(names, (0..13).map(|n| format!("u{n:02}")).collect::<Vec<_>>());
    let none = world.get("/Users?count=0").await.body;
    assert_eq!((&none["totalResults"], none["Resources"].as_array().unwrap().len()), (&json!(13), 0));
    let negative = world.get("/Users?startIndex=-3&count=-1").await.body;
    assert_eq!((&negative["startIndex"], negative["Resources"].as_array().unwrap().len()), (&json!(1), 0));
}

#[tokio::test]
async fn attributes_can_be_asked_for_and_left_out() {
    let world = World::generic().await;
    let id = world.post("/Users", user("a")).await.id();
    let group = world.post("/Groups", group("g", &[&id])).await.id();
    let without = world.get(&format!("/Groups/{group}?excludedAttributes=members")).await.body;
    assert_eq!((without.get("members"), &without["displayName"]), (None, &json!("g")));
    let only = world.get(&format!("/Users/{id}?attributes=userName")).await.body;
    assert_eq!((&only["userName"], only.get("externalId")), (&json!("a"), None));
    assert_eq!(world.get(&format!("/Users/{id}")).await.body["groups"][0]["value"], json!(group));

    world.sandbox.set_behaviour(SandboxBehaviour { members_readable: false, ..SandboxBehaviour::default() });
    assert_eq!(world.get(&format!("/Groups/{group}")).await.body.get("members"), None);
}

#[tokio::test]
async fn the_server_describes_itself() {
    let world = World::generic().await;
    assert_eq!(world.get("/ServiceProviderConfig").await.body["patch"]["supported"], true);
    assert_eq!(world.get("/ResourceTypes").await.body["totalResults"], 2);
    assert_eq!(world.get("/Schemas").await.body["totalResults"], 3);
    assert_eq!(world.get(&format!("/Schemas/{ENTERPRISE}")).await.body["id"], ENTERPRISE);
    assert_eq!(world.get("/Nothing").await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.send(Method::PUT, "/Users", None).await.status, StatusCode::METHOD_NOT_ALLOWED);
}

//! Wrong credentials of operators, and operators that change while the console runs.

use serde_json::{Value, json};
use store::testing::sqlite_database;

use crate::world::World;

async fn status_of(world: &World, token: &str) -> (u16, Value) {
    let request = world.http.get(format!("{}/v1/status", world.base)).bearer_auth(token);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn wrong_tokens_are_slowed_down_and_shown_to_operators_who_are_let_in() {
    let world = World::start(sqlite_database()).await;
    assert_eq!(world.get("/v1/status").await.0, 200);
    let mut refused = Vec::new();
    for n in 0..25 {
        refused.push(status_of(&world, &format!("guess-{n}")).await);
    }
    assert_eq!(refused[0].0, 401);
    let (status, problem) = refused.last().unwrap();
    assert_eq!((*status, &problem["code"]), (429, &json!("too_many_wrong_credentials")));
    let (status, answer) = world.get("/v1/status").await;
    assert_eq!(status, 200, "the operator who is known here");
    let notices = answer["notices"].to_string();
    assert!(notices.contains("20 requests to the console came with wrong credentials"), "{notices}");
}

#[tokio::test]
async fn operators_are_admitted_and_revoked_while_the_console_runs() {
    let world = World::start(sqlite_database()).await;
    let config = |token: &str| {
        let operators = json!([{"name": "bob", "token": edge::TokenHash::of(token).to_string()}]);
        serde_json::from_value(json!({"database": "", "operators": operators})).unwrap()
    };
    let changes = world.credentials.reload(&config("bobs")).unwrap();
    assert_eq!(changes, ["operator bob was added", "operator alice was removed"]);
    assert_eq!(status_of(&world, "bobs").await.0, 200);
    assert_eq!(world.get("/v1/status").await.0, 401);
}

//! Concurrent requests.

use std::collections::BTreeSet;

use serde_json::json;
use tokio::task::JoinSet;

use crate::provider::{Provider, members};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_one_group_at_the_same_time_lose_nothing() {
    for database in store::testing::test_databases() {
        let provider = Provider::on(database, json!({})).await;
        let mut people = Vec::new();
        for n in 0..20 {
            people.push(provider.user(&format!("u{n}")).await);
        }
        let old: Vec<&str> = people[..10].iter().map(String::as_str).collect();
        let group = provider.group("staff", &old).await;
        let mut requests = JoinSet::new();
        for (n, id) in people.iter().cloned().enumerate() {
            let (provider, place) = (provider.caller.clone(), format!("/Groups/{group}"));
            requests.spawn(async move {
                let op = if n < 10 { "remove" } else { "add" };
                provider
                    .patch(&place, json!([{"op": op, "path": "members", "value": [{"value": id}]}]))
                    .await
                    .status
            });
        }
        while let Some(status) = requests.join_next().await {
            assert_eq!(status.unwrap(), 204);
        }
        let found = provider.get(&format!("/Groups/{group}")).await;
        let now: BTreeSet<&str> = members(&found.body).into_iter().collect();
        assert_eq!(now, people[10..].iter().map(String::as_str).collect());
        assert_eq!(found.header("etag"), "W/\"21\"", "twenty changes, one after the other");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_create_the_same_name_one_is_told_that_it_is_taken() {
    for database in store::testing::test_databases() {
        let provider = Provider::on(database, json!({})).await;
        for round in 0..5 {
            let mut requests = JoinSet::new();
            for _ in 0..4 {
                let provider = provider.caller.clone();
                let body = json!({"userName": format!("ann{round}"), "externalId": format!("x{round}")});
                requests.spawn(async move { provider.post("/Users", body).await.status });
            }
            let mut statuses = requests.join_all().await;
            statuses.sort_unstable();
            assert_eq!(statuses, [201, 409, 409, 409]);
        }
        assert_eq!(provider.get("/Users?count=0").await.body["totalResults"], 5);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_deleted_while_being_added_is_in_no_group() {
    for database in store::testing::test_databases() {
        let provider = Provider::on(database, json!({})).await;
        let group = provider.group("staff", &[]).await;
        for n in 0..10 {
            let id = provider.user(&format!("u{n}")).await;
            let (adding, deleting) = (provider.caller.clone(), provider.caller.clone());
            let (place, user) = (format!("/Groups/{group}"), format!("/Users/{id}"));
            let add = json!([{"op": "add", "path": "members", "value": [{"value": id}]}]);
            let (added, deleted) = tokio::join!(
                tokio::spawn(async move { adding.patch(&place, add).await.status }),
                tokio::spawn(async move { deleting.delete(&user).await.status }),
            );
            assert!([204, 400].contains(&added.unwrap()));
            assert_eq!(deleted.unwrap(), 204);
        }
        assert!(members(&provider.get(&format!("/Groups/{group}")).await.body).is_empty());
    }
}

//! The baseline without Usher on the same machine: a plain HTTP client that sends the same SCIM requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::ensure;
use sandbox::{Sandbox, SandboxBehaviour, SandboxOptions};
use serde_json::json;

use crate::world::SANDBOX_TOKEN;

/// Returns the requests per second of `people` lookups and creates with `concurrency` requests in flight.
pub(super) async fn run_bare(people: usize, concurrency: usize) -> anyhow::Result<f64> {
    let listen = "127.0.0.1:0".parse()?;
    let token = SANDBOX_TOKEN.to_owned();
    let sandbox =
        Sandbox::start(SandboxOptions { listen, token, behaviour: SandboxBehaviour::zscaler() }).await?;
    let (http, base) = (crate::http_client(), sandbox.base_url());
    let next = Arc::new(AtomicUsize::new(0));
    let begin = Instant::now();
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..concurrency {
        let (http, base, next) = (http.clone(), base.clone(), Arc::clone(&next));
        workers.spawn(async move {
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                if i >= people {
                    return anyhow::Ok(());
                }
                look_up_and_create(&http, &base, i).await?;
            }
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker??;
    }
    let took = begin.elapsed().as_secs_f64();
    let requests = sandbox.ledger().len();
    ensure!(sandbox.state().users.len() == people, "the baseline did not create every person");
    Ok(super::to_float(usize::try_from(requests)?) / took)
}

/// Sends the two requests for one person.
async fn look_up_and_create(http: &reqwest::Client, base: &str, i: usize) -> anyhow::Result<()> {
    let filter = format!("externalId eq \"E-{i}\"");
    let found = http
        .get(format!("{base}/Users"))
        .query(&[("filter", filter)])
        .bearer_auth(SANDBOX_TOKEN)
        .send()
        .await?;
    found.error_for_status()?.bytes().await?;
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "externalId": format!("E-{i}"), "userName": format!("person{i}@example.com"), "active": true,
        "name": { "givenName": "Ada", "familyName": format!("Byron {i}") }, "displayName": format!("Ada Byron {i}"),
        "emails": [{ "type": "work", "primary": true, "value": format!("person{i}@example.com") }], "title": "Engineer",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": format!("Department {}", i % 40) }
    });
    let created = http
        .post(format!("{base}/Users"))
        .bearer_auth(SANDBOX_TOKEN)
        .header("content-type", "application/scim+json")
        .body(user.to_string())
        .send()
        .await?;
    created.error_for_status()?.bytes().await?;
    Ok(())
}

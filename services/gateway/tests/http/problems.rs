//! Problems that only the sender would know otherwise: refused requests, files and notices stay visible until they are resolved.

use std::time::Duration;

use edge::TokenHash;
use lifecycle::{SourceProblem, SourceProblemKind, UNKNOWN_SENDER};
use serde_json::{Value, json};

use crate::world::{Answer, World, event};

const PATIENCE: Duration = Duration::from_secs(60);

async fn world() -> World {
    World::start(json!({
        "feeds": [{
            "name": "moves", "mode": "delta", "token": TokenHash::of("feed-token").to_string(),
            "mapping": { "key": "id", "attributes": { "mail": "[mail]" } },
        }],
        "webhooks": [{
            "name": "own", "verifier": { "scheme": "bearer", "secrets": ["Bearer own-token"] },
            "adapter": { "kind": "json", "key": "/person", "type": "/what", "types": { "gone": "worker.left" } },
        }],
    }))
    .await
}

impl World {
    /// Returns the problem of this source and kind, once `check` accepts it.
    async fn problem(
        &self,
        source: &str,
        kind: SourceProblemKind,
        check: impl Fn(Option<&SourceProblem>) -> bool,
    ) -> Option<SourceProblem> {
        let mut seen = None;
        let level = async {
            loop {
                let all = self.bus.source_problems(0).await.unwrap().problems;
                seen = all.into_iter().find(|one| one.source == source && one.kind == kind);
                if check(seen.as_ref()) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let came = tokio::time::timeout(PATIENCE, level).await;
        assert!(came.is_ok(), "{source} {kind:?} stays {seen:?}");
        seen
    }

    pub async fn there(&self, source: &str, kind: SourceProblemKind) -> SourceProblem {
        self.problem(source, kind, |problem| problem.is_some()).await.unwrap()
    }

    async fn gone(&self, source: &str, kind: SourceProblemKind) {
        self.problem(source, kind, |problem| problem.is_none()).await;
    }

    async fn file(&self, token: &str, body: &'static str) -> Answer {
        let request = self.http.post(format!("{}/v1/feeds/csv/moves", self.url)).bearer_auth(token);
        Answer::of(request.header("content-type", "text/csv").body(body)).await
    }

    async fn own(&self, token: &str, body: &Value) -> Answer {
        let request = self.http.post(format!("{}/v1/webhooks/own", self.url)).bearer_auth(token);
        Answer::of(request.header("content-type", "application/json").body(body.to_string())).await
    }
}

#[tokio::test]
async fn bad_rows_of_a_file_are_a_problem_until_a_file_has_none() {
    let world = world().await;
    let bad = "id,mail\nE-1,a@x.org,secret-word\nE-2\n";
    assert_eq!(world.file("feed-token", bad).await.status, 202);
    let problem = world.there("feeds/moves", SourceProblemKind::BadRows).await;
    assert_eq!(problem.count, 2, "{problem:?}");
    assert!(problem.detail.contains("line 2"), "{problem:?}");
    assert!(!problem.detail.contains("secret-word"), "{problem:?}");
    assert_eq!(world.file("feed-token", "id,mail\nE-1,a@x.org\n").await.status, 202);
    world.gone("feeds/moves", SourceProblemKind::BadRows).await;
}

#[tokio::test]
async fn a_refused_file_is_a_problem_until_one_is_taken() {
    let world = world().await;
    assert_eq!(world.file("feed-token", "number,mail\n1,a@x.org\n").await.status, 400);
    let problem = world.there("feeds/moves", SourceProblemKind::RefusedFile).await;
    assert_eq!((problem.count, problem.detail.as_str()), (1, "400 malformed_csv"));
    assert_eq!(world.file("feed-token", "id,mail\nE-1,a@x.org\n").await.status, 202);
    world.gone("feeds/moves", SourceProblemKind::RefusedFile).await;
}

#[tokio::test]
async fn refused_and_unknown_notices_are_problems_of_their_source() {
    let world = world().await;
    let unreadable = json!({ "what": "gone", "person": { "id": "secret-word" } });
    assert_eq!(world.own("own-token", &unreadable).await.status, 422);
    let refused = world.there("webhooks/own", SourceProblemKind::RefusedRequests).await;
    assert_eq!((refused.count, refused.detail.as_str()), (1, "422 invalid at /person"));
    for _ in 0..2 {
        assert_eq!(
            world.own("own-token", &json!({ "what": "terminated", "person": "W-1" })).await.status,
            202
        );
    }
    let twice = |problem: Option<&SourceProblem>| problem.is_some_and(|problem| problem.count == 2);
    let unknown = world.problem("webhooks/own", SourceProblemKind::UnknownTypes, twice).await.unwrap();
    assert_eq!(unknown.detail, "terminated");
}

#[tokio::test]
async fn refused_credentials_are_a_problem_of_the_source_that_was_named() {
    let world = world().await;
    let gone = json!({ "what": "gone", "person": "W-1" });
    assert_eq!(world.own("old-token", &gone).await.status, 401);
    assert_eq!(world.file("old-token", "id,mail\n").await.status, 401);
    let request = world.http.post(format!("{}/v1/events", world.url)).bearer_auth("old-token");
    assert_eq!(Answer::of(request.body("{}")).await.status, 401);
    for source in ["webhooks/own", "feeds/moves", UNKNOWN_SENDER] {
        let problem = world.there(source, SourceProblemKind::RefusedCredentials).await;
        assert_eq!(problem.count, 1, "{problem:?}");
    }
    assert_eq!(world.own("own-token", &gone).await.status, 202);
    world.gone("webhooks/own", SourceProblemKind::RefusedCredentials).await;
}

#[tokio::test]
async fn a_refused_batch_of_events_is_a_problem_of_its_source_that_a_restart_keeps() {
    let mut world = world().await;
    let mut bad = event("1");
    bad["time"] = json!("31-Nov");
    assert_eq!(world.events(crate::world::BATCH, &json!([event("2"), bad])).await.status, 422);
    world.shutdown.soft.cancel();
    (&mut world.run).await.unwrap().unwrap();
    // Written at shutdown, without waiting for the next interval.
    let all = world.bus.source_problems(0).await.unwrap().problems;
    let found = all.iter().find(|one| one.source == "hr").unwrap();
    assert_eq!((found.kind, found.count), (SourceProblemKind::RefusedRequests, 1));
    assert!(found.detail.starts_with("422"), "{found:?}");
}

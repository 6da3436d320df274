//! The operator API against a real broker and every database that this machine has.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "api/audit.rs"]
mod audit;
#[path = "api/credentials.rs"]
mod credentials;
#[path = "api/notify.rs"]
mod notify;
#[path = "api/pages.rs"]
mod pages;
#[path = "api/policy.rs"]
mod policy;
#[path = "api/provision.rs"]
mod provision;
#[path = "api/quarantine.rs"]
mod quarantine;
#[path = "api/world.rs"]
mod world;

use bus::{Bus, OutgoingMessage};
use lifecycle::{
    Actor, AttemptClass, ControlError, DeadLetter, DeadLetterId, DiscardReply, DiscardRequest, Fact,
    FactRecord, Lane, OperatorVerb as _, RefusalReason, ReplayId, ReplayOutcome, ReplayReply, ReplayRequest,
    ReplayRun, ReplayRuns, ResourceKind, StartReplayRequest, StatusReply, TargetStatus, verbs,
};
use serde_json::{Value, json};
use store::testing::{sqlite_database, test_databases};
use time::OffsetDateTime;

use world::{World, answer};

fn record(id: &str, second: i64, fact: Fact) -> FactRecord {
    let at = OffsetDateTime::now_utc() - time::Duration::hours(1) + time::Duration::seconds(second);
    FactRecord { id: id.into(), at, subject: "E-1".into(), trace: None, fact }
}

fn decided() -> FactRecord {
    let fact = Fact::Decided {
        target: "zia".into(),
        kind: ResourceKind::User,
        revision: 1,
        state: "active".into(),
        lane: Lane::Joiner,
        reason: "in scope".into(),
        changed: vec!["userName".into()],
        user_name: Some("Anna.Å@example.org".into()),
    };
    record("decided", 1, fact)
}

fn died(id: &DeadLetterId, second: i64) -> FactRecord {
    let letter = DeadLetter {
        id: id.clone(),
        target: "zia".into(),
        kind: ResourceKind::User,
        subject: "E-1".into(),
        member_of: None,
        revision: 1,
        operation: "create".into(),
        class: AttemptClass::Permanent,
        error: "no department".into(),
        attempts: 1,
        exchange: None,
        failures: Vec::new(),
    };
    record(&format!("died {id}"), second, Fact::Died(Box::new(letter)))
}

/// Plays the writer: answers its requests and reports its facts.
fn play_writer(bus: Bus) {
    tokio::spawn(async move {
        let mut requests = bus.serve("writer").await.unwrap();
        while let Some(request) = requests.next().await {
            match request.verb.as_str() {
                verbs::WriterStatusVerb::NAME => {
                    let target = TargetStatus { target: "zia".into(), ..TargetStatus::default() };
                    request.reply(&StatusReply { targets: vec![target], ..StatusReply::default() }).await;
                }
                verbs::WriterQuarantineVerb::NAME => {
                    request.reply(&lifecycle::QuarantineReply::default()).await
                }
                verbs::ReplayVerb::NAME => {
                    let asked: ReplayRequest = request.question().unwrap();
                    assert_eq!((asked.actor.who.as_str(), asked.actor.why.as_str()), ("alice", "fixed"));
                    let replayed = |id: &DeadLetterId| Fact::Replayed {
                        dead_letter: id.clone(),
                        outcome: "queued".into(),
                        who: "alice".into(),
                        why: "fixed".into(),
                    };
                    let facts: Vec<_> = asked
                        .ids
                        .iter()
                        .map(|id| record(&format!("replayed {id}"), 9, replayed(id)))
                        .collect();
                    bus.publish(OutgoingMessage::facts("writer", &facts)).await;
                    let outcomes = asked.ids.into_iter().map(|id| (id, ReplayOutcome::Queued)).collect();
                    request.reply(&ReplayReply { outcomes }).await;
                }
                verbs::StartReplayVerb::NAME => {
                    let asked: StartReplayRequest = request.question().unwrap();
                    assert_eq!((asked.per_second, asked.target.as_deref()), (Some(5), Some("zia")));
                    request.reply(&replaying(asked.actor)).await;
                }
                verbs::PauseVerb::NAME => {
                    let (message, reason) =
                        ("no target is called `nope`".to_owned(), RefusalReason::UnknownTarget);
                    request.refuse(ControlError { message, reason }).await;
                }
                verbs::ReplayRunsVerb::NAME => request.reply(&ReplayRuns::default()).await,
                _ => {
                    let asked: DiscardRequest = request.question().unwrap();
                    request.reply(&DiscardReply { discarded: asked.ids }).await;
                }
            }
        }
    });
}

#[tokio::test]
async fn a_person_is_traced_and_a_dead_letter_is_replayed_on_every_database() {
    for database in test_databases() {
        let world = World::start(database).await;
        play_writer(world.bus.clone());
        let letters = [DeadLetterId::fresh(), DeadLetterId::fresh()];
        let facts = [decided(), died(&letters[0], 2), died(&letters[1], 3)];
        world.tell(&facts).await;
        world.tell(&facts).await;

        let trace =
            |rows: usize| move |trace: &Value| trace["items"].as_array().is_some_and(|e| e.len() == rows);
        let traced = world.until("/v1/people/anna.%C3%85@EXAMPLE.org/trace", trace(3)).await;
        assert_eq!(traced["person"], json!({"key": "E-1", "userName": "anna.å@example.org"}));
        assert_eq!(traced["items"][0]["fact"], "decided");
        assert_eq!(traced["items"][0]["service"], "mapper");
        assert_eq!(traced["items"][1]["error"], "no department");

        let path = format!("/v1/dead/{}", letters[0]);
        let (_, letter) = world.get(&path).await;
        assert_eq!((&letter["state"], &letter["decision"]["reason"]), (&json!("open"), &json!("in scope")));

        let (_, first) = world.get("/v1/dead?target=zia&limit=1").await;
        assert_eq!(first["items"][0]["id"], letters[1].as_str(), "newest first");
        let next = format!("/v1/dead?target=zia&limit=1&cursor={}", first["nextCursor"].as_str().unwrap());
        let (_, second) = world.get(&next).await;
        assert_eq!(second["items"][0]["id"], letters[0].as_str());
        assert!(second.get("nextCursor").is_none());

        let (status, replayed) =
            world.post("/v1/dead/replay", &json!({"target": "zia", "why": " fixed "})).await;
        assert_eq!((status, replayed["outcomes"].as_array().unwrap().len()), (200, 2), "{replayed}");
        assert_eq!(replayed["outcomes"][0], json!({"id": letters[0], "outcome": "queued"}));
        let closed = world.until(&path, |letter| letter["state"] == "replayed").await;
        assert_eq!(closed["closed"]["by"], "alice");

        let (_, nothing) = world.post("/v1/dead/replay", &json!({"target": "zia", "why": "again"})).await;
        assert_eq!(nothing, json!({"outcomes": [], "more": false}));
        let body = json!({"ids": [letters[0]], "why": "x"});
        let (_, discarded) = world.post("/v1/dead/discard", &body).await;
        assert_eq!(discarded, json!({"discarded": [letters[0]]}));

        let (_, status) = world.get("/v1/status").await;
        assert_eq!(status["targets"][0]["target"], "zia");
        assert_eq!(status["lag"]["events"], Value::Null, "no mapper has ever run");
        world.until("/v1/status", |status| status["lag"]["journal"] == 0).await;
        world.stop().await;
    }
}

fn replaying(actor: Actor) -> ReplayRun {
    let Actor { who, why } = actor;
    let run = json!({"id": ReplayId::fresh(), "state": "running", "total": 2, "done": 0, "who": who, "why": why,
                     "started": "2026-01-02T03:04:05Z"});
    serde_json::from_value(run).unwrap()
}

#[tokio::test]
async fn an_operation_is_begun_with_who_and_why_and_one_that_is_not_there_is_not_found() {
    let world = World::start(sqlite_database()).await;
    play_writer(world.bus.clone());
    world.until("/v1/status", |status| status["targets"][0]["target"] == "zia").await;
    let body = json!({"target": "zia", "perSecond": 5, "why": "fixed"});
    let (status, run) = world.post("/v1/dead/replays", &body).await;
    assert_eq!((status, &run["who"], &run["state"]), (200, &json!("alice"), &json!("running")), "{run}");
    assert_eq!(world.get("/v1/dead/replays").await, (200, json!({"items": []})));
    for id in ["nonsense", ReplayId::fresh().as_str()] {
        let (status, problem) = world.get(&format!("/v1/dead/replays/{id}")).await;
        assert_eq!((status, &problem["code"]), (404, &json!("replay_not_found")));
    }
    for body in [
        json!({"target": "zia", "group": "x", "why": "x"}),
        json!({"why": "x"}),
        json!({"target": "zia", "perSecond": 0, "why": "x"}),
        json!({"target": "zia"}),
    ] {
        assert_eq!(world.post("/v1/dead/replays", &body).await.0, 422, "{body}");
    }
    let (status, problem) = world.post("/v1/targets/nope/pause", &json!({"why": "x"})).await;
    assert_eq!((status, &problem["code"]), (404, &json!("target_not_found")), "{problem}");
    let cancel = format!("/v1/dead/replays/{}/cancel", ReplayId::fresh());
    assert_eq!(world.post(&cancel, &json!({})).await.0, 422);
    world.stop().await;
}

#[tokio::test]
async fn what_is_wrong_is_told_as_a_problem_with_a_code() {
    let world = World::start(sqlite_database()).await;
    let (status, problem) = world.get("/v1/people/no-body/trace").await;
    assert_eq!((status, problem["code"].as_str()), (404, Some("person_not_found")));
    assert!(problem["detail"].as_str().unwrap().contains("no-body"), "{problem}");
    let (status, problem) = world.get("/v1/dead/ded_1").await;
    assert_eq!((status, problem["code"].as_str()), (404, Some("dead_letter_not_found")));
    assert_eq!(world.get("/v1/nonsense").await.0, 404);
    assert_eq!(world.get("/v1/dead?state=odd").await.0, 422);
    assert_eq!(world.get("/v1/dead?limit=1001").await.0, 422);
    assert_eq!(world.get("/v1/dead?limit=many").await.0, 422);

    let id = DeadLetterId::fresh();
    for (body, pointers) in [
        (json!({"ids": [id]}), vec!["/why"]),
        (json!({"ids": [id], "why": "  "}), vec!["/why"]),
        (json!({"ids": ["x", id], "why": ""}), vec!["/why", "/ids/0"]),
        (json!({"ids": [], "why": "x"}), vec!["/ids"]),
    ] {
        for path in ["/v1/dead/replay", "/v1/dead/discard"] {
            let (status, problem) = world.post(path, &body).await;
            let told: Vec<_> = problem["errors"]
                .as_array()
                .unwrap()
                .iter()
                .map(|error| error["pointer"].as_str().unwrap())
                .collect();
            assert_eq!((status, &told), (422, &pointers), "{path} {body} {problem}");
        }
    }
    assert_eq!(world.post("/v1/dead/replay", &json!({"why": "x"})).await.0, 422);
    world.stop().await;
}

#[tokio::test]
async fn a_field_that_does_not_fit_has_its_pointer_and_old_spellings_are_taken() {
    let world = World::start(sqlite_database()).await;
    play_writer(world.bus.clone());
    world.until("/v1/status", |status| status["targets"][0]["target"] == "zia").await;
    let id = DeadLetterId::fresh();
    for (body, pointer) in [
        (json!({"ids": [id], "why": "fixed", "secretField": "secret value"}), "/secretField"),
        (json!({"ids": [id, ["secret value"]], "why": "fixed"}), "/ids/1"),
        (json!({"ids": [id], "why": {"secret value": 1}}), "/why"),
    ] {
        let (status, problem) = world.post("/v1/dead/replay", &body).await;
        assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!(pointer)), "{problem}");
        assert!(!problem.to_string().contains("secret value"), "{problem}");
    }
    for name in ["dryRun", "dry_run"] {
        let body = json!({"ids": [id], "why": "fixed", name: true});
        assert_eq!(world.post("/v1/dead/replay", &body).await.0, 200, "{name}");
    }
    world.stop().await;
}

#[tokio::test]
async fn the_type_of_a_problem_is_the_address_of_its_explanation_without_a_token() {
    let world = World::start(sqlite_database()).await;
    let (_, problem) = answer(world.http.get(format!("{}/v1/status", world.base))).await;
    let address = format!("{}{}", world.base, problem["type"].as_str().unwrap());
    let page = world.http.get(address).send().await.unwrap();
    assert_eq!(
        (page.status().as_u16(), &page.headers()["content-type"]),
        (200, &"text/plain; charset=utf-8".parse().unwrap())
    );
    assert!(page.text().await.unwrap().contains("The token is missing or unknown."));
    let (status, _) = answer(world.http.get(format!("{}/v1/errors/nonsense", world.base))).await;
    assert_eq!(status, 404);
    world.stop().await;
}

#[tokio::test]
async fn a_service_that_is_down_is_named_and_the_rest_works() {
    let world = World::start(sqlite_database()).await;
    let (status, answer) = world.get("/v1/status").await;
    assert_eq!((status, &answer["targets"], &answer["mapper"]), (200, &json!([]), &Value::Null));
    let codes: Vec<&Value> =
        answer["unavailable"].as_array().unwrap().iter().map(|one| &one["code"]).collect();
    assert_eq!(codes, ["writer_not_running", "mapper_not_running", "service_not_running"]);
    let body = json!({"ids": [DeadLetterId::fresh()], "why": "x"});
    let (status, problem) = world.post("/v1/dead/replay", &body).await;
    assert_eq!((status, problem["code"].as_str()), (503, Some("writer_not_running")));
    assert!(problem["detail"].as_str().unwrap().contains("start it"), "{problem}");
    assert_eq!(world.get("/v1/targets/zia/user/E-1").await.1["code"], "writer_not_running");
    for path in ["/v1/policies", "/v1/policies/zia", "/v1/policies/zia/versions"] {
        assert_eq!(world.get(path).await.1["code"], "mapper_not_running", "{path}");
    }
    play_writer(world.bus.clone());
    world.until("/v1/status", |status| status["targets"][0]["target"] == "zia").await;
    world.stop().await;
}

#[tokio::test]
async fn nobody_gets_in_without_a_token_but_everybody_may_read_the_document() {
    let world = World::start(sqlite_database()).await;
    for token in ["", "other"] {
        let request = world.http.get(format!("{}/v1/status", world.base)).bearer_auth(token);
        let (status, problem) = answer(request).await;
        assert_eq!((status, problem["code"].as_str()), (401, Some("unauthorised")));
        assert!(problem["requestId"].is_string(), "{problem}");
    }
    let (status, document) = answer(world.http.get(format!("{}/v1/openapi.json", world.base))).await;
    assert_eq!((status, document["info"]["title"].as_str()), (200, Some("Usher operator API")));
    world.stop().await;
}

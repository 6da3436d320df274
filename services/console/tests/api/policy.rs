//! Policies and plans.

use bus::Bus;
use lifecycle::{
    ApplyReply, ApplyRequest, ControlError, HeldFile, MapperStatus, OperatorVerb as _, PlanCounts, PlanId,
    PlanRequest, PlanState, PlanStatus, PolicyInForce, PolicyPlan, PolicyRequest, PolicyText, PolicyVersion,
    PolicyVersions, verbs,
};
use serde_json::json;
use store::testing::sqlite_database;
use time::OffsetDateTime;

use crate::world::World;

const POLICY: &str = "target: zia # ours\nusers: { mappings: [{ target: userName, source: mail }] }\n";

fn version(version: i64) -> PolicyVersion {
    PolicyVersion {
        version,
        at: OffsetDateTime::UNIX_EPOCH,
        who: "alice".into(),
        why: "sales only".into(),
        removals: 4,
    }
}

fn status(id: PlanId, state: PlanState) -> PlanStatus {
    let users = PlanCounts { create: 2, ..PlanCounts::default() };
    let plan = PolicyPlan { target: "zia".into(), base_version: Some(3), users, ..PolicyPlan::default() };
    let plan = (state == PlanState::Finished).then_some(plan);
    PlanStatus { id, target: "zia".into(), state, done: 5, total: 10, error: None, plan }
}

fn refusal(message: &str) -> ControlError {
    ControlError::refused(message)
}

/// Plays the mapper, which knows one policy with three versions.
fn play_mapper(bus: Bus) {
    tokio::spawn(async move {
        let mut requests = bus.serve("mapper").await.unwrap();
        while let Some(request) = requests.next().await {
            match request.verb.as_str() {
                verbs::PlanVerb::NAME => {
                    let asked: PlanRequest = request.question().unwrap();
                    assert_eq!(asked.actor.who, "alice");
                    if asked.policy == POLICY {
                        assert_eq!((asked.changes_max, asked.file.as_str()), (100, "policy.yaml"));
                        request.reply(&status(PlanId::fresh(), PlanState::Running)).await;
                    } else {
                        request.refuse(refusal("policy.yaml:1:1: that is no policy; write one")).await;
                    }
                }
                verbs::PlanStatusVerb::NAME => {
                    let id: PlanId = request.question().unwrap();
                    request.reply(&status(id, PlanState::Finished)).await;
                }
                verbs::ApplyVerb::NAME => {
                    let asked: ApplyRequest = request.question().unwrap();
                    assert_eq!((asked.actor.who.as_str(), asked.actor.why.as_str()), ("alice", "sales only"));
                    let version = asked.allow_deletes.map_or(4, |_| 5);
                    let reply =
                        ApplyReply { target: "zia".into(), version, unchanged: false, to_evaluate: 10 };
                    request.reply(&reply).await;
                }
                verbs::PolicyVerb::NAME => {
                    let asked: PolicyRequest = request.question().unwrap();
                    let version = version(asked.version.unwrap_or(3));
                    if version.version > 3 {
                        request.refuse(refusal("zia has no version 4")).await;
                        continue;
                    }
                    let text = PolicyText { target: asked.target, version, policy: POLICY.into() };
                    request.reply(&text).await;
                }
                verbs::PolicyVersionsVerb::NAME => {
                    let asked: PolicyRequest = request.question().unwrap();
                    let versions = (1..=3).rev().map(version).collect();
                    request.reply(&PolicyVersions { target: asked.target, versions }).await;
                }
                _ => {
                    let in_force = PolicyInForce { target: "zia".into(), version: version(3) };
                    let held = HeldFile { file: "zpa.yaml".into(), why: "over the guard".into() };
                    let (to_evaluate, known) = (7, 10);
                    let (policies, held_files) = (vec![in_force], vec![held]);
                    request
                        .reply(&MapperStatus {
                            clock_skew_ms: 0,
                            policies,
                            to_evaluate,
                            known,
                            scheduled: 3,
                            record_conflicts: 0,
                            waiting_departures: 0,
                            findings: lifecycle::FindingCounts::default(),
                            leavers: lifecycle::LeaverCounts::default(),
                            held_files,
                            ..MapperStatus::default()
                        })
                        .await;
                }
            }
        }
    });
}

async fn with_mapper() -> World {
    let world = World::start(sqlite_database()).await;
    play_mapper(world.bus.clone());
    world.until("/v1/policies", |answer| answer["known"] == 10).await;
    world
}

#[tokio::test]
async fn a_plan_is_started_followed_and_applied() {
    let world = with_mapper().await;
    let (status, started) = world.post("/v1/plans", &json!({"policy": POLICY})).await;
    assert_eq!((status, &started["state"], &started["done"]), (202, &json!("running"), &json!(5)));
    let id = started["id"].as_str().unwrap();
    let (status, finished) = world.get(&format!("/v1/plans/{id}")).await;
    assert_eq!((status, &finished["id"], &finished["state"]), (200, &started["id"], &json!("finished")));
    assert_eq!(finished["plan"]["users"]["create"], 2);

    let body = json!({"plan": id, "why": " sales only "});
    let (status, applied) = world.post("/v1/policies/apply", &body).await;
    let expected = json!({"target": "zia", "version": 4, "unchanged": false, "toEvaluate": 10});
    assert_eq!((status, applied), (200, expected));
    let body = json!({"plan": id, "why": "sales only", "allowDeletes": 12});
    assert_eq!(world.post("/v1/policies/apply", &body).await.1["version"], 5);
    world.stop().await;
}

#[tokio::test]
async fn a_policy_is_read_back_byte_by_byte_with_who_when_and_why() {
    let world = with_mapper().await;
    let (status, text) = world.get("/v1/policies/zia").await;
    assert_eq!((status, text["policy"].as_str(), &text["version"]), (200, Some(POLICY), &json!(3)));
    assert_eq!((&text["who"], &text["at"]), (&json!("alice"), &json!("1970-01-01T00:00:00Z")));
    assert_eq!(world.get("/v1/policies/zia?version=1").await.1["version"], 1);
    let (status, problem) = world.get("/v1/policies/zia?version=4").await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("refused")));
    assert_eq!(world.get("/v1/policies/zia?version=0").await.0, 422);
    let (_, versions) = world.get("/v1/policies/zia/versions").await;
    assert_eq!(versions["versions"].as_array().unwrap().len(), 3);
    let (_, all) = world.get("/v1/policies").await;
    assert_eq!(
        (&all["policies"][0]["version"], &all["heldFiles"][0]["file"]),
        (&json!(3), &json!("zpa.yaml"))
    );
    let (_, status) = world.get("/v1/status").await;
    assert_eq!(status["mapper"], all);
    assert_eq!(status["unavailable"][0]["service"], "writer");
    world.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_plan_is_told_by_its_place() {
    let world = with_mapper().await;
    let long = format!("# {}", "x".repeat(256 * 1024));
    for (path, body, status, code) in [
        ("/v1/plans", json!({}), 422, "invalid"),
        ("/v1/plans", json!({"policy": POLICY, "changesMax": 10_001}), 422, "invalid"),
        ("/v1/plans", json!({"policy": POLICY, "person": " "}), 422, "invalid"),
        ("/v1/plans", json!({"policy": POLICY, "persons": "E-1"}), 422, "invalid"),
        ("/v1/plans", json!({"policy": long}), 413, "too_large"),
        ("/v1/plans", json!({"policy": "x"}), 422, "invalid"),
        ("/v1/policies/apply", json!({"plan": "pln_1", "why": "x"}), 422, "invalid"),
        ("/v1/policies/apply", json!({"plan": PlanId::fresh()}), 422, "invalid"),
    ] {
        let (told, problem) = world.post(path, &body).await;
        assert_eq!((told, problem["code"].as_str()), (status, Some(code)), "{path} {problem}");
    }
    let wrong = POLICY.replace("source: mail", "expression: 'ToLow([mail])'");
    let (_, problem) = world.post("/v1/plans", &json!({ "policy": wrong })).await;
    let error = &problem["errors"][0];
    assert_eq!((&error["pointer"], &error["place"]["line"]), (&json!("/policy"), &json!(2)), "{problem}");
    assert!(error["place"]["snippet"].as_str().unwrap().contains("^^^^^"), "{problem}");
    assert_eq!(error["place"]["span"], json!({ "start": 0, "end": 5 }), "{problem}");
    assert_eq!(error["place"]["hint"], "did you mean `ToLower`?");
    assert!(!error["detail"].as_str().unwrap().contains("did you mean"), "{problem}");
    assert_eq!(world.get("/v1/plans/pln_1").await.1["code"], "plan_not_found");
    world.stop().await;
}

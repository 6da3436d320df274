//! Provisioning on demand.

use std::sync::{Arc, Mutex};

use bus::Bus;
use lifecycle::{
    AccountState, ControlError, DesiredAccount, DesiredState, ExplainRequest, ExplainedPerson,
    OperatorVerb as _, PlannedOperation, PolicyActions, PreviewReply, PreviewRequest, ProvisionReply,
    ProvisionRequest, ResourceKind, RowReply, RowRequest, verbs,
};
use serde_json::{Value, json};
use store::testing::sqlite_database;

use crate::world::World;

/// The requests to each service, in order.
type Asked = Arc<Mutex<Vec<String>>>;

fn account() -> DesiredState {
    DesiredState::User(DesiredAccount {
        state: AccountState::Active,
        attributes: [("userName".to_owned(), json!("anna@x.org"))].into(),
        on_create: [].into(),
        clear: Vec::new(),
        references: [].into(),
        match_on: Vec::new(),
        assume_empty: false,
        protected: false,
        delete_grace_days: None,
        actions: PolicyActions::default(),
    })
}

/// Returns an explanation in which every person should have an account, except `E-0`.
fn explained(asked: ExplainRequest) -> ExplainedPerson {
    let desired = (asked.subject != "E-0").then(account);
    ExplainedPerson {
        subject: asked.subject,
        kind: ResourceKind::User,
        target: asked.target,
        policy_version: 3,
        employment: "active".into(),
        attributes: [].into(),
        groups: Vec::new(),
        in_scope: desired.is_some(),
        clauses: Vec::new(),
        reason: "in scope".into(),
        mappings: Vec::new(),
        desired,
        asked_for: None,
        members: Vec::new(),
        members_total: 0,
    }
}

fn play_mapper(bus: Bus, asked: Asked) {
    tokio::spawn(async move {
        let mut requests = bus.serve("mapper").await.unwrap();
        while let Some(request) = requests.next().await {
            asked.lock().unwrap().push(format!("mapper {}", request.verb));
            match request.verb.as_str() {
                verbs::ExplainVerb::NAME => {
                    let question: ExplainRequest = request.question().unwrap();
                    if question.subject == "nobody" {
                        let message = "nobody is called `nobody`";
                        request.refuse(ControlError::refused(message)).await;
                    } else {
                        request.reply(&explained(question)).await;
                    }
                }
                verbs::MapperProvisionVerb::NAME => {
                    let question: ProvisionRequest = request.question().unwrap();
                    assert_eq!(question.actor.who, "alice");
                    let queued = question.subject != "E-0";
                    request.reply(&ProvisionReply { queued, revision: i64::from(queued) }).await;
                }
                _ => request.refuse(ControlError::refused("not now")).await,
            }
        }
    });
}

fn play_writer(bus: Bus, asked: Asked) {
    tokio::spawn(async move {
        let mut requests = bus.serve("writer").await.unwrap();
        while let Some(request) = requests.next().await {
            asked.lock().unwrap().push(format!("writer {}", request.verb));
            match request.verb.as_str() {
                verbs::PreviewVerb::NAME => {
                    let question: PreviewRequest = request.question().unwrap();
                    assert_eq!(question.desired, account());
                    if question.subject == "E-9" {
                        let message = "the target does not answer";
                        request.refuse(ControlError::refused(message)).await;
                        continue;
                    }
                    let action =
                        PlannedOperation { action: "create".into(), why: None, request: None, body: None };
                    let matched = "nothing".into();
                    request
                        .reply(&PreviewReply { steps: Vec::new(), matched, remote_id: None, action })
                        .await;
                }
                verbs::WriterProvisionVerb::NAME => {
                    request.reply(&ProvisionReply { queued: true, revision: 1 }).await
                }
                _ => {
                    let question: RowRequest = request.question().unwrap();
                    let status = (question.kind == ResourceKind::User).then(|| "in_sync".into());
                    request.reply(&RowReply { status, revision: 1, ..RowReply::default() }).await;
                }
            }
        }
    });
}

async fn with_both() -> (World, Asked) {
    let (world, asked) = (World::start(sqlite_database()).await, Asked::default());
    play_mapper(world.bus.clone(), Asked::clone(&asked));
    play_writer(world.bus.clone(), Asked::clone(&asked));
    world.until("/v1/targets/zia/user/E-1", |row| row["revision"] == 1).await;
    world.until("/v1/policies", |answer| answer["code"] == "refused").await;
    asked.lock().unwrap().clear();
    (world, asked)
}

async fn provision(world: &World, asked: &Asked, body: Value) -> (u16, Value, Vec<String>) {
    let (status, answer) = world.post("/v1/provision", &body).await;
    (status, answer, std::mem::take(&mut *asked.lock().unwrap()))
}

#[tokio::test]
async fn a_dry_run_only_looks_and_the_real_thing_sets_both_services_in_motion() {
    let (world, asked) = with_both().await;
    let body = json!({"person": "E-1", "target": "zia", "dryRun": true});
    let (status, report, order) = provision(&world, &asked, body).await;
    assert_eq!((status, order), (200, vec!["mapper explain".into(), "writer look".into()]));
    assert_eq!((&report["look"]["action"]["action"], report.get("queued")), (&json!("create"), None));
    assert_eq!(report["explained"]["policyVersion"], 3);

    let body = json!({"person": "E-1", "target": "zia", "why": "ticket"});
    let (_, report, order) = provision(&world, &asked, body).await;
    assert_eq!(order, ["mapper explain", "writer look", "mapper provision", "writer provision"]);
    let one = json!({"queued": true, "revision": 1});
    assert_eq!(report["queued"], json!({"mapper": one, "writer": one}));
    world.stop().await;
}

#[tokio::test]
async fn nothing_is_done_when_the_target_cannot_be_looked_at() {
    let (world, asked) = with_both().await;
    let body = json!({"person": "E-9", "target": "zia"});
    let (status, report, order) = provision(&world, &asked, body).await;
    assert_eq!((status, order), (200, vec!["mapper explain".into(), "writer look".into()]));
    assert_eq!(report["lookProblem"]["code"], "refused");
    assert_eq!((report.get("look"), report.get("queued")), (None, None));
    assert_eq!(report["explained"]["subject"], "E-9", "what is known is told all the same");
    world.stop().await;
}

#[tokio::test]
async fn about_whom_nothing_is_to_be_said_the_target_is_not_asked() {
    let (world, asked) = with_both().await;
    let (_, report, order) = provision(&world, &asked, json!({"person": "E-0", "target": "zia"})).await;
    assert_eq!(order, ["mapper explain", "mapper provision"]);
    assert_eq!(report["queued"], json!({"mapper": {"queued": false, "revision": 0}}));
    world.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_provisioning_is_told_as_a_problem() {
    let (world, asked) = with_both().await;
    for (body, status, code) in [
        (json!({"person": "nobody", "target": "zia"}), 409, "refused"),
        (json!({"person": " ", "target": "zia"}), 422, "invalid"),
        (json!({"person": "E-1"}), 422, "invalid"),
        (json!({"person": "E-1", "target": "zia", "why": " "}), 422, "invalid"),
    ] {
        let (told, problem, _) = provision(&world, &asked, body).await;
        assert_eq!((told, problem["code"].as_str()), (status, Some(code)), "{problem}");
    }
    assert_eq!(world.get("/v1/targets/zia/user/E-1").await.1["status"], "in_sync");
    assert_eq!(world.get("/v1/targets/zia/group/G-1").await.1["status"], Value::Null);
    assert_eq!(world.get("/v1/targets/zia/membership/G-1").await.0, 422);
    world.stop().await;
}

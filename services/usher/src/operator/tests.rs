//! Operator commands against a console that gives scripted answers.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::response::IntoResponse as _;
use clap::Parser as _;
use serde_json::{Value, json};

mod exit_codes;
mod lists;

use super::*;
use crate::cli::{UsherCli, UsherCommand};
use crate::private_file;

const POLICY: &str =
    "target: zia\nusers:\n  mappings:\n    - { target: userName, source: userPrincipalName }\n";
const PLAN: &str = "pln_00000000000000000000000000000001";

/// The requests that came in (method, path with query, body), and the answers in order; the last answer is repeated.
#[derive(Debug, Default)]
struct Script {
    answers: Vec<(&'static str, Vec<Value>)>,
    asked: Vec<(String, Value)>,
}

/// A console on a free port and a data folder with a token.
struct Fake {
    script: Arc<Mutex<Script>>,
    url: String,
    data: tempfile::TempDir,
}

impl Fake {
    async fn start(answers: Vec<(&'static str, Vec<Value>)>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let script = Arc::new(Mutex::new(Script { answers, asked: Vec::new() }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&script));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let data = tempfile::tempdir().unwrap();
        std::fs::create_dir(data.path().join("tokens")).unwrap();
        private_file::write_private(&data.path().join("tokens/operator"), "t").unwrap();
        write_run_file(data.path(), &url);
        std::fs::write(data.path().join("zia.yaml"), POLICY).unwrap();
        Self { script, url, data }
    }

    fn file(&self) -> PathBuf {
        self.data.path().join("zia.yaml")
    }

    async fn run(&self, line: &str) -> anyhow::Result<CommandEnd> {
        let file = self.file().display().to_string();
        let line = line.replace("FILE", &file);
        let data = self.data.path().display().to_string();
        let more = ["--console", &self.url, "--data", &data];
        let words = std::iter::once("usher").chain(line.split_whitespace()).chain(more);
        match UsherCli::try_parse_from(words).unwrap().command {
            UsherCommand::Status(args) => run_status(&args).await,
            UsherCommand::Plan(args) => run_plan(&args).await,
            UsherCommand::Apply(args) => apply_policies(&args).await,
            UsherCommand::Rollback(args) => rollback_policy(&args).await,
            UsherCommand::Export(args) => export_policy(&args).await,
            UsherCommand::Versions(args) => list_versions(&args).await,
            UsherCommand::Provision(args) => run_provision(&args).await,
            other => panic!("{other:?} is not tested here"),
        }
    }

    /// Returns the method and path of every request.
    fn asked(&self) -> Vec<String> {
        self.script.lock().unwrap().asked.iter().map(|(what, _)| what.clone()).collect()
    }

    /// Returns the body of the first matching request.
    fn body(&self, what: &str) -> Value {
        let script = self.script.lock().unwrap();
        script.asked.iter().find(|(asked, _)| asked == what).map(|(_, body)| body.clone()).unwrap()
    }
}

/// Writes what a running `usher up` writes, with the console at `url`.
fn write_run_file(data: &std::path::Path, url: &str) {
    let run = json!({"pid": 1, "gateway": "", "console": url, "admin": "", "nats": "", "nats_pid": 1});
    std::fs::write(data.join("run.json"), run.to_string()).unwrap();
}

async fn answer(State(script): State<Arc<Mutex<Script>>>, request: Request) -> axum::response::Response {
    let path = request.uri().path_and_query().unwrap().as_str();
    let what = format!("{} {path}", request.method());
    let body = axum::body::to_bytes(request.into_body(), 1_000_000).await.unwrap();
    let mut script = script.lock().unwrap();
    script.asked.push((what.clone(), serde_json::from_slice(&body).unwrap_or_default()));
    let Some((_, answers)) = script.answers.iter_mut().find(|(asked, _)| *asked == what) else {
        panic!("unexpected request: {what}")
    };
    let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
    match answer["status"].as_u64() {
        Some(status) => {
            let status = axum::http::StatusCode::from_u16(u16::try_from(status).unwrap()).unwrap();
            (status, axum::Json(answer)).into_response()
        }
        None => axum::Json(answer).into_response(),
    }
}

fn running() -> Value {
    json!({"id": PLAN, "target": "zia", "state": "running", "done": 1, "total": 2})
}

/// Returns a finished plan that disables so many accounts, and exceeds the guard if `trips`.
fn finished(disable: u64, trips: bool) -> Value {
    let trip = json!({"threshold": "guard.deletions: 1", "removals": disable, "of": 10});
    json!({
        "id": PLAN, "target": "zia", "state": "finished", "done": 2, "total": 2,
        "plan": {
            "target": "zia", "baseVersion": 1, "users": {"evaluated": 2, "disable": disable}, "groups": {},
            "memberships": 0, "attributes": {}, "guard": if trips { vec![trip] } else { vec![] }, "changes": [],
            "more": disable,
        },
    })
}

const GET_PLAN: &str = "GET /v1/plans/pln_00000000000000000000000000000001";

fn planning(plan: Value) -> Vec<(&'static str, Vec<Value>)> {
    let applied = json!({"target": "zia", "version": 2, "unchanged": false, "toEvaluate": 2});
    let progress = |left: u64| json!({"policies": [], "toEvaluate": left, "known": 2, "heldFiles": []});
    vec![
        ("POST /v1/plans", vec![running()]),
        (GET_PLAN, vec![running(), plan]),
        ("GET /v1/status", vec![json!({"targets": [], "lag": {"events": 0, "commands": 0, "journal": 0}})]),
        ("POST /v1/policies/apply", vec![applied]),
        ("GET /v1/policies", vec![progress(2), progress(0)]),
    ]
}

#[tokio::test]
async fn a_plan_ends_with_whether_something_changes() {
    let fake = Fake::start(planning(finished(1, false))).await;
    assert_eq!(
        fake.run("plan -f FILE --changes 7 --person E-1").await.unwrap(),
        CommandEnd::SomethingChanges
    );
    assert_eq!(fake.asked(), ["POST /v1/plans", GET_PLAN, GET_PLAN, "GET /v1/status"]);
    let body = fake.body("POST /v1/plans");
    assert_eq!(
        (&body["policy"], &body["person"], &body["changesMax"]),
        (&json!(POLICY), &json!("E-1"), &json!(7))
    );

    let fake = Fake::start(planning(finished(0, false))).await;
    assert_eq!(fake.run("plan -f FILE").await.unwrap(), CommandEnd::Done);
}

#[tokio::test]
async fn a_plan_that_failed_and_a_policy_with_a_fault_are_errors() {
    let failed =
        json!({"id": PLAN, "target": "zia", "state": "failed", "done": 0, "total": 2, "error": "no disk"});
    let fake = Fake::start(planning(failed)).await;
    let error = fake.run("plan -f FILE").await.unwrap_err();
    assert_eq!(error.to_string(), "the plan for zia failed: no disk");

    std::fs::write(fake.file(), "target: zia\nusers: 3\n").unwrap();
    let before = fake.asked().len();
    let error = fake.run("plan -f FILE").await.unwrap_err().to_string();
    assert!(error.contains("zia.yaml:2:"), "{error}");
    assert_eq!(fake.asked().len(), before, "the console is not bothered with it");
}

#[tokio::test]
async fn a_policy_is_applied_after_its_plan_and_followed_until_everybody_is_evaluated() {
    let fake = Fake::start(planning(finished(1, false))).await;
    assert_eq!(fake.run("apply -f FILE --yes --why fixed").await.unwrap(), CommandEnd::Done);
    let asked = fake.asked();
    assert_eq!(
        asked[3..],
        ["GET /v1/status", "POST /v1/policies/apply", "GET /v1/policies", "GET /v1/policies"]
    );
    assert_eq!(fake.body("POST /v1/policies/apply"), json!({"plan": PLAN, "why": "fixed"}));

    let fake = Fake::start(planning(finished(1, false))).await;
    fake.run("apply -f FILE --yes --why fixed --no-wait").await.unwrap();
    assert_eq!(fake.asked().last().unwrap(), "POST /v1/policies/apply");
}

#[tokio::test]
async fn a_plan_over_the_guard_is_not_applied_without_a_number() {
    let fake = Fake::start(planning(finished(5, true))).await;
    let error = fake.run("apply -f FILE --yes --why slip").await.unwrap_err().to_string();
    assert!(error.contains("--allow-deletes 5"), "{error}");
    assert!(!fake.asked().contains(&"POST /v1/policies/apply".to_owned()));

    let fake = Fake::start(planning(finished(5, true))).await;
    fake.run("apply -f FILE --yes --why meant --allow-deletes 5 --json").await.unwrap();
    assert_eq!(fake.body("POST /v1/policies/apply")["allowDeletes"], 5);
}

#[tokio::test]
async fn a_rollback_plans_and_applies_the_text_of_the_version_before() {
    let version =
        |n: i64| json!({"version": n, "at": "2026-01-02T03:04:05Z", "who": "a", "why": "b", "removals": 0});
    let text = |n: i64, policy: &str| {
        let mut text = version(n);
        text["target"] = json!("zia");
        text["policy"] = json!(policy);
        vec![text]
    };
    let versions = json!({"target": "zia", "versions": [version(7), version(6), version(5)]});
    let mut answers = planning(finished(0, false));
    answers.push(("GET /v1/policies/zia/versions", vec![versions]));
    answers.push(("GET /v1/policies/zia?version=7", text(7, "the newest")));
    answers.push(("GET /v1/policies/zia?version=6", text(6, POLICY)));
    answers.push(("GET /v1/policies/zia?version=5", text(5, "the oldest")));
    let fake = Fake::start(answers).await;
    assert_eq!(fake.run("rollback zia --why oops --yes").await.unwrap(), CommandEnd::Done);
    assert_eq!(fake.body("POST /v1/plans")["policy"], POLICY);
    assert_eq!(fake.body("POST /v1/policies/apply")["why"], "back to version 6: oops");
    assert_eq!(fake.run("versions zia").await.unwrap(), CommandEnd::Done);
    assert_eq!(fake.run("export zia --version 6").await.unwrap(), CommandEnd::Done);
}

fn provisioning(rows: Vec<Value>) -> Vec<(&'static str, Vec<Value>)> {
    let report = json!({
        "explained": {
            "subject": "E-1", "kind": "user", "target": "zia", "policyVersion": 3, "employment": "active",
            "attributes": {}, "groups": [], "inScope": true, "clauses": [], "reason": "in scope", "mappings": [],
            "desired": null, "askedFor": null,
        },
        "queued": {"mapper": {"queued": true, "revision": 4}, "writer": {"queued": true, "revision": 3}},
    });
    vec![("POST /v1/provision", vec![report]), ("GET /v1/targets/zia/user/E-1", rows)]
}

#[tokio::test]
async fn provisioning_ends_well_when_the_target_agrees_and_badly_when_it_does_not() {
    let row =
        |status: &str, revision: i64| json!({"status": status, "revision": revision, "appliedRevision": 3});
    for (last, expected) in
        [("in_sync", CommandEnd::Done), ("dead", CommandEnd::Failed), ("conflict", CommandEnd::Failed)]
    {
        let fake = Fake::start(provisioning(vec![row("in_sync", 3), row("pending", 4), row(last, 4)])).await;
        assert_eq!(fake.run("provision E-1 --target zia").await.unwrap(), expected, "{last}");
        assert_eq!(fake.asked().len(), 4);
    }
}

#[tokio::test]
async fn provisioning_fails_when_the_target_cannot_be_looked_at() {
    let mut answers = provisioning(vec![]);
    let report = &mut answers[0].1[0];
    report["lookProblem"] = json!({"service": "writer", "code": "writer_timeout", "detail": "no answer"});
    report.as_object_mut().unwrap().remove("queued");
    let fake = Fake::start(answers).await;
    assert_eq!(fake.run("provision E-1 --target zia --json").await.unwrap(), CommandEnd::Failed);
}

#[tokio::test]
async fn a_status_with_a_silent_service_is_shown_and_not_known() {
    let mut status = json!({"targets": [], "lag": {"events": 0, "commands": 0, "journal": 0}});
    let silent =
        json!([{"service": "mapper", "code": "mapper_not_running", "detail": "the mapper is not running"}]);
    let fake = Fake::start(vec![("GET /v1/status", vec![status.clone()])]).await;
    assert_eq!(fake.run("status").await.unwrap(), CommandEnd::Done);
    status["unavailable"] = silent;
    let fake = Fake::start(vec![("GET /v1/status", vec![status])]).await;
    assert_eq!(fake.run("status --json").await.unwrap(), CommandEnd::NotKnown);
}

#[tokio::test]
async fn a_refusal_is_an_error_with_its_code() {
    let problem = json!({"title": "Conflict", "status": 409, "code": "refused", "detail": "no such person"});
    let fake = Fake::start(vec![("POST /v1/provision", vec![problem])]).await;
    let error = fake.run("provision E-1 --target zia").await.unwrap_err().to_string();
    assert!(error.contains("no such person [code refused]"), "{error}");
}

//! A leaver is listed until the target shows that the account is disabled, regardless of obstacles, and again when the account
//! comes back.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::process::Output;
use std::time::Duration;

use harness::world::{SANDBOX_TOKEN, TARGET, level_reached, wait_for_level};
use harness::{UsherWorld, WorldOptions};
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};
use store::Store;

const SOON: Duration = Duration::from_secs(60);

fn event(kind: &str, key: &str) -> Value {
    json!({
        "specversion": "1.0", "id": format!("{kind}-{key}"), "source": "/hr", "type": kind, "subject": key,
        "data": { "attributes": {
            "userPrincipalName": format!("{key}@example.com"), "givenName": "Ada", "surname": "O'Brien",
            "displayName": format!("Ada {key}"), "mail": format!("{key}@example.com"), "department": "Security",
            "jobTitle": "Engineer"
        } }
    })
}

async fn post(world: &UsherWorld, events: &[Value]) {
    let response = world
        .http()
        .post(format!("{}/v1/events", world.usher.addresses().gateway()))
        .bearer_auth(world.usher.token("source").unwrap())
        .header("content-type", "application/cloudevents-batch+json")
        .body(serde_json::to_vec(events).unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 202, "{}", response.text().await.unwrap());
}

/// Runs `usher ARGUMENTS --data ...` as an operator does.
async fn usher(world: &UsherWorld, arguments: &[&str]) -> Output {
    let mut command = tokio::process::Command::new(world.usher.binary());
    command.args(arguments).stdin(std::process::Stdio::null());
    // A file is verified without a running Usher.
    if !arguments.contains(&"verify") {
        command.arg("--data").arg(world.usher.data());
    }
    command.output().await.unwrap()
}

async fn says(world: &UsherWorld, arguments: &[&str]) -> String {
    String::from_utf8(usher(world, arguments).await.stdout).unwrap()
}

async fn succeeds(world: &UsherWorld, arguments: &[&str]) -> String {
    let output = usher(world, arguments).await;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {out}\n{err}");
    out.into_owned()
}

async fn obligation(world: &UsherWorld, person: &str) -> Value {
    let text = says(world, &["leavers", "--person", person, "--all", "--json"]).await;
    let reply: Value = serde_json::from_str(&text).unwrap();
    reply["items"][0].clone()
}

async fn until(world: &UsherWorld, person: &str, what: &str, holds: impl Fn(&Value) -> bool) {
    wait_for_level(what, SOON, async || {
        let obligation = obligation(world, person).await;
        level_reached(holds(&obligation), obligation.to_string())
    })
    .await
    .unwrap();
}

async fn execute(world: &UsherWorld, sql: &str) {
    execute_in(world, "mapper.db", sql).await;
}

async fn execute_in(world: &UsherWorld, database: &str, sql: &str) {
    let file = world.usher.data().join(database);
    let store = Store::connect(&format!("sqlite://{}?mode=rw", file.display())).await.unwrap();
    store.writer().execute_unprepared(sql).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leaver_is_listed_until_the_target_shows_that_the_account_is_off_and_again_when_it_comes_back() {
    let world = UsherWorld::start(WorldOptions::new(env!("CARGO_BIN_EXE_usher"))).await.unwrap();
    post(&world, &[event("worker.joined", "e-1"), event("worker.joined", "e-2")]).await;
    world.settled(SOON).await.unwrap();
    assert!(says(&world, &["status"]).await.starts_with("Leavers with access: 0\n"));

    // Behind a pause: listed with the reason, within the objective at first.
    succeeds(&world, &["target", "pause", TARGET, "--why", "maintenance"]).await;
    post(&world, &[event("worker.left", "e-1")]).await;
    until(&world, "e-1", "it waits for the pause", |it| it["waiting"]["reason"] == "pause").await;
    let status = succeeds(&world, &["status", "--check"]).await;
    assert!(status.starts_with("Leavers with access: 1 (0 overdue, 1 within the objective)\n"), "{status}");
    execute(&world, "UPDATE mapper_obligations SET due_at = 1").await;
    let checked = usher(&world, &["status", "--check"]).await;
    assert_eq!(checked.status.code(), Some(1), "overdue");
    let listed = says(&world, &["leavers", "--overdue"]).await;
    assert!(
        listed.contains("OVERDUE") && listed.contains("maintenance") && listed.contains("an operator"),
        "{listed}"
    );

    // Evidence closes the entry.
    succeeds(&world, &["target", "resume", TARGET, "--why", "done"]).await;
    until(&world, "e-1", "it is proven", |it| it["state"] == "proven" && it["evidence"]["kind"].is_string())
        .await;
    let status = succeeds(&world, &["status", "--check"]).await;
    assert!(status.starts_with("Leavers with access: 0\n"), "{status}");

    // Enabled by hand: the reconciliation finds it.
    let id = world.sandbox().state().users["e-1@example.com"].id.clone();
    let enable = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "active", "value": true }]
    });
    let url = format!("{}/Users/{id}", world.target.base_url.trim_end_matches('/'));
    let done = world.http().patch(url).bearer_auth(SANDBOX_TOKEN).json(&enable).send().await.unwrap();
    assert!(done.status().is_success(), "{}", done.status());
    usher(&world, &["reconcile", TARGET]).await;
    until(&world, "e-1", "it came back, and is off again", |it| {
        it["state"] == "proven" && it["reopenedAt"].is_string()
    })
    .await;

    // Disabled before any source says so, with evidence for auditors.
    succeeds(&world, &["off", "e-2", "--why", "incident 7"]).await;
    until(&world, "e-2", "it is proven", |it| it["state"] == "proven" && it["cause"] == "operator").await;
    let export = ["leavers", "export", "--from", "2000-01-01", "--to", "2100-01-01", "--format", "csv"];
    let file = world.usher.data().join("evidence.csv");
    std::fs::write(&file, succeeds(&world, &export).await).unwrap();
    let path = file.to_str().unwrap();
    let verified = succeeds(&world, &["leavers", "verify", path]).await;
    assert!(verified.starts_with("whole: 2 lines"), "{verified}");
    let text = std::fs::read_to_string(&file).unwrap();
    let without: Vec<&str> =
        text.lines().enumerate().filter(|(at, _)| *at != 1).map(|(_, line)| line).collect();
    std::fs::write(&file, without.join("\r\n")).unwrap();
    let refused = usher(&world, &["leavers", "verify", path]).await;
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("removed"));
}

/// Sends a SCIM request directly to the target, as an administrator there does.
async fn at_target(world: &UsherWorld, method: reqwest::Method, path: &str, body: Value) -> Value {
    let url = format!("{}/Users{path}", world.target.base_url.trim_end_matches('/'));
    let request = world.http().request(method, url).bearer_auth(SANDBOX_TOKEN);
    let response = request.json(&body).send().await.unwrap();
    assert!(response.status().is_success(), "{}", response.status());
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrators_account_of_a_leaver_is_listed_counted_and_left_alone_until_it_is_gone() {
    let world = UsherWorld::start(WorldOptions::new(env!("CARGO_BIN_EXE_usher"))).await.unwrap();
    post(&world, &[event("worker.joined", "anna.meier"), event("worker.joined", "bo.ek")]).await;
    world.settled(SOON).await.unwrap();
    let user = |name: &str| json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name, "active": true });
    let admin = at_target(&world, reqwest::Method::POST, "", user("adm-anna.meier")).await;
    at_target(&world, reqwest::Method::POST, "", user("adm-anna.meierhofer")).await;
    post(&world, &[event("worker.left", "anna.meier")]).await;
    until(&world, "anna.meier", "it says that the target was never reconciled", |it| {
        it["otherAccounts"]["gaps"] == json!(["never_reconciled"])
    })
    .await;

    succeeds(&world, &["reconcile", TARGET, "--dry-run", "--no-wait"]).await;
    let look_up = "UPDATE mapper_other_accounts SET next_check_at = 0";
    let has = async |logins: Value| {
        wait_for_level("other accounts are as they should be", SOON, async || {
            execute(&world, look_up).await;
            let others = obligation(&world, "anna.meier").await["otherAccounts"].clone();
            let found: Vec<&Value> = others["accounts"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|account| &account["login"])
                .collect();
            level_reached(json!(found) == logins && others["gaps"].is_null(), others.to_string())
        })
        .await
        .unwrap();
    };
    has(json!(["adm-anna.meier"])).await;
    until(&world, "anna.meier", "it is proven", |it| it["state"] == "proven").await;
    let listed = says(&world, &["leavers", "--others"]).await;
    assert!(listed.contains("adm-anna.meier  active"), "{listed}");
    let line = "Other accounts of leavers that are active: 1, which nothing switches off: see `usher leavers --others`\n";
    assert!(listed.ends_with(line), "{listed}");
    assert!(says(&world, &["status"]).await.contains(line));
    let csv = says(&world, &["leavers", "--others", "--csv"]).await;
    assert!(csv.contains(",\"adm-anna.meier (active, login)\",1,"), "{csv}");
    assert!(world.sandbox().state().users["adm-anna.meier"].active, "listed, and left alone");

    let path = format!("/{}", admin["id"].as_str().unwrap());
    at_target(&world, reqwest::Method::DELETE, &path, json!({})).await;
    usher(&world, &["reconcile", TARGET]).await;
    has(json!([])).await;
    assert!(!says(&world, &["status"]).await.contains("Other accounts"));
}

/// Runs `usher leavers verify ARGUMENTS` against the running chain.
async fn verify(world: &UsherWorld, arguments: &[&str]) -> (Option<i32>, String) {
    let data = world.usher.data().to_str().unwrap().to_owned();
    let mut command = tokio::process::Command::new(world.usher.binary());
    command.args(["leavers", "verify"]).args(arguments).args(["--data", &data]);
    let output = command.stdin(std::process::Stdio::null()).output().await.unwrap();
    let both = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(both).unwrap())
}

/// Starts a hook on a free port and returns its URL and the received notices.
async fn hook() -> (String, std::sync::Arc<std::sync::Mutex<Vec<String>>>) {
    let told: std::sync::Arc<std::sync::Mutex<Vec<String>>> = std::sync::Arc::default();
    let kept = std::sync::Arc::clone(&told);
    let take = move |body: String| async move { kept.lock().unwrap().push(body) };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let router = axum::Router::new().route("/hook", axum::routing::post(take));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, told)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_back_finds_who_came_back_and_the_chain_shows_what_was_changed_by_hand() {
    let (url, told) = hook().await;
    let mut options = WorldOptions::new(env!("CARGO_BIN_EXE_usher"));
    options.console.insert("notify".to_owned(), json!([{ "name": "ops", "url": url }]));
    let world = UsherWorld::start(options).await.unwrap();
    post(&world, &[event("worker.joined", "e-1"), event("worker.joined", "e-2")]).await;
    world.settled(SOON).await.unwrap();
    post(&world, &[event("worker.left", "e-1")]).await;
    until(&world, "e-1", "it is proven", |it| it["state"] == "proven").await;
    let export = ["leavers", "export", "--from", "2000-01-01", "--to", "2100-01-01", "--format", "json"];
    let file = world.usher.data().join("evidence.json");
    std::fs::write(&file, succeeds(&world, &export).await).unwrap();
    let path = file.to_str().unwrap();
    for arguments in [&[][..], &[path, "--chain"]] {
        let (code, text) = verify(&world, arguments).await;
        assert!(code == Some(0) && text.contains("chain whole: "), "{arguments:?}: {text}");
    }

    // Enabled by hand, and checked as if a day had passed.
    let user = || world.sandbox().state().users["e-1@example.com"].clone();
    let enable = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "active", "value": true }]
    });
    let account = format!("{}/Users/{}", world.target.base_url.trim_end_matches('/'), user().id);
    let done = world.http().patch(account).bearer_auth(SANDBOX_TOKEN).json(&enable).send().await.unwrap();
    assert!(done.status().is_success() && user().active, "{}", done.status());
    let long_ago = "UPDATE writer_resources SET off_evidence_at = 1000, looked_at = NULL, seen_at = NULL \
                    WHERE off_evidence IS NOT NULL";
    execute_in(&world, "writer.db", long_ago).await;
    wait_for_level("it came back, and is proven again", SOON, async || {
        execute(&world, "UPDATE mapper_obligations SET next_check_at = 0").await;
        let it = obligation(&world, "e-1").await;
        level_reached(
            it["state"] == "proven" && it["reopenedAt"].is_string() && !user().active,
            it.to_string(),
        )
    })
    .await
    .unwrap();
    wait_for_level("the hook was told", SOON, async || {
        let told = told.lock().unwrap().clone();
        level_reached(
            told.iter().any(|body| body.contains("the account of a leaver came back")),
            format!("{told:?}"),
        )
    })
    .await
    .unwrap();
    assert!(says(&world, &["trace", "e-1"]).await.contains("holds no more; see `usher leavers`"));

    // The earlier export still matches the chain; a change in the chain is detected.
    let (code, text) = verify(&world, &[path, "--chain"]).await;
    assert!(code == Some(0) && text.contains("chain whole: "), "{text}");
    execute(&world, "UPDATE mapper_chain SET entry = entry || ' ' WHERE sequence = 1").await;
    for arguments in [&[][..], &[path, "--chain"]] {
        let (code, text) = verify(&world, arguments).await;
        assert!(code == Some(1) && text.contains("chain BROKEN: entry 1 "), "{arguments:?}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_events_take_over_neither_an_administrator_nor_a_service_nor_a_group_of_administrators() {
    // The policy as it ships, but for every group.
    let policy = include_str!("../../../deploy/policies/zscaler.yaml").replace("SEC-*", "*");
    let options = WorldOptions {
        policy: Some(policy),
        adoption: json!({}),
        never: json!({ "userNames": ["admin@example.com"] }),
        ..WorldOptions::new(env!("CARGO_BIN_EXE_usher"))
    };
    let world = UsherWorld::start(options).await.unwrap();
    let target = world.sandbox();
    let there =
        [("admin@example.com", "Break-glass tenant admin"), ("svc-backup@example.com", "Backup service")];
    for (name, shown) in there {
        target.seed_user(json!({ "userName": name, "displayName": shown, "active": true })).unwrap();
    }
    target.seed_group(json!({ "displayName": "Tenant Admins" })).unwrap();
    let before = (target.state().users, target.state().groups);
    let says = |id: &str, kind: &str, key: &str, data: Value| json!({ "specversion": "1.0", "id": id, "source": "/contractors", "type": kind, "subject": key, "data": data });
    let joins = |key: &str, name: &str| {
        let attributes =
            json!({ "userPrincipalName": name, "displayName": "Mallory", "givenName": "M", "surname": "M" });
        says(&format!("join-{key}"), "worker.joined", key, json!({ "attributes": attributes }))
    };
    post(&world, &[joins("C-1", "ADMIN@example.com"), joins("C-2", "svc-backup@example.com")]).await;
    let group = json!({ "displayName": "tenant admins", "members": ["C-3"] });
    post(&world, &[joins("C-3", "c-3@example.com"), says("group-1", "group.upserted", "G-1", group)]).await;
    world.settled(SOON).await.unwrap();
    let leaves = |key: &str| says(&format!("leave-{key}"), "worker.left", key, json!({}));
    post(&world, &[leaves("C-1"), leaves("C-2"), says("group-2", "group.deleted", "G-1", json!({}))]).await;
    world.settled(SOON).await.unwrap();

    let mut after = (target.state().users, target.state().groups);
    assert!(after.0.remove("c-3@example.com").is_some(), "a person without a namesake gets an account");
    assert_eq!(after, before, "nothing that was there is changed");
    for (person, by) in [("C-1", "never"), ("C-2", "adoption")] {
        until(&world, person, "the departure is an open obligation", |row| {
            row["waiting"]["reason"] == "hold"
        })
        .await;
        let held: Value = serde_json::from_str(&succeeds(&world, &["held", "ls", "--json"]).await).unwrap();
        let row =
            held["items"].as_array().unwrap().iter().find(|row| row["subject"] == person).unwrap().clone();
        assert_eq!(row["by"], by, "{row}");
        assert!(row["reason"].as_str().unwrap().contains("account"), "{row}");
    }
    let status = succeeds(&world, &["status"]).await;
    assert!(status.contains("on the never list") && status.contains("wait to be linked"), "{status}");
}

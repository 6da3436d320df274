//! Wrong clocks of the gateway and of senders. Real HTTP, a real nats-server, every supported database.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what it is for")]

#[path = "../http/world.rs"]
#[expect(dead_code, reason = "shared with the tests of the other doors")]
mod world;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use edge::TokenHash;
use lifecycle::Event;
use serde_json::{Value, json};
use store::testing::test_databases;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use world::{Answer, BATCH, STRUCTURED, World};

const PATIENCE: Duration = Duration::from_secs(60);
/// Every intake, named by the key of the person whose event it receives.
const INTAKES: [&str; 10] =
    ["structured", "batch", "binary", "bulk", "webhook", "fetch", "upload", "folder", "poll", "scim"];
/// The offsets of the gateway's clock, in seconds.
const SHIFTS: [i64; 2] = [300, -300];
/// The maximum difference from now. Each test takes less time.
const CLOSE: time::Duration = time::Duration::seconds(120);

/// A moment in the future that no correct clock shows yet.
fn far() -> OffsetDateTime {
    OffsetDateTime::now_utc() + time::Duration::days(30)
}

fn far_text() -> String {
    far().format(&Rfc3339).unwrap()
}

/// Creates the watched folder and its target folders.
fn folders() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["in", "done", "failed"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    folder
}

/// Starts an HR system that lists one person, and has the record of another.
async fn hr() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let list = json!({"rows": [{"id": "poll", "team": "X", "when": far_text()}], "total": 1}).to_string();
    let record = json!({"data": [{"name": "Ann"}]}).to_string();
    let answer = |text: String| async move { ([("content-type", "application/json")], text) };
    let router = Router::new()
        .route("/list", get(move || answer(list.clone())))
        .route("/people/{key}", get(move || answer(record.clone())));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

fn settings(database: &str, hr: &str, folder: &Path) -> Value {
    let token = |of: &str| TokenHash::of(of).to_string();
    let adapter = json!({
        "kind": "json", "time_zone": "Europe/Berlin", "events": "/items", "key": "/person", "type": "/what", "id": "/no",
        "at": "/when", "types": {"changed": "worker.changed"}, "attributes": {"givenName": "/name"},
    });
    let verifier = json!({"scheme": "bearer", "secrets": ["own-token"]});
    let fetch = json!({"url": format!("{hr}/people/{{key}}"), "record": "/data/0", "delay_ms": 0});
    let mapping = json!({"key": "id", "attributes": {"mail": "[mail]"}});
    let of = |name: &str| folder.join(name);
    json!({
        "database": database,
        "webhooks": [
            {"name": "whole", "verifier": verifier, "adapter": adapter},
            {"name": "thin", "verifier": verifier, "adapter": adapter, "fetch": fetch},
        ],
        "feeds": [
            {"name": "uploaded", "mode": "full", "token": token("feed-token"), "mapping": mapping},
            {"name": "found", "mode": "full", "mapping": mapping,
             "folder": {"path": of("in"), "done": of("done"), "failed": of("failed")}},
        ],
        "polls": [{"name": "list", "url": format!("{hr}/list"), "rows": "/rows", "total": "/total", "key": "/id", "full": true,
                   "attributes": {"department": "/team"}}],
        "scim": [{"name": "entra", "token": token("entra-token")}],
    })
}

/// Sends one person through each intake, dated in the future wherever a sender can set the date.
async fn send_all(world: &World, folder: &Path) {
    let event = |key: &str| {
        json!({
            "specversion": "1.0", "id": key, "source": "hr", "type": "worker.changed", "subject": key, "time": far_text(),
            "data": {"attributes": {"givenName": "Ann"}},
        })
    };
    assert_eq!(world.events(STRUCTURED, &event("structured")).await.status, 202);
    assert_eq!(world.events(BATCH, &json!([event("batch")])).await.status, 202);
    let binary = world.post("/v1/events", "application/json", r#"{"attributes":{"givenName":"Ann"}}"#);
    let binary = binary.header("ce-specversion", "1.0").header("ce-id", "binary").header("ce-source", "hr");
    let binary = binary.header("ce-type", "worker.changed").header("ce-subject", "binary");
    assert_eq!(Answer::of(binary.header("ce-time", far_text())).await.status, 202);
    let user = json!({"externalId": "bulk", "userName": "bulk"});
    let bulk = json!({"Operations": [{"method": "POST", "bulkId": "1", "path": "/Users", "data": user}]});
    assert_eq!(world.bulk(&bulk).await.status, 202);
    for (webhook, person) in [("whole", "webhook"), ("thin", "fetch")] {
        let item =
            json!({"no": person, "what": "changed", "person": person, "name": "Ann", "when": far_text()});
        let request = world.http.post(format!("{}/v1/webhooks/{webhook}", world.url));
        let request = request.header("authorization", "own-token").header("content-type", "application/json");
        let answer = Answer::of(request.body(json!({"items": [item]}).to_string())).await;
        assert_eq!(answer.status, 202, "{answer:?}");
    }
    let upload = world.http.post(format!("{}/v1/feeds/csv/uploaded", world.url)).bearer_auth("feed-token");
    let upload = upload.header("content-type", "text/csv").body("id,mail\nupload,a@x.org\n");
    assert_eq!(Answer::of(upload).await.status, 202);
    let file = folder.join("people.csv");
    std::fs::write(&file, "id,mail\nfolder,b@x.org\n").unwrap();
    std::fs::File::options().write(true).open(&file).unwrap().set_modified(far().into()).unwrap();
    std::fs::rename(file, folder.join("in/people.csv")).unwrap();
    let created = world.http.post(format!("{}/scim/v2/entra/Users", world.url)).bearer_auth("entra-token");
    let user =
        json!({"userName": "scim", "externalId": "scim", "active": true, "meta": {"created": far_text()}});
    let created = created.header("content-type", "application/scim+json").body(user.to_string());
    assert_eq!(Answer::of(created).await.status, 201);
}

/// Returns the intake of a stored event, as in [`INTAKES`].
fn intake(event: &Event) -> Option<&'static str> {
    let is_scim = event.source.contains("entra");
    INTAKES.into_iter().find(|name| event.subject == *name || (is_scim && *name == "scim"))
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_comes_in_is_of_now_by_the_clock_of_the_database_and_never_of_a_day_to_come() {
    for shift in SHIFTS {
        for database in test_databases() {
            store::clock::shift_process_clock(shift * 1_000_000);
            let folder = folders();
            let hr = hr().await;
            let world = World::start(settings(&database.url, &hr, folder.path())).await;
            let mut stream = world.stored().await;
            send_all(&world, folder.path()).await;
            let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
            while seen.len() < INTAKES.len() {
                let batch = tokio::time::timeout(PATIENCE, stream.next_batch(100)).await;
                for delivery in batch.unwrap_or_else(|_| panic!("only {seen:?} came")).unwrap() {
                    let event = delivery.body.as_ref().unwrap();
                    let now = OffsetDateTime::now_utc();
                    let is_now = |at: OffsetDateTime| (at - now).abs() < CLOSE;
                    let began = event.feed.as_ref().is_none_or(|run| is_now(run.begun_at));
                    let all = is_now(event.time) && is_now(event.accepted_at) && is_now(event.effective_at);
                    assert!(all && began, "{} {shift}: {event:?}", database.name);
                    if let Some(name) = intake(event) {
                        *seen.entry(name).or_default() += 1;
                    }
                    delivery.ack().await;
                }
            }
            world.shutdown.soft.cancel();
            world.run.await.unwrap().unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_whose_clock_is_off_says_so_beside_the_streams() {
    for database in test_databases() {
        store::clock::shift_process_clock(300_000_000);
        let folder = folders();
        let hr = hr().await;
        let world = World::start(settings(&database.url, &hr, folder.path())).await;
        let told = async {
            loop {
                let mark = world.bus.mark("gateway").await.unwrap();
                let notices = mark.read().map(|mark| mark.notices.clone()).unwrap_or_default();
                if notices.iter().any(|notice| {
                    notice == "the gateway's clock is 300 s ahead of its database's; the database's clock is used"
                }) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        tokio::time::timeout(PATIENCE * 2, told).await.expect("it is told");
        world.shutdown.soft.cancel();
        world.run.await.unwrap().unwrap();
    }
}

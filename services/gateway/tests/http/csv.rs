//! CSV files, uploaded and found in a folder.

use std::path::Path;
use std::time::Duration;

use edge::TokenHash;
use lifecycle::{Event, EventKind};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::world::{Answer, World};

const PATIENCE: Duration = Duration::from_secs(30);
const FILE: &str = "id,mail\nE-1,a@x.org\nE-2,b@x.org\n";

fn feeds(more: Value) -> Value {
    let mut feed = json!({
        "name": "people", "mode": "full", "token": TokenHash::of("feed-token").to_string(),
        "mapping": { "key": "id", "attributes": { "mail": "[mail]" } },
    });
    for (name, value) in more.as_object().unwrap() {
        feed[name] = value.clone();
    }
    json!({ "feeds": [feed] })
}

fn upload(world: &World, body: impl Into<reqwest::Body>) -> RequestBuilder {
    let request = world.http.post(format!("{}/v1/feeds/csv/people", world.url)).bearer_auth("feed-token");
    request.header("content-type", "text/csv").body(body)
}

/// Returns the next `count` events of the stream.
async fn events(world: &World, count: usize) -> Vec<Event> {
    let mut consumer = world.stored().await;
    let mut events = Vec::new();
    let read = async {
        while events.len() < count {
            for delivery in consumer.next_batch(count - events.len()).await.unwrap() {
                events.push(delivery.body.as_ref().unwrap().clone());
                delivery.ack().await;
            }
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("as many events as were stored");
    events
}

#[tokio::test]
async fn a_file_is_answered_when_its_rows_and_its_end_are_stored() {
    let world = World::start(feeds(json!({}))).await;
    let answer = Answer::of(upload(&world, FILE)).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let counts = ["rows", "badRows", "people", "events", "duplicates"].map(|name| answer.body[name].clone());
    assert_eq!(counts, [2, 0, 2, 2, 0].map(Value::from), "{answer:?}");
    assert_eq!(answer.body["complete"], true);
    let events = events(&world, 3).await;
    assert!(events.iter().all(|event| event.source == "feeds/people"));
    assert!(events.iter().all(|event| event.feed.as_ref().unwrap().run.as_str() == answer.body["run"]));
    assert_eq!(events.iter().filter(|event| event.kind == EventKind::FeedCompleted).count(), 1);
}

#[tokio::test]
async fn wrong_rows_are_listed_with_line_column_and_fix_and_stop_nobody_else() {
    let world = World::start(feeds(json!({}))).await;
    let mut file = "id,mail\nE-1,a@x.org\n,secret@x.org\nE-3\n".to_owned();
    file.push_str(&",x\n".repeat(1_200));
    let answer = Answer::of(upload(&world, file)).await;
    assert_eq!((answer.status, &answer.body["badRows"]), (202, &json!(1_202)), "{:?}", answer.status);
    let errors = answer.body["errors"].as_array().unwrap();
    assert_eq!((errors.len(), &answer.body["errorsUnlisted"]), (1_000, &json!(202)));
    assert_eq!((&errors[0]["line"], &errors[0]["column"]), (&json!(3), &json!("id")));
    assert_eq!((&errors[1]["line"], errors[1].get("column")), (&json!(4), None));
    assert!(!answer.body.to_string().contains("secret"), "nothing of a cell");
    assert_eq!(answer.body["events"], 1);
}

#[tokio::test]
async fn what_cannot_be_read_as_a_whole_is_refused_and_says_why() {
    let world = World::start(feeds(json!({ "file_bytes_max": 10_000 }))).await;
    let cases: [(Vec<u8>, u16, &str); 5] = [
        (Vec::new(), 400, "no header"),
        (b"number,mail\n1,a\n".to_vec(), 400, "no column `id`"),
        (b"i\0d\0,\0m\0\n\0".to_vec(), 400, "encoding"),
        (b"id,id\n1,2\n".to_vec(), 400, "alike"),
        (vec![b'x'; 10_001], 413, "10000 bytes"),
    ];
    for (body, status, words) in cases {
        let answer = Answer::of(upload(&world, body)).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.body["detail"].as_str().unwrap().contains(words), "{words}: {answer:?}");
    }
    let as_form = world.http.post(format!("{}/v1/feeds/csv/people", world.url)).bearer_auth("feed-token");
    let as_form = as_form.header("content-type", "application/x-www-form-urlencoded").body(FILE);
    assert_eq!(Answer::of(as_form).await.status, 415);
    let stranger = world.http.post(format!("{}/v1/feeds/csv/people", world.url)).bearer_auth("hr-token");
    assert_eq!(Answer::of(stranger.body(FILE)).await.status, 401);
    let unknown = world.http.post(format!("{}/v1/feeds/csv/nobody", world.url)).bearer_auth("feed-token");
    assert_eq!(Answer::of(unknown.body(FILE)).await.status, 401, "nobody learns which feeds there are");
}

#[tokio::test]
async fn a_wrong_encoding_is_the_fault_of_the_row_that_has_it() {
    let world = World::start(feeds(json!({ "csv": { "encoding": "utf-8" } }))).await;
    let answer = Answer::of(upload(&world, b"id,mail\nE-1,\xff\nE-2,b@x\n".to_vec())).await;
    assert_eq!((answer.status, &answer.body["badRows"]), (202, &json!(1)), "{answer:?}");
    assert_eq!(answer.body["errors"][0]["column"], "mail");
}

#[tokio::test]
async fn an_upload_that_is_repeated_with_its_key_says_nothing_twice() {
    let world = World::start(feeds(json!({}))).await;
    let send = async |key: &str| Answer::of(upload(&world, FILE).header("idempotency-key", key)).await;
    let (first, again, other) = (send("monday").await, send("monday").await, send("tuesday").await);
    assert_eq!((&first.body["duplicates"], &again.body["duplicates"]), (&json!(0), &json!(2)), "{again:?}");
    assert_eq!(first.body["run"], again.body["run"]);
    assert_ne!(first.body["run"], other.body["run"]);
    assert_eq!(other.body["duplicates"], 0, "the same list says something new the next day");
}

#[tokio::test]
async fn a_checksum_is_compared_and_a_wrong_one_makes_the_file_incomplete() {
    let world = World::start(feeds(json!({}))).await;
    let right = Answer::of(upload(&world, FILE)).await.body["sha256"].as_str().unwrap().to_owned();
    let with = async |sum: &str| Answer::of(upload(&world, FILE).header("x-checksum-sha256", sum)).await;
    assert_eq!(with(&right).await.body["complete"], true);
    let wrong = with(&"0".repeat(64)).await;
    assert_eq!((wrong.status, &wrong.body["complete"]), (202, &json!(false)), "{wrong:?}");
    assert_eq!(with("abc").await.status, 422);
}

#[tokio::test]
async fn an_upload_that_is_cut_never_says_that_it_was_all() {
    let world = World::start(feeds(json!({}))).await;
    let cut = futures_util::stream::iter([Ok(FILE.to_owned()), Err(std::io::Error::other("cut"))]);
    let sent = upload(&world, reqwest::Body::wrap_stream(cut)).header("idempotency-key", "k").send().await;
    assert!(sent.is_err() || sent.unwrap().status() == 400);
    // The feed is free again once the gateway has processed the rest.
    let again = tokio::time::timeout(PATIENCE, async {
        loop {
            let answer = Answer::of(upload(&world, FILE).header("idempotency-key", "k")).await;
            if answer.status != 429 {
                break answer;
            }
        }
    });
    let again = again.await.unwrap();
    assert_eq!((again.status, &again.body["complete"]), (202, &json!(true)), "{again:?}");
    let ends = events(&world, 3).await;
    assert_eq!(ends.iter().filter(|event| event.kind == EventKind::FeedCompleted).count(), 1);
}

#[tokio::test]
async fn without_the_broker_a_file_is_refused_until_later_and_then_taken() {
    let mut world = World::start(feeds(json!({}))).await;
    world.nats.kill();
    let refused = Answer::of(upload(&world, FILE).header("idempotency-key", "k")).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(!refused.header("retry-after").is_empty());
    world.nats.restart();
    let taken = tokio::time::timeout(PATIENCE, async {
        loop {
            let answer = Answer::of(upload(&world, FILE).header("idempotency-key", "k")).await;
            if answer.status == 202 {
                break answer;
            }
        }
    });
    assert_eq!(taken.await.unwrap().body["people"], 2);
}

fn put(folder: &Path, name: &str, text: &str) {
    let fresh = folder.join(format!(".{name}.new"));
    std::fs::write(&fresh, text).unwrap();
    std::fs::rename(fresh, folder.join(name)).unwrap();
}

async fn appears(path: &Path) -> String {
    let wait = async {
        loop {
            match std::fs::read_to_string(path) {
                Ok(text) => break text,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .unwrap_or_else(|_| panic!("{} does not appear", path.display()))
}

#[tokio::test]
async fn files_in_a_folder_are_taken_once_in_order_of_name_and_put_away_with_a_report() {
    let root = tempfile::tempdir().unwrap();
    let [inbox, done, failed] = ["in", "done", "failed"].map(|name| root.path().join(name));
    std::fs::create_dir_all(&inbox).unwrap();
    let outside = root.path().join("outside.csv");
    std::fs::write(&outside, FILE).unwrap();
    std::os::unix::fs::symlink(&outside, inbox.join("0-link.csv")).unwrap();
    std::fs::write(inbox.join(".hidden.csv"), FILE).unwrap();
    std::fs::write(inbox.join("0-half.csv.part"), FILE).unwrap();
    put(&inbox, "1.csv", FILE);
    put(&inbox, "2.csv", "id,mail\nE-1,\"a");
    put(&inbox, "3.csv", "nothing we know\n");
    put(&inbox, "4.csv", FILE);
    put(&inbox, "4.csv.sha256", &format!("{}  4.csv\n", "0".repeat(64)));
    let folder = json!({ "path": inbox, "done": done, "failed": failed });
    let world = World::start(feeds(json!({ "folder": folder, "token": null }))).await;
    let last: Value = serde_json::from_str(&appears(&failed.join("4.csv.report.json")).await).unwrap();
    assert!(last["notes"][0].as_str().unwrap().contains("SHA-256"), "{last}");
    let report =
        |path: &Path| -> Value { serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap() };
    let first = report(&done.join("1.csv.report.json"));
    assert_eq!((&first["people"], &first["complete"]), (&json!(2), &json!(true)));
    assert!(report(&failed.join("2.csv.report.json"))["notes"][0].as_str().unwrap().contains("quoted"));
    assert_eq!(report(&failed.join("3.csv.report.json"))["code"], "malformed_csv");
    let stored = events(&world, 7).await;
    let runs: Vec<&str> = stored
        .iter()
        .filter(|event| event.kind == EventKind::FeedCompleted)
        .map(|event| event.feed.as_ref().unwrap().run.as_str())
        .collect();
    assert_eq!(runs.len(), 3, "one end for each file that could be read: {stored:?}");
    assert_eq!(first["run"], runs[0], "in order of name");
    let left: Vec<String> = std::fs::read_dir(&inbox)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(|c: char| c.is_ascii_digit()) && !name.starts_with('0'))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    for untouched in ["0-link.csv", ".hidden.csv", "0-half.csv.part"] {
        assert!(std::fs::symlink_metadata(inbox.join(untouched)).is_ok(), "{untouched}");
    }
}

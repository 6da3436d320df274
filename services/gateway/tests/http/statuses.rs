//! Responses to attackers and broken clients at each endpoint: the right status, a document that reveals nothing, and a count.

use std::time::Duration;

use edge::TokenHash;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::World;

const PATIENCE: Duration = Duration::from_secs(30);
const SECRET: &str = "a-value-that-nobody-may-see";

/// An endpoint, and the head of a request that it would accept.
struct Door {
    path: &'static str,
    media: &'static str,
    authorization: &'static str,
}

const DOORS: [Door; 5] = [
    Door { path: "/v1/events", media: "application/cloudevents+json", authorization: "Bearer hr-token" },
    Door { path: "/v1/feeds/scim-bulk", media: "application/scim+json", authorization: "Bearer hr-token" },
    Door { path: "/v1/feeds/csv/people", media: "text/csv", authorization: "Bearer feed-token" },
    Door { path: "/v1/webhooks/own", media: "application/json", authorization: "own-token" },
    Door {
        path: "/scim/v2/entra/Users",
        media: "application/scim+json",
        authorization: "Bearer entra-token",
    },
];

async fn world() -> World {
    let token = |text: &str| TokenHash::of(text).to_string();
    World::start(json!({
        "body_bytes_max": 2_000, "body_seconds_max": 1, "head_seconds_max": 1, "scim_bulk": { "bytes_max": 2_000 },
        "feeds": [{ "name": "people", "mode": "delta", "token": token("feed-token"), "mapping": { "key": "id" },
                    "file_bytes_max": 2_000 }],
        "webhooks": [{ "name": "own", "verifier": { "scheme": "bearer", "secrets": ["own-token"] },
                       "adapter": { "kind": "json", "key": "/key", "type": "/what", "types": { "gone": "worker.left" } } }],
        "scim": [{ "name": "entra", "token": token("entra-token") }],
        "database": crate::world::OWN_DATABASE,
    }))
    .await
}

/// The response, if there was one.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: Value,
}

impl World {
    /// Sends these bytes, optionally closes the sending side, and reads until the other end closes.
    async fn send(&self, bytes: &[u8], ends: bool) -> Option<Answer> {
        let address = self.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        if ends {
            stream.shutdown().await.unwrap();
        }
        let mut answer = Vec::new();
        let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
        // A client that is cut off while it sends may see a reset after the response.
        _ = read.expect("an answer, or the end of the connection");
        let text = String::from_utf8(answer).unwrap();
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Answer {
            status,
            head: head.to_ascii_lowercase(),
            body: serde_json::from_str(body).unwrap_or_default(),
        })
    }

    async fn refused(&self) -> f64 {
        let families = prometheus::gather();
        let counted = families.iter().filter(|family| family.name() == "usher_ingest_rejected_total");
        counted.flat_map(|family| family.get_metric()).map(|metric| metric.get_counter().get_value()).sum()
    }
}

fn head(door: &Door, method: &str, more: &[(&str, &str)]) -> String {
    let Door { path, media, authorization } = door;
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: usher\r\nconnection: close\r\n");
    let usual = [("content-type", *media), ("authorization", *authorization)];
    let given = |name: &str| more.iter().any(|(other, _)| *other == name);
    for (name, value) in usual.iter().filter(|(name, _)| !given(name)).chain(more) {
        if !value.is_empty() {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    head.push_str("\r\n");
    head
}

fn whole(door: &Door, more: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let length = body.len().to_string();
    let mut headers = more.to_vec();
    if !more.iter().any(|(name, _)| *name == "content-length") {
        headers.push(("content-length", length.as_str()));
    }
    [head(door, "POST", &headers).as_bytes(), body].concat()
}

/// Name, bytes, whether the sender closes its side, and the expected status at each endpoint, in order.
type Case = (&'static str, fn(&Door) -> (Vec<u8>, bool), [u16; 5]);

fn deep() -> String {
    format!("{{\"a\":{}1{},\"b\":\"{SECRET}\"}}", "[".repeat(200), "]".repeat(200))
}

const CASES: [Case; 16] = [
    ("no credential", |door| (whole(door, &[("authorization", "")], b"{}"), false), [401; 5]),
    ("a wrong credential", |door| (whole(door, &[("authorization", SECRET)], b"{}"), false), [401; 5]),
    (
        "the token of another",
        |door| (whole(door, &[("authorization", "Bearer ad-token")], b"id\n"), false),
        [400, 400, 401, 401, 401],
    ),
    ("a method that is not taken", |door| (head(door, "PUT", &[]).into_bytes(), false), [405; 5]),
    (
        "a media type that is not taken",
        |door| (whole(door, &[("content-type", "image/png")], b"{}"), false),
        [415, 415, 415, 422, 415],
    ),
    (
        "a compressed body",
        |door| (whole(door, &[("content-encoding", "gzip")], b"\x1f\x8b\x08"), false),
        [415; 5],
    ),
    (
        "another charset",
        |door| {
            let media = format!("{}; charset=utf-16", door.media);
            (whole(door, &[("content-type", &media)], b"\xff\xfe{\0}\0"), false)
        },
        [415, 415, 400, 400, 415],
    ),
    ("what is not UTF-8", |door| (whole(door, &[], b"{\"a\":\"\xff\"}"), false), [400, 400, 400, 400, 400]),
    (
        "what is cut off",
        |door| (whole(door, &[], b"{\"a\": [1, \"a-value-that-nobody-may-see"), false),
        [400, 400, 400, 400, 400],
    ),
    ("nothing", |door| (whole(door, &[], b""), false), [400; 5]),
    ("what nests deep", |door| (whole(door, &[], deep().as_bytes()), false), [422, 422, 400, 413, 400]),
    (
        "a body that announces too much",
        |door| (whole(door, &[("content-length", "3000")], b""), false),
        [413; 5],
    ),
    (
        "a body that is too long and does not say so",
        |door| {
            let head = head(door, "POST", &[("transfer-encoding", "chunked")]);
            let chunk = format!("bb8\r\n{}\r\n0\r\n\r\n", "x".repeat(3_000));
            ([head.as_bytes(), chunk.as_bytes()].concat(), false)
        },
        [413; 5],
    ),
    ("a body that does not come", |door| (whole(door, &[("content-length", "1000")], b"{"), false), [408; 5]),
    ("a body that breaks off", |door| (whole(door, &[("content-length", "1000")], b"{"), true), [400; 5]),
    (
        "a chunk that is none",
        |door| {
            let head = head(door, "POST", &[("transfer-encoding", "chunked")]);
            ([head.as_bytes(), b"zz\r\n{}\r\n"].concat(), false)
        },
        [400; 5],
    ),
];

#[tokio::test]
async fn each_way_to_be_wrong_has_its_status_tells_nothing_and_is_counted_at_every_door() {
    let world = world().await;
    let mut wrong = Vec::new();
    for (name, bytes, statuses) in CASES {
        for (door, status) in DOORS.iter().zip(statuses) {
            let before = world.refused().await;
            let (bytes, ends) = bytes(door);
            let answer = world.send(&bytes, ends).await;
            let Some(answer) = answer else {
                wrong.push(format!("{name} at {}: no answer", door.path));
                continue;
            };
            let is_scim = door.path.starts_with("/scim");
            let media = if is_scim { "application/scim+json" } else { "application/problem+json" };
            let is_right = answer.status == status
                && answer.head.contains(&format!("content-type: {media}"))
                // A sender who may upload a file may also learn the names of its columns.
                && (door.media == "text/csv" || !answer.body.to_string().contains(SECRET))
                && world.refused().await > before;
            if !is_right {
                wrong.push(format!(
                    "{name} at {}: {status} expected, {} {answer:?}",
                    door.path,
                    world.refused().await - before
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let good = world.events(crate::world::STRUCTURED, &crate::world::event("1")).await;
    assert_eq!(good.status, 202, "and it goes on");
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection_and_holds_up_nobody() {
    let mut world = world().await;
    // A kept-alive connection may be closed as idle just when it is reused.
    world.http = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
    for bytes in [&b"POST /v1/ev"[..], b"", b"POST /v1/events HTTP/1.1\r\nhost: usher\r\nx: "] {
        let (slow, other) = tokio::join!(world.send(bytes, false), async {
            world.events(crate::world::STRUCTURED, &crate::world::event("1")).await
        });
        assert!(slow.is_none_or(|answer| answer.status == 408), "the connection ends");
        assert_eq!(other.status, 202);
    }
    assert_eq!(
        world
            .send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 is no HTTP\r\n\r\n", false)
            .await
            .unwrap()
            .status,
        400
    );
}

#[tokio::test]
async fn what_is_not_there_and_what_is_not_proven_look_alike() {
    let world = world().await;
    let strip = |answer: Answer| {
        let mut body = answer.body;
        body.as_object_mut().unwrap().remove("requestId");
        (answer.status, body)
    };
    for (there, not_there) in [
        ("/v1/webhooks/own", "/v1/webhooks/nobody"),
        ("/v1/feeds/csv/people", "/v1/feeds/csv/nobody"),
        ("/scim/v2/entra/Users", "/scim/v2/nobody/Users"),
    ] {
        for authorization in ["", "Bearer guessed"] {
            for method in ["POST", "GET", "OPTIONS"] {
                let ask = async |path: &'static str| {
                    let door = Door { path, media: "application/json", authorization: "x" };
                    let head =
                        head(&door, method, &[("authorization", authorization), ("content-length", "2")]);
                    world.send(&[head.as_bytes(), b"{}"].concat(), true).await.unwrap()
                };
                let (one, other) = (ask(there).await, ask(not_there).await);
                let (one, other) = (strip(one), strip(other));
                assert!(one.0 >= 400);
                assert_eq!(one, other, "{method} {there} {authorization}");
            }
        }
    }
}

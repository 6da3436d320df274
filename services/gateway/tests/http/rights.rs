//! What a sender may say, as the gateway can judge it: a CloudEvent without the right is refused with its place and the setting.

use edge::TokenHash;
use lifecycle::SourceProblemKind;
use serde_json::{Value, json};

use crate::world::{Answer, STRUCTURED, World};

const BATCH: &str = "application/cloudevents-batch+json";

async fn world() -> World {
    let source = |name: &str, may: Value| {
        let token = TokenHash::of(&format!("{name}-token")).to_string();
        json!({ "name": name, "token": token, "may": may })
    };
    World::start(json!({
        "sources": [
            { "name": "hr", "token": TokenHash::of("hr-token").to_string() },
            source("contractors", json!({ "people": ["C-*"], "employment": true })),
            source("badges", json!({ "people": "introduced", "employment": true })),
            source("directory", json!({ "people": "all", "employment": false, "attributes": { "allow": ["mail"] } })),
            source("groups", json!({ "groups": ["G-SEC-*"] })),
            source("leavers", json!({ "kinds": ["worker.left"], "people": "all", "employment": true })),
        ],
        "webhooks": [{
            "name": "own", "verifier": { "scheme": "bearer", "secrets": ["Bearer own-token"] },
            "adapter": { "kind": "json", "key": "/person", "type": "/what", "types": { "gone": "worker.left" } },
            "may": { "groups": true },
        }],
    }))
    .await
}

fn said(sender: &str, kind: &str, subject: &str) -> Value {
    let id = format!("{kind} {subject}");
    let data = match kind {
        "group.member.removed" => json!({ "members": ["E-1"] }),
        _ => json!({ "attributes": { "mail": "a@example.com", "title": "CEO" } }),
    };
    json!({ "specversion": "1.0", "id": id, "source": format!("/{sender}"), "type": kind, "subject": subject, "data": data })
}

async fn post(world: &World, sender: &str, content_type: &str, body: &Value) -> Answer {
    let request = world.http.post(format!("{}/v1/events", world.url)).bearer_auth(format!("{sender}-token"));
    Answer::of(request.header("content-type", content_type).body(body.to_string())).await
}

#[tokio::test]
async fn what_a_sender_may_not_say_is_refused_with_the_place_and_the_setting() {
    let world = world().await;
    for (sender, kind, subject, pointer, setting) in [
        ("contractors", "worker.left", "E-1", "/subject", "may.people"),
        ("contractors", "worker.deleted", "c-1", "/subject", "may.people"),
        ("contractors", "group.member.removed", "G-1", "/type", "may.groups"),
        ("directory", "worker.left", "E-1", "/type", "may.employment"),
        ("directory", "worker.joined", "E-1", "/type", "may.employment"),
        ("groups", "worker.left", "E-1", "/type", "may.people"),
        ("groups", "group.member.removed", "G-1", "/subject", "may.groups"),
        ("leavers", "worker.joined", "E-1", "/type", "may.kinds"),
    ] {
        let answer = post(&world, sender, STRUCTURED, &said(sender, kind, subject)).await;
        assert_eq!(
            (answer.status, answer.pointers()),
            (403, vec![pointer]),
            "{sender} {kind}: {:?}",
            answer.body
        );
        let detail = answer.body["errors"][0]["detail"].as_str().unwrap();
        assert!(detail.contains(setting) && detail.contains(sender), "{detail}");
    }
    for (sender, kind, subject) in [
        ("hr", "worker.left", "E-1"),
        ("hr", "group.member.removed", "G-1"),
        ("contractors", "worker.left", "C-1"),
        ("badges", "worker.left", "E-1"),
        ("directory", "worker.changed", "E-1"),
        ("directory", "worker.snapshot", "E-1"),
        ("groups", "group.member.removed", "G-SEC-1"),
        ("leavers", "worker.left", "E-1"),
    ] {
        let answer = post(&world, sender, STRUCTURED, &said(sender, kind, subject)).await;
        assert_eq!(answer.status, 202, "{sender} {kind}: {:?}", answer.body);
    }
}

#[tokio::test]
async fn one_refused_event_refuses_its_request_and_is_counted_in_the_status() {
    let world = world().await;
    let both =
        json!([said("contractors", "worker.joined", "C-1"), said("contractors", "worker.left", "E-1"),]);
    let answer = post(&world, "contractors", BATCH, &both).await;
    assert_eq!((answer.status, answer.pointers()), (403, vec!["/1/subject"]));
    let noted = world.there("contractors", SourceProblemKind::RefusedRequests).await;
    assert_eq!((noted.count, noted.detail.as_str()), (1, "403 forbidden at /1/subject"));
    let answer =
        post(&world, "contractors", BATCH, &json!([said("contractors", "worker.joined", "C-1")])).await;
    assert_eq!(answer.duplicates(), [false], "nothing of the refused request was accepted");
}

#[tokio::test]
async fn a_notice_is_refused_only_if_its_sender_may_send_none_of_its_kind() {
    let world = world().await;
    let notice = json!({ "person": "E-1", "what": "gone" });
    let request = world.http.post(format!("{}/v1/webhooks/own", world.url)).bearer_auth("own-token");
    let answer =
        Answer::of(request.header("content-type", "application/json").body(notice.to_string())).await;
    assert_eq!(answer.status, 403, "{:?}", answer.body);
}

//! Notices of HR systems: their verification, their content, and their events on the stream.

use lifecycle::EventKind;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Answer, World};

/// A complete record, signed with `mergekey`; the signature was computed with another program.
const MERGE: &str = r#"{"hook":{"event":"Employee.changed","target":"https://bridge.example.com/in/merge"},"linked_account":{"id":"e59b1821-f85c-4e28-a6b3-1804156f3563","integration":"bamboohr","category":"hris","end_user_origin_id":"acme","end_user_email_address":"it@acme.example"},"data":{"id":"0958cbc6-6040-430a-848e-aafacbadf4ae","remote_id":"19202938","first_name":"Ada","last_name":"Byron","work_email":"ada@acme.example","employment_status":"ACTIVE","start_date":"2026-02-02T00:00:00Z","termination_date":null,"manager":"0048ea5b-911e-4dff-9364-92070dea62ff"}}"#;
const SIGNED: &str = "PIqKy5VpC4REIRC47-Fxkx8wJghWIuiR5qL2IjzyXJM=";

async fn world() -> World {
    World::start(json!({
        "webhooks": [
            { "name": "merge", "verifier": { "scheme": "merge", "secrets": ["new-key", "mergekey"] },
              "adapter": { "kind": "merge" } },
            { "name": "okta", "verifier": { "scheme": "bearer", "secrets": ["chosen-by-us"] },
              "adapter": { "kind": "okta" } },
            { "name": "own", "verifier": { "scheme": "bearer", "secrets": ["Bearer own-token"] }, "kinds": ["worker"],
              "adapter": { "kind": "json", "time_zone": "Europe/Berlin", "key": "/person", "type": "/what", "id": "/no",
                           "effective_at": "/day", "end_date": "last_day",
                           "types": { "gone": "worker.left", "team": "group.upserted" },
                           "attributes": { "department": "[team.name]" } } },
        ],
    }))
    .await
}

impl World {
    async fn notice(&self, name: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = self.http.post(format!("{}/v1/webhooks/{name}", self.url));
        for (header, value) in headers {
            request = request.header(*header, *value);
        }
        Answer::of(request.header("content-type", "application/json").body(body.to_owned())).await
    }
}

#[tokio::test]
async fn a_signed_notice_is_an_event_by_either_secret() {
    let world = world().await;
    let answer = world.notice("merge", &[("x-merge-webhook-signature", SIGNED)], MERGE).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let stored = world.stored().await.next_batch(10).await.unwrap();
    let event = stored[0].body.as_ref().unwrap();
    assert_eq!(event.source, "webhooks/merge");
    assert_eq!(event.attributes["givenName"], "Ada");
}

#[tokio::test]
async fn whoever_does_not_know_the_secret_learns_nothing_and_stores_nothing() {
    let world = world().await;
    let wrong = SIGNED.replace("PIqK", "AIqK");
    let mut words = Vec::new();
    for headers in [
        &[("x-merge-webhook-signature", wrong.as_str())][..],
        &[("x-merge-webhook-signature", "no base64!")],
        &[("x-merge-webhook-signature", "")],
        &[],
    ] {
        let answer = world.notice("merge", headers, MERGE).await;
        assert_eq!((answer.status, answer.code()), (401, "unauthorised"), "{answer:?}");
        words.push(answer.body["detail"].clone());
    }
    words.dedup();
    assert_eq!(words.len(), 1, "the same words for each: {words:?}");
    let changed = MERGE.replace("Ada", "Eve");
    let answer = world.notice("merge", &[("x-merge-webhook-signature", SIGNED)], &changed).await;
    assert_eq!(answer.status, 401);
    let answer = world.notice("nobody", &[("x-merge-webhook-signature", SIGNED)], MERGE).await;
    assert_eq!(
        (answer.status, &answer.body["detail"]),
        (401, &words[0]),
        "nobody learns which webhooks there are"
    );
}

#[tokio::test]
async fn a_challenge_is_answered_and_only_to_who_knows_the_token() {
    let world = world().await;
    let ask = async |token: &str| {
        let request = world.http.request(Method::GET, format!("{}/v1/webhooks/okta", world.url));
        Answer::of(request.header("authorization", token).header("x-okta-verification-challenge", "abc"))
            .await
    };
    let answer = ask("chosen-by-us").await;
    assert_eq!((answer.status, &answer.body), (200, &json!({ "verification": "abc" })));
    assert_eq!(ask("guessed").await.status, 401);
}

#[tokio::test]
async fn any_json_is_read_as_configured_with_dates_in_the_time_zone_of_the_source() {
    let world = world().await;
    let token = [("authorization", "Bearer own-token")];
    let gone = json!({ "no": "7", "what": "gone", "person": "E-1", "day": "2026-06-30", "team": { "name": "Sales" } });
    let answer = world.notice("own", &token, &gone.to_string()).await;
    assert_eq!((answer.status, answer.duplicates()), (202, vec![false, false]), "{answer:?}");
    let again = world.notice("own", &token, &gone.to_string()).await;
    assert_eq!((again.status, again.duplicates()), (202, vec![true, true]), "{again:?}");

    let stored = world.stored().await.next_batch(10).await.unwrap();
    let events: Vec<_> = stored.iter().map(|delivery| delivery.body.as_ref().unwrap()).collect();
    let left = events.iter().find(|event| event.kind == EventKind::WorkerLeft).unwrap();
    assert_eq!(left.subject, "E-1");
    assert_eq!(
        left.effective_at,
        time::macros::datetime!(2026-06-30 22:00 UTC),
        "the end of the day in Berlin"
    );

    let refused = |answer: Answer, status: u16, code: &str| {
        assert_eq!((answer.status, answer.code()), (status, code), "{answer:?}");
    };
    refused(world.notice("own", &token, "{").await, 400, "malformed_notice");
    let team = json!({ "no": "8", "what": "team", "person": "G-1", "team": { "name": "Sales" } });
    refused(world.notice("own", &token, &team.to_string()).await, 403, "forbidden");
    let unknown = json!({ "no": "9", "what": "promoted", "person": "E-1" });
    let answer = world.notice("own", &token, &unknown.to_string()).await;
    assert_eq!((answer.status, &answer.body["ignored"]), (202, &json!(1)), "{answer:?}");
}

#[tokio::test]
async fn a_webhook_that_cannot_work_is_refused_at_the_start() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let nats = bus::testing::TestServer::start();
    let bus = bus::Bus::connect(&nats.config(), "gateway").await.unwrap();
    let cases: [(Value, &str); 3] = [
        (json!({ "scheme": "merge", "secrets": [] }), "secret"),
        (
            json!({ "scheme": "hmac", "secrets": ["k"], "signature": { "header": "X-S" }, "signed": "{tea}" }),
            "webhook",
        ),
        (json!({ "scheme": "bearer", "secrets": ["t"] }), "adapter"),
    ];
    for (verifier, word) in cases {
        let adapter = if word == "adapter" {
            json!({ "kind": "merge", "time_zone": "Nowhere" })
        } else {
            json!({ "kind": "merge" })
        };
        let config = json!({ "listen": "127.0.0.1:0",
                             "webhooks": [{ "name": "x", "verifier": verifier, "adapter": adapter }] });
        let said = match serde_json::from_value::<gateway::GatewayConfig>(config) {
            Err(error) => format!("webhook: {error}"),
            Ok(config) => {
                let built =
                    gateway::build_gateway(config, bus.clone(), telemetry::Readiness::default()).await;
                built.unwrap_err().to_string()
            }
        };
        assert!(said.contains(word), "{word}: {said}");
    }
}

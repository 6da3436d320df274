//! Repeated notices: sent again by an honest system whose response was lost, or replayed by an attacker.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lifecycle::{Event, EventKind};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::world::{Answer, World};

const SECRET: &str = "c2VjcmV0LXNlY3JldC1zZWNyZXQ=";
const KEY: &[u8] = b"secret-secret-secret";

fn settings() -> Value {
    let webhook = |name: &str, secret: &str| json!({ "name": name, "verifier": { "scheme": name, "secrets": [secret] }, "adapter": { "kind": name } });
    let mut undated = webhook("json", "secret-secret-secret");
    undated["verifier"] = json!({ "scheme": "hmac", "secrets": ["secret-secret-secret"], "signature_header": "x-signature",
                                  "algorithm": "sha256", "encoding": "base64", "signed": "{body}" });
    undated["adapter"] = json!({ "kind": "json", "key": "/who", "type": "/what", "attributes": { "department": "/team" },
                                 "types": { "moved": "worker.changed" } });
    let mut bare = undated.clone();
    bare["name"] = json!("bare");
    bare["adapter"] = json!({ "kind": "standard_webhooks", "attributes": { "department": "/team" } });
    json!({ "webhooks": [
        webhook("standard_webhooks", &format!("whsec_{SECRET}")), webhook("bamboohr", "secret-secret-secret"),
        webhook("finch", SECRET), webhook("gusto", "secret-secret-secret"), undated, bare,
    ] })
}

/// A notice as its system sends it: name of the webhook, headers, body.
#[derive(Clone)]
struct Notice {
    name: &'static str,
    headers: Vec<(&'static str, String)>,
    body: String,
}

fn tag(algorithm: ring::hmac::Algorithm, text: &str) -> Vec<u8> {
    ring::hmac::sign(&ring::hmac::Key::new(algorithm, KEY), text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn base64(text: &str) -> String {
    STANDARD.encode(tag(ring::hmac::HMAC_SHA256, text))
}

/// Builds a notice of a scheme that signs an id and a time.
fn named(name: &'static str, headers: [&'static str; 3], id: &str, at: OffsetDateTime, body: &str) -> Notice {
    let at = at.unix_timestamp().to_string();
    let signature = format!("v1,{}", base64(&format!("{id}.{at}.{body}")));
    let headers = headers.into_iter().zip([id.to_owned(), at, signature]).collect();
    Notice { name, headers, body: body.to_owned() }
}

fn standard(id: &str, at: OffsetDateTime, body: &str) -> Notice {
    named("standard_webhooks", ["webhook-id", "webhook-timestamp", "webhook-signature"], id, at, body)
}

fn bamboohr(at: OffsetDateTime, body: &str) -> Notice {
    let at = at.unix_timestamp().to_string();
    let signature = hex(&tag(ring::hmac::HMAC_SHA256, &format!("{body}{at}")));
    let headers = vec![("x-bamboohr-timestamp", at), ("x-bamboohr-signature", signature)];
    Notice { name: "bamboohr", headers, body: body.to_owned() }
}

fn undated(name: &'static str, body: &str) -> Notice {
    Notice { name, headers: vec![("x-signature", base64(body))], body: body.to_owned() }
}

const LEFT: &str = r#"{"type":"employee.left","data":{"id":"E-1"}}"#;
const DELETED: &str =
    r#"{"type":"employee.deleted","data":{"companyId":"c","employeeId":"E-1","changedFields":[]}}"#;
const MOVED: &str = r#"{"what":"moved","who":"E-1","team":"Sales"}"#;

/// Returns one notice of each scheme, sent now.
fn all() -> Vec<Notice> {
    let now = OffsetDateTime::now_utc();
    let gusto = r#"{"uuid":"u-1","event_type":"employee.termination_effective","entity_uuid":"E-1","timestamp":1780000000}"#;
    let finch = r#"{"event_type":"individual.deleted","data":{"individual_id":"E-1"}}"#;
    let signature = ("x-gusto-signature", hex(&tag(ring::hmac::HMAC_SHA256, gusto)));
    vec![
        standard("msg-1", now, LEFT),
        bamboohr(now, DELETED),
        named("finch", ["finch-event-id", "finch-timestamp", "finch-signature"], "evt-1", now, finch),
        Notice { name: "gusto", headers: vec![signature], body: gusto.to_owned() },
        undated("json", MOVED),
    ]
}

impl World {
    async fn hear(&self, notice: &Notice) -> Answer {
        let mut request = self.http.post(format!("{}/v1/webhooks/{}", self.url, notice.name));
        for (name, value) in &notice.headers {
            request = request.header(*name, value);
        }
        Answer::of(request.header("content-type", "application/json").body(notice.body.clone())).await
    }

    /// Returns the only event that a notice made, on a gateway that has not received it before.
    async fn only_event(&self, notice: &Notice) -> Event {
        assert_eq!(self.hear(notice).await.duplicates(), [false], "{}", notice.name);
        self.stored().await.next_batch(10).await.unwrap()[0].body.as_ref().unwrap().clone()
    }
}

#[tokio::test]
async fn the_same_notice_is_answered_again_and_stored_once_also_after_a_restart_of_the_broker() {
    let mut world = World::start(settings()).await;
    for notice in all() {
        assert_eq!(world.hear(&notice).await.duplicates(), [false], "{}", notice.name);
        assert_eq!(world.hear(&notice).await.duplicates(), [true], "{}", notice.name);
    }
    world.nats.restart();
    for notice in all().into_iter().filter(|notice| ["gusto", "json"].contains(&notice.name)) {
        let again = async {
            loop {
                let answer = world.hear(&notice).await;
                if answer.status == 202 {
                    return answer;
                }
            }
        };
        let again = tokio::time::timeout(std::time::Duration::from_secs(30), again).await.unwrap();
        assert_eq!(again.duplicates(), [true], "{}", notice.name);
    }
    let _mapper = world.stored().await;
    assert_eq!(world.bus.lag(bus::StreamName::Events, "mapper").await.unwrap(), 5);
}

/// After the broker's deduplication window the mapper's inbox knows the id, and after that the version is no newer.
#[tokio::test]
async fn a_notice_that_comes_again_says_exactly_the_same_wherever_it_is_heard() {
    for notice in all() {
        let (here, there) = (World::start(settings()).await, World::start(settings()).await);
        let (first, again) = (here.only_event(&notice).await, there.only_event(&notice).await);
        assert_eq!(first.id, again.id, "{}", notice.name);
        let is_undated = notice.name == "json";
        assert!(
            is_undated || (first.time, first.effective_at) == (again.time, again.effective_at),
            "{notice_name}",
            notice_name = notice.name
        );
    }
}

#[tokio::test]
async fn an_old_a_future_and_a_redated_notice_are_refused_and_store_nothing() {
    let world = World::start(settings()).await;
    let now = OffsetDateTime::now_utc();
    let hour = time::Duration::hours(1);
    for at in [now - hour, now + hour] {
        assert_eq!(world.hear(&standard("m", at, LEFT)).await.status, 401);
        assert_eq!(world.hear(&bamboohr(at, DELETED)).await.status, 401);
    }
    let now_text = now.unix_timestamp().to_string();
    for (mut old, header) in [(standard("m", now - hour, LEFT), 1), (bamboohr(now - hour, DELETED), 0)] {
        old.headers[header].1.clone_from(&now_text);
        assert_eq!(world.hear(&old).await.status, 401, "{}", old.name);
    }
    let mut renamed = standard("m", now, LEFT);
    renamed.headers[0].1 = "n".to_owned();
    assert_eq!(world.hear(&renamed).await.status, 401);
    let _mapper = world.stored().await;
    assert_eq!(world.bus.lag(bus::StreamName::Events, "mapper").await.unwrap(), 0);
}

#[tokio::test]
async fn an_id_and_a_time_that_nobody_signed_change_nothing() {
    let world = World::start(settings()).await;
    let mut notice = undated("bare", LEFT);
    assert_eq!(world.hear(&notice).await.duplicates(), [false]);
    let tomorrow = OffsetDateTime::now_utc() + time::Duration::days(1);
    notice.headers.push(("webhook-id", "another".to_owned()));
    notice.headers.push(("webhook-timestamp", tomorrow.unix_timestamp().to_string()));
    assert_eq!(world.hear(&notice).await.duplicates(), [true]);
}

#[tokio::test]
async fn what_a_system_says_again_later_counts_again_where_it_has_a_time_or_an_id_of_its_own() {
    let world = World::start(settings()).await;
    let now = OffsetDateTime::now_utc();
    let earlier = now - time::Duration::seconds(5);
    assert_eq!(world.hear(&standard("m-1", earlier, LEFT)).await.duplicates(), [false]);
    assert_eq!(world.hear(&standard("m-2", now, LEFT)).await.duplicates(), [false]);
    assert_eq!(world.hear(&bamboohr(earlier, DELETED)).await.duplicates(), [false]);
    assert_eq!(world.hear(&bamboohr(now, DELETED)).await.duplicates(), [false]);
    let stored = world.stored().await.next_batch(10).await.unwrap();
    let kinds: Vec<EventKind> = stored.iter().map(|one| one.body.as_ref().unwrap().kind).collect();
    assert!(kinds.contains(&EventKind::WorkerLeft), "{kinds:?}");
}

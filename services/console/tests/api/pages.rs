//! Lists are filtered before they are cut into pages, and read page by page.

use bus::Bus;
use lifecycle::{
    DeadLetterId, Fact, FeedRunId, FeedsReply, FeedsRequest, HeldReply, HeldRequest, OperatorVerb as _,
    OutboxReply, OutboxRequest, QuarantineReply, QuarantineRequest, ReplayId, ReplayRuns, ReplayRunsRequest,
    verbs,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use store::ListPosition;
use store::testing::{sqlite_database, test_databases};

use crate::died;
use crate::world::World;

/// The number of rows that each service has of each list.
const ROWS: usize = 5;

/// Reads a list page by page and returns the rows of each page.
async fn read_pages(world: &World, path: &str, limit: usize) -> Vec<Vec<Value>> {
    let mut pages = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut query = vec![("limit", limit.to_string())];
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        let (status, page) = world.get_with(path, &query).await;
        assert_eq!(status, 200, "{path} {page}");
        pages.push(page["items"].as_array().unwrap().clone());
        cursor = page["nextCursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            return pages;
        }
        assert!(pages.len() < 100, "{path} never ends");
    }
}

#[tokio::test]
async fn a_conflict_is_found_behind_more_than_a_page_of_newer_dead_letters() {
    for database in test_databases() {
        let world = World::start(database).await;
        let conflict = DeadLetterId::fresh();
        let mut facts = vec![died(&conflict, 0)];
        if let Fact::Died(letter) = &mut facts[0].fact {
            letter.operation = "adopt".into();
        }
        facts.extend((1..=501).map(|second| died(&DeadLetterId::fresh(), second)));
        world.tell(&facts).await;
        let all = "/v1/dead?limit=1000";
        world.until(all, |page| page["items"].as_array().is_some_and(|items| items.len() == 502)).await;
        let (_, found) = world.get("/v1/dead?operation=adopt&state=open&target=zia&limit=500").await;
        let ids: Vec<&Value> = found["items"].as_array().unwrap().iter().map(|item| &item["id"]).collect();
        assert_eq!(ids, [conflict.as_str()]);
        let pages = read_pages(&world, "/v1/dead", 200).await;
        let sizes: Vec<usize> = pages.iter().map(Vec::len).collect();
        assert_eq!(sizes, [200, 200, 102]);
        assert_eq!(pages[2][101]["id"], conflict.as_str(), "newest first");
        world.stop().await;
    }
}

#[tokio::test]
async fn a_list_of_one_service_is_read_page_by_page() {
    let world = World::start(sqlite_database()).await;
    play_service(world.bus.clone(), "mapper");
    play_service(world.bus.clone(), "writer");
    world.until("/v1/held", |page| page["total"] == ROWS).await;
    world.until("/v1/feeds", |page| page["items"].is_array()).await;
    for (path, name) in [("/v1/held", "subject"), ("/v1/feeds", "run"), ("/v1/dead/replays", "id")] {
        let whole = read_pages(&world, path, 100).await;
        assert_eq!(whole.len(), 1, "{path}");
        let pages = read_pages(&world, path, 2).await;
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1], "{path}");
        assert_eq!(pages.concat(), whole[0], "{path}");
        assert!(pages[0][0][name].is_string(), "{path}: {}", pages[0][0]);
    }
    world.stop().await;
}

#[tokio::test]
async fn a_list_of_several_services_has_every_row_on_one_page_and_says_which_cursor_is_wrong() {
    let world = World::start(sqlite_database()).await;
    for service in ["gateway", "mapper", "writer"] {
        play_service(world.bus.clone(), service);
    }
    world.until("/v1/outbox", |page| page["outboxes"][2]["service"] == "writer").await;
    world.until("/v1/quarantine", |page| page["unavailable"].is_null()).await;
    for (path, services) in [("/v1/outbox", 3), ("/v1/quarantine", 2)] {
        let whole = read_pages(&world, path, 100).await;
        assert_eq!(whole[0].len(), services * ROWS, "{path}");
        for limit in [1, 3, 4] {
            let pages = read_pages(&world, path, limit).await;
            assert_eq!(pages.len(), (services * ROWS).div_ceil(limit), "{path} {limit}");
            assert_eq!(pages.concat(), whole[0], "{path} {limit}");
        }
        let (status, problem) = world.get_with(path, &[("cursor", "x".to_owned())]).await;
        assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("query:cursor")), "{path}");
    }
    world.stop().await;
}

#[tokio::test]
async fn no_list_takes_a_limit_of_nothing_or_of_too_much() {
    let world = World::start(sqlite_database()).await;
    for path in ["dead", "held", "feeds", "dead/replays", "outbox", "quarantine", "people/E-1/trace"] {
        for limit in [0, 1_001] {
            let (status, problem) = world.get(&format!("/v1/{path}?limit={limit}")).await;
            assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("query:limit")), "{path}");
        }
    }
    world.stop().await;
}

/// Plays a service with a few rows in each of its lists. The cursor of a list that only it has is the number of rows before.
fn play_service(bus: Bus, service: &'static str) {
    tokio::spawn(async move {
        let mut requests = bus.serve(service).await.unwrap();
        while let Some(request) = requests.next().await {
            match request.verb.as_str() {
                verbs::HeldVerb::NAME => {
                    let HeldRequest { limit, cursor, .. } = request.question().unwrap();
                    let (items, next_cursor) = cut(limit, cursor.as_deref(), |n| {
                        json!({"target": "zia", "kind": "user", "subject": format!("E-{n}"), "revision": 1,
                               "wanted": "disabled", "by": "guard", "reason": "", "since": "2026-01-02T03:04:05Z"})
                    });
                    request.reply(&HeldReply { items, total: ROWS as u64, next_cursor }).await;
                }
                verbs::FeedsVerb::NAME => {
                    let FeedsRequest { limit, cursor, .. } = request.question().unwrap();
                    let (items, next_cursor) = cut(limit, cursor.as_deref(), |n| {
                        json!({"feed": "hr", "run": FeedRunId::of("hr", &n.to_string()), "merged": 1, "missing": 0,
                               "begunAt": "2026-01-02T03:04:05Z", "state": "accepted", "left": 0})
                    });
                    request.reply(&FeedsReply { items, next_cursor }).await;
                }
                verbs::ReplayRunsVerb::NAME => {
                    let ReplayRunsRequest { limit, cursor, .. } = request.question().unwrap();
                    let (items, next_cursor) = cut(limit.unwrap(), cursor.as_deref(), |n| {
                        json!({"id": replay_id(n), "state": "running", "total": 2, "done": 0, "who": "alice",
                               "why": "", "started": "2026-01-02T03:04:05Z"})
                    });
                    request.reply(&ReplayRuns { items, next_cursor }).await;
                }
                verbs::WriterOutboxVerb::NAME => {
                    let OutboxRequest { limit, cursor } = request.question().unwrap();
                    let (rows, next_cursor) = cut_after(service, limit.unwrap(), cursor.as_deref());
                    let message = |row: &ListPosition| {
                        let since =
                            time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(row.at) * 1_000);
                        lifecycle::SetAsideMessage {
                            id: row.id.clone(),
                            since: since.unwrap(),
                            bytes: 1,
                            lane: "facts".into(),
                            cause: "too large".into(),
                        }
                    };
                    let mut reply = OutboxReply { next_cursor, ..OutboxReply::default() };
                    reply.status.service = service.into();
                    reply.set_aside = rows.iter().map(message).collect();
                    request.reply(&reply).await;
                }
                verbs::WriterQuarantineVerb::NAME => {
                    let QuarantineRequest { limit, cursor } = request.question().unwrap();
                    let (rows, next_cursor) = cut_after(service, limit, cursor.as_deref());
                    let message = |row: &ListPosition| lifecycle::QuarantinedMessage {
                        id: format!("{service}:{}", row.id),
                        at: row.at,
                        reason: "unreadable".into(),
                        cause: String::new(),
                        subject: String::new(),
                        kind: String::new(),
                        departure: row.is_departure,
                    };
                    let items = rows.iter().map(message).collect();
                    let (total, departures) = (ROWS as u64, 0);
                    let unavailable = Vec::new();
                    request
                        .reply(&QuarantineReply { items, total, departures, next_cursor, unavailable })
                        .await;
                }
                other => panic!("{service}: {other}"),
            }
        }
    });
}

fn replay_id(n: usize) -> ReplayId {
    format!("rpl_{n:032x}").parse().unwrap()
}

fn cut<T: DeserializeOwned>(
    limit: u64,
    cursor: Option<&str>,
    row: impl Fn(usize) -> Value,
) -> (Vec<T>, Option<String>) {
    let begin: usize = cursor.map_or(0, |cursor| cursor.parse().unwrap());
    let end = ROWS.min(begin + usize::try_from(limit).unwrap());
    let rows = (begin..end).map(|n| serde_json::from_value(row(n)).unwrap()).collect();
    (rows, (end < ROWS).then(|| end.to_string()))
}

/// Rows of several services that alternate in time, with several at the same time.
fn cut_after(service: &str, limit: u64, cursor: Option<&str>) -> (Vec<ListPosition>, Option<String>) {
    let key = |row: &ListPosition| (!row.is_departure, row.at, row.service.clone(), row.id.clone());
    let after = cursor.map(|cursor| key(&ListPosition::parse(cursor).unwrap()));
    let row = |n: usize| ListPosition {
        is_departure: false,
        at: i64::try_from(n / 2).unwrap(),
        service: service.to_owned(),
        id: format!("row/{n}"),
    };
    let mut rows: Vec<ListPosition> =
        (0..ROWS).map(row).filter(|row| after.as_ref().is_none_or(|after| key(row) > *after)).collect();
    let more = store::cut_to_limit(&mut rows, limit);
    let next_cursor = rows.last().filter(|_| more).map(ListPosition::to_cursor);
    (rows, next_cursor)
}

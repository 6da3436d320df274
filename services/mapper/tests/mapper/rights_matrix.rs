//! The matrix of docs/authority.md, through the mapper: sender rights x event types x people, on every supported database.

use lifecycle::{AccountState, Event, EventKind, FindingKind};
use serde_json::{Value, json};
use store::testing::test_databases;

use crate::rights::{by, listed};
use crate::world::{EVERYBODY, World, event, group, joined};

const PAGE: &str = include_str!("../../../../docs/authority.md");

/// One row of the table. Its keys and its sender occur in no other row.
struct MatrixRow {
    line: &'static str,
    sender: String,
    may: Value,
    /// Key of the person or group.
    about: String,
    tie: &'static str,
    event: Event,
    outcome: &'static str,
}

fn rows() -> Vec<MatrixRow> {
    let table = PAGE.lines().skip_while(|line| !line.starts_with("| kinds |")).skip(2);
    table
        .take_while(|line| line.starts_with('|'))
        .enumerate()
        .map(|(number, line)| row(number, line))
        .collect()
}

fn row(number: usize, line: &'static str) -> MatrixRow {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [kinds, people, attributes, employment, groups, says, about, _, outcome] = cells[..] else {
        panic!("{line}")
    };
    let here = |key: &str| if key.ends_with('*') { key.to_owned() } else { format!("{key}-r{number}") };
    let keys = |cell: &str| match cell {
        "all" | "introduced" => json!(cell),
        keys => json!(keys.split(", ").map(here).collect::<Vec<_>>()),
    };
    let names = |text: &str| json!(text.split(", ").collect::<Vec<_>>());
    let mut may = serde_json::Map::new();
    for (name, cell) in [("people", people), ("groups", groups)] {
        if cell != "-" {
            may.insert(name.to_owned(), keys(cell));
        }
    }
    if kinds != "all" {
        may.insert("kinds".to_owned(), names(kinds));
    }
    if employment != "-" {
        may.insert("employment".to_owned(), json!(employment == "yes"));
    }
    match attributes.split_once(' ') {
        Some(("only", allow)) => drop(may.insert("attributes".to_owned(), json!({ "allow": names(allow) }))),
        Some(("not", deny)) => drop(may.insert("attributes".to_owned(), json!({ "deny": names(deny) }))),
        _ => {}
    }
    let (key, tie) = about.split_once(", ").unwrap_or((about, ""));
    let (kind, said) = says.split_once(' ').unwrap_or((says, ""));
    let said = said.split(", ").filter(|name| !name.is_empty()).map(|name| match name.split_once(": ") {
        Some((name, value)) => (name.to_owned(), serde_json::from_str(value).unwrap()),
        None => (name.to_owned(), json!(format!("x{number}"))),
    });
    let (sender, about) = (format!("s{number}"), here(key));
    let mut event = event(kind.parse().unwrap(), &about, 20, Value::Object(said.collect()));
    if event.kind == EventKind::GroupMemberRemoved || event.kind == EventKind::GroupMemberAdded {
        event.members = Some(vec!["E-base".to_owned()]);
    }
    let event = by(&sender, event);
    MatrixRow { line, sender, may: Value::Object(may), about, tie, event, outcome }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_the_page_on_authority_holds_in_the_mapper() {
    for database in test_databases() {
        // A feed is no subject that could be checked here.
        let rows: Vec<MatrixRow> =
            rows().into_iter().filter(|row| row.event.kind != EventKind::FeedCompleted).collect();
        assert!(rows.len() > 40, "the table was not found: {}", rows.len());
        let mut world = World::new(database, EVERYBODY).await;
        let senders: serde_json::Map<String, Value> =
            rows.iter().map(|row| (row.sender.clone(), row.may.clone())).collect();
        world.senders = serde_json::from_value(Value::Object(senders)).unwrap();
        world.start_mapper().await;
        world.send(&[joined("E-base", 1, "IT")]).await;
        for row in &rows {
            let known = joined(&row.about, 1, "IT");
            match row.tie {
                "of others" => world.send(&[known]).await,
                "its own" => world.send(&[by(&row.sender, known)]).await,
                "new" => {}
                _ => world.send(&[group(&row.about, 1, "SEC-x")]).await,
            }
        }
        world.settle().await;
        let events: Vec<Event> = rows.iter().map(|row| row.event.clone()).collect();
        world.send(&events).await;
        world.settle().await;
        let departures = listed(&world, FindingKind::RefusedDeparture).await;
        let others = listed(&world, FindingKind::Refused).await;
        for row in &rows {
            let as_departure =
                departures.iter().any(|one| one.person == row.about && one.sender == row.sender);
            let otherwise = others.iter().any(|one| one.sender == row.sender);
            let expected = match row.outcome.split_once("; ").map(|(_, listed)| listed) {
                None => (false, false),
                Some("listed") => (false, true),
                Some(_) => (true, false),
            };
            assert_eq!((as_departure, otherwise), expected, "{}", row.line);
            if row.event.kind.is_worker() && row.tie != "new" {
                let is_left = row.event.takes_away() && !row.outcome.contains("nothing");
                let counts = is_left && !row.outcome.contains("without employment");
                let is_active = world.state(&row.about) == Some(AccountState::Active);
                assert_eq!(is_active, !counts, "{}", row.line);
            }
        }
        world.stop_mappers().await;
    }
}

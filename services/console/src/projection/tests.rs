use lifecycle::{AttemptClass, DeadLetter, DeadLetterId, Lane, RequestExchange, ResourceKind, TraceContext};
use store::testing;
use time::{Duration, OffsetDateTime};

use super::*;
use crate::read::{self, DeadFilter, PageRequest};
use crate::retention;
use crate::schema::ConsoleMigrator;

const START: OffsetDateTime = time::macros::datetime!(2026-01-02 03:04:05.678 UTC);
const PAGE: PageRequest = PageRequest { limit: 100, after: None };

fn fact(id: &str, second: i64, fact: Fact) -> ReportedFact {
    let trace = TraceContext { trace_id: 7, span_id: 9, sampled: true };
    ReportedFact::by_its_author(&FactRecord {
        id: id.into(),
        at: START + Duration::seconds(second),
        subject: "E-1".into(),
        trace: Some(trace),
        fact,
    })
}

fn decided(id: &str, second: i64, user_name: &str) -> ReportedFact {
    fact(
        id,
        second,
        Fact::Decided {
            target: "zia".into(),
            kind: ResourceKind::User,
            revision: second,
            state: "active".into(),
            lane: Lane::Joiner,
            reason: "in scope".into(),
            changed: vec!["userName".into()],
            user_name: Some(user_name.into()),
        },
    )
}

fn died(letter: &DeadLetterId, second: i64) -> ReportedFact {
    fact(
        &format!("died-{letter}"),
        second,
        Fact::Died(Box::new(DeadLetter {
            id: letter.clone(),
            target: "zia".into(),
            kind: ResourceKind::User,
            subject: "E-1".into(),
            member_of: None,
            revision: 1,
            operation: "create".into(),
            class: AttemptClass::Permanent,
            error: "no".into(),
            attempts: 3,
            failures: Vec::new(),
            exchange: Some(RequestExchange {
                method: "POST".into(),
                path: "/Users".into(),
                request_body: None,
                status: Some(400),
                response_body: Some("no".into()),
            }),
        })),
    )
}

fn replayed(letter: &DeadLetterId, second: i64) -> ReportedFact {
    let (outcome, who, why) = ("queued".into(), "bob".into(), "fixed".into());
    let replayed = Fact::Replayed { dead_letter: letter.clone(), outcome, who, why };
    fact(&format!("replayed-{letter}"), second, replayed)
}

async fn open(database: &testing::TestDatabase) -> Store {
    Store::open::<ConsoleMigrator>(&database.url).await.unwrap()
}

/// Returns everything that an operator can see.
async fn picture(store: &Store) -> String {
    let timeline = read::read_timeline(store, "E-1", &PAGE).await.unwrap().rows;
    let dead = read::dead_letters(store, &DeadFilter::default(), &PAGE).await.unwrap().rows;
    let name = read::user_name(store, "E-1").await.unwrap();
    format!("{timeline:#?}\n{dead:#?}\n{name:?}")
}

#[tokio::test]
async fn facts_may_come_twice_in_any_order_and_in_any_batches() {
    let letters: Vec<DeadLetterId> = (0..3).map(|_| DeadLetterId::fresh()).collect();
    let mut facts = vec![decided("a", 1, "Anna@X.org"), decided("b", 2, "anna.new@x.org")];
    facts.extend(letters.iter().enumerate().map(|(i, letter)| died(letter, 3 + i as i64)));
    facts.push(replayed(&letters[0], 10));
    for database in testing::test_databases() {
        let store = open(&database).await;
        apply_batch(&store, &facts).await.unwrap();
        let expected = picture(&store).await;
        apply_batch(&store, &facts).await.unwrap();
        assert_eq!(picture(&store).await, expected, "{}: the whole batch again", database.name);
    }
    let expected = {
        let database = testing::sqlite_database();
        let store = open(&database).await;
        apply_batch(&store, &facts).await.unwrap();
        picture(&store).await
    };
    let backwards: Vec<ReportedFact> = facts.iter().rev().cloned().collect();
    for database in testing::test_databases() {
        let store = open(&database).await;
        for told in &backwards {
            apply_batch(&store, &[told.clone(), told.clone()]).await.unwrap();
        }
        assert_eq!(picture(&store).await, expected, "{}: backwards, one by one, twice", database.name);
    }
}

#[tokio::test]
async fn a_close_that_comes_before_its_death_wins_and_is_hidden_until_then() {
    for database in testing::test_databases() {
        let store = open(&database).await;
        let letter = DeadLetterId::fresh();
        apply_batch(&store, &[replayed(&letter, 5)]).await.unwrap();
        assert!(read::dead_letter(&store, letter.as_str()).await.unwrap().is_none(), "nothing is known yet");
        apply_batch(&store, &[died(&letter, 1)]).await.unwrap();
        let row = read::dead_letter(&store, letter.as_str()).await.unwrap().unwrap();
        assert_eq!((row.state.as_str(), row.attempts), ("replayed", 3), "{}", database.name);
        assert_eq!(row.closed.unwrap().by, "bob");
        assert_eq!(row.exchange.unwrap()["path"], "/Users");
        let open = DeadFilter { target: Some("zia".into()), state: Some("open"), ..DeadFilter::default() };
        assert!(read::dead_letters(&store, &open, &PAGE).await.unwrap().rows.is_empty());
    }
}

#[tokio::test]
async fn a_person_is_found_by_key_and_by_any_login_name_in_any_case() {
    for database in testing::test_databases() {
        let store = open(&database).await;
        apply_batch(&store, &[decided("a", 1, "Anna@X.org"), decided("b", 2, "anna.new@x.org")])
            .await
            .unwrap();
        for wanted in ["E-1", "worker/E-1", "ANNA@x.ORG", " anna.new@x.org "] {
            let found = read::find_subject(&store, wanted).await.unwrap();
            assert_eq!(found.as_deref(), Some("E-1"), "{}: {wanted}", database.name);
        }
        assert_eq!(read::find_subject(&store, "e-1").await.unwrap(), None, "keys are exact");
        assert_eq!(read::user_name(&store, "E-1").await.unwrap().as_deref(), Some("anna.new@x.org"));
    }
}

#[tokio::test]
async fn facts_of_one_instant_are_told_in_the_order_of_cause_and_effect() {
    let merged = Fact::Merged {
        event: lifecycle::EventId::of("hr", "1"),
        event_type: "worker.joined".into(),
        source: "hr".into(),
        sender: "hr".into(),
        revision: 1,
        outcome: "changed".into(),
        note: None,
    };
    for database in testing::test_databases() {
        let store = open(&database).await;
        apply_batch(&store, &[decided("a", 1, "a@x.org"), fact("b", 1, merged.clone())]).await.unwrap();
        let mut page = PageRequest { limit: 1, after: None };
        let first = read::read_timeline(&store, "E-1", &page).await.unwrap();
        assert_eq!(first.rows[0].fact["fact"], "merged", "{}", database.name);
        page.after = first.next;
        let second = read::read_timeline(&store, "E-1", &page).await.unwrap();
        assert_eq!(second.rows[0].fact["fact"], "decided");
        assert!(second.next.is_none());
    }
}

#[tokio::test]
async fn pages_cover_a_timeline_without_gaps_or_repeats() {
    for database in testing::test_databases() {
        let store = open(&database).await;
        // Twenty facts share each instant, and there are more rows than one statement takes.
        let facts: Vec<ReportedFact> = (0..ROWS_PER_STATEMENT_MAX + 20)
            .map(|i| decided(&format!("f{i:04}"), i64::try_from(i / 20).unwrap(), "a@x.org"))
            .collect();
        apply_batch(&store, &facts).await.unwrap();
        let mut page = PageRequest { limit: 7, after: None };
        let mut seen = Vec::new();
        loop {
            let rows = read::read_timeline(&store, "E-1", &page).await.unwrap();
            assert!(rows.rows.len() <= 7);
            seen.extend(rows.rows.into_iter().map(|entry| entry.at_micros));
            let Some(next) = rows.next else { break };
            page.after = Some(next);
        }
        assert_eq!(seen.len(), facts.len(), "{}", database.name);
        assert!(seen.is_sorted());
    }
}

#[tokio::test]
async fn old_rows_are_forgotten_and_younger_ones_stay() {
    for database in testing::test_databases() {
        let store = open(&database).await;
        apply_batch(&store, &[decided("old", 0, "a@x.org"), decided("young", 100, "a@x.org")]).await.unwrap();
        let cutoff = START + Duration::seconds(50);
        assert_eq!(retention::delete_page(&store, cutoff).await.unwrap(), 1, "{}", database.name);
        assert_eq!(retention::delete_page(&store, cutoff).await.unwrap(), 0);
        let left = read::read_timeline(&store, "E-1", &PAGE).await.unwrap().rows;
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].fact["fact"], "decided");
        assert_eq!(left[0].trace_id.as_deref(), Some("00000000000000000000000000000007"));
    }
}

#[tokio::test]
async fn the_tables_go_down_and_up_again() {
    use sea_orm_migration::MigratorTrait as _;
    for database in testing::test_databases() {
        let store = open(&database).await;
        ConsoleMigrator::down(store.writer(), None).await.unwrap();
        ConsoleMigrator::up(store.writer(), None).await.unwrap();
        let manager = sea_orm_migration::SchemaManager::new(store.writer());
        for table in ["console_timeline", "console_people", "console_dead_letters", "console_migrations"] {
            assert!(manager.has_table(table).await.unwrap(), "{}: {table}", database.name);
        }
        apply_batch(&store, &[decided("a", 1, "a@x.org")]).await.unwrap();
    }
}

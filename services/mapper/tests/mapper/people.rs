//! Tests of several sources for one person: the matching of records with people, and the precedence of sources.

use lifecycle::{
    AccountState, Actor, DesiredState, Event, EventId, EventKind, ExplainRequest, ExplainedPerson,
    JoinPeopleReply, JoinPeopleRequest, PeopleConfig, RecordStatus, RecordsRequest, ResolveRecordRequest,
    ResourceKind, SourceRecord, verbs,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::{Value, json};
use store::testing::{sqlite_database, test_databases};

use crate::operators::{ask, not_decided};
use crate::world::{EVERYBODY, World, event, joined};

fn people() -> PeopleConfig {
    serde_json::from_value(json!({
        "correlate": [{ "sources": ["hr"] }, { "sources": ["directory"], "match": [{ "employeeId": "key" }, "mail"] }],
        "precedence": { "*": ["hr", "directory"], "userPrincipalName": ["directory", "hr"] },
        "employment": ["hr"],
    }))
    .unwrap()
}

pub async fn world(database: store::testing::TestDatabase) -> World {
    let mut world = World::new(database, EVERYBODY).await;
    world.people = people();
    world
}

/// Returns an event of the directory about its own `key`.
fn directory(kind: EventKind, key: &str, said: i64, attributes: Value) -> Event {
    let mut event = event(kind, key, said, attributes);
    event.source = "directory/scim".to_owned();
    event.id = EventId::of(&event.source, &event.source_event_id);
    event
}

pub fn account_of(key: &str, said: i64, employee: &str, login: &str) -> Event {
    let attributes = json!({ "employeeId": employee, "userPrincipalName": login, "department": "of the directory", "active": true });
    directory(EventKind::WorkerSnapshot, key, said, attributes)
}

/// Returns `userName` and department in the last command.
fn names(world: &World, person: &str) -> Option<(String, String)> {
    match &world.last_resources().get(&("crm".to_owned(), ResourceKind::User, person.to_owned()))?.1 {
        DesiredState::User(account) => {
            let text = |name: &str| account.attributes[name].as_str().unwrap().to_owned();
            Some((text("userName"), text("department")))
        }
        _ => None,
    }
}

fn are(name: &str, department: &str) -> Option<(String, String)> {
    Some((name.to_owned(), department.to_owned()))
}

pub async fn records(world: &World, status: RecordStatus) -> Vec<SourceRecord> {
    let request = RecordsRequest { status, source: None, limit: 100, cursor: None };
    ask::<verbs::RecordsVerb>(world, request).await.unwrap().records
}

pub async fn resolve(world: &World, key: &str, person: &str, same: bool) -> Result<SourceRecord, String> {
    let actor = Actor { who: "alice".to_owned(), why: "I asked her".to_owned() };
    let (source, key, person) = ("directory".to_owned(), key.to_owned(), person.to_owned());
    ask::<verbs::ResolveRecordVerb>(world, ResolveRecordRequest { source, key, person, same, actor }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_finds_its_person_whichever_comes_first_and_each_source_counts_for_its_part() {
    let (hr, ad) = (joined("E-1", 1, "HR"), account_of("u-1", 2, "e-1 ", "ada@corp"));
    for database in test_databases() {
        let name = database.name;
        for order in [[&hr, &ad], [&ad, &hr]] {
            let mut world = world(sqlite_database()).await;
            world.start_mapper().await;
            for event in order {
                world.send(std::slice::from_ref(event)).await;
                world.settle().await;
            }
            assert_eq!(names(&world, "E-1"), are("ada@corp", "HR"), "{name}");
            assert_eq!(world.last_resources().len(), 1, "{name}: a record is nobody by itself");
            let linked = records(&world, RecordStatus::Linked).await;
            assert_eq!(linked[0].person.as_deref(), Some("E-1"), "{name}");
            // If the directory withdraws its value, HR's value applies. The directory has no authority over employment.
            world
                .send(&[directory(EventKind::WorkerChanged, "u-1", 3, json!({ "userPrincipalName": null }))])
                .await;
            world.send(&[directory(EventKind::WorkerDeleted, "u-1", 4, json!({}))]).await;
            world.settle().await;
            assert_eq!(names(&world, "E-1"), are("E-1@example.org", "HR"), "{name}");
            assert_eq!(world.state("E-1"), Some(AccountState::Active), "{name}");
            world.send(&[event(EventKind::WorkerLeft, "E-1", 5, json!({}))]).await;
            world.settle().await;
            assert_eq!(world.state("E-1"), Some(AccountState::Disabled), "{name}");
            world.stop_mappers().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fits_several_people_is_nobodys_until_a_human_says_whose_and_stays_so() {
    for database in test_databases() {
        let mut world = world(database).await;
        world.start_mapper().await;
        let with_mail = |key: &str, said| {
            let attributes = json!({ "userPrincipalName": format!("{key}@example.org"), "department": "HR", "mail": "a@x.org" });
            event(EventKind::WorkerJoined, key, said, attributes)
        };
        let ad = directory(
            EventKind::WorkerSnapshot,
            "u-1",
            3,
            json!({ "mail": "A@x.org", "userPrincipalName": "new@corp" }),
        );
        world.send(&[with_mail("E-1", 1), with_mail("E-2", 2), ad]).await;
        world.settle().await;
        let conflicts = records(&world, RecordStatus::Conflict).await;
        assert_eq!(conflicts[0].candidates, ["E-1", "E-2"]);
        assert_eq!((conflicts[0].by.as_deref(), &conflicts[0].person), (Some("mail"), &None));
        for key in ["E-1", "E-2"] {
            assert_eq!(names(&world, key), are(&format!("{key}@example.org"), "HR"));
        }
        let status: lifecycle::MapperStatus = ask::<verbs::MapperStatusVerb>(&world, ()).await.unwrap();
        assert_eq!(status.record_conflicts, 1);
        assert_eq!(not_decided(&world).await.record_conflicts, 1, "said with the leavers");
        assert!(resolve(&world, "u-1", "E-9", true).await.unwrap_err().contains("no person has the key"));
        assert!(resolve(&world, "u-9", "E-1", true).await.unwrap_err().contains("there is no record"));
        let record = resolve(&world, "u-1", "E-2", true).await.unwrap();
        assert_eq!((record.status, record.person.as_deref()), (RecordStatus::Linked, Some("E-2")));
        world.settle().await;
        assert_eq!(names(&world, "E-2"), are("new@corp", "HR"));
        // The operator's verdict outlives later changes of the values, and a restart.
        world.stop_mappers().await;
        world.start_mapper().await;
        world.send(&[event(EventKind::WorkerChanged, "E-2", 5, json!({ "mail": "b@x.org" }))]).await;
        world.settle().await;
        assert_eq!(records(&world, RecordStatus::Conflict).await, []);
        assert_eq!(names(&world, "E-2"), are("new@corp", "HR"));
        let record = resolve(&world, "u-1", "E-2", false).await.unwrap();
        assert_eq!(
            (record.status, record.person.as_deref()),
            (RecordStatus::Linked, Some("E-1")),
            "the other one is left"
        );
        world.settle().await;
        assert_eq!(
            (names(&world, "E-1"), names(&world, "E-2")),
            (are("new@corp", "HR"), are("E-2@example.org", "HR"))
        );
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_gets_the_value_of_somebody_else_stays_whose_it_is_and_is_a_conflict() {
    for database in test_databases() {
        let mut world = world(database).await;
        world.start_mapper().await;
        world
            .send(&[joined("E-1", 1, "HR"), joined("E-2", 1, "HR"), account_of("u-1", 2, "E-1", "ada@corp")])
            .await;
        world.settle().await;
        world.send(&[account_of("u-1", 3, "E-2", "ada@corp")]).await;
        world.settle().await;
        let conflict = &records(&world, RecordStatus::Conflict).await[0];
        assert_eq!(
            (conflict.person.as_deref(), conflict.candidates.as_slice()),
            (Some("E-1"), &["E-2".to_owned()][..])
        );
        assert_eq!(names(&world, "E-2"), are("E-2@example.org", "HR"), "nobody was taken over");
        assert_eq!(names(&world, "E-1"), are("ada@corp", "HR"));
        // Two records of one source for one person are a conflict as well.
        world.send(&[account_of("u-2", 4, "E-1", "eve@corp")]).await;
        world.settle().await;
        let conflicts = records(&world, RecordStatus::Conflict).await;
        assert_eq!(conflicts.iter().map(|record| record.key.as_str()).collect::<Vec<_>>(), ["u-1", "u-2"]);
        assert_eq!(names(&world, "E-1"), are("ada@corp", "HR"));
        assert!(resolve(&world, "u-2", "E-1", true).await.unwrap_err().contains("has another record"));
        // The first record was really moved. After that, the second is the only one.
        let moved = resolve(&world, "u-1", "E-2", true).await.unwrap();
        assert_eq!(moved.person.as_deref(), Some("E-2"));
        world.settle().await;
        assert_eq!(names(&world, "E-2"), are("ada@corp", "HR"));
        assert_eq!(records(&world, RecordStatus::Conflict).await, []);
        assert_eq!(names(&world, "E-1"), are("eve@corp", "HR"));
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_were_known_before_sources_were_told_apart_are_found_and_nobody_loses_anything() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        world.send(&[joined("E-1", 1, "HR"), joined("E-2", 1, "HR")]).await;
        world.settle().await;
        let before = world.last_resources();
        world.stop_mappers().await;
        world.people = people();
        world.start_mapper().await;
        world.send(&[account_of("u-1", 2, "E-1", "ada@corp")]).await;
        world
            .until("the record has found its person", async |world| {
                names(world, "E-1") == are("ada@corp", "HR")
            })
            .await;
        world.settle().await;
        let key = ("crm".to_owned(), ResourceKind::User, "E-2".to_owned());
        assert_eq!(world.last_resources().get(&key), before.get(&key));
        assert_eq!(world.state("E-1"), Some(AccountState::Active));
        world.stop_mappers().await;
    }
}

async fn join(
    world: &World,
    other: &str,
    person: &str,
    leave_accounts: bool,
) -> Result<JoinPeopleReply, String> {
    let actor = Actor { who: "alice".to_owned(), why: "she came back".to_owned() };
    let (person, other) = (person.to_owned(), other.to_owned());
    ask::<verbs::JoinPeopleVerb>(world, JoinPeopleRequest { person, other, leave_accounts, actor }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_under_a_new_key_keeps_the_account_and_closing_the_old_record_cuts_off_nobody() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        world.send(&[joined("E-1", 1, "HR"), event(EventKind::WorkerLeft, "E-1", 2, json!({}))]).await;
        world.settle().await;
        // The join is requested before anything is known under the new key.
        let reply = join(&world, "E-9", "E-1", false).await.unwrap();
        assert_eq!((reply.person.as_str(), reply.left_at.len()), ("E-1", 0));
        world.send(&[joined("E-9", 3, "Sales")]).await;
        world.settle().await;
        assert_eq!(names(&world, "E-1"), are("E-9@example.org", "Sales"));
        assert_eq!(world.state("E-1"), Some(AccountState::Active));
        assert_eq!(world.last_resources().len(), 1, "no second account");
        world.send(&[event(EventKind::WorkerDeleted, "E-1", 4, json!({}))]).await;
        world.settle().await;
        assert_eq!(world.state("E-1"), Some(AccountState::Active));
        world.stop_mappers().await;
        world.start_mapper().await;
        world.send(&[event(EventKind::WorkerLeft, "E-9", 5, json!({}))]).await;
        world.settle().await;
        assert_eq!(world.state("E-1"), Some(AccountState::Disabled));
        assert!(join(&world, "E-9", "E-1", false).await.unwrap_err().contains("already a key of `E-1`"));
        assert!(join(&world, "E-1", "E-9", false).await.unwrap_err().contains("already a key of `E-1`"));
        let asked = ExplainRequest { subject: "E-9".to_owned(), target: "crm".to_owned() };
        let explained: ExplainedPerson = ask::<verbs::ExplainVerb>(&world, asked).await.unwrap();
        assert_eq!((explained.subject.as_str(), explained.employment.as_str()), ("E-1", "left"));
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_both_have_accounts_nothing_happens_before_a_human_said_so_and_neither_is_taken_away() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        world.send(&[joined("E-1", 1, "HR"), joined("E-9", 2, "Sales")]).await;
        world.settle().await;
        let refused = join(&world, "E-9", "E-1", false).await.unwrap_err();
        assert!(refused.contains("has accounts at crm") && refused.contains("--leave-accounts"), "{refused}");
        assert!(join(&world, "E-9", "E-8", false).await.unwrap_err().contains("no person has the key"));
        let reply = join(&world, "E-9", "E-1", true).await.unwrap();
        assert_eq!(reply.left_at, ["crm"]);
        world.send(&[event(EventKind::WorkerDeleted, "E-9", 3, json!({}))]).await;
        world.settle().await;
        for key in ["E-1", "E-9"] {
            assert_eq!(world.state(key), Some(AccountState::Active), "{key}");
        }
        assert_eq!(names(&world, "E-1"), are("E-1@example.org", "HR"), "who is here says more");
        let key = ("crm".to_owned(), ResourceKind::User, "E-9".to_owned());
        let (_, desired) = world.last_resources().remove(&key).unwrap();
        let DesiredState::User(account) = desired else { panic!("an account") };
        assert!(account.is_given_up(), "nothing waits under a key that is another person's: {account:?}");
        // A person who leaves under every key needs neither account, and each account is an obligation.
        world.send(&[event(EventKind::WorkerLeft, "E-1", 4, json!({}))]).await;
        world.settle().await;
        for key in ["E-1", "E-9"] {
            assert_eq!(world.state(key), Some(AccountState::Disabled), "{key}");
            let owed = format!("SELECT count(*) AS n FROM mapper_obligations WHERE subject = '{key}'");
            assert_eq!(world.count(&owed).await, 1, "{key}");
        }
        world.send(&[event(EventKind::WorkerRehired, "E-1", 5, json!({}))]).await;
        world.settle().await;
        assert_eq!(world.state("E-1"), Some(AccountState::Active));
        assert_eq!(world.state("E-9"), Some(AccountState::Disabled), "one account is enough");
        world.stop_mappers().await;
    }
}

/// Person, `true` for the directory as the source, kind, attribute value.
type Said = (u8, bool, usize, u8);

fn histories() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec((0..6_u8, any::<bool>(), 0..5_usize, 0..4_u8), 60).prop_map(|said: Vec<Said>| {
        let one = |(number, (person, of_directory, kind, value)): (usize, Said)| {
            let said = i64::try_from(number).unwrap() + 10;
            let kinds = [
                EventKind::WorkerJoined,
                EventKind::WorkerChanged,
                EventKind::WorkerSnapshot,
                EventKind::WorkerLeft,
                EventKind::WorkerRehired,
            ];
            let (key, login) = (format!("E-{person}"), format!("p{person}-{value}@corp"));
            if of_directory {
                let attributes = json!({ "employeeId": key, "userPrincipalName": login, "department": format!("d{value}") });
                directory(kinds[kind], &format!("u-{person}"), said, attributes)
            } else {
                let department = if value == 0 { Value::Null } else { json!(format!("h{value}")) };
                event(kinds[kind], &key, said, json!({ "userPrincipalName": format!("{key}@x.org"), "department": department }))
            }
        };
        said.into_iter().enumerate().map(one).collect()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sources_in_any_order_and_three_mappers_end_in_the_same_state() {
    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(7), ..Config::default() });
    for database in test_databases() {
        let name = database.name;
        let history = histories().new_tree(&mut runner).unwrap().current();
        let mut alone = world(sqlite_database()).await;
        alone.start_mapper().await;
        alone.send(&history).await;
        alone.settle().await;

        let mut together = world(database).await;
        for _ in 0..3 {
            together.start_mapper().await;
        }
        let shuffled = Just(history.clone()).prop_shuffle().new_tree(&mut runner).unwrap().current();
        for event in &shuffled {
            together.send(std::slice::from_ref(event)).await;
        }
        together.send_raw(shuffled.iter().map(|event| World::duplicate(event, 1)).collect()).await;
        together.settle().await;
        assert_eq!(alone.access(), together.access(), "{name}");
        for status in RecordStatus::ALL {
            let of = |records: Vec<SourceRecord>| {
                records.into_iter().map(|record| (record.key, record.person)).collect::<Vec<_>>()
            };
            assert_eq!(of(records(&alone, status).await), of(records(&together, status).await), "{name}");
        }
        alone.stop_mappers().await;
        together.stop_mappers().await;
    }
}

//! Tests of a message of a full feed that cannot be read. It is set aside like any other, and its run ends no employment until it is
//! repaired, the file is sent again, or an operator rejects the run.

use lifecycle::{
    AccountState, Actor, DecideFeedRequest, Event, EventId, FeedRun, FeedRunState, FeedRunStatus,
    RetryOutcome, verbs,
};
use serde_json::json;
use store::testing::test_databases;

use crate::feed_departures::show;
use crate::operators::ask;
use crate::quarantine::{listed, retry};
use crate::repeated::{becomes, end, here, named, run_of, running, until_it_answers};
use crate::world::World;

const PEOPLE: [&str; 3] = ["E-1", "E-2", "E-3"];

fn rows(run: &FeedRun, said: i64) -> Vec<Event> {
    PEOPLE.iter().map(|person| here(person, run, said)).collect()
}

/// Returns the names of two rows, with half of the content lost.
fn corrupted(rows: &[Event]) -> Event {
    let mut names = named(&rows[..2]);
    names.attributes.insert("rows".to_owned(), json!(["E-1"]));
    names
}

/// Sends the event without adding it to the count of messages to merge.
async fn unreadable(world: &World, event: &Event) {
    world.send_raw(vec![bus::OutgoingMessage::event(event, lifecycle::TraceContext::root())]).await;
}

async fn first_run(world: &mut World) {
    let one = run_of("hr", "one", 10);
    world.send(&rows(&one, 10)).await;
    world.send(&[end(&one, 10, &PEOPLE)]).await;
    becomes(world, &one, FeedRunState::Accepted).await;
}

/// Asserts that the run is held with one message in the quarantine, and that everybody is still employed.
async fn is_held(world: &mut World, run: &FeedRun, kind: &str) -> String {
    let held = becomes(world, run, FeedRunState::Held).await;
    assert_eq!((held.unread, held.left), (1, 0), "{held:?}");
    assert!(held.reasons[0].contains("usher quarantine ls"), "{held:?}");
    let accepted = decide(world, run, true).await;
    assert!(accepted.unwrap_err().contains("usher quarantine ls"));
    let item = listed(world).await.items.remove(0);
    assert_eq!((item.kind.as_str(), item.subject.as_str(), item.reason.as_str()), (kind, "hr", "unreadable"));
    all_here(world).await;
    item.id
}

async fn decide(world: &World, run: &FeedRun, accept: bool) -> Result<FeedRunStatus, String> {
    let actor = Actor { who: "ann".into(), why: "its names are lost".into() };
    let people = Some(show(world, run).await.people_leaving());
    let request = DecideFeedRequest { run: run.run.clone(), accept, people, actor };
    ask::<verbs::DecideFeedVerb>(world, request).await.map_err(|error| error.to_string())
}

async fn all_here(world: &mut World) {
    world.settle().await;
    assert!(PEOPLE.iter().all(|person| world.state(person) == Some(AccountState::Active)));
}

/// Repairs the message as an operator would.
async fn repair(world: &World, database: &str, event: &Event) {
    let payload: String = bus::encode_event(event).bytes().map(|byte| format!("{byte:02x}")).collect();
    let bytes = match database {
        "sqlite" => format!("x'{payload}'"),
        _ => format!("decode('{payload}', 'hex')"),
    };
    world.execute(&format!("UPDATE mapper_quarantine SET payload = {bytes}")).await;
}

#[tokio::test]
async fn a_run_with_an_unread_part_ends_nobody_until_it_is_repaired() {
    for database in test_databases() {
        let name = database.name;
        let mut world = running(database).await;
        first_run(&mut world).await;
        let two = run_of("hr", "two", 20);
        let rows = rows(&two, 20);
        unreadable(&world, &corrupted(&rows)).await;
        world.send(&[rows[2].clone(), end(&two, 20, &PEOPLE)]).await;
        let item = is_held(&mut world, &two, "feed.rows").await;
        assert_eq!(retry(&world, &item).await, RetryOutcome::Refused);
        world.stop_mappers().await;
        world.start_mapper().await;
        until_it_answers(&mut world).await;
        is_held(&mut world, &two, "feed.rows").await;

        repair(&world, name, &named(&rows[..2])).await;
        assert_eq!(retry(&world, &item).await, RetryOutcome::Done);
        let run = becomes(&mut world, &two, FeedRunState::Accepted).await;
        assert_eq!((run.unread, run.unchanged, run.left), (0, 2, 0), "{run:?}");
        assert_eq!(listed(&world).await.total, 0);
        all_here(&mut world).await;
        world.stop_mappers().await;
    }
}

#[tokio::test]
async fn a_run_with_an_unread_part_is_given_up_by_a_human_with_the_reason() {
    for database in test_databases() {
        let mut world = running(database).await;
        first_run(&mut world).await;
        let two = run_of("hr", "two", 20);
        let rows = rows(&two, 20);
        unreadable(&world, &corrupted(&rows)).await;
        world.send(&[rows[2].clone(), end(&two, 20, &PEOPLE)]).await;
        is_held(&mut world, &two, "feed.rows").await;
        let run = decide(&world, &two, false).await.unwrap();
        assert_eq!((run.state, run.who.as_deref()), (FeedRunState::Rejected, Some("ann")));
        world.until("nothing of it is set aside", async |w| listed(w).await.total == 0).await;
        all_here(&mut world).await;
        world.stop_mappers().await;
    }
}

#[tokio::test]
async fn a_run_with_an_unread_part_is_decided_when_its_file_is_sent_again() {
    for database in test_databases() {
        let mut world = running(database).await;
        first_run(&mut world).await;
        let two = run_of("hr", "two", 20);
        let first = rows(&two, 20);
        unreadable(&world, &corrupted(&first)).await;
        world.send(&[first[2].clone(), end(&two, 20, &PEOPLE)]).await;
        is_held(&mut world, &two, "feed.rows").await;
        let again = run_of("hr", "two", 30);
        let mut second = rows(&again, 30);
        second.push(end(&again, 30, &PEOPLE));
        second.iter_mut().for_each(|event| event.id = EventId::of("again", &event.source_event_id));
        world.send(&second).await;
        becomes(&mut world, &two, FeedRunState::Accepted).await;
        world.until("nothing of it is set aside", async |w| listed(w).await.total == 0).await;
        all_here(&mut world).await;
        world.stop_mappers().await;
    }
}

#[tokio::test]
async fn an_end_that_cannot_be_read_is_set_aside_and_its_run_stays_open() {
    for database in test_databases() {
        let name = database.name;
        let mut world = running(database).await;
        first_run(&mut world).await;
        let two = run_of("hr", "two", 20);
        let whole = end(&two, 20, &PEOPLE);
        let mut broken = whole.clone();
        broken.attributes.remove("people");
        world.send(&rows(&two, 20)).await;
        unreadable(&world, &broken).await;
        world.until("it is listed", async |w| listed(w).await.total == 1).await;
        let run = becomes(&mut world, &two, FeedRunState::Open).await;
        assert_eq!((run.unread, run.left), (1, 0), "{run:?}");
        repair(&world, name, &whole).await;
        let item = listed(&world).await.items.remove(0);
        assert_eq!(retry(&world, &item.id).await, RetryOutcome::Done);
        becomes(&mut world, &two, FeedRunState::Accepted).await;
        all_here(&mut world).await;
        world.stop_mappers().await;
    }
}

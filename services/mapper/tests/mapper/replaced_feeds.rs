//! Tests of full feeds that are not heard of any more, and of those that take their place.

use lifecycle::{AccountState, Event, FeedRun, FeedRunState, MapperStatus, SilentFeed, verbs};
use serde_json::json;
use store::testing::{sqlite_database, test_databases};

use crate::feed_departures::{ALL, are_active, become_state, decide, file, show};
use crate::operators::ask;
use crate::repeated::{becomes, run_of, running};
use crate::world::World;

/// A file of a feed that replaces the feed `people`.
fn replacing(run: &FeedRun, said: i64, active: &[&str]) -> Vec<Event> {
    let mut events = file(run, said, active, &[]);
    let end = events.last_mut().unwrap();
    end.attributes.insert("replaces".to_owned(), json!(["people"]));
    events
}

/// The feeds that are not heard of any more, with the people whom no other one lists.
async fn silent(world: &World) -> Vec<(String, u64)> {
    let status: MapperStatus = ask::<verbs::MapperStatusVerb>(world, ()).await.unwrap();
    status.silent_feeds.into_iter().map(|SilentFeed { feed, people, .. }| (feed, people)).collect()
}

async fn contradictions(world: &World) -> u64 {
    ask::<verbs::MapperStatusVerb>(world, ()).await.unwrap().findings.contradictions
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_got_another_name_is_in_status_until_the_other_one_replaces_it() {
    for database in test_databases() {
        let mut world = running(database).await;
        let old = run_of("people", "one", 10);
        world.send(&file(&old, 10, &ALL, &[])).await;
        becomes(&mut world, &old, FeedRunState::Accepted).await;
        assert_eq!(silent(&world).await, []);
        let one = run_of("staff", "one", 20);
        world.send(&file(&one, 20, &ALL[..4], &[])).await;
        becomes(&mut world, &one, FeedRunState::Accepted).await;
        world.settle().await;
        are_active(&world, &ALL);
        assert_eq!(silent(&world).await, [("people".to_owned(), 1)], "E-5 is listed by no other feed");
        let two = run_of("staff", "two", 30);
        world.send(&replacing(&two, 30, &ALL[..4])).await;
        becomes(&mut world, &two, FeedRunState::Accepted).await;
        become_state(&mut world, &ALL[4..], AccountState::Disabled).await;
        are_active(&world, &ALL[..4]);
        world.until("nothing is silent", async |w| silent(w).await.is_empty()).await;
        assert_eq!((show(&world, &two).await.left, show(&world, &two).await.missing), (1, 0));
        assert_eq!(contradictions(&world).await, 0, "those who stay are not listed elsewhere");
        // The list of before keeps no one: who is not in the next file has left.
        let three = run_of("staff", "three", 40);
        world.send(&replacing(&three, 40, &["E-1", "E-2", "E-3", "E-6"])).await;
        becomes(&mut world, &three, FeedRunState::Accepted).await;
        become_state(&mut world, &ALL[3..4], AccountState::Disabled).await;
        are_active(&world, &ALL[..3]);
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_got_another_name_twice_does_not_hide_whom_its_former_names_list() {
    for database in test_databases() {
        let mut world = running(database).await;
        for (name, said, people) in
            [("people", 10, &ALL[..]), ("staff", 20, &ALL[..]), ("workers", 30, &ALL[..3])]
        {
            let run = run_of(name, "one", said);
            world.send(&file(&run, said, people, &[])).await;
            becomes(&mut world, &run, FeedRunState::Accepted).await;
        }
        world.settle().await;
        are_active(&world, &ALL);
        let expected = [("people".to_owned(), 2), ("staff".to_owned(), 2)];
        assert_eq!(silent(&world).await, expected, "E-4 and E-5 are listed by feeds that are gone");
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_replaces_another_one_loses_its_people_only_within_the_guard() {
    for database in test_databases() {
        let mut world = running(database).await;
        let old = run_of("people", "one", 10);
        world.send(&file(&old, 10, &ALL, &[])).await;
        becomes(&mut world, &old, FeedRunState::Accepted).await;
        let one = run_of("staff", "one", 20);
        world.send(&replacing(&one, 20, &["E-1", "E-7"])).await;
        let held = becomes(&mut world, &one, FeedRunState::Held).await;
        assert_eq!(held.missing, 4, "{held:?}");
        assert_eq!(show(&world, &one).await.missing_keys, ALL[1..]);
        world.settle().await;
        are_active(&world, &ALL);
        decide(&world, &one, true).await;
        become_state(&mut world, &ALL[1..], AccountState::Disabled).await;
        are_active(&world, &["E-1", "E-7"]);
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_whose_files_do_not_come_any_more_is_in_status_after_three_of_its_intervals() {
    let mut world = running(sqlite_database()).await;
    let day = 86_400_i64 * 1_000_000;
    for (name, said) in [("one", 10), ("two", 20)] {
        let run = run_of("people", name, said);
        world.send(&file(&run, said, &ALL, &[])).await;
        becomes(&mut world, &run, FeedRunState::Accepted).await;
    }
    let begin = async |world: &World, name: &str, days: i64| {
        let run = run_of("people", name, 0).run;
        let at = lifecycle::unix_micros(time::OffsetDateTime::now_utc()) - days * day;
        world.execute(&format!("UPDATE mapper_feeds SET run_at = {at} WHERE run = '{run}'")).await;
    };
    // Days since the last two runs began, and whether the feed is silent.
    for (before, last, is_silent) in
        [(2, 1, false), (5, 3, false), (5, 4, true), (14, 7, false), (14, 11, true)]
    {
        begin(&world, "one", before).await;
        begin(&world, "two", last).await;
        let found = silent(&world).await;
        assert_eq!(found.len(), usize::from(is_silent), "{before} {last}: {found:?}");
    }
    world.stop_mappers().await;
}

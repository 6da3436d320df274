//! Tests of orders of operators after the mapper's database was restored or lost: JOURNAL has them, EVENTS does not.

use feeds::{FeedGuard, FileCompletion};
use lifecycle::{
    AccessOrderKind, AccessOrdersReply, AccessOrdersRequest, AccountState, Actor, CancelScheduleRequest,
    DecideFeedRequest, Event, EventKind, Fact, FactRecord, FeedRunState, FeedRunStatus, JoinPeopleReply,
    JoinPeopleRequest, MapperStatus, OrderAccessRequest, ScheduleReply, ScheduleRequest, VerifyRequest,
    verbs,
};
use serde_json::json;
use store::testing::{sqlite_database, test_databases};

use crate::feed_departures::show;
use crate::operators::ask;
use crate::repeated::{becomes, end, here, run_of, running, until_it_answers};
use crate::world::{EVERYBODY, World, event, joined};

fn actor() -> Actor {
    Actor { who: "alice".to_owned(), why: "ticket 7".to_owned() }
}

/// Starts a mapper, and waits until it answers operators.
async fn start(world: &mut World) {
    world.start_mapper().await;
    until_it_answers(world).await;
}

async fn order(world: &World, person: &str, kind: AccessOrderKind, lift: bool) {
    let request =
        OrderAccessRequest { person: person.to_owned(), order: kind, lift, until: None, actor: actor() };
    ask::<verbs::OrderAccessVerb>(world, request).await.unwrap();
}

async fn join(world: &World, person: &str, other: &str) -> Result<JoinPeopleReply, String> {
    let (person, other) = (person.to_owned(), other.to_owned());
    let request = JoinPeopleRequest { person, other, leave_accounts: true, actor: actor() };
    ask::<verbs::JoinPeopleVerb>(world, request).await
}

/// Returns the orders as `(person, kind)`.
async fn orders(world: &World) -> Vec<(String, AccessOrderKind)> {
    let request = AccessOrdersRequest { order: None, cursor: None, limit: 100 };
    let reply: AccessOrdersReply = ask::<verbs::AccessOrdersVerb>(world, request).await.unwrap();
    reply.orders.into_iter().map(|one| (one.person, one.order)).collect()
}

/// Waits until JOURNAL holds the orders, which are published after the answer.
async fn until_told(world: &mut World, count: usize) {
    world
        .until("JOURNAL holds the orders", async move |world| {
            let names = ["access_ordered", "joined", "schedule_cancelled"];
            let reading = world.bus.journal_facts("mapper", &names, 0, |_| true).await.unwrap();
            reading.facts.len() >= count
        })
        .await;
}

async fn missing(world: &World) -> Vec<String> {
    let status: MapperStatus = ask::<verbs::MapperStatusVerb>(world, ()).await.unwrap();
    status
        .notices
        .into_iter()
        .filter(|notice| notice.contains("orders of operators may be missing"))
        .collect()
}

/// A world with three people, whose database was backed up before operators gave orders about each.
async fn world_with_orders(database: store::testing::TestDatabase) -> World {
    let mut world = World::running(database, EVERYBODY).await;
    world.send(&[joined("E-1", 1, "HR"), joined("E-2", 1, "HR"), joined("E-3", 1, "HR")]).await;
    world.send(&[joined("K-30", 1, "HR")]).await;
    world.settle().await;
    world.stop_mappers().await;
    world.back_up().await;
    start(&mut world).await;
    order(&world, "E-1", AccessOrderKind::Off, false).await;
    order(&world, "E-2", AccessOrderKind::Keep, false).await;
    order(&world, "E-3", AccessOrderKind::Off, false).await;
    order(&world, "E-3", AccessOrderKind::Off, true).await;
    join(&world, "E-3", "K-30").await.unwrap();
    world.settle().await;
    until_told(&mut world, 6).await;
    world.stop_mappers().await;
    world
}

/// Waits until this number of events is merged. A person who is off by an order has no desired state in a new database.
async fn until_merged(world: &mut World, count: i64) {
    world
        .until("every event is merged", async move |world| {
            let lag = world.bus.lag(bus::StreamName::Events, "mapper").await.unwrap_or(1);
            lag == 0 && world.count("SELECT count(*) AS n FROM mapper_inbox").await >= count
        })
        .await;
}

/// Checks that the orders are in force, and that E-1 was not given access in between.
async fn orders_are_in_force(world: &mut World, commands_before: usize) {
    let expected = [("E-1".to_owned(), AccessOrderKind::Off), ("E-2".to_owned(), AccessOrderKind::Keep)];
    assert_eq!(orders(world).await, expected);
    assert!(join(world, "E-3", "K-30").await.unwrap_err().contains("already a key of `E-3`"));
    assert_eq!(missing(world).await, Vec::<String>::new());
    world.send(&[event(EventKind::WorkerChanged, "E-1", 50, json!({ "department": "Sales" }))]).await;
    until_merged(world, 5).await;
    let given = world.commands[commands_before..].iter().filter(|command| command.subject == "E-1");
    let given = given.filter(|command| match &command.desired {
        lifecycle::DesiredState::User(account) => account.state == AccountState::Active,
        _ => false,
    });
    assert_eq!(given.count(), 0, "E-1 is off by an order");
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_given_since_the_backup_are_given_again_when_an_older_database_starts() {
    for database in test_databases() {
        let mut world = world_with_orders(database).await;
        world.restore().await;
        let before = world.commands.len();
        start(&mut world).await;
        orders_are_in_force(&mut world, before).await;
        // The next start finds nothing to give again.
        world.stop_mappers().await;
        start(&mut world).await;
        orders_are_in_force(&mut world, before).await;
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_are_given_again_when_the_database_was_lost() {
    for database in test_databases() {
        let mut world = world_with_orders(database).await;
        world.lose().await;
        let before = world.commands.len();
        start(&mut world).await;
        until_merged(&mut world, 4).await;
        orders_are_in_force(&mut world, before).await;
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_lifted_since_the_backup_is_not_in_force() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    world.send(&[joined("E-1", 1, "HR")]).await;
    world.settle().await;
    order(&world, "E-1", AccessOrderKind::Off, false).await;
    world.settle().await;
    until_told(&mut world, 1).await;
    world.stop_mappers().await;
    world.back_up().await;
    start(&mut world).await;
    order(&world, "E-1", AccessOrderKind::Off, true).await;
    world.settle().await;
    until_told(&mut world, 2).await;
    world.stop_mappers().await;
    world.restore().await;
    start(&mut world).await;
    assert_eq!(orders(&world).await, []);
    world.until("the account is on", async |world| world.state("E-1") == Some(AccountState::Active)).await;
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_departure_that_was_cancelled_since_the_backup_stays_cancelled() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    let mut leaves = event(EventKind::WorkerLeft, "E-1", 2, json!({}));
    leaves.effective_at = time::OffsetDateTime::now_utc() + time::Duration::days(30);
    leaves.dated = Some(lifecycle::StatementDating::Explicit);
    world.send(&[joined("E-1", 1, "HR"), leaves]).await;
    world.settle().await;
    world.stop_mappers().await;
    world.back_up().await;
    start(&mut world).await;
    let scheduled = async |world: &World| {
        let request =
            ScheduleRequest { person: Some("E-1".to_owned()), limit: 10, ..ScheduleRequest::default() };
        let reply: ScheduleReply = ask::<verbs::ScheduleVerb>(world, request).await.unwrap();
        reply.changes
    };
    let planned = scheduled(&world).await;
    assert_eq!(planned.len(), 1, "{planned:?}");
    let request = CancelScheduleRequest { what: vec!["E-1".to_owned()], actor: actor() };
    ask::<verbs::CancelScheduleVerb>(&world, request).await.unwrap();
    world.settle().await;
    until_told(&mut world, 1).await;
    world.stop_mappers().await;
    for is_lost in [false, true] {
        if is_lost {
            world.lose().await
        } else {
            world.restore().await
        }
        start(&mut world).await;
        world.settle().await;
        assert_eq!(scheduled(&world).await, [], "lost: {is_lost}");
        world.stop_mappers().await;
    }
}

/// `EVERYBODY`, where the accounts of leavers are deleted.
fn deletes_leavers() -> String {
    EVERYBODY.replace("groups:", "  leaver: { action: disable, deleteAfterDays: 0 }\ngroups:")
}

#[tokio::test(flavor = "multi_thread")]
async fn while_orders_are_missing_nothing_is_deleted_and_access_needs_approval_until_an_operator_confirms() {
    for database in test_databases() {
        let mut world = World::running(database, &deletes_leavers()).await;
        world.send(&[joined("E-1", 1, "HR"), joined("E-2", 1, "HR")]).await;
        world.settle().await;
        world.stop_mappers().await;
        world.back_up().await;
        start(&mut world).await;
        order(&world, "E-2", AccessOrderKind::Keep, false).await;
        world.settle().await;
        world.stop_mappers().await;
        world.restore().await;
        // JOURNAL is another one than the database knew.
        world.execute("UPDATE mapper_settings SET value = '{\"madeAt\":1,\"sequence\":1}' WHERE name = 'journal_position'").await;
        start(&mut world).await;
        assert_eq!(missing(&world).await.len(), 1);
        world.send(&[event(EventKind::WorkerLeft, "E-1", 5, json!({})), joined("E-9", 5, "HR")]).await;
        world.settle().await;
        assert_eq!(world.state("E-1"), Some(AccountState::Disabled), "it may be under an order to keep");
        let newcomer = |world: &World| {
            let of_it = world.commands.iter().rfind(|command| command.subject == "E-9");
            of_it.map(|command| command.needs_approval)
        };
        assert_eq!(newcomer(&world), Some(true));
        // A restart does not forget it.
        world.stop_mappers().await;
        start(&mut world).await;
        assert_eq!(missing(&world).await.len(), 1);
        let request = VerifyRequest { target: None, orders_complete: true, actor: actor() };
        ask::<verbs::VerifyVerb>(&world, request).await.unwrap();
        assert_eq!(missing(&world).await, Vec::<String>::new());
        world
            .until("the leaver's account is deleted", async |world| {
                world.state("E-1") == Some(AccountState::Deleted)
            })
            .await;
        world.send(&[event(EventKind::WorkerChanged, "E-9", 6, json!({ "department": "Sales" }))]).await;
        world.settle().await;
        assert_eq!(newcomer(&world), Some(false));
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_a_feed_that_an_operator_accepted_since_the_backup_is_accepted_again() {
    let people = ["E-1", "E-2", "E-3"];
    let mut world = running(sqlite_database()).await;
    let (one, two) = (run_of("hr", "one", 10), run_of("hr", "two", 20));
    let rows = people.iter().map(|person| here(person, &one, 10));
    world.send(&rows.chain([end(&one, 10, &people)]).collect::<Vec<_>>()).await;
    becomes(&mut world, &one, FeedRunState::Accepted).await;
    world.settle().await;
    world.stop_mappers().await;
    world.back_up().await;
    start(&mut world).await;
    let mut last = end(&two, 20, &people[..1]);
    let mut completion = FileCompletion::from_attributes(&last.attributes).unwrap();
    completion.guard = FeedGuard { shrink_percent_max: 10, ..FeedGuard::default() };
    last.attributes = completion.to_attributes();
    world.send(&[here("E-1", &two, 20), last]).await;
    becomes(&mut world, &two, FeedRunState::Held).await;
    let people = Some(show(&world, &two).await.people_leaving());
    let request = DecideFeedRequest { run: two.run.clone(), accept: true, people, actor: actor() };
    let _: FeedRunStatus = ask::<verbs::DecideFeedVerb>(&world, request).await.unwrap();
    world
        .until("JOURNAL holds the decision", async |world| {
            let is_ours =
                |record: &FactRecord| matches!(&record.fact, Fact::FeedDecided { who, .. } if who == "alice");
            let reading = world.bus.journal_facts("mapper", &["feed_decided"], 0, is_ours).await.unwrap();
            !reading.facts.is_empty()
        })
        .await;
    world.stop_mappers().await;
    world.restore().await;
    start(&mut world).await;
    let run = becomes(&mut world, &two, FeedRunState::Accepted).await;
    assert_eq!(run.who.as_deref(), Some("alice"), "{run:?}");
    let off =
        "SELECT count(*) AS n FROM mapper_desired WHERE subject IN ('E-2', 'E-3') AND state = 'disabled'";
    world.until("the missing people are off", async |world| world.count(off).await == 2).await;
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_accepted_is_in_force_again_although_rows_of_a_rejected_one_hide_it() {
    let people = ["E-1", "E-2", "E-3", "E-4", "E-5"];
    let mut world = running(sqlite_database()).await;
    world.settle().await;
    world.stop_mappers().await;
    world.back_up().await;
    start(&mut world).await;
    let file = |name: &str, said: i64, people: &[&str]| {
        let run = run_of("hr", name, said);
        let rows: Vec<Event> = people.iter().map(|person| here(person, &run, said)).collect();
        let mut last = end(&run, said, people);
        let mut completion = FileCompletion::from_attributes(&last.attributes).unwrap();
        completion.guard = FeedGuard { shrink_percent_max: 40, ..FeedGuard::default() };
        last.attributes = completion.to_attributes();
        (run, rows.into_iter().chain([last]).collect::<Vec<Event>>())
    };
    let files = [("one", 10, &people[..]), ("two", 20, &people[..4]), ("three", 30, &people[..1])];
    let [(one, first), (two, second), (three, third)] =
        files.map(|(name, said, people)| file(name, said, people));
    world.send(&first).await;
    becomes(&mut world, &one, FeedRunState::Accepted).await;
    world.send(&second).await;
    becomes(&mut world, &two, FeedRunState::Accepted).await;
    let off = "SELECT count(*) AS n FROM mapper_desired WHERE state = 'disabled'";
    world.until("who is missing is off", async |world| world.count(off).await == 1).await;
    world.send(&third).await;
    becomes(&mut world, &three, FeedRunState::Held).await;
    let request = DecideFeedRequest { run: three.run.clone(), accept: false, people: None, actor: actor() };
    let _: FeedRunStatus = ask::<verbs::DecideFeedVerb>(&world, request).await.unwrap();
    world
        .until("JOURNAL holds the decisions", async |world| {
            let reading = world.bus.journal_facts("mapper", &["feed_decided"], 0, |_| true).await.unwrap();
            reading.facts.len() == 3
        })
        .await;
    world.stop_mappers().await;
    // The database knows nothing of all that, and reads the three files again before it judges one.
    world.restore().await;
    start(&mut world).await;
    becomes(&mut world, &two, FeedRunState::Accepted).await;
    becomes(&mut world, &three, FeedRunState::Rejected).await;
    let left = "SELECT count(*) AS n FROM mapper_desired WHERE subject = 'E-5' AND state = 'disabled'";
    world.until("who left is off again", async |world| world.count(left).await == 1).await;
    let on = "SELECT count(*) AS n FROM mapper_desired WHERE state = 'active'";
    assert_eq!(world.count(on).await, 4, "the rejected file ends no employment");
    world.stop_mappers().await;
}

//! Tests of stored state that a newer version wrote, or that is damaged: it is listed, nothing is decided by it in silence, and
//! nothing else waits for it.

use lifecycle::{
    AccountState, Actor, DecideFeedRequest, Event, EventId, EventKind, ExplainRequest, FeedRunState,
    JoinPeopleReply, JoinPeopleRequest, MapperStatus, PlanState, PlanStatus, RecordStatus, RetryOutcome,
    verbs,
};
use serde_json::json;
use store::testing::{sqlite_database, test_databases};

use crate::operators::{ask, narrowed, plan};
use crate::people;
use crate::quarantine::{listed, retry};
use crate::repeated::{becomes, end, here, known, named, run_of, running, until_it_answers};
use crate::world::{EVERYBODY, World, event, group, joined, members};

fn left(person: &str, said: i64) -> Event {
    event(EventKind::WorkerLeft, person, said, json!({}))
}

fn actor() -> Actor {
    Actor { who: "ann".into(), why: "it is time".into() }
}

async fn status(world: &World) -> MapperStatus {
    ask::<verbs::MapperStatusVerb>(world, ()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_of_a_newer_version_is_counted_by_every_plan_and_listed_once_until_this_version_can_read_it()
{
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        world.send(&[joined("E-1", 1, "Sales"), joined("E-2", 1, "Sales")]).await;
        world.settle().await;
        world.execute("UPDATE mapper_identities SET state = 'x' || state WHERE key = 'E-1'").await;
        for _ in 0..2 {
            let (_, planned) = plan(&mut world, &narrowed(), None).await;
            assert_eq!((planned.unreadable, planned.users.evaluated), (1, 1), "{planned:?}");
            let quarantine = listed(&world).await;
            assert_eq!(quarantine.total, 1, "{quarantine:?}");
            let item = &quarantine.items[0];
            assert_eq!((item.id.as_str(), item.reason.as_str()), ("mapper:person/E-1", "state_unreadable"));
        }
        world.stop_mappers().await;
        world.execute("UPDATE mapper_identities SET state = substr(state, 2) WHERE key = 'E-1'").await;
        world.start_mapper().await;
        until_it_answers(&mut world).await;
        world.until("it is read at the start", async |w| listed(w).await.total == 0).await;
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_membership_of_a_newer_version_is_listed_and_holds_up_no_other() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        let joiners = [joined("E-1", 1, "Sales"), joined("E-2", 1, "Sales"), group("G-1", 1, "SEC-x")];
        world.send(&joiners).await;
        world.send(&[members(EventKind::GroupMemberAdded, "G-1", 2, &["E-1", "E-2"])]).await;
        world.settle().await;
        world.execute("UPDATE mapper_edges SET state = 'x' || state WHERE member_key = 'E-1'").await;
        let removal = |said: i64, one: &str| members(EventKind::GroupMemberRemoved, "G-1", said, &[one]);
        let removals = [removal(3, "E-1"), removal(4, "E-2")];
        let messages = removals.iter().enumerate().map(|(n, event)| World::duplicate(event, n));
        world.send_raw(messages.collect()).await;
        let is_out = |world: &World, person: &str| {
            world.edges("G-1").iter().any(|edge| edge.member == person && !edge.present)
        };
        world.until("E-2 is out", async |w| is_out(w, "E-2")).await;
        world.until("E-1 is listed", async |w| listed(w).await.departures == 1).await;
        let item = listed(&world).await.items.remove(0);
        assert_eq!(item.reason, "state_unreadable", "{item:?}");
        assert!(!is_out(&world, "E-1"));
        world.execute("UPDATE mapper_edges SET state = substr(state, 2) WHERE member_key = 'E-1'").await;
        assert_eq!(retry(&world, &item.id).await, RetryOutcome::Done);
        world.until("E-1 is out", async |w| is_out(w, "E-1")).await;
        assert_eq!(listed(&world).await.total, 0);
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_was_requested_in_the_words_of_a_newer_version_is_off_with_its_person() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    world.send(&[joined("E-1", 1, "HR"), joined("E-9", 2, "Sales")]).await;
    world.settle().await;
    let (person, other) = ("E-1".to_owned(), "E-9".to_owned());
    let request = JoinPeopleRequest { person, other, leave_accounts: true, actor: actor() };
    let _: JoinPeopleReply = ask::<verbs::JoinPeopleVerb>(&world, request).await.unwrap();
    world.send(&[event(EventKind::WorkerDeleted, "E-9", 3, json!({}))]).await;
    world.settle().await;
    world.execute("UPDATE mapper_desired SET desired = 'x' || desired WHERE subject = 'E-9'").await;
    world.send(&[left("E-1", 4)]).await;
    for key in ["E-1", "E-9"] {
        world.until("both are off", async |w| w.state(key) == Some(AccountState::Disabled)).await;
    }
    let item = listed(&world).await.items.remove(0);
    assert_eq!((item.id.as_str(), item.subject.as_str()), ("mapper:desired_user/crm:E-9", "E-9"));
    assert_eq!(
        retry(&world, &item.id).await,
        RetryOutcome::Done,
        "it was requested again, in words of today"
    );
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_explanation_says_that_the_last_request_cannot_be_read() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    world.send(&[joined("E-1", 1, "HR")]).await;
    world.settle().await;
    world.execute("UPDATE mapper_desired SET desired = 'x' || desired").await;
    let request = ExplainRequest { subject: "E-1".to_owned(), target: "crm".to_owned() };
    let refused = ask::<verbs::ExplainVerb>(&world, request).await.unwrap_err();
    assert!(refused.contains("E-1 cannot be read by this version"), "{refused}");
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_in_a_state_of_a_newer_version_is_left_alone_and_waits_for_an_operator() {
    for database in test_databases() {
        let mut world = running(database).await;
        let (people, run) = (["E-1", "E-2"], run_of("hr", "one", 10));
        world.send(&people.map(|person| here(person, &run, 10))).await;
        world.send(&[end(&run, 10, &people)]).await;
        becomes(&mut world, &run, FeedRunState::Accepted).await;
        world.execute("UPDATE mapper_feeds SET state = 'paused'").await;
        let shown = becomes(&mut world, &run, FeedRunState::Held).await;
        assert!(shown.reasons.iter().any(|reason| reason.contains("`paused`")), "{shown:?}");
        for accept in [true, false] {
            let request = DecideFeedRequest { run: run.run.clone(), accept, people: Some(0), actor: actor() };
            let refused = ask::<verbs::DecideFeedVerb>(&world, request).await.unwrap_err();
            assert!(refused.contains("of another version"), "{refused}");
        }
        let status = status(&world).await;
        assert_eq!((status.held_feeds, status.undecided_feeds.len()), (1, 1), "{status:?}");
        // The end of a later reading of the file is kept for the version that knows the state.
        let again = lifecycle::FeedRun { begun_at: run.begun_at + time::Duration::SECOND, ..run.clone() };
        let mut second = end(&again, 11, &people);
        second.id = EventId::of("again", &second.source_event_id);
        world.send_raw(vec![World::duplicate(&second, 1)]).await;
        world.until("the end is listed", async |w| listed(w).await.total == 1).await;
        assert_eq!(listed(&world).await.items[0].reason, "state_unreadable");
        let states = world.query("SELECT state FROM mapper_feeds").await;
        assert_eq!(states[0].try_get::<String>("", "state").unwrap(), "paused");
        world.stop_mappers().await;
        world.execute("UPDATE mapper_feeds SET state = 'merging'").await;
        world.start_mapper().await;
        until_it_answers(&mut world).await;
        becomes(&mut world, &run, FeedRunState::Accepted).await;
        world.until("the end is merged", async |w| listed(w).await.total == 0).await;
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_of_a_file_in_the_words_of_a_newer_version_holds_its_run() {
    let mut world = running(sqlite_database()).await;
    let (people, run) = (["E-1", "E-2"], run_of("hr", "one", 10));
    world.send(&people.map(|person| here(person, &run, 10))).await;
    world.settle().await;
    world.execute("UPDATE mapper_feeds SET state = 'merging', ended_at = run_at, completion = 'x'").await;
    let shown = becomes(&mut world, &run, FeedRunState::Held).await;
    assert!(shown.reasons[0].contains("send the file again"), "{shown:?}");
    let request = DecideFeedRequest { run: run.run.clone(), accept: true, people: Some(0), actor: actor() };
    assert!(ask::<verbs::DecideFeedVerb>(&world, request).await.is_err());
    let again = lifecycle::FeedRun { begun_at: run.begun_at + time::Duration::SECOND, ..run.clone() };
    world.send(&[end(&again, 11, &people)]).await;
    becomes(&mut world, &run, FeedRunState::Accepted).await;
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_a_file_in_the_words_of_a_newer_version_is_sent_in_full_next_time() {
    let mut world = running(sqlite_database()).await;
    let (people, one, two, three) =
        (["E-1", "E-2"], run_of("hr", "one", 10), run_of("hr", "two", 20), run_of("hr", "three", 30));
    let rows = people.map(|person| here(person, &one, 10));
    world.send(&rows).await;
    world.send(&[end(&one, 10, &people)]).await;
    becomes(&mut world, &one, FeedRunState::Accepted).await;
    world.execute("UPDATE mapper_feed_rows SET content = 'x' || content WHERE key = 'E-1'").await;
    let rows = people.map(|person| here(person, &two, 20));
    assert_eq!(known(&world, &two, &rows).await, [true, true]);
    world.send(&[named(&rows), end(&two, 20, &people)]).await;
    let judged = becomes(&mut world, &two, FeedRunState::Accepted).await;
    assert_eq!((judged.unresolved, judged.left), (1, 0), "{judged:?}");
    assert_eq!(status(&world).await.findings.unread, 1);
    let rows = people.map(|person| here(person, &three, 30));
    assert_eq!(known(&world, &three, &rows).await, [false, true], "the next file brings it in full");
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_with_a_status_of_a_newer_version_is_a_conflict_for_operators_and_never_matched_again() {
    let mut world = people::world(sqlite_database()).await;
    world.start_mapper().await;
    world.send(&[joined("E-1", 1, "HR"), people::account_of("u-1", 2, "E-1", "ada@corp")]).await;
    world.settle().await;
    world.execute("UPDATE mapper_records SET status = 'merged'").await;
    let conflicts = people::records(&world, RecordStatus::Conflict).await;
    assert!(conflicts[0].reason.contains("cannot be read"), "{conflicts:?}");
    assert_eq!(status(&world).await.record_conflicts, 1);
    let refused = people::resolve(&world, "u-1", "E-1", false).await.unwrap_err();
    assert!(refused.contains("cannot be read by this version"), "{refused}");
    let again = people::account_of("u-1", 3, "E-2", "ada@corp");
    world.send_raw(vec![World::duplicate(&again, 1)]).await;
    world.until("it is listed", async |w| listed(w).await.total == 1).await;
    assert_eq!(listed(&world).await.items[0].reason, "state_unreadable");
    world.stop_mappers().await;
    world.execute("UPDATE mapper_records SET status = 'linked'").await;
    world.start_mapper().await;
    until_it_answers(&mut world).await;
    world.until("it is merged at the start", async |w| listed(w).await.total == 0).await;
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_a_newer_version_is_planned_again() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    world.send(&[joined("E-1", 1, "HR")]).await;
    world.settle().await;
    let (id, _) = plan(&mut world, &narrowed(), None).await;
    for change in ["plan = 'x'", "state = 'archived'"] {
        world.execute(&format!("UPDATE mapper_plans SET {change}")).await;
        let shown: PlanStatus = ask::<verbs::PlanStatusVerb>(&world, &id).await.unwrap();
        let error = shown.error.unwrap_or_default();
        assert!(shown.state == PlanState::Failed && error.contains("another version"), "{change}: {error}");
    }
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_key_for_hashes_of_people_the_mapper_does_not_start() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    world.stop_mappers().await;
    for value in ["", "no digits"] {
        let change =
            format!("UPDATE mapper_settings SET value = '{value}' WHERE name = 'evidence_person_key'");
        world.execute(&change).await;
        assert!(world.try_build().await.is_err(), "hashes with the key {value:?} would be those of anybody");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_login_names_of_people_who_were_known_before_the_table_are_found_after_the_upgrade() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        let mut odd = joined("E-2", 1, "HR");
        odd.attributes.insert("userPrincipalName".to_owned(), json!("Zoë_O'B%x@example.org"));
        world.send(&[joined("E-1", 1, "HR"), odd]).await;
        world.settle().await;
        world.stop_mappers().await;
        world.execute("DELETE FROM mapper_logins").await;
        world.execute("UPDATE mapper_identities SET evaluated_with = 'stale'").await;
        world.start_mapper().await;
        world.settle().await;
        let find = async |world: &World, name: &str| -> Result<String, String> {
            let request = ExplainRequest { subject: name.to_owned(), target: "crm".to_owned() };
            ask::<verbs::ExplainVerb>(world, request).await.map(|found| found.subject)
        };
        for name in ["zoë_o'b%x@example.org", "ZOË_O'B%X@EXAMPLE.ORG"] {
            assert_eq!(find(&world, name).await.as_deref(), Ok("E-2"), "{name}");
        }
        assert_eq!(find(&world, "E-1@Example.org").await.as_deref(), Ok("E-1"));
        let renamed = event(EventKind::WorkerChanged, "E-1", 2, json!({ "userPrincipalName": "new@x.org" }));
        world.send(&[renamed]).await;
        world.settle().await;
        assert_eq!(find(&world, "new@x.org").await.as_deref(), Ok("E-1"));
        assert!(find(&world, "E-1@example.org").await.is_err(), "nobody has that name any more");
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_departure_does_not_wait_for_the_record_of_another_source_that_cannot_be_read() {
    let mut world = people::world(sqlite_database()).await;
    world.start_mapper().await;
    let mail = |mail: &str| json!({ "mail": mail });
    let mut account = people::account_of("u-1", 3, "", "ada@corp");
    account.attributes.remove("employeeId");
    account.attributes.insert("mail".to_owned(), "ada@corp".into());
    world.send(&[joined("E-1", 1, "HR"), event(EventKind::WorkerChanged, "E-1", 2, mail("ada@corp"))]).await;
    world.send(&[account]).await;
    world.settle().await;
    world.execute("UPDATE mapper_records SET status = 'merged'").await;
    world.send(&[event(EventKind::WorkerChanged, "E-1", 4, mail("gone@corp")), left("E-1", 5)]).await;
    world.until("E-1 is off", async |w| w.state("E-1") == Some(AccountState::Disabled)).await;
    world.until("the record is listed", async |w| listed(w).await.total == 1).await;
    let item = listed(&world).await.items.remove(0);
    assert!(item.id.starts_with("mapper:record/") && !item.departure, "{item:?}");
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_of_a_manager_who_can_be_read_again_are_evaluated_without_a_restart() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    let reports = event(EventKind::WorkerChanged, "E-2", 2, json!({ "manager": "E-1" }));
    world.send(&[joined("E-1", 1, "Sales"), joined("E-2", 1, "Sales"), reports]).await;
    world.settle().await;
    world.execute("UPDATE mapper_identities SET state = 'x' || state WHERE key = 'E-1'").await;
    world.execute("UPDATE mapper_identities SET evaluated_with = 'before'").await;
    let left_over = "SELECT count(*) AS n FROM mapper_identities WHERE evaluated_with IN ('before', 'stale')";
    world
        .until("the manager is listed", async |w| {
            listed(w).await.items.iter().any(|item| item.id == "mapper:person/E-1")
        })
        .await;
    world.execute("UPDATE mapper_identities SET state = substr(state, 2) WHERE key = 'E-1'").await;
    assert_eq!(retry(&world, "mapper:person/E-1").await, RetryOutcome::Done);
    world.until("both are evaluated", async |w| w.count(left_over).await == 0).await;
    world.stop_mappers().await;
}

/// Everyone's department, and the department of the manager. A policy that reads managers.
const WITH_MANAGERS: &str = r#"
target: crm
guard: { percent: 100 }
users:
  mappings:
    - { target: userName, source: userPrincipalName }
    - { target: department, source: department }
    - { target: title, source: manager.department }
groups:
  scope: { any: [ { all: [ { attribute: displayName, operator: STARTS WITH, value: "SEC-" } ] } ] }
  mappings: [ { target: displayName, source: displayName } ]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_departure_does_not_wait_for_a_manager_or_a_group_that_cannot_be_read() {
    for database in test_databases() {
        let mut world = World::running(database, WITH_MANAGERS).await;
        let reports = |key: &str| event(EventKind::WorkerChanged, key, 2, json!({ "manager": "E-1" }));
        world.send(&[joined("E-1", 1, "Sales"), joined("E-2", 1, "Sales"), joined("E-3", 1, "Sales")]).await;
        world.send(&[group("G-1", 1, "SEC-x"), joined("E-4", 1, "Sales"), joined("E-5", 1, "Sales")]).await;
        world.send(&[reports("E-2"), reports("E-3")]).await;
        world.send(&[members(EventKind::GroupMemberAdded, "G-1", 2, &["E-4", "E-5"])]).await;
        world.settle().await;
        world.execute("UPDATE mapper_identities SET state = 'x' || state WHERE key = 'E-1'").await;
        world.execute("UPDATE mapper_groups SET state = 'x' || state").await;
        let moved = |key: &str| event(EventKind::WorkerChanged, key, 5, json!({ "department": "HR" }));
        let events = [left("E-2", 6), moved("E-3"), left("E-4", 6), moved("E-5")];
        world
            .send_raw(events.iter().enumerate().map(|(n, event)| World::duplicate(event, n)).collect())
            .await;
        for key in ["E-2", "E-4"] {
            world.until("they are off", async |w| w.state(key) == Some(AccountState::Disabled)).await;
        }
        world
            .until("manager and group are listed, and no departure waits", async |w| {
                let all = listed(w).await;
                let ids: Vec<&str> = all.items.iter().map(|item| item.id.as_str()).collect();
                ids.contains(&"mapper:person/E-1") && ids.contains(&"mapper:group/G-1") && all.departures == 0
            })
            .await;
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_membership_that_cannot_be_read_holds_up_no_other_of_its_group_when_time_passes() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    world.send(&[joined("E-1", 1, "Sales"), joined("E-2", 1, "Sales"), group("G-1", 1, "SEC-x")]).await;
    world.send(&[members(EventKind::GroupMemberAdded, "G-1", 2, &["E-1", "E-2"])]).await;
    world.settle().await;
    let broken = "UPDATE mapper_edges SET state = 'x' || state, next_due_at = 1 WHERE member_key = 'E-1'";
    world.execute(broken).await;
    world
        .until("it is listed", async |w| {
            listed(w).await.items.iter().any(|item| item.id == "mapper:membership/G-1:E-1")
        })
        .await;
    world.execute("UPDATE mapper_edges SET next_due_at = 1 WHERE member_key = 'E-2'").await;
    let due = "SELECT count(*) AS n FROM mapper_edges WHERE member_key = 'E-2' AND next_due_at = 1";
    world.until("the other is evaluated", async |w| w.count(due).await == 0).await;
    world.stop_mappers().await;
}

//! What a sender may say is enforced by the mapper for every event, whichever way it came: what it may not say has no effect and
//! is listed.

use lifecycle::{
    AccountState, DesiredState, Event, EventId, EventKind, FeedRun, FeedRunId, FindingKind, FindingsRequest,
    PersonFinding, ResourceKind, StatementDating, verbs,
};
use serde_json::json;
use store::testing::{sqlite_database, test_databases};

use crate::operators::{ask, not_decided};
use crate::world::{EVERYBODY, World, event, group, joined, members};

const MEMBERS_OF_DOMAIN_USERS: &str = r#"
target: crm
guard: { percent: 100 }
users:
  scope: { any: [ { all: [ { memberOf: "Domain Users" } ] } ] }
  mappings: [ { target: userName, source: userPrincipalName } ]
"#;
const MEMBERS: usize = 100;

/// Returns the event as one of this sender.
pub(crate) fn by(sender: &str, event: Event) -> Event {
    let id = EventId::of(sender, &event.source_event_id);
    Event { id, source: sender.to_owned(), sender: sender.to_owned(), ..event }
}

/// Returns the findings of a kind: person, sender, field.
pub(crate) async fn listed(world: &World, kind: FindingKind) -> Vec<PersonFinding> {
    let request = FindingsRequest { kind, target: None, limit: 500, cursor: None };
    ask::<verbs::FindingsVerb>(world, request).await.unwrap().findings
}

async fn refused_departures(world: &World) -> Vec<(String, String)> {
    let found = listed(world, FindingKind::RefusedDeparture).await;
    found.into_iter().map(|one| (one.person, one.sender)).collect()
}

fn pair(person: &str, sender: &str) -> (String, String) {
    (person.to_owned(), sender.to_owned())
}

fn left(person: &str, said: i64) -> Event {
    event(EventKind::WorkerLeft, person, said, json!({}))
}

fn snapshot(person: &str, said: i64, active: bool) -> Event {
    let attributes =
        json!({ "active": active, "userPrincipalName": format!("{person}@example.org"), "department": "HR" });
    event(EventKind::WorkerSnapshot, person, said, attributes)
}

async fn world(database: store::testing::TestDatabase, policy: &str, senders: serde_json::Value) -> World {
    let mut world = World::new(database, policy).await;
    world.senders = serde_json::from_value(senders).unwrap();
    world.start_mapper().await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_may_speak_of_whom_it_introduced_disables_nobody_else_and_is_listed() {
    for database in test_databases() {
        let rights = json!({ "contractors": { "people": "introduced", "employment": true } });
        let mut world = world(database, EVERYBODY, rights).await;
        world
            .send(&[
                joined("E-1", 1, "IT"),
                joined("E-2", 1, "IT"),
                by("contractors", joined("C-1", 1, "Out")),
            ])
            .await;
        world.settle().await;
        world.stop_mappers().await;
        world.start_mapper().await;
        let changed = event(EventKind::WorkerChanged, "E-2", 5, json!({ "department": "Board" }));
        world
            .send(&[
                by("contractors", left("E-1", 5)),
                by("contractors", changed),
                by("contractors", joined("E-2", 5, "Board")),
                by("contractors", left("C-1", 5)),
            ])
            .await;
        world.settle().await;
        assert_eq!(world.state("E-1"), Some(AccountState::Active));
        assert_ne!(world.state("C-1"), Some(AccountState::Active), "its own person");
        assert_eq!(refused_departures(&world).await, [pair("E-1", "contractors")]);
        let others = listed(&world, FindingKind::Refused).await;
        let fields: Vec<&str> = others.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(
            fields,
            ["worker.changed: events about this person", "worker.joined: events about this person"]
        );
        assert!(others.iter().all(|one| one.person.is_empty() && one.detail.contains("E-2")), "{others:?}");
        assert_eq!(not_decided(&world).await.refused_departures, 1);
        // What the sender may not say settles nothing; HR does, with a later statement.
        world.send(&[snapshot("E-1", 3, true)]).await;
        world.settle().await;
        assert_eq!(refused_departures(&world).await, [pair("E-1", "contractors")], "said before");
        world.send(&[snapshot("E-1", 9, true)]).await;
        world.settle().await;
        assert_eq!(refused_departures(&world).await, []);
        assert_eq!(not_decided(&world).await.refused_departures, 0);
        // A right that is granted later counts from then on, and what was refused is listed no more.
        world.stop_mappers().await;
        world.senders = serde_json::from_value(json!({})).unwrap();
        world.start_mapper().await;
        world.send(&[by("contractors", left("E-2", 20))]).await;
        world.settle().await;
        assert_ne!(world.state("E-2"), Some(AccountState::Active));
        assert_eq!(listed(&world, FindingKind::Refused).await, []);
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sender_takes_a_refused_departure_back_by_itself() {
    let rights = json!({ "directory": { "people": "all" } });
    let mut world = world(sqlite_database(), EVERYBODY, rights).await;
    world.send(&[joined("E-1", 1, "IT"), by("directory", snapshot("E-1", 5, false))]).await;
    world.settle().await;
    assert_eq!(refused_departures(&world).await, [pair("E-1", "directory")]);
    assert_eq!(world.state("E-1"), Some(AccountState::Active));
    let key = ("crm".to_owned(), ResourceKind::User, "E-1".to_owned());
    let DesiredState::User(account) = &world.last_resources()[&key].1 else { panic!("no account") };
    assert_eq!(account.attributes["department"], "HR", "the attributes of the record count");
    world.send(&[by("directory", snapshot("E-1", 6, true))]).await;
    world.settle().await;
    assert_eq!(refused_departures(&world).await, []);
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_and_a_missing_row_of_a_file_need_the_right_as_well() {
    let rights = json!({ "feeds/badges": { "people": "introduced", "employment": true } });
    let mut world = world(sqlite_database(), EVERYBODY, rights).await;
    let run = FeedRun {
        feed: "badges".to_owned(),
        run: FeedRunId::of("feeds/badges", "1"),
        begun_at: joined("E-1", 4, "").time,
        absent: false,
    };
    let row = |event: Event| Event {
        feed: Some(run.clone()),
        dated: Some(StatementDating::Observed),
        ..by("feeds/badges", event)
    };
    let absent = |event: Event| Event {
        feed: Some(FeedRun { absent: true, ..run.clone() }),
        ..by("feeds/badges", event)
    };
    world.send(&[joined("E-1", 1, "IT"), joined("E-2", 1, "IT")]).await;
    world.settle().await;
    world.send(&[row(left("E-1", 5)), absent(left("E-2", 6))]).await;
    world.settle().await;
    assert_eq!(
        (world.state("E-1"), world.state("E-2")),
        (Some(AccountState::Active), Some(AccountState::Active))
    );
    assert_eq!(refused_departures(&world).await, [pair("E-1", "feeds/badges"), pair("E-2", "feeds/badges")]);
    world.stop_mappers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_limited_to_groups_empties_no_group_that_decides_about_access() {
    for database in test_databases() {
        let rights = json!({ "ad": { "groups": true }, "admins": { "groups": true, "people": "all" } });
        let mut world = world(database, MEMBERS_OF_DOMAIN_USERS, rights).await;
        let people: Vec<String> = (1..=MEMBERS).map(|n| format!("E-{n}")).collect();
        let keys: Vec<&str> = people.iter().map(String::as_str).collect();
        world.send(&people.iter().map(|person| joined(person, 1, "IT")).collect::<Vec<_>>()).await;
        // The people are in a group that is in the group of the scope.
        let inner = members(EventKind::GroupMemberAdded, "G-2", 1, &keys);
        let nested = members(EventKind::GroupMemberAdded, "G-1", 1, &["G-2"]);
        world
            .send(&[group("G-1", 1, "Domain Users"), group("G-2", 1, "Staff"), group("G-3", 1, "Choir")])
            .await;
        world.send(&[inner, nested, members(EventKind::GroupMemberAdded, "G-3", 1, &keys)]).await;
        world.settle().await;
        let active = |world: &World| {
            people.iter().filter(|one| world.state(one) == Some(AccountState::Active)).count()
        };
        assert_eq!(active(&world), MEMBERS);

        let whole = |sender: &str, key: &str, said: i64| {
            let mut whole = group(key, said, "Staff");
            whole.members = Some(Vec::new());
            by(sender, whole)
        };
        let renamed = by("ad", group("G-1", 6, "Nobody"));
        world
            .send(&[
                by("ad", members(EventKind::GroupMemberRemoved, "G-2", 5, &keys)),
                by("ad", members(EventKind::GroupMemberRemoved, "G-1", 5, &["G-2"])),
                whole("ad", "G-2", 6),
                renamed,
                by("ad", event(EventKind::GroupDeleted, "G-2", 7, json!({}))),
                by("ad", members(EventKind::GroupMemberRemoved, "G-3", 5, &keys)),
            ])
            .await;
        world.settle().await;
        assert_eq!(active(&world), MEMBERS, "nobody lost access");
        let refused = refused_departures(&world).await;
        assert_eq!(
            refused.iter().filter(|(person, _)| people.contains(person)).count(),
            MEMBERS,
            "each is listed"
        );
        let groups: Vec<&str> =
            refused.iter().map(|(key, _)| key.as_str()).filter(|key| key.starts_with('G')).collect();
        assert_eq!(
            groups,
            ["G-1", "G-2", "G-2", "G-2"],
            "the rename, the nested group, the list and the deletion"
        );
        assert_eq!(not_decided(&world).await.refused_departures, 104);

        world.send(&[whole("admins", "G-2", 9)]).await;
        world.settle().await;
        assert_eq!(active(&world), 0, "with the right to these people, it is a removal for each of them");
        world.send(&[by("admins", members(EventKind::GroupMemberRemoved, "G-2", 10, &keys))]).await;
        world.settle().await;
        assert_eq!(
            refused_departures(&world).await,
            [pair("G-1", "ad"), pair("G-2", "ad")],
            "the rest is settled"
        );
        world.stop_mappers().await;
    }
}

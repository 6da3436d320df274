//! Tests of recycled logins: a newcomer with the login of a person who was off for a long time gets no account until it is known
//! whose login it is.

use lifecycle::{
    AccessOrderKind, AccountState, Actor, Event, EventKind, ExplainRequest, ExplainedPerson, FindingKind,
    FindingsReply, FindingsRequest, OrderAccessRequest, PersonFinding, verbs,
};
use serde_json::json;
use store::testing::{sqlite_database, test_databases};
use time::Duration;

use crate::operators::{ask, plan};
use crate::world::{EVERYBODY, World, event};

const LOGIN: &str = "ada@example.org";

fn said(kind: EventKind, person: &str, days_ago: i64, name: &str, login: &str) -> Event {
    let attributes = json!({ "userPrincipalName": login, "givenName": name, "department": "HR" });
    let mut event = event(kind, person, 1, attributes);
    event.time -= Duration::days(days_ago);
    event.effective_at = event.time;
    event.id = lifecycle::EventId::of("hr", &format!("{kind}/{person}/{days_ago}/{login}"));
    event
}

fn joined(person: &str, days_ago: i64, name: &str, login: &str) -> Event {
    said(EventKind::WorkerJoined, person, days_ago, name, login)
}

fn left(person: &str, days_ago: i64) -> Event {
    let mut event = said(EventKind::WorkerLeft, person, days_ago, "", "");
    event.attributes.clear();
    event
}

async fn held(world: &World) -> Vec<(String, String)> {
    let request =
        FindingsRequest { kind: FindingKind::Contradiction, target: None, limit: 100, cursor: None };
    let listed: FindingsReply = ask::<verbs::FindingsVerb>(world, request).await.unwrap();
    let recycled = listed.findings.into_iter().filter(|one| one.field == "recycled_login");
    recycled.map(|PersonFinding { person, detail, .. }| (person, detail)).collect()
}

fn of_ada(person: &str) -> (String, String) {
    (person.to_owned(), "E-1".to_owned())
}

/// Ada left 200 days ago.
async fn without_ada(world: &mut World) {
    world.send(&[joined("E-1", 400, "Ada", LOGIN)]).await;
    world.settle().await;
    world.send(&[left("E-1", 200)]).await;
    world.settle().await;
    assert_eq!(world.state("E-1"), Some(AccountState::Disabled));
}

async fn order(world: &World, person: &str, order: AccessOrderKind) {
    let actor = Actor { who: "alice".to_owned(), why: "I asked".to_owned() };
    let request = OrderAccessRequest { person: person.to_owned(), order, lift: false, until: None, actor };
    ask::<verbs::OrderAccessVerb>(world, request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_with_the_login_of_who_was_off_for_long_gets_no_account_until_a_human_says_whose_it_is() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        without_ada(&mut world).await;
        world
            .send(&[
                joined("E-2", 1, "Bob", &LOGIN.to_uppercase()),
                joined("E-3", 1, "Carol", LOGIN),
                joined("E-4", 1, "Dan", LOGIN),
                joined("E-5", 1, "Eve", "eve@example.org"),
            ])
            .await;
        world.settle().await;
        assert_eq!(held(&world).await, [of_ada("E-2"), of_ada("E-3"), of_ada("E-4")]);
        assert!(["E-2", "E-3", "E-4"].iter().all(|person| world.state(person).is_none()));
        assert_eq!(world.state("E-5"), Some(AccountState::Active));

        // A departure is never held, and settles it.
        world.send(&[left("E-4", 0)]).await;
        // A login of their own settles it as well.
        world.send(&[said(EventKind::WorkerChanged, "E-3", 0, "Carol", "carol@example.org")]).await;
        world.settle().await;
        assert_eq!(held(&world).await, [of_ada("E-2")]);
        assert_eq!(world.state("E-3"), Some(AccountState::Active));
        assert_eq!(world.state("E-4"), None);

        order(&world, "E-2", AccessOrderKind::Different).await;
        world.settle().await;
        assert_eq!(held(&world).await, []);
        assert_eq!(world.state("E-2"), Some(AccountState::Active));
        assert_eq!(world.state("E-1"), Some(AccountState::Disabled));
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_had_the_login_and_is_back_holds_nobody_and_an_account_that_exists_is_never_held() {
    for database in test_databases() {
        let mut world = World::running(database, EVERYBODY).await;
        world.send(&[joined("E-6", 300, "Frank", "frank@example.org")]).await;
        without_ada(&mut world).await;
        world.send(&[joined("E-2", 1, "Bob", LOGIN)]).await;
        world.send(&[said(EventKind::WorkerChanged, "E-6", 1, "Frank", LOGIN)]).await;
        world.settle().await;
        assert_eq!(held(&world).await, [of_ada("E-2")]);
        assert_eq!(world.state("E-6"), Some(AccountState::Active));
        world.send(&[said(EventKind::WorkerRehired, "E-1", 0, "Ada", LOGIN)]).await;
        world.settle().await;
        assert_eq!(held(&world).await, []);
        assert_eq!(world.state("E-1"), Some(AccountState::Active));
        assert_eq!(world.state("E-2"), Some(AccountState::Active), "a conflict at the target from now on");
        world.stop_mappers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_and_an_explanation_say_that_a_newcomer_is_held() {
    let mut world = World::running(sqlite_database(), EVERYBODY).await;
    without_ada(&mut world).await;
    world.send(&[joined("E-2", 1, "Bob", LOGIN)]).await;
    world.settle().await;
    assert_eq!(held(&world).await, [of_ada("E-2")]);
    let request = ExplainRequest { target: "crm".to_owned(), subject: "E-2".to_owned() };
    let explained: ExplainedPerson = ask::<verbs::ExplainVerb>(&world, request).await.unwrap();
    assert_eq!(explained.reason, "held: E-1 had this login before");
    assert!(explained.desired.is_none(), "{explained:?}");
    let changed = EVERYBODY.replace("percent: 100", "percent: 90");
    for person in [Some("E-2"), None] {
        let (_, planned) = plan(&mut world, &changed, person).await;
        let reasons: Vec<&str> = planned.changes.iter().map(|change| change.reason.as_str()).collect();
        assert_eq!(reasons, ["held: E-1 had this login before"]);
    }
    world.stop_mappers().await;
}

use lifecycle::{Event, EventId, EventKind, GroupState, IdentityView};
use sea_orm::{ActiveModelTrait, IntoActiveModel};
use serde_json::{Value, json};
use store::Store;
use store::testing::test_databases;
use time::OffsetDateTime;

use super::*;
use crate::rows::{edge, group};
use crate::{MapperMigrator, now};

fn said(kind: EventKind, key: &str, attributes: Value) -> Event {
    let time = OffsetDateTime::UNIX_EPOCH;
    Event {
        id: EventId::of("hr", key),
        source: "hr".to_owned(),
        source_event_id: key.to_owned(),
        kind,
        subject: key.to_owned(),
        time,
        effective_at: time,
        accepted_at: time,
        sender: String::new(),
        dated: None,
        attributes: serde_json::from_value(attributes).unwrap(),
        members: None,
        feed: None,
        withdraws: false,
        unread: Vec::new(),
    }
}

async fn person(store: &Store, key: &str, attributes: Value) -> IdentityView {
    let mut state = PersonRecord::default();
    if !attributes.is_null() {
        state.merge(&said(EventKind::WorkerJoined, key, attributes), 1, 1);
    }
    let view = state.view(key, 1);
    let state = serde_json::to_string(&state).unwrap();
    let (key, evaluated_with) = (key.to_owned(), String::new());
    let (next_due_at, scheduled_at, manager) = (None, None, None);
    let matched = "[]".to_owned();
    let row = identity::Model {
        key,
        revision: 1,
        state,
        next_due_at,
        scheduled_at,
        evaluated_with,
        manager,
        matched,
    };
    identity::Entity::insert(row.into_active_model().reset_all())
        .exec_without_returning(store.writer())
        .await
        .unwrap();
    view
}

async fn named(store: &Store, key: &str, kind: EventKind) {
    let mut state = GroupState::default();
    state.merge(&said(kind, key, json!({ "displayName": format!("Name of {key}") })), 1, 1);
    let state = serde_json::to_string(&state).unwrap();
    let (key, evaluated_with) = (key.to_owned(), String::new());
    let row = group::Model { key, revision: 1, state, next_due_at: None, evaluated_with };
    group::Entity::insert(row.into_active_model().reset_all())
        .exec_without_returning(store.writer())
        .await
        .unwrap();
}

async fn listed(store: &Store, group: &str, member: &str, present: bool) {
    let row = edge::Model {
        group_key: group.to_owned(),
        member_key: member.to_owned(),
        version: 1,
        state: "{}".to_owned(),
        present,
        indirect: false,
        revision: 1,
        next_due_at: None,
    };
    edge::Entity::insert(row.into_active_model().reset_all())
        .exec_without_returning(store.writer())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_page_of_people_gets_nested_groups_and_managers_that_are_known() {
    for database in test_databases() {
        let store = Store::open::<MapperMigrator>(&database.url).await.unwrap();
        let people = [
            person(&store, "E-1", json!({ "manager": { "value": "E-9" } })).await,
            person(&store, "E-2", json!({ "manager": "E-8" })).await,
        ];
        person(&store, "E-9", json!({ "department": "Sales" })).await;
        for nobody in ["E-8", "G-2"] {
            person(&store, nobody, Value::Null).await;
        }
        for group in ["G-1", "G-2"] {
            named(&store, group, EventKind::GroupUpserted).await;
        }
        named(&store, "G-3", EventKind::GroupDeleted).await;
        let edges = [("G-1", "G-2", true), ("G-2", "E-1", true), ("G-3", "E-1", true), ("G-1", "E-2", false)];
        for (group, member, present) in edges {
            listed(&store, group, member, present).await;
        }

        let micros = lifecycle::unix_micros(now());
        let index = GroupIndex::load(store.reader(), micros).await.unwrap();
        let page = SubjectPage::read(store.reader(), &index, &people, micros).await.unwrap();
        let keys: Vec<_> = page.memberships("E-1").iter().map(|m| (m.key.as_str(), m.direct)).collect();
        assert_eq!(keys, [("G-2", true), ("G-1", false)], "{}", database.name);
        assert_eq!(page.memberships("E-1")[1].name.as_deref(), Some("Name of G-1"));
        assert!(page.memberships("E-2").is_empty());
        assert_eq!(page.manager(&people[0]).map(|manager| &manager["department"]), Some(&json!("Sales")));
        assert!(page.manager(&people[1]).is_none(), "nothing was ever said about the manager");
    }
}

#[tokio::test]
async fn replicas_that_start_at_once_make_the_same_seeds_and_so_does_a_restart() {
    for database in test_databases() {
        let store = Store::open::<MapperMigrator>(&database.url).await.unwrap();
        let (one, other) = tokio::join!(SeedMaker::load(&store), SeedMaker::load(&store));
        let later = SeedMaker::load(&Store::open::<MapperMigrator>(&database.url).await.unwrap()).await;
        let seed = |seeds: SeedMaker| seeds.of("crm", lifecycle::ResourceKind::User, "E-1").0;
        let first = seed(one.unwrap());
        assert_eq!([seed(other.unwrap()), seed(later.unwrap())], [first, first]);
    }
}

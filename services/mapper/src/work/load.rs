//! Reads what a batch touches.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use lifecycle::{GroupState, Identity, ResourceKind};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use serde::de::DeserializeOwned;
use store::{ROWS_PER_STATEMENT_MAX, StoreError};
use time::OffsetDateTime;

use super::{Cause, Input, Known, KnownEdge, Work};
use crate::policies::PolicySet;
use crate::rows::{desired, edge, group, identity, inbox};

/// Everything but memberships, which depend on what the groups turn out to be.
pub(super) async fn load<'a>(
    tx: &DatabaseTransaction,
    policies: &'a PolicySet,
    inputs: &[Input],
    now: OffsetDateTime,
) -> Result<Work<'a>, StoreError> {
    let (people, groups) = subjects(inputs);
    let events: Vec<String> = inputs
        .iter()
        .filter_map(|input| match input {
            Input::Event { event, .. } => Some(event.id.to_string()),
            _ => None,
        })
        .collect();
    let mut work = Work {
        policies,
        now,
        seen: seen(tx, &events).await?,
        merged: Vec::new(),
        people: BTreeMap::new(),
        groups: BTreeMap::new(),
        edges: BTreeMap::new(),
        desired: HashMap::new(),
        changed_desired: BTreeSet::new(),
        whole_groups: BTreeMap::new(),
        turned: BTreeMap::new(),
        appeared: BTreeMap::new(),
        facts: Vec::new(),
        commands: Vec::new(),
    };
    load_people(tx, &mut work, &people).await?;
    load_groups(tx, &mut work, &groups).await?;
    Ok(work)
}

fn subjects(inputs: &[Input]) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut people, mut groups) = (BTreeSet::new(), BTreeSet::new());
    for input in inputs {
        let (set, key) = match input {
            Input::Event { event, .. } if event.kind.is_worker() => (&mut people, &event.subject),
            Input::Event { event, .. } if event.kind.is_group() => (&mut groups, &event.subject),
            Input::Event { .. } => continue,
            Input::Person(key) => (&mut people, key),
            Input::Group(key) | Input::Edge { group: key, .. } => (&mut groups, key),
        };
        set.insert(key.clone());
    }
    (people, groups)
}

async fn seen(
    tx: &DatabaseTransaction,
    events: &[String],
) -> Result<std::collections::HashSet<String>, StoreError> {
    let mut out = std::collections::HashSet::new();
    for chunk in events.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows = inbox::Entity::find()
            .filter(inbox::Column::EventId.is_in(chunk))
            .all(tx)
            .await
            .map_err(StoreError::statement("read the inbox"))?;
        out.extend(rows.into_iter().map(|row| row.event_id));
    }
    Ok(out)
}

async fn load_people(
    tx: &DatabaseTransaction,
    work: &mut Work<'_>,
    keys: &BTreeSet<String>,
) -> Result<(), StoreError> {
    let missing: Vec<String> = keys.iter().filter(|key| !work.people.contains_key(*key)).cloned().collect();
    for chunk in missing.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows = identity::Entity::find()
            .filter(identity::Column::Key.is_in(chunk))
            .all(tx)
            .await
            .map_err(StoreError::statement("read people"))?;
        for row in rows {
            let state: Identity = decode(&row.state, &row.key);
            work.people.insert(row.key, known(row.revision, state, row.next_due_at));
        }
        load_desired(tx, work, ResourceKind::User, chunk).await?;
    }
    for key in missing {
        work.people.entry(key).or_insert_with(|| known(0, Identity::default(), None));
    }
    Ok(())
}

async fn load_groups(
    tx: &DatabaseTransaction,
    work: &mut Work<'_>,
    keys: &BTreeSet<String>,
) -> Result<(), StoreError> {
    let keys: Vec<String> = keys.iter().cloned().collect();
    for chunk in keys.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows = group::Entity::find()
            .filter(group::Column::Key.is_in(chunk))
            .all(tx)
            .await
            .map_err(StoreError::statement("read groups"))?;
        for row in rows {
            let state: GroupState = decode(&row.state, &row.key);
            work.groups.insert(row.key, known(row.revision, state, row.next_due_at));
        }
        load_desired(tx, work, ResourceKind::Group, chunk).await?;
    }
    for key in keys {
        work.groups.entry(key).or_insert_with(|| known(0, GroupState::default(), None));
    }
    Ok(())
}

async fn load_desired(
    tx: &DatabaseTransaction,
    work: &mut Work<'_>,
    kind: ResourceKind,
    subjects: &[String],
) -> Result<(), StoreError> {
    let rows = desired::Entity::find()
        .filter(desired::Column::Kind.eq(kind.as_str()))
        .filter(desired::Column::Subject.is_in(subjects))
        .all(tx)
        .await
        .map_err(StoreError::statement("read desired states"))?;
    work.desired.extend(rows.into_iter().map(|row| ((row.target.clone(), kind, row.subject.clone()), row)));
    Ok(())
}

/// The memberships that the inputs name, and all of the groups that are looked at as a whole.
pub(super) async fn edges(
    tx: &DatabaseTransaction,
    work: &mut Work<'_>,
    inputs: &[Input],
) -> Result<(), StoreError> {
    let whole: Vec<String> = work
        .whole_groups
        .keys()
        .cloned()
        .chain(work.appeared.keys().map(|(_, group)| group.clone()))
        .collect();
    for chunk in whole.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows = edge::Entity::find()
            .filter(edge::Column::GroupKey.is_in(chunk))
            .all(tx)
            .await
            .map_err(StoreError::statement("read memberships"))?;
        keep(work, rows);
    }
    for (group, members) in named_edges(inputs) {
        for chunk in members.chunks(ROWS_PER_STATEMENT_MAX) {
            let rows = edge::Entity::find()
                .filter(edge::Column::GroupKey.eq(&group))
                .filter(edge::Column::MemberKey.is_in(chunk))
                .all(tx)
                .await
                .map_err(StoreError::statement("read memberships"))?;
            keep(work, rows);
        }
    }
    Ok(())
}

fn named_edges(inputs: &[Input]) -> BTreeMap<String, Vec<String>> {
    let mut out: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for input in inputs {
        match input {
            Input::Event { event, .. } if event.kind.is_group() => {
                out.entry(event.subject.clone()).or_default().extend(event.members.iter().flatten().cloned());
            }
            Input::Edge { group, member } => out.entry(group.clone()).or_default().push(member.clone()),
            _ => {}
        }
    }
    out
}

fn keep(work: &mut Work<'_>, rows: Vec<edge::Model>) {
    for row in rows {
        let key = (row.group_key.clone(), row.member_key.clone());
        work.edges.entry(key).or_insert(KnownEdge { row, touched: false, changed: None });
    }
}

/// Where a policy asks for it: the groups of the people that the batch decides about, by person. People whose
/// memberships changed are among them.
pub(super) async fn groups_of_touched(
    tx: &DatabaseTransaction,
    work: &mut Work<'_>,
) -> Result<HashMap<String, Vec<String>>, StoreError> {
    if !work.policies.use_groups() {
        return Ok(HashMap::new());
    }
    let moved: BTreeMap<String, Cause> = work
        .edges
        .iter()
        .filter_map(|((group, member), edge)| {
            let turned = work.turned.get(group).filter(|_| edge.row.present);
            Some((member.clone(), edge.changed.as_ref().or(turned)?.clone()))
        })
        .collect();
    let members: BTreeSet<String> = moved.keys().cloned().collect();
    load_people(tx, work, &members).await?;
    for (member, cause) in moved {
        if let Some(person) = work.people.get_mut(&member) {
            person.touched.get_or_insert(cause);
        }
    }
    let touched: Vec<String> = work
        .people
        .iter()
        .filter(|(_, person)| person.touched.is_some())
        .map(|(key, _)| key.clone())
        .collect();
    let mut present: BTreeSet<(String, String)> = BTreeSet::new();
    for chunk in touched.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows = edge::Entity::find()
            .filter(edge::Column::MemberKey.is_in(chunk))
            .filter(edge::Column::Present.eq(true))
            .all(tx)
            .await
            .map_err(StoreError::statement("read memberships of people"))?;
        present.extend(rows.into_iter().map(|row| (row.member_key, row.group_key)));
    }
    for ((group, member), edge) in &work.edges {
        let key = (member.clone(), group.clone());
        if edge.row.present {
            present.insert(key)
        } else {
            present.remove(&key)
        };
    }
    let groups: BTreeSet<String> = present
        .iter()
        .map(|(_, group)| group)
        .filter(|group| !work.groups.contains_key(*group))
        .cloned()
        .collect();
    load_groups(tx, work, &groups).await?;
    let now = work.micros();
    let mut out: HashMap<String, Vec<String>> = HashMap::new();
    for (member, group) in present {
        // Being in a group that was deleted gives nothing.
        if work.groups.get(&group).is_none_or(|known| !known.state.gone_at(now)) {
            out.entry(member).or_default().push(group);
        }
    }
    Ok(out)
}

fn known<S>(revision: i64, state: S, next_due_at: Option<i64>) -> Known<S> {
    Known { revision, state, touched: None, next_due_at }
}

/// Only this service writes states, so one that cannot be read comes from a newer version of it; starting afresh would
/// forget a person, so that is an error to stop at.
fn decode<T: DeserializeOwned>(json: &str, key: &str) -> T {
    serde_json::from_str(json).unwrap_or_else(|error| {
        panic!("the state of {key} was written by a newer version of Usher and cannot be read: {error}")
    })
}

/// For [`crate::work::members`].
pub(super) fn state_of(row: &edge::Model) -> lifecycle::EdgeState {
    decode(&row.state, &row.member_key)
}

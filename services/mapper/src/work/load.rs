//! Loads the rows that a batch touches.

mod inbox;
mod memberships;
mod scoping;

pub(super) use memberships::{all_edges, keep_edges, load_edges};

use std::collections::{BTreeMap, BTreeSet, HashMap};

use lifecycle::{Event, GroupState, PeopleConfig, PersonRecord, ResourceKind};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};
use time::OffsetDateTime;

use super::correlate::ValueKey;
use super::records::{self, RecordKey};
use super::{BatchInput, BatchState, KnownPerson, KnownSubject, ResendRequest, ShownSubject};
use crate::acts::ActKind;
use crate::acts::missing::load_missing;
use crate::policies::PolicySet;
use crate::rows::{decode_state, desired, group, identity, restored_target};
use crate::subjects::{SeedMaker, display_name, is_known, people_among};
use crate::unreadable::UnreadableStates;

/// Loads everything except memberships, which depend on the state of the groups after the merge.
pub(super) async fn load_work<'a>(
    tx: &DatabaseTransaction,
    policies: &'a PolicySet,
    seeds: &'a SeedMaker,
    inputs: &[BatchInput],
    (now, clock): (OffsetDateTime, i64),
) -> Result<BatchState<'a>, StoreError> {
    let NamedSubjects { mut people, groups, records } = named_subjects(inputs, policies.people());
    let events: Vec<String> = inputs
        .iter()
        .filter_map(|input| match input {
            BatchInput::Event { event, repeated: false, .. } | BatchInput::Rows { event, .. } => {
                Some(event.id.to_string())
            }
            BatchInput::Departure(departure) => Some(departure.event.id.to_string()),
            _ => None,
        })
        .collect();
    let mut work = BatchState {
        policies,
        seeds,
        now,
        clock,
        seen: inbox::seen_events(tx, &events).await?,
        reused: BTreeMap::new(),
        taken: inbox::taken_departures(tx, inputs).await?,
        merged: Vec::new(),
        people: BTreeMap::new(),
        records: BTreeMap::new(),
        values: BTreeMap::new(),
        verdicts: Vec::new(),
        groups: BTreeMap::new(),
        edges: BTreeMap::new(),
        desired: HashMap::new(),
        changed_desired: BTreeSet::new(),
        stated: HashMap::new(),
        restored: restored_target::restored_targets(tx).await?,
        held_logins: BTreeMap::new(),
        again: BTreeMap::new(),
        scoping_groups: BTreeSet::new(),
        admitted: HashMap::new(),
        whole_groups: BTreeMap::new(),
        roots: BTreeMap::new(),
        nested: BTreeSet::new(),
        stale: Vec::new(),
        appeared: BTreeMap::new(),
        feeds: super::feeds::FeedBatch::default(),
        duties: Vec::new(),
        orders: Vec::new(),
        findings: super::findings::BatchFindings::default(),
        unreadable: UnreadableStates::default(),
        withholds_access: load_missing(tx).await?.is_some(),
        facts: Vec::new(),
        commands: Vec::new(),
        message_bytes_max: usize::MAX,
    };
    records::load_records(tx, &mut work, &records).await?;
    people.extend(work.records.values().filter_map(|record| record.row.person.clone()));
    load_people(tx, &mut work, &people).await?;
    super::join::load_joined(tx, &mut work).await?;
    load_groups(tx, &mut work, &groups).await?;
    scoping::load_scoping_groups(tx, &mut work, inputs).await?;
    Ok(work)
}

/// The value of `matched` without any value that records are matched by.
const NOTHING_MATCHED: &str = "[]";

/// The subjects that the inputs name.
#[derive(Default)]
struct NamedSubjects {
    people: BTreeSet<String>,
    groups: BTreeSet<String>,
    records: BTreeSet<RecordKey>,
}

impl NamedSubjects {
    /// Adds the person or record of an event about a worker.
    fn add_worker(&mut self, event: &Event, people: &PeopleConfig) {
        match people.name_of_event(event).filter(|source| !people.match_on(source).is_empty()) {
            Some(source) => self.records.insert((source.to_owned(), event.subject.clone())),
            None => self.people.insert(event.subject.clone()),
        };
    }
}

/// Collects the people, groups and records that the inputs name.
fn named_subjects(inputs: &[BatchInput], people: &PeopleConfig) -> NamedSubjects {
    let mut named = NamedSubjects::default();
    for input in inputs {
        match input {
            BatchInput::Event { event, .. } if event.kind.is_worker() => named.add_worker(event, people),
            BatchInput::Departure(departure) => named.add_worker(&departure.event, people),
            BatchInput::Event { event, .. } if event.kind.is_group() => {
                named.groups.insert(event.subject.clone());
            }
            BatchInput::Event { .. } | BatchInput::Rows { .. } => {}
            BatchInput::Person(key)
            | BatchInput::Cancel { person: key, .. }
            | BatchInput::Order { person: key, .. } => {
                named.people.insert(key.clone());
            }
            BatchInput::Record { source, key } => {
                named.records.insert((source.clone(), key.clone()));
            }
            BatchInput::Join { person, other, .. } => {
                named.people.extend([person.clone(), other.clone()]);
            }
            BatchInput::Verdict { source, key, person, .. } => {
                named.records.insert((source.clone(), key.clone()));
                named.people.insert(person.clone());
            }
            BatchInput::GivenAgain(act) => match &act.kind {
                ActKind::Order { person, .. } | ActKind::Cancel { person, .. } => {
                    named.people.insert(person.clone());
                }
                ActKind::Join { person, other } => {
                    named.people.extend([person.clone(), other.clone()]);
                }
                ActKind::Verdict { source, key, person, .. } => {
                    named.records.insert((source.clone(), key.clone()));
                    named.people.insert(person.clone());
                }
                ActKind::Feed { .. } | ActKind::Policy { .. } => {}
            },
            BatchInput::Again(again) if again.kind == ResourceKind::User => {
                named.people.insert(again.subject.clone());
            }
            BatchInput::Again(ResendRequest { subject: key, .. })
            | BatchInput::Group(key)
            | BatchInput::Edge { group: key, .. } => {
                named.groups.insert(key.clone());
            }
        }
    }
    named
}

/// Loads people with their desired states.
pub(super) async fn load_people(
    tx: &DatabaseTransaction,
    work: &mut BatchState<'_>,
    keys: &BTreeSet<String>,
) -> Result<(), StoreError> {
    load_states(tx, work, keys).await?;
    let mut incomplete = Vec::new();
    for key in keys {
        if let Some(person) = work.people.get_mut(key).filter(|person| !person.is_complete) {
            person.is_complete = true;
            incomplete.push(key.clone());
        }
    }
    // Desired states of the person's further keys end with the person's.
    let further = incomplete.iter().filter_map(|key| work.people.get(key));
    let further: BTreeSet<String> =
        further.flat_map(|person| person.state.further_keys()).map(str::to_owned).collect();
    incomplete.extend(further);
    for chunk in incomplete.chunks(ROWS_PER_STATEMENT_MAX) {
        load_desired(tx, work, ResourceKind::User, chunk).await?;
    }
    Ok(())
}

/// Loads people without their desired states, for those who are only looked up.
pub(super) async fn load_states(
    tx: &DatabaseTransaction,
    work: &mut BatchState<'_>,
    keys: &BTreeSet<String>,
) -> Result<(), StoreError> {
    load_readable_states(tx, work, keys).await?.into_values().next().map_or(Ok(()), Err)
}

/// Loads those of `keys` that can be read, as [`load_states`] does. Returns the error of each other one, which is not loaded.
pub(super) async fn load_readable_states(
    tx: &DatabaseTransaction,
    work: &mut BatchState<'_>,
    keys: &BTreeSet<String>,
) -> Result<BTreeMap<String, StoreError>, StoreError> {
    let missing: Vec<String> = keys.iter().filter(|key| !work.people.contains_key(*key)).cloned().collect();
    let shown = work.policies.manager_attributes();
    let now = work.micros();
    let mut unreadable = BTreeMap::new();
    for chunk in missing.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows = identity::Entity::find()
            .filter(identity::Column::Key.is_in(chunk))
            .all(tx)
            .await
            .map_err(StoreError::statement("read people"))?;
        for row in rows {
            let matched = decode_state::<BTreeSet<ValueKey>>(&row.matched, &row.key);
            let state = matched.and_then(|_| decode_state::<PersonRecord>(&row.state, &row.key));
            let state = match state {
                Ok(state) => state,
                Err(error) => {
                    unreadable.insert(row.key, error);
                    continue;
                }
            };
            let then = last_looked_at(row.next_due_at, now);
            let shown =
                (!shown.is_empty()).then(|| BatchState::shown_to_reports(&shown, &row.key, &state, then));
            let before =
                ShownSubject { is_known: is_known(&state), to_reports: shown, ..ShownSubject::default() };
            let mut known = known_person(row.revision, state, row.next_due_at, before);
            (known.evaluated_with, known.manager) = (Some(row.evaluated_with), row.manager);
            (known.scheduled_at, known.matched) = (row.scheduled_at, row.matched);
            work.people.insert(row.key, known);
        }
    }
    for key in missing.into_iter().filter(|key| !unreadable.contains_key(key)) {
        work.people
            .entry(key)
            .or_insert_with(|| known_person(0, PersonRecord::default(), None, ShownSubject::default()));
    }
    Ok(unreadable)
}

/// Loads groups with their desired states.
pub(super) async fn load_groups(
    tx: &DatabaseTransaction,
    work: &mut BatchState<'_>,
    keys: &BTreeSet<String>,
) -> Result<(), StoreError> {
    load_readable_groups(tx, work, keys).await?.into_values().next().map_or(Ok(()), Err)
}

/// Loads those of `keys` that can be read, as [`load_groups`] does. Returns the error of each other one, which is not loaded.
pub(super) async fn load_readable_groups(
    tx: &DatabaseTransaction,
    work: &mut BatchState<'_>,
    keys: &BTreeSet<String>,
) -> Result<BTreeMap<String, StoreError>, StoreError> {
    let mut unreadable = BTreeMap::new();
    let missing: Vec<String> = keys.iter().filter(|key| !work.groups.contains_key(*key)).cloned().collect();
    let now = work.micros();
    for chunk in missing.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows = group::Entity::find()
            .filter(group::Column::Key.is_in(chunk))
            .all(tx)
            .await
            .map_err(StoreError::statement("read groups"))?;
        for row in rows {
            let state: GroupState = match decode_state(&row.state, &row.key) {
                Ok(state) => state,
                Err(error) => {
                    unreadable.insert(row.key, error);
                    continue;
                }
            };
            let then = last_looked_at(row.next_due_at, now);
            let before = ShownSubject {
                is_known: true,
                is_gone: state.gone_at(then),
                name: display_name(&state.attributes_at(then)),
                to_reports: None,
            };
            let (revision, next_due_at) = (row.revision, row.next_due_at);
            let known = KnownSubject { revision, state, before, touched: None, next_due_at };
            work.groups.insert(row.key, known);
        }
        load_desired(tx, work, ResourceKind::Group, chunk).await?;
    }
    for key in missing.into_iter().filter(|key| !unreadable.contains_key(key)) {
        work.groups.entry(key).or_insert_with(|| KnownSubject {
            revision: 0,
            state: GroupState::default(),
            before: ShownSubject::default(),
            touched: None,
            next_due_at: None,
        });
    }
    Ok(unreadable)
}

/// Returns a time at which the row looked as it did when it was last decided about: the passing of time alone changes nothing
/// before `next_due_at`.
fn last_looked_at(next_due_at: Option<i64>, now: i64) -> i64 {
    next_due_at.map_or(now, |due| now.min(due - 1))
}

/// Loads the desired states of these subjects at all targets.
async fn load_desired(
    tx: &DatabaseTransaction,
    work: &mut BatchState<'_>,
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

/// Returns those of `keys` that are groups and not people.
pub(super) async fn groups_among(
    tx: &DatabaseTransaction,
    work: &BatchState<'_>,
    keys: &BTreeSet<String>,
) -> Result<BTreeSet<String>, StoreError> {
    let is_group = |key: &String| {
        work.groups.get(key).is_some_and(|group| group.revision > 0 || group.touched.is_some())
    };
    let mut found: BTreeSet<String> = keys.iter().filter(|key| is_group(key)).cloned().collect();
    let rest: Vec<&String> = keys.iter().filter(|key| !work.groups.contains_key(*key)).collect();
    for chunk in rest.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows: Vec<String> = group::Entity::find()
            .select_only()
            .column(group::Column::Key)
            .filter(group::Column::Key.is_in(chunk.iter().copied()))
            .into_tuple()
            .all(tx)
            .await
            .map_err(StoreError::statement("read groups"))?;
        found.extend(rows);
    }
    let people = known_people(tx, work, &found).await?;
    found.retain(|key| !people.contains(key));
    Ok(found)
}

/// Returns those of `keys` that are people, as the batch has them.
pub(super) async fn known_people(
    tx: &DatabaseTransaction,
    work: &BatchState<'_>,
    keys: &BTreeSet<String>,
) -> Result<BTreeSet<String>, StoreError> {
    let (here, elsewhere): (Vec<String>, Vec<String>) =
        keys.iter().cloned().partition(|key| work.people.contains_key(key));
    let mut people = people_among(tx, &elsewhere).await?;
    people.extend(here.into_iter().filter(|key| is_known(&work.people[key].state)));
    Ok(people)
}

/// Returns a person without anything that only its row says.
fn known_person(
    revision: i64,
    state: PersonRecord,
    next_due_at: Option<i64>,
    before: ShownSubject,
) -> KnownPerson {
    KnownPerson {
        subject: KnownSubject { revision, state, before, touched: None, next_due_at },
        is_complete: false,
        is_guarded: false,
        scheduled_at: None,
        evaluated_with: None,
        manager: None,
        matched: NOTHING_MATCHED.to_owned(),
        is_ranked: false,
    }
}

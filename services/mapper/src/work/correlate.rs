//! Correlation: finds the person that a record belongs to.
//!
//! A record belongs to a person if exactly one person has the value that it is matched by, and the person has no other
//! record of that source. From then on it stays with the person, even if the values change. A later contradiction is
//! reported as a conflict, and so is a record that matches several people. Only an operator decides about a conflict.
//!
//! Rows of [`match_value`](crate::rows::match_value) list the holders of each value. A person or record that gets or loses
//! a value writes its row. All records in a row whose people changed are evaluated again, so the order of arrival is irrelevant.

use std::collections::{BTreeMap, BTreeSet};

use lifecycle::{AttributeMap, Employment, MatchedBy, PeopleConfig, PersonRecord, RecordStatus};
use sea_orm::DatabaseTransaction;
use serde_json::Value;

use super::records::{self, RecordKey};
use super::stale::StaleMarks;
use super::values::{self, ValueHolder};
use super::verdicts::{self, RecordVerdicts};
use super::{BatchState, CommandCause, load};
use crate::rows::SaveError;
use crate::subjects::is_known;
use crate::unreadable::StateKind;

/// Attribute (or `key`) and value.
pub(super) type ValueKey = (String, String);

/// The name of a person's key among attributes.
const KEY: &str = "key";
/// The maximum length of a value, in bytes. Longer values match nothing.
const VALUE_BYTES_MAX: usize = 512;
/// The maximum number of candidates that are named.
const CANDIDATES_MAX: usize = 16;

/// The outcome of the correlation of a record.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct CorrelationOutcome {
    pub(super) status: Option<RecordStatus>,
    pub(super) person: Option<String>,
    pub(super) reason: &'static str,
    pub(super) candidates: Vec<String>,
}

/// Correlates all records that may be affected because the batch changed match values.
pub(super) async fn correlate_records(
    tx: &DatabaseTransaction,
    work: &mut BatchState<'_>,
) -> Result<(), SaveError> {
    if work.records.is_empty() && work.policies.people().matched_by().is_empty() {
        return Ok(());
    }
    verdicts::save_verdicts(tx, &work.verdicts).await?;
    let mut concerned = concerned_records(tx, work).await?;
    let mut again: BTreeSet<RecordKey> = BTreeSet::new();
    while !concerned.is_empty() {
        // Another source's record that cannot be read is listed and stays as it is: the input that concerns it does not wait.
        let keys = concerned.keys().cloned().collect();
        for ((source, key), error) in records::load_readable_records(tx, work, &keys).await? {
            work.unreadable.note(StateKind::Record, &[&source, &key], &error);
            concerned.remove(&(source, key));
        }
        let matched: BTreeSet<ValueKey> =
            concerned.keys().flat_map(|key| values::read_matched(&work.records[key].row.matched)).collect();
        values::load_values(tx, work, &matched).await?;
        let said = verdicts::load_verdicts(tx, concerned.keys()).await?;
        let mut next = BTreeMap::new();
        for (key, cause) in concerned {
            let outcome = judge_record(tx, work, &key, &said).await?;
            let freed = settle_record(tx, work, &key, outcome, &cause).await?;
            next.extend(freed.into_iter().map(|key| (key, cause.clone())));
        }
        // Records that waited for a person whose record turned out to belong to another person; each one once.
        next.retain(|key, _| again.insert(key.clone()));
        concerned = next;
    }
    Ok(())
}

/// Updates the holders of values. Returns the records that this, or a statement of their source, affects.
async fn concerned_records(
    tx: &DatabaseTransaction,
    work: &mut BatchState<'_>,
) -> Result<BTreeMap<RecordKey, CommandCause>, SaveError> {
    let (people, now) = (work.policies.people(), work.micros());
    let mut moves: Vec<(ValueKey, ValueHolder, bool, CommandCause)> = Vec::new();
    for (key, person) in &mut work.people {
        let Some(cause) = &person.touched else { continue };
        let (old, new) = (values::read_matched(&person.matched), of_person(people, key, &person.state, now));
        let holder = ValueHolder::Person(key.clone());
        moves.extend(values::value_moves(&old, &new, &holder, cause));
        person.matched = values::write_matched(&new);
    }
    let mut concerned = BTreeMap::new();
    for (key, record) in &mut work.records {
        let Some(cause) = &record.touched else { continue };
        let new = of_record(people, &key.0, &record.state, now).into_iter().collect();
        let holder = ValueHolder::Record(key.clone());
        moves.extend(values::value_moves(&values::read_matched(&record.row.matched), &new, &holder, cause));
        // Other records of a value may wait for one that its source erased.
        let erased = matches!(record.state.view("", now).employment, Employment::Deleted { .. });
        if erased {
            moves.extend(new.iter().map(|value| (value.clone(), holder.clone(), true, cause.clone())));
        }
        record.row.matched = values::write_matched(&new);
        concerned.insert(key.clone(), cause.clone());
    }
    values::load_values(tx, work, &moves.iter().map(|(value, ..)| value.clone()).collect()).await?;
    for (value, holder, has, cause) in moves {
        let before = people_of(work, &value);
        for record in values::set_value(work, &value, &holder, has) {
            concerned.entry(record).or_insert_with(|| cause.clone());
        }
        // Nothing changes for a value with more people than are named, or because of a record that is only evaluated again.
        let is_news = match &holder {
            ValueHolder::Person(_) => true,
            ValueHolder::Record(key) => cause.event.is_some() && is_erased(work, key),
        };
        if is_news && before.min(people_of(work, &value)) <= CANDIDATES_MAX as u64 {
            wake_further_records(work, &value);
        }
    }
    values::refill(tx, work).await?;
    Ok(concerned)
}

/// Returns the number of people who have the value.
fn people_of(work: &BatchState<'_>, value: &ValueKey) -> u64 {
    work.values.get(value).map_or(0, values::KnownValue::people_count)
}

/// Marks records that the row of the value does not list: they are evaluated page by page after this batch.
fn wake_further_records(work: &mut BatchState<'_>, value: &ValueKey) {
    if work.values.get(value).is_some_and(values::KnownValue::has_further_records) {
        let matched = values::write_matched(&BTreeSet::from([value.clone()]));
        work.stale.push(StaleMarks::RecordsMatchedBy(vec![matched]));
    }
}

/// Determines the owner of a record by what is known now.
async fn judge_record(
    tx: &DatabaseTransaction,
    work: &mut BatchState<'_>,
    key: &RecordKey,
    said: &RecordVerdicts,
) -> Result<CorrelationOutcome, SaveError> {
    if work.policies.people().match_on(&key.0).is_empty() {
        // The configuration does not match this source's records any more.
        return Ok(CorrelationOutcome { status: Some(RecordStatus::Gone), ..CorrelationOutcome::default() });
    }
    let record = &work.records[key];
    let current = record.row.person.clone().filter(|person| said.of(key, person) != Some(false));
    let linked = |person: String| CorrelationOutcome {
        status: Some(RecordStatus::Linked),
        person: Some(person),
        ..CorrelationOutcome::default()
    };
    if let Some(person) = said.same(key) {
        return Ok(linked(person));
    }
    let matched = values::read_matched(&record.row.matched).into_iter().next();
    let holders = matched.and_then(|value| work.values.get(&value));
    let is_crowded = holders.is_some_and(values::KnownValue::is_crowded);
    let candidates: Vec<String> = holders
        .map(values::KnownValue::people)
        .unwrap_or_default()
        .into_iter()
        .filter(|person| said.of(key, person) != Some(false))
        .collect();
    let conflict = |person: Option<String>, reason: &'static str, mut candidates: Vec<String>| {
        candidates.truncate(CANDIDATES_MAX);
        CorrelationOutcome { status: Some(RecordStatus::Conflict), person, reason, candidates }
    };
    if let Some(person) = current {
        let others: Vec<String> = candidates.iter().filter(|other| **other != person).cloned().collect();
        return Ok(match (candidates.contains(&person), others.is_empty()) {
            (_, true) => linked(person),
            (true, false) => conflict(Some(person), AMBIGUOUS, candidates),
            (false, false) => conflict(Some(person), MOVED, candidates),
        });
    }
    let waiting = CorrelationOutcome { status: Some(RecordStatus::Waiting), ..CorrelationOutcome::default() };
    match candidates.as_slice() {
        [] if !is_crowded => Ok(waiting),
        [person] if !is_crowded => {
            let person = person.clone();
            match is_person_free(tx, work, key, &person).await? {
                true if is_erased(work, key) => Ok(waiting),
                true => Ok(linked(person)),
                false => Ok(conflict(None, TAKEN, candidates)),
            }
        }
        _ => Ok(conflict(None, AMBIGUOUS, candidates)),
    }
}

/// Several people have the value.
pub(super) const AMBIGUOUS: &str = "ambiguous";
/// The record is linked, but has the value of another person now.
pub(super) const MOVED: &str = "moved";
/// The person has another record of the source.
pub(super) const TAKEN: &str = "taken";

/// Describes the reason for the operator who decides.
pub(crate) fn in_words(reason: &str) -> &'static str {
    match reason {
        AMBIGUOUS => "several people have the value",
        MOVED => "it has the value of another person now",
        TAKEN => "the source has another record of this person",
        _ => "",
    }
}

/// Returns whether the record's source erased it.
fn is_erased(work: &BatchState<'_>, key: &RecordKey) -> bool {
    let now = work.micros();
    let employment = work.records.get(key).map(|record| record.state.view("", now).employment);
    matches!(employment, Some(Employment::Deleted { .. }))
}

/// Returns whether the person has no other record of the source. A record that the source erased does not count.
async fn is_person_free(
    tx: &DatabaseTransaction,
    work: &mut BatchState<'_>,
    key: &RecordKey,
    person: &str,
) -> Result<bool, SaveError> {
    load::load_people(tx, work, &BTreeSet::from([person.to_owned()])).await?;
    let Some(other) = work.people[person].state.record_of(&key.0).map(str::to_owned) else { return Ok(true) };
    if other == key.1 {
        return Ok(true);
    }
    let other = (key.0.clone(), other);
    records::load_records(tx, work, &BTreeSet::from([other.clone()])).await?;
    Ok(is_erased(work, &other) && !is_erased(work, key))
}

/// Applies the outcome and publishes it. Returns the records that may belong to a person who lost this one.
async fn settle_record(
    tx: &DatabaseTransaction,
    work: &mut BatchState<'_>,
    key: &RecordKey,
    outcome: CorrelationOutcome,
    cause: &CommandCause,
) -> Result<Vec<RecordKey>, SaveError> {
    let before = work.records[key].row.person.clone();
    let both: BTreeSet<String> = before.iter().chain(&outcome.person).cloned().collect();
    load::load_people(tx, work, &both).await?;
    let mut freed = Vec::new();
    if before != outcome.person
        && let Some(person) = before.as_ref().and_then(|person| work.people.get_mut(person))
    {
        person.state.unlink(&key.0, &key.1);
        person.touched.get_or_insert_with(|| cause.clone());
        let theirs = values::read_matched(&person.matched);
        values::load_values(tx, work, &theirs).await?;
        let others = theirs.iter().filter_map(|value| work.values.get(value));
        freed.extend(others.flat_map(values::KnownValue::records).filter(|other| other != key));
        theirs.iter().for_each(|value| wake_further_records(work, value));
    }
    if let Some(new) = &outcome.person
        && work.people.get(new).is_some_and(|person| person.state.record_of(&key.0) != Some(&key.1))
    {
        make_way(work, key, new, cause);
        let state = work.records[key].state.clone();
        if let Some(person) = work.people.get_mut(new) {
            person.state.link(&key.0, &key.1, work.policies.people(), &state);
            person.touched.get_or_insert_with(|| cause.clone());
        }
    }
    verdicts::tell_verdict(work, key, outcome, cause);
    Ok(freed)
}

/// Releases the record that the person had from the same source before.
fn make_way(work: &mut BatchState<'_>, key: &RecordKey, person: &str, cause: &CommandCause) {
    let other = work.people.get(person).and_then(|known| known.state.record_of(&key.0)).map(str::to_owned);
    let Some(other) = other.filter(|other| *other != key.1) else { return };
    let gone = CorrelationOutcome { status: Some(RecordStatus::Gone), ..CorrelationOutcome::default() };
    let other = (key.0.clone(), other);
    if work.records.contains_key(&other) {
        verdicts::tell_verdict(work, &other, gone, cause);
    }
}

/// Returns the values by which records are matched with the person.
fn of_person(people: &PeopleConfig, key: &str, state: &PersonRecord, now: i64) -> BTreeSet<ValueKey> {
    if !is_known(state) {
        return BTreeSet::new();
    }
    let own = state.own_attributes(now);
    let mut values = BTreeSet::new();
    for by in people.matched_by() {
        match by {
            MatchedBy::Key => {
                let keys = std::iter::once(key).chain(state.further_keys());
                values.extend(keys.filter_map(fold_text).map(|key| (KEY.to_owned(), key)));
            }
            MatchedBy::Attribute(name) => {
                values.extend(attribute_text(&own, name).map(|value| (name.clone(), value)));
            }
        }
    }
    values
}

/// Returns the value by which the record is matched: the first rule of the source that yields one.
fn of_record(people: &PeopleConfig, source: &str, state: &PersonRecord, now: i64) -> Option<ValueKey> {
    let attributes = state.view("", now).attributes;
    people.match_on(source).iter().find_map(|by| {
        let name = match &by.person {
            MatchedBy::Key => KEY,
            MatchedBy::Attribute(name) => name,
        };
        Some((name.to_owned(), attribute_text(&attributes, &by.record)?))
    })
}

fn attribute_text(attributes: &AttributeMap, name: &str) -> Option<String> {
    match attributes.get(name)? {
        Value::String(text) => fold_text(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Folds upper and lower case: if two people differ in nothing else, a conflict is better than a guess.
fn fold_text(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    (!text.is_empty() && text.len() <= VALUE_BYTES_MAX).then_some(text)
}

//! The holders of the values that records are matched by.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::sea_query::LikeExpr;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use super::correlate::ValueKey;
use super::records::RecordKey;
use super::{BatchState, CommandCause};
use crate::rows::{decode_state, identity, match_value};

/// The maximum number of people, and of records, that are listed for one value. Additional people are only counted. Additional
/// records are found by the value when its people change.
const HOLDERS_MAX: usize = 100;
/// The number of people that are read at a time.
const PEOPLE_PER_PAGE: u64 = 1_000;

/// A person or record that has a value.
#[derive(Debug, Clone)]
pub(super) enum ValueHolder {
    Person(String),
    Record(RecordKey),
}

/// A row as it was read, and as it is now.
#[derive(Debug)]
pub(super) struct KnownValue {
    revision: i64,
    people: ValueHolders<String>,
    records: ValueHolders<RecordKey>,
    changed: bool,
}

/// The people or records with a value.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct ValueHolders<T: Ord> {
    keys: BTreeSet<T>,
    /// The number of holders beyond those that are listed.
    #[serde(default, skip_serializing_if = "is_zero")]
    others: u64,
    /// `true` if there were too many once, and they were not counted: for records, and for people in rows of an earlier version.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    crowded: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl<T: Ord> Default for ValueHolders<T> {
    fn default() -> Self {
        Self { keys: BTreeSet::new(), others: 0, crowded: false }
    }
}

impl<T: Ord> ValueHolders<T> {
    /// Sets whether `key` has the value. Returns `true` if that is not reflected in the list.
    fn set(&mut self, key: T, has: bool) -> bool {
        if has && (self.keys.len() < HOLDERS_MAX || self.keys.contains(&key)) {
            self.keys.insert(key);
            return false;
        }
        has || !self.keys.remove(&key)
    }
}

impl KnownValue {
    /// Returns the keys of the listed people.
    pub(super) fn people(&self) -> Vec<String> {
        self.people.keys.iter().cloned().collect()
    }

    /// Returns the keys of the listed records.
    pub(super) fn records(&self) -> Vec<RecordKey> {
        self.records.keys.iter().cloned().collect()
    }

    /// Returns the number of people who have it.
    pub(super) fn people_count(&self) -> u64 {
        self.people.keys.len() as u64 + self.people.others
    }

    /// Returns whether more people have it than are listed.
    pub(super) fn is_crowded(&self) -> bool {
        self.people.others > 0
    }

    /// Returns whether more records may have it than are listed.
    pub(super) fn has_further_records(&self) -> bool {
        self.records.crowded
    }
}

/// Returns the changes of rows when the values of `holder` change.
pub(super) fn value_moves(
    old: &BTreeSet<ValueKey>,
    new: &BTreeSet<ValueKey>,
    holder: &ValueHolder,
    cause: &CommandCause,
) -> Vec<(ValueKey, ValueHolder, bool, CommandCause)> {
    let of = |value: &ValueKey, has: bool| (value.clone(), holder.clone(), has, cause.clone());
    let lost = old.difference(new).map(|value| of(value, false));
    lost.chain(new.difference(old).map(|value| of(value, true))).collect()
}

/// Sets whether `holder` has the value. Returns the records that this may affect.
pub(super) fn set_value(
    work: &mut BatchState<'_>,
    value: &ValueKey,
    holder: &ValueHolder,
    has: bool,
) -> Vec<RecordKey> {
    let Some(known) = work.values.get_mut(value) else { return Vec::new() };
    known.changed = true;
    match holder {
        ValueHolder::Person(key) => {
            if known.people.set(key.clone(), has) {
                let others = known.people.others;
                known.people.others = if has { others + 1 } else { others.saturating_sub(1) };
            }
        }
        ValueHolder::Record(key) => known.records.crowded |= known.records.set(key.clone(), has) && has,
    }
    known.records.keys.iter().cloned().collect()
}

/// Loads rows that are not loaded yet.
pub(super) async fn load_values(
    tx: &DatabaseTransaction,
    work: &mut BatchState<'_>,
    values: &BTreeSet<ValueKey>,
) -> Result<(), StoreError> {
    let mut missing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (attribute, value) in values.iter().filter(|value| !work.values.contains_key(*value)) {
        missing.entry(attribute).or_default().push(value);
    }
    let mut rows = Vec::new();
    for (attribute, values) in missing {
        for chunk in values.chunks(ROWS_PER_STATEMENT_MAX) {
            let found = match_value::Entity::find()
                .filter(match_value::Column::Attribute.eq(attribute))
                .filter(match_value::Column::Value.is_in(chunk.iter().copied()))
                .all(tx)
                .await
                .map_err(StoreError::statement("read the holders of a value"))?;
            rows.extend(found);
        }
    }
    for row in rows {
        let known = KnownValue {
            revision: row.revision,
            people: crate::rows::decode_state(&row.people, "a value")?,
            records: crate::rows::decode_state(&row.records, "a value")?,
            changed: false,
        };
        work.values.insert((row.attribute, row.value), known);
    }
    // An earlier version did not count them. Like the row, the stored people are those from before this batch.
    let uncounted: Vec<ValueKey> = values
        .iter()
        .filter(|value| work.values.get(*value).is_some_and(|known| known.people.crowded))
        .cloned()
        .collect();
    for value in uncounted {
        let people = people_with(tx, &value, |_| false).await?;
        write_down(work, &value, people);
    }
    for value in values {
        let nobody = || KnownValue {
            revision: 0,
            people: ValueHolders::default(),
            records: ValueHolders::default(),
            changed: false,
        };
        work.values.entry(value.clone()).or_insert_with(nobody);
    }
    Ok(())
}

/// Lists people again for values that some people still have, but none of the listed ones.
///
/// # Errors
/// Returns an error if the database fails.
pub(super) async fn refill(tx: &DatabaseTransaction, work: &mut BatchState<'_>) -> Result<(), StoreError> {
    let is_short =
        |known: &KnownValue| known.changed && known.people.keys.is_empty() && known.people.others > 0;
    let short: Vec<ValueKey> =
        work.values.iter().filter(|(_, known)| is_short(known)).map(|(value, _)| value.clone()).collect();
    for value in short {
        let mut people = people_with(tx, &value, |key| work.people.contains_key(key)).await?;
        let here = work.people.iter().filter(|(_, known)| read_matched(&known.matched).contains(&value));
        here.for_each(|(key, _)| people.add(key.clone()));
        write_down(work, &value, people);
    }
    Ok(())
}

/// Replaces the list of people with a value.
fn write_down(work: &mut BatchState<'_>, value: &ValueKey, people: ValueHolders<String>) {
    if let Some(known) = work.values.get_mut(value) {
        (known.people, known.changed) = (people, true);
    }
}

impl ValueHolders<String> {
    fn add(&mut self, key: String) {
        self.others += u64::from(self.set(key, true));
    }
}

/// Returns the stored people who have the value, read page by page, without those that must be left out.
async fn people_with(
    tx: &DatabaseTransaction,
    value: &ValueKey,
    is_left_out: impl Fn(&str) -> bool,
) -> Result<ValueHolders<String>, StoreError> {
    let pair = encode_value(value).replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    let holds = LikeExpr::new(format!("%{pair}%")).escape('\\');
    let (mut people, mut after) = (ValueHolders::default(), String::new());
    loop {
        let page: Vec<(String, String)> = identity::Entity::find()
            .select_only()
            .column(identity::Column::Key)
            .column(identity::Column::Matched)
            .filter(identity::Column::Matched.like(holds.clone()))
            .filter(identity::Column::Key.gt(&after))
            .order_by_asc(identity::Column::Key)
            .limit(PEOPLE_PER_PAGE)
            .into_tuple()
            .all(tx)
            .await
            .map_err(StoreError::statement("read the holders of a value"))?;
        let Some((last, _)) = page.last() else { return Ok(people) };
        after.clone_from(last);
        for (key, matched) in page {
            // Without one of the holders the value would seem to have one person only, so an unreadable row is an error.
            let matched: BTreeSet<ValueKey> = decode_state(&matched, &key)?;
            if !is_left_out(&key) && matched.contains(value) {
                people.add(key);
            }
        }
    }
}

/// Returns the rows that changed.
pub(super) fn changed_values(values: BTreeMap<ValueKey, KnownValue>) -> Vec<match_value::Model> {
    let changed = values.into_iter().filter(|(_, known)| known.changed);
    let row = |((attribute, value), known): (ValueKey, KnownValue)| match_value::Model {
        attribute,
        value,
        revision: known.revision + 1,
        people: encode_value(&known.people),
        records: encode_value(&known.records),
    };
    changed.map(row).collect()
}

/// Decodes the values of a row. Rows are checked when they are loaded.
pub(super) fn read_matched(matched: &str) -> BTreeSet<ValueKey> {
    serde_json::from_str(matched).unwrap_or_default()
}

/// Encodes the values of a row.
pub(super) fn write_matched(values: &BTreeSet<ValueKey>) -> String {
    encode_value(values)
}

fn encode_value(of: &impl Serialize) -> String {
    serde_json::to_string(of).expect("keys and values are plain data")
}

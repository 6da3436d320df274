//! Who has which of the values that records are matched by.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use super::correlate::ValueKey;
use super::records::RecordKey;
use super::{Cause, Work};
use crate::rows::match_value;

/// How many people, and how many records, are written down for one value: what more have it is a placeholder, and matches
/// nobody.
const HOLDERS_MAX: usize = 100;

/// Somebody who has a value.
#[derive(Debug, Clone)]
pub(super) enum Holder {
    Person(String),
    Record(RecordKey),
}

/// A row as it was read, and as it is now.
#[derive(Debug)]
pub(super) struct KnownValue {
    revision: i64,
    people: Holders<String>,
    records: Holders<RecordKey>,
    changed: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Holders<T: Ord> {
    keys: BTreeSet<T>,
    /// There were too many once; nobody knows any more how many there are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    crowded: bool,
}

impl<T: Ord> Default for Holders<T> {
    fn default() -> Self {
        Self { keys: BTreeSet::new(), crowded: false }
    }
}

impl<T: Ord> Holders<T> {
    fn set(&mut self, key: T, has: bool) {
        if !has {
            self.keys.remove(&key);
        } else if self.keys.len() < HOLDERS_MAX || self.keys.contains(&key) {
            self.keys.insert(key);
        } else {
            self.crowded = true;
        }
    }
}

impl KnownValue {
    pub(super) fn people(&self) -> Vec<String> {
        self.people.keys.iter().cloned().collect()
    }

    pub(super) fn records(&self) -> Vec<RecordKey> {
        self.records.keys.iter().cloned().collect()
    }

    pub(super) fn is_crowded(&self) -> bool {
        self.people.crowded
    }
}

/// What has to be written when the values of `holder` change.
pub(super) fn moves(
    old: &BTreeSet<ValueKey>,
    new: &BTreeSet<ValueKey>,
    holder: &Holder,
    cause: &Cause,
) -> Vec<(ValueKey, Holder, bool, Cause)> {
    let of = |value: &ValueKey, has: bool| (value.clone(), holder.clone(), has, cause.clone());
    let lost = old.difference(new).map(|value| of(value, false));
    lost.chain(new.difference(old).map(|value| of(value, true))).collect()
}

/// Sets whether `holder` has the value; returns the records that this may concern.
pub(super) fn set(work: &mut Work<'_>, value: &ValueKey, holder: &Holder, has: bool) -> Vec<RecordKey> {
    let Some(known) = work.values.get_mut(value) else { return Vec::new() };
    known.changed = true;
    match holder {
        Holder::Person(key) => known.people.set(key.clone(), has),
        Holder::Record(key) => known.records.set(key.clone(), has),
    }
    known.records.keys.iter().cloned().collect()
}

/// Reads rows that are not read yet.
pub(super) async fn load(
    tx: &DatabaseTransaction,
    work: &mut Work<'_>,
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
                .map_err(StoreError::statement("read who has a value"))?;
            rows.extend(found);
        }
    }
    for row in rows {
        let known = KnownValue {
            revision: row.revision,
            people: crate::rows::decode(&row.people, "a value")?,
            records: crate::rows::decode(&row.records, "a value")?,
            changed: false,
        };
        work.values.insert((row.attribute, row.value), known);
    }
    for value in values {
        let nobody = || KnownValue {
            revision: 0,
            people: Holders::default(),
            records: Holders::default(),
            changed: false,
        };
        work.values.entry(value.clone()).or_insert_with(nobody);
    }
    Ok(())
}

/// The rows that changed.
pub(super) fn changed(values: BTreeMap<ValueKey, KnownValue>) -> Vec<match_value::Model> {
    let changed = values.into_iter().filter(|(_, known)| known.changed);
    let row = |((attribute, value), known): (ValueKey, KnownValue)| match_value::Model {
        attribute,
        value,
        revision: known.revision + 1,
        people: encode(&known.people),
        records: encode(&known.records),
    };
    changed.map(row).collect()
}

/// The values of a row that has some.
pub(super) fn read(matched: &str) -> BTreeSet<ValueKey> {
    serde_json::from_str(matched).unwrap_or_default()
}

/// The other way round.
pub(super) fn write(values: &BTreeSet<ValueKey>) -> String {
    encode(values)
}

fn encode(of: &impl Serialize) -> String {
    serde_json::to_string(of).expect("keys and values are plain data")
}

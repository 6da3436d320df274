//! Who has which of the values that records are matched by.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::sea_query::LikeExpr;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use super::correlate::ValueKey;
use super::records::RecordKey;
use super::{BatchState, CommandCause};
use crate::rows::{identity, match_value};

/// How many people, and how many records, are written down for one value. Of more people it is known how many there are; further
/// records are found by the value when its people change.
const HOLDERS_MAX: usize = 100;
/// People that are read at a time.
const PEOPLE_PER_PAGE: u64 = 1_000;

/// Somebody who has a value.
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

#[derive(Debug, Clone, Serialize, Deserialize)]
struct ValueHolders<T: Ord> {
    keys: BTreeSet<T>,
    /// How many more there are than are written down.
    #[serde(default, skip_serializing_if = "is_zero")]
    others: u64,
    /// There were too many once, and they were not counted: of records, and of people in what an earlier version wrote.
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
    /// Notes that one has the value now, or has it no more; returns whether that is not written down.
    fn set(&mut self, key: T, has: bool) -> bool {
        if has && (self.keys.len() < HOLDERS_MAX || self.keys.contains(&key)) {
            self.keys.insert(key);
            return false;
        }
        has || !self.keys.remove(&key)
    }
}

impl KnownValue {
    pub(super) fn people(&self) -> Vec<String> {
        self.people.keys.iter().cloned().collect()
    }

    pub(super) fn records(&self) -> Vec<RecordKey> {
        self.records.keys.iter().cloned().collect()
    }

    /// How many people have it.
    pub(super) fn people_count(&self) -> u64 {
        self.people.keys.len() as u64 + self.people.others
    }

    /// Whether more people have it than are written down.
    pub(super) fn is_crowded(&self) -> bool {
        self.people.others > 0
    }

    /// Whether more records may have it than are written down.
    pub(super) fn has_further_records(&self) -> bool {
        self.records.crowded
    }
}

/// What has to be written when the values of `holder` change.
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

/// Sets whether `holder` has the value; returns the records that this may concern.
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

/// Reads rows that are not read yet.
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
                .map_err(StoreError::statement("read who has a value"))?;
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
    // An earlier version did not count them: the stored people are those from before this batch, as the row is.
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

/// Writes people down again for values that a person still has, but no person who is written down.
///
/// # Errors
/// As the database reports them.
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

/// The stored people who have the value, page by page, but those who are to be left out.
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
            .map_err(StoreError::statement("read who has a value"))?;
        let Some((last, _)) = page.last() else { return Ok(people) };
        after.clone_from(last);
        let holders = page
            .into_iter()
            .filter(|(key, matched)| !is_left_out(key) && read_matched(matched).contains(value));
        holders.for_each(|(key, _)| people.add(key));
    }
}

/// The rows that changed.
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

/// The values of a row that has some.
pub(super) fn read_matched(matched: &str) -> BTreeSet<ValueKey> {
    serde_json::from_str(matched).unwrap_or_default()
}

/// The other way round.
pub(super) fn write_matched(values: &BTreeSet<ValueKey>) -> String {
    encode_value(values)
}

fn encode_value(of: &impl Serialize) -> String {
    serde_json::to_string(of).expect("keys and values are plain data")
}

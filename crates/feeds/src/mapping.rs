//! The meaning of the rows of a file.

mod compile;
mod say;

use std::collections::BTreeMap;
use std::fmt;

use lifecycle::{AttributeMap, UnreadValue};
use readings::{DateForms, ReadDate, WordLists};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

pub use compile::CompiledMapping;
pub use say::BoundMapping;

/// The configured meaning of the columns of a file. Expressions are those of the `expression` crate; their attributes
/// are the columns: `[Column Name]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedMapping {
    /// The column, or columns, with the key of the person.
    pub key: KeyColumns,
    /// The separator between the parts of a key of several columns.
    #[serde(default = "default_joint")]
    pub key_separator: String,
    /// The attribute names and the expressions that compute their values. If there are none, each column is an
    /// attribute with its own name, and an empty cell is null.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// The status of the person, in the words of `docs/dates.md`. Without it, each row is about an employee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<String>,
    /// The operation of each row of a delta feed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<OperationColumn>,
    /// The effective date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_at: Option<String>,
    /// The date formats of `effective_at`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dates: DateForms,
    /// The words for `active`, which take precedence over the known ones.
    #[serde(default, skip_serializing_if = "is_default")]
    pub words: WordLists,
}

fn is_default<T: Default + PartialEq>(setting: &T) -> bool {
    *setting == T::default()
}

fn default_joint() -> String {
    ":".to_owned()
}

/// The names of the key's columns: one text or a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct KeyColumns(pub Vec<String>);

impl<'de> Deserialize<'de> for KeyColumns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMore;
        impl<'de> Visitor<'de> for OneOrMore {
            type Value = KeyColumns;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a column, or a list of them")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<KeyColumns, E> {
                Ok(KeyColumns(vec![name.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<KeyColumns, A::Error> {
                let mut all = Vec::new();
                while let Some(name) = names.next_element()? {
                    all.push(name);
                }
                Ok(KeyColumns(all))
            }
        }
        deserializer.deserialize_any(OneOrMore)
    }
}

/// The column of a delta feed with the operation of a row, and its words. Case does not count; `""` is an empty cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperationColumn {
    /// The name of the column.
    pub column: String,
    /// The person exists, and the row contains their current data.
    #[serde(default = "upsert_words")]
    pub upsert: Vec<String>,
    /// The person left.
    #[serde(default = "left_words")]
    pub left: Vec<String>,
    /// The record of the person was erased.
    #[serde(default = "deleted_words")]
    pub deleted: Vec<String>,
}

fn join_words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn upsert_words() -> Vec<String> {
    join_words(&["upsert", "insert", "add", "create", "new", "update", "change", "hire", "rehire"])
}

fn left_words() -> Vec<String> {
    join_words(&["left", "leave", "leaver", "terminate", "terminated", "termination"])
}

fn deleted_words() -> Vec<String> {
    join_words(&["delete", "deleted", "erase", "erased"])
}

/// The state of the person according to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RowState {
    /// The person is employed.
    Upsert,
    /// The person left, and the row states the departure.
    Left,
    /// The person does not work here, according to the status in the row.
    Inactive,
    /// The person does not work here yet. The data of the row counts.
    PreHire,
    /// The record of the person was erased.
    Deleted,
    /// The row makes no statement (`IgnoreObjectFlow`). The person is in the file, so their absence is not concluded either.
    Ignored,
}

/// The statements of a row.
#[derive(Debug, Clone, PartialEq)]
pub struct RowStatements {
    /// The key of the person.
    pub key: String,
    /// The attributes of the person; JSON null means "has no value". For [`RowState::Left`] and [`RowState::Inactive`] only attributes that
    /// have a value and could be computed; for [`RowState::Deleted`] and [`RowState::Ignored`] none.
    pub attributes: AttributeMap,
    /// The state of the person.
    pub state: RowState,
    /// The effective date, if the row states one.
    pub effective_at: Option<ReadDate>,
    /// The values that could not be read or used.
    pub unread: Vec<UnreadValue>,
}

//! What the rows of a file mean.

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

/// What the columns of a file mean, as configured. Expressions are those of the `expression` crate; their attributes are
/// the columns: `[Column Name]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedMapping {
    /// The column, or columns, that name the person.
    pub key: KeyColumns,
    /// What stands between the parts of a key of several columns.
    #[serde(default = "default_joint")]
    pub key_separator: String,
    /// Our names and the expressions that give their values. If there are none, each column is an attribute of its own
    /// name, and an empty cell is null.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// The status of the person, in the words of `docs/dates.md`; without it, each row is of an employee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<String>,
    /// What each row of a delta feed does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<OperationColumn>,
    /// From when on it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_at: Option<String>,
    /// How `effective_at` writes its dates.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dates: DateForms,
    /// Words for `active`, before those that are known.
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

/// The column of a delta feed that says what a row does, and its words. Case does not count; `""` is an empty cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperationColumn {
    /// The name of the column.
    pub column: String,
    /// The person is there, and this is what is true of them.
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

/// What a row says of the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RowState {
    /// They are employed.
    Upsert,
    /// They left: the row was written to say so.
    Left,
    /// They do not work here, as their row shows.
    Inactive,
    /// They do not work here yet; what the row says of them counts.
    PreHire,
    /// Their record was erased.
    Deleted,
    /// Nothing (`IgnoreObjectFlow`); but they are in the file, so that their absence says nothing either.
    Ignored,
}

/// What a row says.
#[derive(Debug, Clone, PartialEq)]
pub struct RowStatements {
    /// Whose row it is.
    pub key: String,
    /// What it says of them; JSON null says "has no value". For [`RowState::Left`] and [`RowState::Inactive`] what has a value and could be
    /// computed, for [`RowState::Deleted`] and [`RowState::Ignored`] nothing.
    pub attributes: AttributeMap,
    /// What it says has happened.
    pub state: RowState,
    /// From when on it holds, if the row says so.
    pub effective_at: Option<ReadDate>,
    /// Values that could not be read or used.
    pub unread: Vec<UnreadValue>,
}

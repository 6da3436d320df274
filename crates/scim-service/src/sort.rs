//! The sort order of results (RFC 7644, 3.4.2.3).

use std::cmp::Ordering;

use serde_json::Value;

use crate::{ResourceTree, ResourceType, ScimAttributePath};

/// The maximum length of a text in a key, in characters. The keys of all results are in memory at once.
const KEY_CHARS_MAX: usize = 128;

/// The key by which a resource is sorted.
#[derive(Debug, Clone, PartialEq)]
pub enum SortKey {
    /// A boolean; false sorts before true.
    Boolean(bool),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// No value; sorts last.
    Absent,
}

impl SortKey {
    /// Returns the key of a resource: the value at `path`, which is the primary one or the first.
    pub fn of(kind: ResourceType, path: &ScimAttributePath, tree: &ResourceTree) -> Self {
        let exact = path.attribute(kind).is_some_and(|known| known.case_exact);
        let primary = || {
            let list = tree.get(path.name.as_deref()?)?.as_array()?;
            let primary = list.iter().find(|element| element.get("primary") == Some(&Value::Bool(true)))?;
            primary.get(path.part.as_deref().unwrap_or("value"))
        };
        let value = primary().or_else(|| path.values(tree).into_iter().next());
        match value {
            Some(Value::Bool(truth)) => Self::Boolean(*truth),
            Some(Value::Number(number)) => Self::Number(number.as_f64().unwrap_or_default()),
            Some(Value::String(text)) => {
                let text = if exact { text.clone() } else { text.to_lowercase() };
                Self::Text(text.chars().take(KEY_CHARS_MAX).collect())
            }
            _ => Self::Absent,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Boolean(_) => 0,
            Self::Number(_) => 1,
            Self::Text(_) => 2,
            Self::Absent => 3,
        }
    }
}

impl Eq for SortKey {}

impl PartialOrd for SortKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SortKey {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Boolean(one), Self::Boolean(other)) => one.cmp(other),
            (Self::Number(one), Self::Number(other)) => one.total_cmp(other),
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            (one, other) => one.rank().cmp(&other.rank()),
        }
    }
}

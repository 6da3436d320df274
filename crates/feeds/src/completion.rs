//! The summary at the end of a full feed.

use lifecycle::AttributeMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::guard::{FeedGuard, FeedSeen};
use crate::tally::KeySet;

/// The data that is needed to judge a file. It is sent in the attributes of a `feed.completed` event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileCompletion {
    /// The counts of the file.
    pub seen: FeedSeen,
    /// The set of people in it.
    pub people: KeySet,
    /// The limits that the file must meet to be accepted.
    pub guard: FeedGuard,
    /// The feeds that this one replaces: whom they listed, it lists, or they have left.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaces: Vec<String>,
}

impl FileCompletion {
    /// Returns the attributes of an event.
    pub fn to_attributes(&self) -> AttributeMap {
        match serde_json::to_value(self) {
            Ok(Value::Object(fields)) => fields.into_iter().collect(),
            _ => unreachable!("a struct of plain data is always an object"),
        }
    }

    /// Reads the attributes of an event. Returns `None` if they do not contain a completion.
    pub fn from_attributes(attributes: &AttributeMap) -> Option<Self> {
        let fields = attributes.iter().map(|(name, value)| (name.clone(), value.clone()));
        serde_json::from_value(Value::Object(fields.collect())).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_was_written() {
        let seen = FeedSeen {
            rows: 3,
            bad_rows: 1,
            keys_distinct: 2,
            complete: true,
            trailer_count: None,
            checksum_ok: Some(true),
        };
        let people = KeySet { count: 2, sum: u64::MAX };
        let completion = FileCompletion { seen, people, guard: FeedGuard::default(), replaces: Vec::new() };
        assert_eq!(FileCompletion::from_attributes(&completion.to_attributes()), Some(completion));
        assert_eq!(FileCompletion::from_attributes(&AttributeMap::new()), None);
    }
}

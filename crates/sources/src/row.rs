//! What one row of a list says that was read from a source's API.

use lifecycle::EventKind;
use serde_json::Value;
use time::OffsetDateTime;

use crate::error::Error;
use crate::moment::When;
use crate::node::Node;
use crate::notice::{Notice, Said};
use crate::reader::Reader;

/// A row, and what it says.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Whose it is.
    pub key: String,
    /// From when on it holds, if it says so.
    pub effective_at: Option<OffsetDateTime>,
    /// What it says, in the order of [`Reader::fetched`].
    pub notices: Vec<Notice>,
}

impl Reader {
    /// What a row says, as of `at`. Its key stands where the adapter's `key` says, the day from which on it holds at
    /// `effective_at`. There may be several rows about one person, of which each holds from another day on.
    ///
    /// # Errors
    /// When it is no row, or has no key.
    pub fn row(&self, row: &Value, at: OffsetDateTime) -> Result<Row, Error> {
        let node = Node::root(row);
        node.object()?;
        let key = self.pointers.key.as_ref().map_or_else(Node::nowhere, |pointer| node.pointer(pointer));
        let key = key.subject()?;
        let holds = self.pointers.effective_at.as_ref().map(|pointer| node.pointer(pointer).when());
        let holds = holds.transpose()?.flatten().map(When::as_day);
        let effective_at = holds.and_then(|when| self.zone.begin(when));
        // Days that the row names are compared with the day from which on it holds, if that is still to come.
        let seen_from = effective_at.map_or(at, |begins| begins.max(at));
        let mut notices = self.fetched(row, &key, None, seen_from)?;
        for notice in &mut notices {
            if let Notice::Event(said) = notice {
                dated(said, at, effective_at);
            }
        }
        Ok(Row { key, effective_at, notices })
    }
}

/// Said now, and in force from the day of the row on, unless it names a day itself.
fn dated(said: &mut Said, at: OffsetDateTime, effective_at: Option<OffsetDateTime>) {
    let is_value = said.kind == EventKind::WorkerChanged;
    said.at = at;
    if is_value {
        said.effective_at = effective_at;
    } else if said.effective_at.is_none() {
        // Of a day that is over it says how things are now.
        said.effective_at = effective_at.filter(|begins| *begins > at);
    }
}

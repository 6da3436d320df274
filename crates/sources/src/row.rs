//! Reading of one row of a list from a source's API.

use lifecycle::{EventKind, StatementDating, UnreadValue};
use serde_json::Value;
use time::OffsetDateTime;

pub use crate::employment::RowPresence;
use crate::error::ReadError;
use crate::node::JsonNode;
use crate::notice::{NoticeEvent, SourceNotice};
use crate::reader::NoticeReader;

/// A row and its statements.
#[derive(Debug, Clone, PartialEq)]
pub struct ListRow {
    /// The key of the person.
    pub key: String,
    /// The effective time, if the row states one.
    pub effective_at: Option<OffsetDateTime>,
    /// The presence of the person according to the row.
    pub presence: RowPresence,
    /// The notices of the row, in the order of [`NoticeReader::fetched`].
    pub notices: Vec<SourceNotice>,
}

impl NoticeReader {
    /// Reads a row, as of `at`. The adapter's `key` is the pointer to its key, `effective_at` the pointer to its
    /// effective day. There may be several rows about one person, each with another effective day. If the day of a row
    /// cannot be read, only its statement that the person is no longer employed counts.
    ///
    /// # Errors
    /// Returns an error if the value is not a row, or has no key.
    pub fn row(&self, row: &Value, at: OffsetDateTime) -> Result<ListRow, ReadError> {
        let node = JsonNode::root(row);
        node.object()?;
        let key =
            self.rules.pointers.key.as_ref().map_or_else(JsonNode::nowhere, |pointer| node.pointer(pointer));
        let key = key.subject()?;
        let (effective_at, unread) = self.row_day(&node);
        // Days in the row are compared with its effective day if that is in the future.
        let seen_from = effective_at.map_or(at, |begins| begins.max(at));
        let (mut notices, stated) = self.record(row, &key, None, seen_from)?;
        let presence = stated.shown_presence(seen_from);
        if let Some(unread) = unread {
            let notices = without_its_day(notices, unread, &key, at);
            return Ok(ListRow { key, effective_at: None, presence: RowPresence::Unreadable, notices });
        }
        for notice in &mut notices {
            if let SourceNotice::Event(said) = notice {
                date_statement(said, at, effective_at);
            }
        }
        Ok(ListRow { key, effective_at, presence, notices })
    }

    /// Returns the moment at which the effective day of a row begins, or its unreadable value.
    fn row_day(&self, row: &JsonNode<'_>) -> (Option<OffsetDateTime>, Option<UnreadValue>) {
        let Some(pointer) = &self.rules.pointers.effective_at else { return (None, None) };
        let node = row.pointer(pointer);
        match node.date(&self.rules.dates) {
            readings::DateReading::At(when) => (self.rules.dates.begin(self.rules.dates.as_day(when)), None),
            reading @ readings::DateReading::Unreadable(_) => (None, Some(node.unread(&reading))),
            readings::DateReading::NotSaid | readings::DateReading::NoDate => (None, None),
        }
    }
}

/// Returns the notices of a row whose day cannot be read: the unread value, and a statement that the person is not
/// employed, if there is one.
fn without_its_day(
    notices: Vec<SourceNotice>,
    unread: UnreadValue,
    key: &str,
    at: OffsetDateTime,
) -> Vec<SourceNotice> {
    let is_departure = |notice: &SourceNotice| matches!(notice, SourceNotice::Event(said) if said.kind == EventKind::WorkerLeft);
    let unread = if notices.iter().any(is_departure) { unread.of_departure() } else { unread };
    let mut listed = NoticeEvent::nothing_but(vec![unread], key, at, StatementDating::Observed);
    let mut kept = Vec::new();
    for notice in notices {
        let SourceNotice::Event(mut said) = notice else { continue };
        listed.unread.append(&mut said.unread);
        if said.kind == EventKind::WorkerLeft && said.dated == StatementDating::Observed {
            kept.push(SourceNotice::Event(said));
        }
    }
    kept.insert(0, SourceNotice::Event(listed));
    kept
}

/// Dates a statement now, with the effective day of the row, unless it names a day itself.
fn date_statement(said: &mut NoticeEvent, at: OffsetDateTime, effective_at: Option<OffsetDateTime>) {
    let is_value = said.kind == EventKind::WorkerChanged;
    said.at = at;
    if is_value {
        said.effective_at = effective_at.filter(|begins| *begins != at);
        said.dated =
            if effective_at.is_some() { StatementDating::Explicit } else { StatementDating::Observed };
    } else if said.effective_at.is_none()
        && said.dated != StatementDating::Explicit
        && let Some(begins) = effective_at.filter(|begins| *begins > at)
    {
        // For a past day, the statement is about the present; for a future day, about the state from then on.
        let kind = if said.kind == EventKind::WorkerLeft { said.kind } else { EventKind::WorkerJoined };
        (said.kind, said.effective_at, said.dated) = (kind, Some(begins), StatementDating::Explicit);
    }
}

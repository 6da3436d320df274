//! Repeated rows of a full feed, which state the same as before: a short hash of the content of a row, and the list of
//! such rows in one event.
//!
//! The mapper stores the last content of each row. The gateway asks it which rows it knows, and sends only the hashes
//! of those. The mapper makes the same event of a hash as the row would have been, with the time of the new run. So a
//! repeated row counts exactly as if it had been sent.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lifecycle::{AttributeMap, Event, EventId, EventKind, StatementDating, UnreadValue};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

/// The maximum number of rows in one event.
pub const REPEATED_ROWS_MAX: usize = 250;
/// The size of a hash in bytes. Two rows are compared only if they have the same feed and key.
const HASH_BYTES: usize = 8;
const ROWS: &str = "rows";

/// The content of a row, independent of its run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RowContent {
    /// The kind of its event.
    pub kind: EventKind,
    /// The effective time; `None` means the time of the run.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub effective_at: Option<OffsetDateTime>,
    /// The origin of that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dated: Option<StatementDating>,
    /// The attributes of the person.
    #[serde(default, skip_serializing_if = "AttributeMap::is_empty")]
    pub attributes: AttributeMap,
    /// The values that could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<UnreadValue>,
}

impl RowContent {
    /// Returns the content of an event that is a row of a full feed and is dated by its run. Returns `None` for any other event.
    pub fn of(event: &Event) -> Option<Self> {
        let run = event.feed.as_ref().filter(|run| !run.absent)?;
        let is_row = event.kind.is_worker() && event.members.is_none() && event.time == run.begun_at;
        is_row.then(|| Self {
            kind: event.kind,
            effective_at: (event.effective_at != event.time).then_some(event.effective_at),
            dated: event.dated,
            attributes: event.attributes.clone(),
            unread: event.unread.clone(),
        })
    }

    /// Returns a hash that identifies this content among all contents of the row.
    pub fn hash(&self) -> String {
        let json = serde_json::to_vec(self).expect("attributes have only text as keys");
        URL_SAFE_NO_PAD.encode(&Sha256::digest(json)[..HASH_BYTES])
    }

    /// Returns the event that the row of `key` would have been in the run of the event `rows`.
    pub fn into_event(self, rows: &Event, key: &str, hash: &str) -> Event {
        let said = format!("{}:{key}:{hash}", rows.source_event_id);
        Event {
            id: EventId::of(&rows.source, &said),
            source_event_id: said,
            kind: self.kind,
            subject: key.to_owned(),
            effective_at: self.effective_at.unwrap_or(rows.time),
            dated: self.dated,
            attributes: self.attributes,
            unread: self.unread,
            ..rows.clone()
        }
    }
}

/// The rows of a run that state the same as before. They are sent in the attributes of a `feed.rows` event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RepeatedRows {
    /// The key and the hash of each row.
    pub rows: Vec<(String, String)>,
}

impl RepeatedRows {
    /// Returns the attributes of an event: one flat list, which is the shortest form.
    pub fn to_attributes(&self) -> AttributeMap {
        let flat = self.rows.iter().flat_map(|(key, hash)| [key.clone().into(), hash.clone().into()]);
        AttributeMap::from([(ROWS.to_owned(), Value::Array(flat.collect()))])
    }

    /// Reads the attributes of an event. Returns `None` if they do not contain rows.
    pub fn from_attributes(attributes: &AttributeMap) -> Option<Self> {
        let flat = attributes.get(ROWS)?.as_array()?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let pairs = flat.chunks(2).map(|pair| Some((text(pair.first()?)?, text(pair.get(1)?)?)));
        Some(Self { rows: pairs.collect::<Option<_>>()? })
    }
}

#[cfg(test)]
mod tests {
    use lifecycle::{FeedRun, FeedRunId};

    use super::*;

    fn row(begun_at: OffsetDateTime) -> Event {
        let run = FeedRun { feed: "hr".to_owned(), run: FeedRunId::fresh(), begun_at, absent: false };
        Event {
            id: EventId::of("feeds/hr", "1"),
            sender: "feeds/hr".to_owned(),
            source: "feeds/hr".to_owned(),
            source_event_id: "1".to_owned(),
            kind: EventKind::WorkerSnapshot,
            subject: "E-1".to_owned(),
            time: begun_at,
            effective_at: begun_at,
            dated: Some(StatementDating::Observed),
            accepted_at: begun_at,
            attributes: AttributeMap::from([("title".to_owned(), "Engineer".into())]),
            members: None,
            feed: Some(run),
            withdraws: false,
            unread: Vec::new(),
        }
    }

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(seconds).unwrap()
    }

    #[test]
    fn the_same_row_of_another_run_has_the_same_hash_and_any_other_has_another() {
        let hash = |event: &Event| RowContent::of(event).unwrap().hash();
        let first = row(at(1));
        assert_eq!(hash(&first), hash(&row(at(2))));
        let other_title = AttributeMap::from([("title".to_owned(), "Manager".into())]);
        let others = [
            Event { attributes: other_title, ..first.clone() },
            Event { kind: EventKind::WorkerLeft, ..first.clone() },
            Event { effective_at: at(7), ..first.clone() },
            Event { effective_at: at(8), ..first.clone() },
            Event { dated: Some(StatementDating::Explicit), ..first.clone() },
        ];
        let all: std::collections::BTreeSet<String> = others.iter().chain([&first]).map(hash).collect();
        assert_eq!(all.len(), others.len() + 1);
    }

    #[test]
    fn a_name_becomes_the_event_that_the_row_would_have_been() {
        let (then, now) = (row(at(1)), row(at(2)));
        let content = RowContent::of(&then).unwrap();
        let hash = content.hash();
        let rows = Event { kind: EventKind::FeedRows, subject: "hr".to_owned(), ..now.clone() };
        let made = content.into_event(&rows, "E-1", &hash);
        let (id, source_event_id) = (now.id.clone(), now.source_event_id.clone());
        assert_eq!(Event { id, source_event_id, ..made }, now);
    }

    #[test]
    fn what_is_no_plain_row_is_never_named() {
        let first = row(at(1));
        assert_eq!(RowContent::of(&Event { feed: None, ..first.clone() }), None);
        assert_eq!(RowContent::of(&Event { time: at(2), ..first.clone() }), None);
        let absent = first.feed.clone().map(|run| FeedRun { absent: true, ..run });
        assert_eq!(RowContent::of(&Event { feed: absent, ..first.clone() }), None);
        assert_eq!(RowContent::of(&Event { kind: EventKind::FeedCompleted, ..first }), None);
    }

    #[test]
    fn names_are_read_as_they_were_written_and_take_few_bytes() {
        let name = |n: u32| (format!("E-{n:05}"), RowContent::of(&row(at(1))).unwrap().hash());
        let repeated = RepeatedRows { rows: (0..3).map(name).collect() };
        let attributes = repeated.to_attributes();
        assert!(serde_json::to_string(&attributes).unwrap().len() < 3 * 26 + 16);
        assert_eq!(RepeatedRows::from_attributes(&attributes), Some(repeated));
        assert_eq!(RepeatedRows::from_attributes(&AttributeMap::new()), None);
        let odd = AttributeMap::from([("rows".to_owned(), serde_json::json!(["E-1"]))]);
        assert_eq!(RepeatedRows::from_attributes(&odd), None);
    }
}

//! Messages to publish.

use async_nats::{HeaderMap, HeaderValue};
use bytes::Bytes;
use lifecycle::{Command, DeadLetter, Event, FactRecord, ResourceKind, ThinNotice, TraceContext};
use serde::{Deserialize, Serialize};

use crate::feed::{DEPARTURE_COMMAND, DEPARTURE_EVENTS, shard_of, subject_token};
use crate::{StreamName, wire};

/// The maximum number of facts in one message.
pub const FACTS_PER_MESSAGE_MAX: usize = 200;
/// The maximum number of bytes of facts in one message, unless a single fact is larger.
pub const FACTS_BYTES_PER_MESSAGE_MAX: usize = 256 * 1_024;

/// A message to publish. It is serializable, so that it can wait in an outbox row. If it is sent twice, it is stored once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutgoingMessage {
    feed: StreamName,
    /// The rest of the subject, after the feed's prefix (and the shard).
    tail: String,
    /// The key that decides the shard of an event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trace: Option<TraceContext>,
    /// A hash of what the sender of an event stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    payload: String,
}

impl OutgoingMessage {
    /// Returns the message of an accepted event. The event id is the message id.
    pub fn event(event: &Event, trace: TraceContext) -> Self {
        Self {
            feed: StreamName::Events,
            tail: format!("{}.{}", subject_token(&event.source), event.kind),
            key: Some(event.subject.clone()),
            id: event.id.to_string(),
            trace: Some(trace),
            content: None,
            payload: wire::wrap_body(wire::EVENT, event),
        }
    }

    /// Returns the message of a notice without values. The notice id is the message id.
    pub fn notice(notice: &ThinNotice, trace: TraceContext) -> Self {
        Self {
            feed: StreamName::Notices,
            tail: subject_token(&notice.source),
            key: None,
            id: notice.id.to_string(),
            trace: Some(trace),
            content: None,
            payload: wire::wrap_body(wire::NOTICE, notice),
        }
    }

    /// Returns the message of a command. The message id consists of target, kind, subject and revision. A membership
    /// has no revision of its own; its message id is the command's id.
    pub fn command(command: &Command, trace: TraceContext) -> Self {
        let kind = command.desired.kind();
        let id = match kind {
            ResourceKind::Membership => command.id.to_string(),
            ResourceKind::User | ResourceKind::Group => {
                format!("{}/{}/{}/{}", command.target, kind.as_str(), command.subject, command.revision)
            }
        };
        Self {
            feed: StreamName::Commands,
            tail: format!("{}.{}", subject_token(&command.target), command.lane.as_str()),
            key: None,
            id: wire::header_safe(&id),
            trace: Some(trace),
            content: None,
            payload: wire::wrap_body(wire::COMMAND, command),
        }
    }

    /// Returns the messages of the facts of `service`: as few as the limits allow, each with one kind of fact. The message ids are random.
    pub fn facts(service: &str, facts: &[FactRecord]) -> Vec<Self> {
        let mut groups: Vec<FactGroup> = Vec::new();
        for record in facts {
            let json = serde_json::to_string(record).expect("facts have only text as map keys");
            let name = record.fact.name();
            match groups.iter_mut().rev().find(|group| group.name == name) {
                Some(group) if group.has_room(json.len()) => group.push(json),
                _ => groups.push(FactGroup { name, bytes: json.len(), facts: vec![json] }),
            }
        }
        groups.into_iter().map(|group| group.into_message(service)).collect()
    }

    /// Returns the message of a dead letter. The letter's id is the message id.
    pub fn dead_letter(letter: &DeadLetter, trace: Option<TraceContext>) -> Self {
        Self {
            feed: StreamName::Dead,
            tail: subject_token(&letter.target),
            key: None,
            id: letter.id.to_string(),
            trace,
            content: None,
            payload: wire::wrap_body(wire::DEAD_LETTER, letter),
        }
    }

    /// Adds a hash of what the sender of the event stated. The hash tells a second event with the same id but other
    /// content from an event that was sent again.
    #[must_use]
    pub fn with_content(self, hash: String) -> Self {
        Self { content: Some(hash), ..self }
    }

    /// Returns the message with another message id, so that it is not a duplicate of the earlier message.
    #[must_use]
    pub fn again(self, mark: &str) -> Self {
        Self { id: wire::header_safe(&format!("{}/again/{mark}", self.id)), ..self }
    }

    /// Returns the message with an id of its own beside the message that already has its id, so that the reader
    /// receives both. If it is sent twice, it is stored once.
    #[must_use]
    pub fn beside(self) -> Self {
        let hash = self.content.as_deref().unwrap_or_default();
        Self { id: format!("{}/{hash}", self.id), ..self }
    }

    /// Returns the command that the message carries, if it carries one that can be read.
    pub fn as_command(&self) -> Option<Command> {
        if self.feed != StreamName::Commands {
            return None;
        }
        wire::decode_payload(self.payload.as_bytes()).ok()
    }

    /// Returns the feed of the message.
    pub fn feed(&self) -> StreamName {
        self.feed
    }

    /// Returns whether the message removes access: a departure that a source states, or a command in the lane of
    /// leavers. Such a message has room reserved in its stream and is read before the messages ahead of it.
    pub fn is_departure(&self) -> bool {
        match self.feed {
            StreamName::Events => DEPARTURE_EVENTS.iter().any(|kind| self.tail.ends_with(kind)),
            StreamName::Commands => self.tail.ends_with(DEPARTURE_COMMAND),
            StreamName::Notices | StreamName::Journal | StreamName::Dead => false,
        }
    }

    /// Returns the length of the payload in bytes.
    pub fn bytes(&self) -> usize {
        self.payload.len()
    }

    /// Returns the message id. A second message with the same id is dropped as a duplicate.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the index of the feed's stream that the message goes to.
    pub(crate) fn shard(&self, event_shards: u16) -> u16 {
        self.key.as_deref().map_or(0, |key| shard_of(key, event_shards))
    }

    /// Returns the message with its subject and headers, as it is sent.
    pub(crate) fn into_wire(self, event_shards: u16) -> WireMessage {
        let subject = match self.feed {
            StreamName::Events => format!("usher.event.{}.{}", self.shard(event_shards), self.tail),
            StreamName::Notices => format!("usher.notice.{}", self.tail),
            StreamName::Commands => format!("usher.command.{}", self.tail),
            StreamName::Journal => format!("usher.journal.{}", self.tail),
            StreamName::Dead => format!("usher.dead.{}", self.tail),
        };
        let mut headers = HeaderMap::new();
        let id: HeaderValue =
            self.id.parse().unwrap_or_else(|_| HeaderValue::from(wire::header_safe(&self.id)));
        headers.insert(async_nats::header::NATS_MESSAGE_ID, id);
        headers.insert(wire::SCHEMA_HEADER, wire::SCHEMA_VERSION.to_string());
        if let Some(trace) = self.trace {
            headers.insert(wire::TRACE_HEADER, trace.to_string());
        }
        if let Some(content) = self.content {
            headers.insert(wire::CONTENT_HEADER, content);
        }
        WireMessage { subject, headers, payload: self.payload.into() }
    }
}

/// Facts of one kind in one message.
struct FactGroup {
    name: &'static str,
    bytes: usize,
    facts: Vec<String>,
}

impl FactGroup {
    fn has_room(&self, bytes: usize) -> bool {
        self.facts.len() < FACTS_PER_MESSAGE_MAX && self.bytes + bytes <= FACTS_BYTES_PER_MESSAGE_MAX
    }

    fn push(&mut self, json: String) {
        self.bytes += json.len();
        self.facts.push(json);
    }

    fn into_message(self, service: &str) -> OutgoingMessage {
        OutgoingMessage {
            feed: StreamName::Journal,
            tail: format!("{}.{}", subject_token(service), self.name),
            key: None,
            id: format!("fct_{}", uuid::Uuid::now_v7().simple()),
            trace: None,
            content: None,
            payload: wire::wrap_facts(&self.facts),
        }
    }
}

/// A message in the form of the client library.
#[derive(Debug, Clone)]
pub(crate) struct WireMessage {
    pub(crate) subject: String,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Bytes,
}

/// The size of the headers that an atomic batch adds, in bytes.
const BATCH_HEADERS_BYTES: usize = 128;

impl WireMessage {
    /// Returns the number of bytes that count against the server's `max_payload`, batch headers included.
    pub(crate) fn size(&self) -> usize {
        let headers: usize = self
            .headers
            .iter()
            .map(|(name, values)| {
                let name: &str = name.as_ref();
                values.iter().map(|value| name.len() + value.as_str().len() + 4).sum::<usize>()
            })
            .sum();
        self.payload.len() + headers + BATCH_HEADERS_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifecycle::Fact;
    use time::OffsetDateTime;

    fn fact(n: usize, padding: usize) -> FactRecord {
        FactRecord {
            id: format!("{n}"),
            at: OffsetDateTime::UNIX_EPOCH,
            subject: "E-1".to_owned(),
            trace: None,
            fact: Fact::Superseded {
                target: "x".repeat(padding),
                kind: ResourceKind::User,
                revision: 1,
                by: 2,
            },
        }
    }

    fn opened(message: &OutgoingMessage) -> usize {
        wire::unwrap_body::<wire::FactBatch>(message.payload.as_bytes()).unwrap().0.len()
    }

    #[test]
    fn facts_travel_in_few_messages_within_both_limits() {
        let many: Vec<_> = (0..450).map(|n| fact(n, 1)).collect();
        let messages = OutgoingMessage::facts("writer", &many);
        assert_eq!(messages.iter().map(opened).collect::<Vec<_>>(), [200, 200, 50]);
        assert_eq!(messages[0].tail, "writer.superseded");

        let large: Vec<_> = (0..5).map(|n| fact(n, 100_000)).collect();
        let messages = OutgoingMessage::facts("writer", &large);
        assert_eq!(messages.iter().map(opened).collect::<Vec<_>>(), [2, 2, 1]);
    }

    #[test]
    fn exactly_the_kinds_that_take_access_away_have_subjects_of_departures() {
        for kind in lifecycle::EventKind::ALL {
            let is_one = DEPARTURE_EVENTS.iter().any(|end| *end == format!(".{kind}"));
            assert_eq!(is_one, kind.is_departure(), "{kind}");
        }
    }

    #[test]
    fn an_outgoing_message_survives_an_outbox_row() {
        let message = OutgoingMessage::facts("writer", &[fact(1, 1)]).remove(0);
        let row = serde_json::to_string(&message).unwrap();
        assert_eq!(serde_json::from_str::<OutgoingMessage>(&row).unwrap(), message);
    }
}

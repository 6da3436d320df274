//! The notices in a body.

use lifecycle::{AttributeMap, EventKind, StatementDating, UnreadValue};
use serde_json::Value;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

/// The result of reading one request.
#[derive(Debug, Clone, PartialEq)]
pub enum NoticeAnswer {
    /// The request is a handshake. Answer it at once; it contains no statement, and nothing is stored.
    Handshake {
        /// The HTTP status.
        status: u16,
        /// The headers to send, besides the content type.
        headers: Vec<(String, String)>,
        /// The JSON to send, if there is any.
        body: Option<Value>,
    },
    /// The notices of the body, in order.
    Notices(Vec<SourceNotice>),
}

/// One notice in a body.
#[derive(Debug, Clone, PartialEq)]
pub enum SourceNotice {
    /// An event, with values or complete without any.
    Event(NoticeEvent),
    /// A change without values: the record of this person or group must be fetched.
    Changed {
        /// The vendor's id of the person or group.
        key: String,
        /// The vendor's id of the notice.
        id: Option<String>,
        /// The time at which the source sent it; `now` if the source does not state it.
        at: OffsetDateTime,
        /// The event that the vendor stated. The record decides: a departure may be announced for a later day.
        hint: Option<EventKind>,
    },
    /// A notice that is ignored.
    Ignored {
        /// The reason, for the log. Contains no values of a person.
        why: String,
    },
    /// A notice with an unknown event type. It may be a departure.
    UnknownType {
        /// The beginning of the event type.
        name: String,
    },
}

/// An event, as far as the source states it.
#[derive(Debug, Clone, PartialEq)]
pub struct NoticeEvent {
    /// The vendor's id of the notice. If one notice makes several events, a suffix after `#` distinguishes them.
    pub id: Option<String>,
    /// The kind of the event.
    pub kind: EventKind,
    /// The vendor's id of the person or group.
    pub subject: String,
    /// The time at which the source sent it; `now` if the source does not state it.
    pub at: OffsetDateTime,
    /// The effective time, if it is not `at`.
    pub effective_at: Option<OffsetDateTime>,
    /// The origin of the effective time.
    pub dated: StatementDating,
    /// The attributes of the subject; JSON null means "has no value".
    pub attributes: AttributeMap,
    /// The keys of people, for the group kinds.
    pub members: Option<Vec<String>>,
    /// `true` if the event withdraws an announcement: `worker.rehired` withdraws a departure, `worker.left` a hire.
    pub withdraws: bool,
    /// The values that could not be read or used.
    pub unread: Vec<UnreadValue>,
}

impl NoticeEvent {
    /// Returns an event of this kind as of `at`, without values.
    pub fn new(kind: EventKind, subject: impl Into<String>, at: OffsetDateTime) -> Self {
        Self {
            id: None,
            kind,
            subject: subject.into(),
            at,
            effective_at: None,
            dated: StatementDating::Implied,
            attributes: AttributeMap::new(),
            members: None,
            withdraws: false,
            unread: Vec::new(),
        }
    }

    /// Returns an event that only lists values that could not be read.
    pub fn nothing_but(
        unread: Vec<UnreadValue>,
        subject: &str,
        at: OffsetDateTime,
        dated: StatementDating,
    ) -> Self {
        Self { dated, unread, ..Self::new(EventKind::WorkerChanged, subject, at) }
    }

    /// Returns the vendor's id, or else a hash of the content. The hash is the same for a notice that is sent again,
    /// unless its source does not state the time: then each notice is distinct.
    pub fn dedupe_id(&self) -> String {
        if let Some(id) = &self.id {
            return id.clone();
        }
        let nanos = |at: OffsetDateTime| at.unix_timestamp_nanos().to_string();
        let said = serde_json::json!([
            self.kind,
            self.subject,
            nanos(self.at),
            self.effective_at.map(nanos),
            self.attributes,
            self.members,
            self.withdraws,
            self.dated,
            self.unread
        ]);
        let hash = Sha256::digest(said.to_string());
        hex::encode(&hash[..16])
    }
}

//! What came out of a body.

use lifecycle::{AttributeMap, EventKind, StatementDating, UnreadValue};
use serde_json::Value;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

/// What one request is to be answered with, or what it says.
#[derive(Debug, Clone, PartialEq)]
pub enum NoticeAnswer {
    /// To be answered like this at once; it says nothing and nothing is stored.
    Handshake {
        /// The HTTP status.
        status: u16,
        /// Headers to send, besides the content type.
        headers: Vec<(String, String)>,
        /// The JSON to send, if any.
        body: Option<Value>,
    },
    /// What the body says, in its order.
    Notices(Vec<SourceNotice>),
}

/// One thing that a body says.
#[derive(Debug, Clone, PartialEq)]
pub enum SourceNotice {
    /// What happened, with values or complete without any.
    Event(NoticeEvent),
    /// Only that something changed: the record of this person or group has to be fetched.
    Changed {
        /// The vendor's id of the person or group.
        key: String,
        /// The vendor's id of the notice.
        id: Option<String>,
        /// When the source said it; `now` where it does not tell.
        at: OffsetDateTime,
        /// What the vendor says happened. The record decides: a departure may be announced for a later day.
        hint: Option<EventKind>,
    },
    /// Nothing for us.
    Ignored {
        /// Why, for the log. Holds no values of a person.
        why: String,
    },
    /// An event type that is not known: it may mean a departure.
    UnknownType {
        /// The beginning of the type.
        name: String,
    },
}

/// An event, as far as the source tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct NoticeEvent {
    /// The vendor's id of the notice. Where one notice makes several events, what follows `#` tells them apart.
    pub id: Option<String>,
    /// What happened.
    pub kind: EventKind,
    /// The vendor's id of the person or group.
    pub subject: String,
    /// When the source said it; `now` where it does not tell.
    pub at: OffsetDateTime,
    /// From when on it holds, if that is not `at`.
    pub effective_at: Option<OffsetDateTime>,
    /// How that is known.
    pub dated: StatementDating,
    /// What is said of the subject; JSON null says "has no value".
    pub attributes: AttributeMap,
    /// Keys of people, for the group kinds.
    pub members: Option<Vec<String>>,
    /// It takes back what was announced: `worker.rehired` a departure, `worker.left` a hire.
    pub withdraws: bool,
    /// Values that could not be read or used.
    pub unread: Vec<UnreadValue>,
}

impl NoticeEvent {
    /// Says that it happened, as of `at`, and nothing else.
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

    /// Says only that values could not be read.
    pub fn nothing_but(
        unread: Vec<UnreadValue>,
        subject: &str,
        at: OffsetDateTime,
        dated: StatementDating,
    ) -> Self {
        Self { dated, unread, ..Self::new(EventKind::WorkerChanged, subject, at) }
    }

    /// The vendor's id, or else a hash of all that is said: the same for a notice that is sent again, unless its source
    /// does not tell the time, when each notice is one of its own.
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
        hash[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

//! Reasons why an account that must be off is not proven to be off, and the roles that can help.

use serde::{Deserialize, Serialize};

/// The reason for which an account that must be off waits. docs/leavers.md has the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum WaitingFor {
    /// The writer was not asked yet.
    FirstCheck,
    /// The writer does not answer.
    Writer,
    /// The writer has not received the command.
    Delivery,
    /// No target of this name is configured at the writer.
    Target,
    /// The change is in the queue.
    Queue,
    /// The change failed and is retried.
    Retry,
    /// The target is paused.
    Pause,
    /// The target cannot be reached, refuses the credential or asked for a pause.
    Circuit,
    /// No replica of the writer owns the target.
    Owner,
    /// The change is held until an operator decides.
    Hold,
    /// An operator rejected the change.
    Rejection,
    /// The account may belong to another person.
    Conflict,
    /// The change was given up and is a dead letter.
    DeadLetter,
    /// A value is missing: the change waits for the account of another person.
    Reference,
    /// The target accepted the request, but has not shown that the account is off.
    Evidence,
    /// The broker does not accept the command: its stream is full, or the broker is unavailable.
    Outbox,
    /// The broker refuses the command for good.
    Refusal,
    /// A service could not read or store the message, and put it into quarantine.
    Quarantine,
    /// The source's statement about the departure cannot be read.
    Unread,
    /// The record may belong to another person.
    Match,
    /// The feed run that shows the departure is held.
    Feed,
    /// Another account of the person is on at the target.
    Duplicate,
    /// A reason that this version does not know.
    #[serde(other)]
    Unknown,
}

/// The role that can help an account that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum WaitHelper {
    /// Usher resolves it by itself.
    Usher,
    /// An operator of Usher.
    Operator,
    /// The administrator of the target.
    TargetAdministrator,
    /// The operator of the machines that Usher runs on.
    Infrastructure,
    /// The administrator of the source.
    SourceAdministrator,
}

impl WaitingFor {
    /// Every reason.
    pub const ALL: [Self; 23] = [
        Self::FirstCheck,
        Self::Writer,
        Self::Delivery,
        Self::Target,
        Self::Queue,
        Self::Retry,
        Self::Pause,
        Self::Circuit,
        Self::Owner,
        Self::Hold,
        Self::Rejection,
        Self::Conflict,
        Self::DeadLetter,
        Self::Reference,
        Self::Evidence,
        Self::Outbox,
        Self::Refusal,
        Self::Quarantine,
        Self::Unread,
        Self::Match,
        Self::Feed,
        Self::Duplicate,
        Self::Unknown,
    ];

    /// Returns the name used in tables and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FirstCheck => "first_check",
            Self::Writer => "writer",
            Self::Delivery => "delivery",
            Self::Target => "target",
            Self::Queue => "queue",
            Self::Retry => "retry",
            Self::Pause => "pause",
            Self::Circuit => "circuit",
            Self::Owner => "owner",
            Self::Hold => "hold",
            Self::Rejection => "rejection",
            Self::Conflict => "conflict",
            Self::DeadLetter => "dead_letter",
            Self::Reference => "reference",
            Self::Evidence => "evidence",
            Self::Outbox => "outbox",
            Self::Refusal => "refusal",
            Self::Quarantine => "quarantine",
            Self::Unread => "unread",
            Self::Match => "match",
            Self::Feed => "feed",
            Self::Duplicate => "duplicate",
            Self::Unknown => "unknown",
        }
    }

    /// Returns the reason with this name; [`Self::Unknown`] for a name that this version does not know.
    pub fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name).unwrap_or(Self::Unknown)
    }

    /// Returns a description for operators.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::FirstCheck => "the writer will be asked shortly",
            Self::Writer => "the writer does not answer",
            Self::Delivery => "the writer has not received the command",
            Self::Target => "the writer has no target of this name",
            Self::Queue => "in the queue",
            Self::Retry => "failed, and is retried",
            Self::Pause => "the target is paused",
            Self::Circuit => "the target does not accept requests",
            Self::Owner => "no writer owns the target",
            Self::Hold => "held for a decision",
            Self::Rejection => "the switch-off was rejected",
            Self::Conflict => "the account may belong to another person",
            Self::DeadLetter => "given up: a dead letter",
            Self::Reference => "waits for the account of another person",
            Self::Evidence => "accepted by the target, but not shown to be off",
            Self::Outbox => "the broker does not take the command",
            Self::Refusal => "the broker refuses the command for good",
            Self::Quarantine => "in quarantine: it cannot be read or stored",
            Self::Unread => "the departure at the source cannot be read",
            Self::Match => "the record may belong to another person",
            Self::Feed => "the run of the feed is held",
            Self::Duplicate => "another account of the person is on",
            Self::Unknown => "for a reason that this version does not know",
        }
    }

    /// Returns the role that can help.
    pub fn helper(self) -> WaitHelper {
        match self {
            Self::FirstCheck | Self::Queue | Self::Retry | Self::Reference => WaitHelper::Usher,
            Self::Writer | Self::Delivery | Self::Owner | Self::Outbox => WaitHelper::Infrastructure,
            Self::Circuit | Self::Evidence => WaitHelper::TargetAdministrator,
            Self::Unread => WaitHelper::SourceAdministrator,
            Self::Target
            | Self::Pause
            | Self::Hold
            | Self::Rejection
            | Self::Conflict
            | Self::DeadLetter
            | Self::Refusal
            | Self::Quarantine
            | Self::Match
            | Self::Feed
            | Self::Duplicate
            | Self::Unknown => WaitHelper::Operator,
        }
    }
}

impl WaitHelper {
    /// Every role.
    pub const ALL: [Self; 5] = [
        Self::Usher,
        Self::Operator,
        Self::TargetAdministrator,
        Self::Infrastructure,
        Self::SourceAdministrator,
    ];

    /// Returns the name used in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Usher => "usher",
            Self::Operator => "operator",
            Self::TargetAdministrator => "target_administrator",
            Self::Infrastructure => "infrastructure",
            Self::SourceAdministrator => "source_administrator",
        }
    }

    /// Returns a description for operators.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Usher => "Usher, by itself",
            Self::Operator => "an operator",
            Self::TargetAdministrator => "the target's administrator",
            Self::Infrastructure => "the operators of the machines",
            Self::SourceAdministrator => "the administrator of the source",
        }
    }
}

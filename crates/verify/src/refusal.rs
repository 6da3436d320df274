//! The reasons to refuse a notice.

use crate::TimestampFormat;

/// The reason that a notice is refused. `Display` is for the log: precise, without anything that was sent or is secret.
/// The answer to the sender is [`NoticeRefusal::public`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoticeRefusal {
    /// A required header is missing.
    #[error("header {header} is missing")]
    MissingHeader {
        /// The name of the header, in lower case.
        header: String,
    },
    /// A header is longer than any value of the scheme.
    #[error("header {header} is longer than {limit_bytes} bytes")]
    LongHeader {
        /// The name of the header, in lower case.
        header: String,
        /// The maximum length, in bytes.
        limit_bytes: usize,
    },
    /// The header contains no possible signature by one of the secrets: the prefix, the encoding or the length differs,
    /// or there are too many signatures.
    #[error("header {header} {what}")]
    MalformedSignature {
        /// The name of the header, in lower case.
        header: String,
        /// The fault of the header.
        what: &'static str,
    },
    /// The time does not have the configured format.
    #[error("header {header} is not a time in {format}")]
    MalformedTimestamp {
        /// The name of the header, in lower case.
        header: String,
        /// The expected format.
        format: TimestampFormat,
    },
    /// The id is empty, or contains the separator of the signed text, so that it could be cut from another text.
    #[error("header {header} is empty or holds a separator of the signed text")]
    MalformedId {
        /// The name of the header, in lower case.
        header: String,
    },
    /// No signature (or token) matches any of the secrets: a forgery, a secret that was changed on one side only, or a
    /// body that was changed in transit.
    #[error("nothing in header {header} ({candidates} tried) matches any of {secrets} secrets")]
    WrongSignature {
        /// The name of the header, in lower case.
        header: String,
        /// The number of signatures of the right form in the header.
        candidates: usize,
        /// The number of secrets that were tried.
        secrets: usize,
    },
    /// The signature is valid, but the notice is too old: a replay, a slow sender, or a wrong clock.
    #[error("signed {age_seconds} s ago, and {tolerance_seconds} s are tolerated")]
    Stale {
        /// The seconds since it was signed, rounded up.
        age_seconds: u64,
        /// The allowed number of seconds.
        tolerance_seconds: u64,
    },
    /// The signature is valid, but the notice is from the future: one of the clocks is wrong.
    #[error("signed {ahead_seconds} s ahead of our clock, and {tolerance_seconds} s are tolerated")]
    FromTheFuture {
        /// The seconds until its time, rounded up.
        ahead_seconds: u64,
        /// The allowed number of seconds.
        tolerance_seconds: u64,
    },
    /// The verifier itself is misconfigured; [`crate::NoticeVerifier::check`] returns the reason.
    #[error("the verifier is configured wrongly")]
    Misconfigured,
}

impl NoticeRefusal {
    /// Returns the name for a metric.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::MissingHeader { .. } => "no_signature",
            Self::LongHeader { .. }
            | Self::MalformedSignature { .. }
            | Self::MalformedTimestamp { .. }
            | Self::MalformedId { .. } => "malformed_signature",
            Self::WrongSignature { .. } => "wrong_signature",
            Self::Stale { .. } => "stale",
            Self::FromTheFuture { .. } => "from_the_future",
            Self::Misconfigured => "misconfigured",
        }
    }

    /// Returns the text for the sender. It is the same for every refusal, so that it reveals nothing about the reason.
    pub fn public(&self) -> &'static str {
        "the notice was refused"
    }
}

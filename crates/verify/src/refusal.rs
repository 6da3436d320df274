//! Why a notice is refused.

use crate::TimestampFormat;

/// Why a notice is refused. `Display` is for the log: precise, and without anything that was sent or is secret. The
/// answer to the sender is [`NoticeRefusal::public`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoticeRefusal {
    /// A header that the scheme needs is not there.
    #[error("header {header} is missing")]
    MissingHeader {
        /// Its name, in lower case.
        header: String,
    },
    /// A header is longer than anything that the scheme puts there.
    #[error("header {header} is longer than {limit_bytes} bytes")]
    LongHeader {
        /// Its name, in lower case.
        header: String,
        /// The longest that is read, in bytes.
        limit_bytes: usize,
    },
    /// There is nothing in the header that could be a signature by one of the secrets: it has another prefix, another
    /// encoding or another length, or there are too many.
    #[error("header {header} {what}")]
    MalformedSignature {
        /// Its name, in lower case.
        header: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The time is not written as configured.
    #[error("header {header} is not a time in {format}")]
    MalformedTimestamp {
        /// Its name, in lower case.
        header: String,
        /// How it would have to be written.
        format: TimestampFormat,
    },
    /// The id is empty, or holds the separator of what is signed, so that it could have been cut out of something else.
    #[error("header {header} is empty or holds a separator of the signed text")]
    MalformedId {
        /// Its name, in lower case.
        header: String,
    },
    /// No signature (or token) belongs to any of the secrets: a forgery, a secret that was changed on one side only, or a
    /// body that somebody changed on the way.
    #[error("nothing in header {header} ({candidates} tried) matches any of {secrets} secrets")]
    WrongSignature {
        /// The header, in lower case.
        header: String,
        /// How many signatures of the right form were in it.
        candidates: usize,
        /// How many secrets were tried.
        secrets: usize,
    },
    /// The signature is right, and the notice too old: a replay, a slow sender, or a clock that is wrong.
    #[error("signed {age_seconds} s ago, and {tolerance_seconds} s are tolerated")]
    Stale {
        /// Seconds since it was signed, rounded up.
        age_seconds: u64,
        /// How many were allowed.
        tolerance_seconds: u64,
    },
    /// The signature is right, and the notice is from the future: one of the clocks is wrong.
    #[error("signed {ahead_seconds} s ahead of our clock, and {tolerance_seconds} s are tolerated")]
    FromTheFuture {
        /// Seconds until then, rounded up.
        ahead_seconds: u64,
        /// How many were allowed.
        tolerance_seconds: u64,
    },
    /// The verifier itself cannot be used; [`crate::NoticeVerifier::check`] says why.
    #[error("the verifier is configured wrongly")]
    Misconfigured,
}

impl NoticeRefusal {
    /// For a metric.
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

    /// What the sender may be told: the same words for every refusal, so that nobody learns how close they came.
    pub fn public(&self) -> &'static str {
        "the notice was refused"
    }
}

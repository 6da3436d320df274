//! A verified notice.

use time::OffsetDateTime;

/// A notice from a sender that knows a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifiedNotice {
    /// The id of the notice, if the scheme signs one. The same id again is the same notice again.
    pub id: Option<String>,
    /// The time at which it was signed, in UTC, if the scheme signs a time. Notices older than `at` plus the tolerance
    /// are refused, so ids need not be remembered longer.
    pub at: Option<OffsetDateTime>,
}

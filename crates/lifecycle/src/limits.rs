//! The parts of an event that were refused because a limit was reached.

use std::fmt;

/// A part of an event that was refused. A part that revokes access is never refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefusedPart {
    /// An arrival in the future: its sender has already stated too many.
    FutureArrival,
    /// A future value of an attribute: its sender has already stated too many.
    FutureValue(String),
    /// A future whole record, in which attributes that it does not name have no value: its sender has already sent
    /// too many.
    FutureRecord,
    /// An attribute that no policy uses: its sender has already named too many.
    UnusedAttribute(String),
    /// The future existence of a group: its sender has already stated it too often.
    Existence,
    /// Future memberships: their sender has already stated too many.
    Members,
}

impl RefusedPart {
    /// Returns the name of the limit that was reached, as it is counted.
    pub fn limit(&self) -> &'static str {
        match self {
            Self::FutureArrival => "future_arrivals",
            Self::FutureValue(_) => "future_values",
            Self::FutureRecord => "future_records",
            Self::UnusedAttribute(_) => "unused_attributes",
            Self::Existence => "future_groups",
            Self::Members => "future_members",
        }
    }
}

impl fmt::Display for RefusedPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FutureArrival => f.write_str("an arrival ahead"),
            Self::FutureValue(name) => write!(f, "a later value of {name}"),
            Self::FutureRecord => f.write_str("that a later record is whole"),
            Self::UnusedAttribute(name) => write!(f, "the attribute {name}, which no policy uses"),
            Self::Existence => f.write_str("that the group exists later"),
            Self::Members => f.write_str("who is a member later"),
        }
    }
}

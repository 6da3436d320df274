//! What was refused of an event because a limit was reached.

use std::fmt;

/// A part of an event that was refused. Nothing that takes access away ever is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefusedPart {
    /// An arrival that lies ahead: its sender said too many already.
    FutureArrival,
    /// A value that an attribute has later: its sender said too many already.
    FutureValue(String),
    /// That what is not in the record has no value later: its sender sent too many records of days ahead already.
    FutureRecord,
    /// An attribute that no policy uses: its sender named too many already.
    UnusedAttribute(String),
    /// That the group exists later: its sender said so too often already.
    Existence,
    /// That people are members later: their sender said so too often already.
    Members,
}

impl RefusedPart {
    /// The limit that was reached, as it is counted.
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

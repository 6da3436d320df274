//! The rights of senders: event types, people, attributes, employment and groups. docs/authority.md has the rules.
//!
//! The gateway refuses what it can judge from an event alone. The mapper judges every event again, with what it knows
//! of the person, and lists what it does not use.

mod admit;
mod judge;
mod pattern;
mod table;
#[cfg(test)]
mod tests;
mod written;

use std::fmt;

pub use admit::MissingRight;
pub use judge::{PersonTie, RightsVerdict};
pub use pattern::{KeyPattern, KindPattern};
pub use table::RightsTable;

/// The rights of one sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SenderRights {
    /// The event types that it may send; every type that the other rights permit if `None`.
    pub kinds: Option<Vec<KindPattern>>,
    /// The people that it may speak of.
    pub people: PeopleRight,
    /// The attributes of people that it may state.
    pub attributes: AttributeRight,
    /// The right to state that a person joined or left.
    pub employment: EmploymentRight,
    /// The groups that it may speak of.
    pub groups: GroupRight,
}

/// The people that a sender may speak of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeopleRight {
    /// No person.
    None,
    /// The people that it introduced, and those that its records are linked to.
    Introduced,
    /// The people whose keys match one of the patterns.
    Keys(Vec<KeyPattern>),
    /// All people.
    All,
}

/// The groups that a sender may speak of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupRight {
    /// No group.
    None,
    /// The groups whose keys match one of the patterns.
    Keys(Vec<KeyPattern>),
    /// All groups.
    All,
}

/// The right to state that a person joined or left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmploymentRight {
    /// The sender may.
    Granted,
    /// The sender may not.
    Withheld,
    /// The configuration leaves it out: `mapper.people.employment` decides, and without that list the sender may not.
    LeftOut,
}

/// The attributes of people that a sender may state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttributeRight {
    /// The only ones that it may state; `None` for all.
    pub allow: Option<Vec<KeyPattern>>,
    /// Those that it may not state, also if `allow` names them.
    pub deny: Vec<KeyPattern>,
}

impl AttributeRight {
    /// Returns whether the sender may state the attribute.
    pub fn covers(&self, name: &str) -> bool {
        let is_allowed = self.allow.as_ref().is_none_or(|allow| KeyPattern::any_matches(allow, name));
        is_allowed && !KeyPattern::any_matches(&self.deny, name)
    }

    /// Returns whether the sender may state every attribute.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }
}

impl SenderRights {
    /// Returns the rights of a sender that may say everything.
    pub fn everything() -> Self {
        Self {
            kinds: None,
            people: PeopleRight::All,
            attributes: AttributeRight::default(),
            employment: EmploymentRight::Granted,
            groups: GroupRight::All,
        }
    }

    /// Returns whether the sender may say everything.
    pub fn is_everything(&self) -> bool {
        *self == Self::everything()
    }

    /// Returns whether the sender may say nothing at all.
    pub fn is_nothing(&self) -> bool {
        (self.people == PeopleRight::None && self.groups == GroupRight::None)
            || self.kinds.as_ref().is_some_and(Vec::is_empty)
    }

    /// Returns whether the sender may send events about any person.
    pub fn covers_people(&self) -> bool {
        let kinds = self.kinds.as_ref();
        self.people != PeopleRight::None
            && kinds.is_none_or(|kinds| kinds.iter().any(KindPattern::covers_workers))
    }
}

impl fmt::Display for PeopleRight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("-"),
            Self::Introduced => f.write_str("introduced"),
            Self::Keys(keys) => f.write_str(&pattern::join_patterns(keys)),
            Self::All => f.write_str("all"),
        }
    }
}

impl fmt::Display for GroupRight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("-"),
            Self::Keys(keys) => f.write_str(&pattern::join_patterns(keys)),
            Self::All => f.write_str("all"),
        }
    }
}

impl fmt::Display for AttributeRight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.allow, self.deny.as_slice()) {
            (None, []) => f.write_str("all"),
            (None, deny) => write!(f, "all but {}", pattern::join_patterns(deny)),
            (Some(allow), []) => write!(f, "only {}", pattern::join_patterns(allow)),
            (Some(allow), deny) => {
                write!(f, "only {} but {}", pattern::join_patterns(allow), pattern::join_patterns(deny))
            }
        }
    }
}

impl fmt::Display for EmploymentRight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Granted => "yes",
            Self::Withheld => "no",
            Self::LeftOut => "by mapper.people.employment",
        })
    }
}

//! Why it was decided so, in words that hold no personal data.

use std::fmt;

/// Which rule decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The scope holds.
    InScope,
    /// The scope does not hold.
    OutOfScope,
    /// The person left, and the leaver rule applies.
    Left,
    /// The person's record was erased at the source, and the leaver rule applies.
    Erased,
    /// Nothing that took effect says that the person is employed.
    NotEmployedYet,
    /// The group does not exist (any more).
    NoSuchGroup,
    /// An attribute that every account or group needs has no value.
    RequiredValueMissing,
    /// The policy leaves groups alone.
    GroupsNotManaged,
}

/// Why it was decided so: the rule, the clause or what else made it apply, and the value that the clause saw, or
/// `<hidden>` for what may be personal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(pub String);

/// The parts of a [`Reason`], beside the rule that decided.
#[derive(Debug)]
pub(crate) struct Because {
    pub(crate) rule: Rule,
    clause: Option<String>,
    seen: Option<String>,
}

impl Because {
    pub(crate) fn of(rule: Rule) -> Self {
        Self { rule, clause: None, seen: None }
    }

    pub(crate) fn clause(rule: Rule, clause: impl Into<String>) -> Self {
        Self { rule, clause: Some(clause.into()), seen: None }
    }

    pub(crate) fn seen(self, value: String) -> Self {
        Self { seen: Some(value), ..self }
    }

    pub(crate) fn in_words(self) -> Reason {
        let mut words = match (self.rule, self.clause) {
            (Rule::RequiredValueMissing, Some(clause)) => clause,
            (rule, Some(clause)) => format!("{}: {clause}", rule.headline()),
            (rule, None) => rule.headline().to_owned(),
        };
        if let Some(value) = self.seen {
            words.push_str(&format!(" (seen: {value})"));
        }
        Reason(words)
    }
}

impl Rule {
    fn headline(self) -> &'static str {
        match self {
            Self::InScope => "in scope",
            Self::OutOfScope => "out of scope",
            Self::Left => "left",
            Self::Erased => "erased at the source",
            Self::NotEmployedYet => "nothing says that the person is employed",
            Self::NoSuchGroup => "the group does not exist",
            Self::RequiredValueMissing => "a required value is missing",
            Self::GroupsNotManaged => "the policy leaves groups alone",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

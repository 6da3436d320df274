//! The reasons for decisions, in words that contain no personal data.

use std::borrow::Cow;
use std::fmt;

use crate::scope::{DecidingClause, ScopeInput};

/// The rule that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecisionRule {
    /// The scope holds.
    InScope,
    /// The scope does not hold.
    OutOfScope,
    /// The person left, and the leaver rule applies.
    Left,
    /// The record of the person was erased at the source, and the leaver rule applies.
    Erased,
    /// An operator ordered that the person's accounts are switched off.
    OrderedOff,
    /// No statement that took effect says that the person is employed.
    NotEmployedYet,
    /// The group does not exist, or does not exist any more.
    NoSuchGroup,
    /// An attribute that every account or group requires has no value.
    RequiredValueMissing,
    /// The policy does not manage groups.
    GroupsNotManaged,
    /// A mapping ignores the person or group (`IgnoreObjectFlow`).
    ObjectIgnored,
    /// The policy's `actions` forbid the action that the rule requires.
    SwitchedOff,
}

/// The reason for a decision: the rule, the clause or other condition that made it apply,
/// and the value that the clause saw, or `<hidden>` for a value that may be personal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionReason(pub String);

/// The basis of a rule. It is borrowed: the text is only built on request.
#[derive(Debug, Clone)]
pub(crate) enum RuleBasis<'a> {
    /// The rule alone.
    Rule,
    /// A scope.
    Scope(DecidingClause<'a>),
    /// Another basis, in words.
    Words(Cow<'static, str>),
}

impl RuleBasis<'_> {
    /// Returns the reason for `rule`, without values that must not be stored.
    pub(crate) fn in_words(&self, rule: DecisionRule, seen: &ScopeInput<'_>) -> DecisionReason {
        self.with(rule, |deciding| deciding.saw(seen))
    }

    /// Returns the reason for `rule`, with all values.
    pub(crate) fn in_words_in_full(&self, rule: DecisionRule, seen: &ScopeInput<'_>) -> DecisionReason {
        self.with(rule, |deciding| deciding.saw_in_full(seen))
    }

    fn with(
        &self,
        rule: DecisionRule,
        saw: impl Fn(&DecidingClause<'_>) -> Option<String>,
    ) -> DecisionReason {
        let headline = rule.headline();
        DecisionReason(match self {
            Self::Rule => headline.to_owned(),
            Self::Words(words) if rule == DecisionRule::RequiredValueMissing => words.clone().into_owned(),
            Self::Words(words) => format!("{headline}: {words}"),
            Self::Scope(deciding) => {
                let saw = saw(deciding).map(|saw| format!(" (seen: {saw})")).unwrap_or_default();
                format!("{headline}: {}{saw}", deciding.clause())
            }
        })
    }
}

impl DecisionRule {
    /// Returns the words for a rule.
    fn headline(self) -> &'static str {
        match self {
            Self::InScope => "in scope",
            Self::OutOfScope => "out of scope",
            Self::Left => "left",
            Self::Erased => "erased at the source",
            Self::OrderedOff => "switched off by an operator",
            Self::NotEmployedYet => "nothing says that the person is employed",
            Self::NoSuchGroup => "the group does not exist",
            Self::RequiredValueMissing => "a required value is missing",
            Self::GroupsNotManaged => "the policy leaves groups alone",
            Self::ObjectIgnored => "ignored by a mapping",
            Self::SwitchedOff => "left alone",
        }
    }
}

impl fmt::Display for DecisionRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.headline())
    }
}

impl fmt::Display for DecisionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

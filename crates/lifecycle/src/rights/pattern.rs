//! Patterns of keys, attribute names and event types.

use std::fmt;

use crate::EventKind;

/// A key or name in which `*` stands for any characters. Upper and lower case differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPattern(String);

impl KeyPattern {
    /// Reads a pattern. Returns `None` if it is blank.
    pub fn parse(text: &str) -> Option<Self> {
        (!text.trim().is_empty()).then(|| Self(text.to_owned()))
    }

    /// Returns whether the pattern matches the whole key.
    pub fn matches(&self, key: &str) -> bool {
        let mut parts = self.0.split('*');
        let Some(rest) = key.strip_prefix(parts.next().unwrap_or_default()) else { return false };
        let Some(last) = parts.next_back() else { return rest.is_empty() };
        let Some(mut rest) = rest.strip_suffix(last) else { return false };
        for part in parts {
            match rest.split_once(part) {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
        true
    }

    /// Returns whether one of the patterns matches.
    pub fn any_matches(patterns: &[Self], key: &str) -> bool {
        patterns.iter().any(|pattern| pattern.matches(key))
    }
}

impl fmt::Display for KeyPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Lists patterns in one cell.
pub(super) fn join_patterns<T: fmt::Display>(patterns: &[T]) -> String {
    patterns.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// An event type, or all types of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KindPattern {
    /// One type.
    One(EventKind),
    /// `worker.*`.
    Workers,
    /// `group.*`.
    Groups,
}

impl KindPattern {
    /// Reads a type such as `worker.left`, or `worker.*` or `group.*`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "worker.*" => Some(Self::Workers),
            "group.*" => Some(Self::Groups),
            one => EventKind::ALL.into_iter().find(|kind| kind.as_str() == one).map(Self::One),
        }
    }

    /// Returns whether events of this type are meant.
    pub fn covers(self, kind: EventKind) -> bool {
        match self {
            Self::One(one) => one == kind,
            Self::Workers => kind.is_worker(),
            Self::Groups => kind.is_group(),
        }
    }

    /// Returns whether any event about people is meant.
    pub(super) fn covers_workers(&self) -> bool {
        EventKind::ALL.into_iter().any(|kind| kind.is_worker() && self.covers(kind))
    }
}

impl fmt::Display for KindPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(kind) => f.write_str(kind.as_str()),
            Self::Workers => f.write_str("worker.*"),
            Self::Groups => f.write_str("group.*"),
        }
    }
}

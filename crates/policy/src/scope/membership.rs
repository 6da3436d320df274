//! Groups that somebody is in, and patterns that name groups.

use super::glob::Glob;

/// A group that a person (or a group) is in, directly or through groups nested in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GroupMembership {
    /// Key of the group.
    pub key: String,
    /// Its display name, if it is known.
    pub name: Option<String>,
    /// Whether it is the group itself that lists the person, and not one that is nested in it.
    pub direct: bool,
}

/// Names groups: a key, a display name, or a display name with wildcards (`*` any text, `?` any one character).
/// Names are compared without regard to case, keys exactly; a group without a name goes by its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupPattern(Glob);

impl GroupPattern {
    /// Reads a pattern; every text is one.
    pub fn new(text: &str) -> Self {
        Self(Glob::new(text))
    }

    /// The pattern as it was written.
    pub fn text(&self) -> &str {
        self.0.text()
    }

    /// Whether it names the group with this key and display name.
    pub fn names(&self, key: &str, name: Option<&str>) -> bool {
        key == self.text() || self.0.matches(name.unwrap_or(key), true)
    }

    /// The first of `groups` that it names; with `nested`, those that hold somebody only through another group count.
    pub(crate) fn first<'a>(
        &self,
        groups: &'a [GroupMembership],
        nested: bool,
    ) -> Option<&'a GroupMembership> {
        groups.iter().find(|group| (nested || group.direct) && self.names(&group.key, group.name.as_deref()))
    }
}

impl GroupMembership {
    /// How it appears in reasons: the name of the group, or its key.
    pub(crate) fn shown(&self) -> String {
        let through = if self.direct { "" } else { " (nested)" };
        format!("member of \"{}\"{through}", self.name.as_deref().unwrap_or(&self.key))
    }
}

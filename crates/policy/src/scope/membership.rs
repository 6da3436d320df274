//! Group memberships of a person, and patterns that name groups.

use super::glob::Glob;

/// A group that contains a person (or a group), directly or through nested groups.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GroupMembership {
    /// The key of the group.
    pub key: String,
    /// The display name of the group, if it is known.
    pub name: Option<String>,
    /// `true` if the group itself lists the person; `false` if a group nested in it does.
    pub direct: bool,
}

/// A pattern that names groups: a key, a display name, or a display name with wildcards (`*` any text, `?` any one
/// character). Names are compared without regard to case, keys exactly. A group without a name is matched by its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupPattern(Glob);

impl GroupPattern {
    /// Reads a pattern. Any text is a valid pattern.
    pub fn new(text: &str) -> Self {
        Self(Glob::new(text))
    }

    /// Returns the pattern as it was written.
    pub fn text(&self) -> &str {
        self.0.text()
    }

    /// Returns `true` if the pattern names the group with this key and display name.
    pub fn names(&self, key: &str, name: Option<&str>) -> bool {
        key == self.text() || self.0.matches(name.unwrap_or(key), true)
    }

    /// Returns the first of `groups` that the pattern names. Indirect memberships count only if `nested` is `true`.
    pub(crate) fn first<'a>(
        &self,
        groups: &'a [GroupMembership],
        nested: bool,
    ) -> Option<&'a GroupMembership> {
        groups.iter().find(|group| (nested || group.direct) && self.names(&group.key, group.name.as_deref()))
    }
}

impl GroupMembership {
    /// Returns the membership as reasons show it: with the name of the group, or its key.
    pub(crate) fn shown(&self) -> String {
        let through = if self.direct { "" } else { " (nested)" };
        format!("member of \"{}\"{through}", self.name.as_deref().unwrap_or(&self.key))
    }
}

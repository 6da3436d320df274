//! What a change does to the access that an account or group gives.

/// A change of access that the guard counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum AccessChange {
    /// An account that could be used is switched off.
    Disable,
    /// An account or a group is deleted.
    Delete,
    /// An account that is off is switched on again.
    Enable,
}

impl AccessChange {
    /// As the tables have it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Delete => "delete",
            Self::Enable => "enable",
        }
    }

    /// The change of this name. One that this version does not know takes away, for safety's sake.
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "enable" => Self::Enable,
            "delete" => Self::Delete,
            _ => Self::Disable,
        }
    }

    /// Whether access is taken away.
    pub(crate) fn takes_away(self) -> bool {
        self != Self::Enable
    }
}

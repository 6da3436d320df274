//! The outcomes with which a target agrees with the desired state.

/// The outcome of work after which the target agrees, as far as the policy's actions allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SettledOutcome {
    /// The resource was created.
    Created,
    /// An existing resource was linked.
    Adopted,
    /// Attributes were changed.
    Updated,
    /// The account was switched off.
    Disabled,
    /// The account was switched on again.
    Enabled,
    /// The resource was deleted.
    Deleted,
    /// There is no resource, and there should be none.
    Absent,
    /// A resource that should not exist is kept: it is off, or the actions forbid more.
    Kept,
    /// The resource was not created, because the actions forbid it.
    Skipped,
    /// The target agreed already, or the actions forbid the change.
    Unchanged,
    /// The membership was added.
    MemberAdded,
    /// The membership was removed.
    MemberRemoved,
}

impl SettledOutcome {
    /// Returns the name in facts.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Adopted => "adopted",
            Self::Updated => "updated",
            Self::Disabled => "disabled",
            Self::Enabled => "enabled",
            Self::Deleted => "deleted",
            Self::Absent => "absent",
            Self::Kept => "kept",
            Self::Skipped => "skipped",
            Self::Unchanged => "unchanged",
            Self::MemberAdded => "member_added",
            Self::MemberRemoved => "member_removed",
        }
    }

    /// Returns whether the time from the acceptance of the event until this outcome is measured.
    pub(crate) fn is_timed(self) -> bool {
        match self {
            Self::Unchanged | Self::Skipped => false,
            Self::Created
            | Self::Adopted
            | Self::Updated
            | Self::Disabled
            | Self::Enabled
            | Self::Deleted
            | Self::Absent
            | Self::Kept
            | Self::MemberAdded
            | Self::MemberRemoved => true,
        }
    }

    /// Returns the outcome of a change of a membership that was carried out.
    pub(crate) fn of_membership(present: bool) -> Self {
        if present { Self::MemberAdded } else { Self::MemberRemoved }
    }
}

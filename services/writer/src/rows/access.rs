//! Changes of access by an account or group, and evidence that an account is off.

use lifecycle::{AccountState, DesiredState};

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
    /// Returns the name as the tables store it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Delete => "delete",
            Self::Enable => "enable",
        }
    }

    /// Returns the change of this name. A name that this version does not know counts as a removal, for safety.
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "enable" => Self::Enable,
            "delete" => Self::Delete,
            _ => Self::Disable,
        }
    }

    /// All changes.
    pub(crate) const ALL: [Self; 3] = [Self::Disable, Self::Delete, Self::Enable];

    /// Returns whether access is taken away.
    pub(crate) fn takes_away(self) -> bool {
        self != Self::Enable
    }
}

/// The evidence that an account is off, or not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OffEvidence {
    /// The answer to a change shows `active: false`.
    Answer,
    /// A reading shows `active: false`.
    ReadBack,
    /// The account was deleted.
    Deleted,
    /// The linked account is no longer there, while another account was visible in the same minute.
    GoneProven,
    /// No account was found, while another one was visible in the same minute.
    NoAccountProven,
    /// For a membership: the group was read, or the target was asked, and the account is not in it.
    MemberList,
    /// For a membership: the target accepted the removal, and shows no members.
    Accepted,
}

impl OffEvidence {
    const ALL: [Self; 7] = [
        Self::Answer,
        Self::ReadBack,
        Self::Deleted,
        Self::GoneProven,
        Self::NoAccountProven,
        Self::MemberList,
        Self::Accepted,
    ];

    /// Returns the name as the tables store it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::ReadBack => "read_back",
            Self::Deleted => "deleted",
            Self::GoneProven => "gone_proven",
            Self::NoAccountProven => "no_account_proven",
            Self::MemberList => "member_list",
            Self::Accepted => "accepted",
        }
    }

    /// Returns the evidence of this name. A name that this version does not know proves nothing.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|evidence| evidence.as_str() == name)
    }
}

/// The origin of a linked account or group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AccountOrigin {
    /// Usher created it.
    Created,
    /// It existed before.
    Adopted,
}

impl AccountOrigin {
    /// Returns the name as the tables store it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Adopted => "adopted",
        }
    }

    /// Returns the origin of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Created, Self::Adopted].into_iter().find(|origin| origin.as_str() == name)
    }
}

/// The rule for deleting a resource that should not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeletionRule {
    /// It may be deleted now.
    Due,
    /// It may be deleted this number of microseconds after the account was first seen to be off.
    AfterGrace(i64),
    /// It must never be deleted: Usher did not create it, as far as is known.
    NotOurs,
}

/// The authorisation for removing access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RemovalConsent {
    /// An operator approved it.
    Approved,
    /// It was checked against the guard as part of a plan.
    Planned,
    /// The guard has let this change of access through.
    Counted(AccessChange),
    /// No change of access is known.
    Unknown,
}

/// Returns whether reaching the desired state takes access away.
pub(crate) fn takes_away(desired: &DesiredState) -> bool {
    match desired {
        DesiredState::User(account) => account.state != AccountState::Active,
        DesiredState::Group(group) => !group.exists,
        DesiredState::Membership { .. } => false,
    }
}

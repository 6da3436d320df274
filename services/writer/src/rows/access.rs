//! What a change does to the access that an account or group gives, and what shows that it is off.

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

    /// Every change.
    pub(crate) const ALL: [Self; 3] = [Self::Disable, Self::Delete, Self::Enable];

    /// Whether access is taken away.
    pub(crate) fn takes_away(self) -> bool {
        self != Self::Enable
    }
}

/// What showed that an account is off, or not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OffEvidence {
    /// The answer to a change shows `active: false`.
    Answer,
    /// It was read and shows `active: false`.
    ReadBack,
    /// It was deleted.
    Deleted,
    /// What is linked is not there any more, while another account was visible in the same minute.
    GoneProven,
    /// No account was found, while another one was visible in the same minute.
    NoAccountProven,
    /// Of a membership: the group was read, or the target was asked, and the account is not in it.
    MemberList,
    /// Of a membership: the target took the removal, and shows no members.
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

    /// As the tables have it.
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

    /// The evidence of this name; one that this version does not know proves nothing.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|evidence| evidence.as_str() == name)
    }
}

/// How an account or group came to be ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AccountOrigin {
    /// We created it.
    Created,
    /// It was there before.
    Adopted,
}

impl AccountOrigin {
    /// As the tables have it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Adopted => "adopted",
        }
    }

    /// The origin of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Created, Self::Adopted].into_iter().find(|origin| origin.as_str() == name)
    }
}

/// Whether what should not exist may be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeletionRule {
    /// Now.
    Due,
    /// So many microseconds after it was first seen that the account is off.
    AfterGrace(i64),
    /// Never: it was not created by us, as far as is known.
    NotOurs,
}

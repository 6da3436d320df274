//! Other accounts at a target that may belong to a leaver. They are listed for operators, and never changed because
//! of it.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::AccountLikeness;

/// The maximum number of people in one [`OtherAccountsRequest`].
pub const OTHER_ACCOUNTS_PEOPLE_MAX: usize = 500;
/// The maximum number of accounts that are named for one person.
pub const OTHER_ACCOUNTS_MAX: usize = 20;

/// Asks the writer for accounts that Usher does not know (orphans) and that may belong to these people; answered by
/// an [`OtherAccountsReply`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OtherAccountsRequest {
    /// The target.
    pub target: String,
    /// The keys of the people; at most [`OTHER_ACCOUNTS_PEOPLE_MAX`].
    pub people: Vec<String>,
}

/// The writer's answer, with one entry for each person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OtherAccountsReply {
    /// The people of the request, in any order.
    pub people: Vec<OtherAccountsOf>,
}

/// The [`OtherAccounts`] of one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OtherAccountsOf {
    /// The key of the person.
    pub person: String,
    /// The accounts that may belong to the person.
    pub found: OtherAccounts,
}

/// Accounts at the same target that may belong to the person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OtherAccounts {
    /// The accounts, active ones first; at most [`OTHER_ACCOUNTS_MAX`].
    #[serde(default)]
    pub accounts: Vec<OtherAccount>,
    /// The number of further accounts that are not named.
    #[serde(default)]
    pub unnamed: u64,
    /// The time at which the target's accounts were last read completely.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub reconciled_at: Option<OffsetDateTime>,
    /// The reasons why there may be more accounts than are listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<OtherAccountsGap>,
}

impl OtherAccounts {
    /// Returns the number of listed accounts that are active, or may be because the target does not say.
    pub fn active(&self) -> u64 {
        self.accounts.iter().filter(|account| account.active != Some(false)).count() as u64
    }
}

/// One account that Usher does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OtherAccount {
    /// The target's id of the account.
    pub remote_id: String,
    /// The login name; empty if the account has none.
    pub login: String,
    /// `true` if the account can be used; absent if the target does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    /// The reason why the account may belong to the person.
    pub likeness: AccountLikeness,
    /// The time at which a reconciliation last saw the account.
    #[serde(with = "time::serde::rfc3339")]
    pub seen_at: OffsetDateTime,
}

impl OtherAccount {
    /// Returns the login name, or the remote id if there is none.
    pub fn name(&self) -> &str {
        if self.login.is_empty() { &self.remote_id } else { &self.login }
    }

    /// Returns the state for operators.
    pub fn state(&self) -> &'static str {
        match self.active {
            Some(true) => "active",
            Some(false) => "off",
            None => "not said whether active",
        }
    }
}

/// The reason why accounts of a person may be missing in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OtherAccountsGap {
    /// The target was never reconciled: its other accounts are not known.
    NeverReconciled,
    /// The target has more orphans than the writer keeps.
    TooManyOrphans,
    /// The writer knows neither login nor mail address of the person.
    NoName,
    /// More accounts have such a name than the writer compares.
    TooManyAlike,
}

impl OtherAccountsGap {
    /// Every gap.
    pub const ALL: [Self; 4] =
        [Self::NeverReconciled, Self::TooManyOrphans, Self::NoName, Self::TooManyAlike];

    /// Returns the name used in the API and in docs/leavers.md.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NeverReconciled => "never_reconciled",
            Self::TooManyOrphans => "too_many_orphans",
            Self::NoName => "no_name",
            Self::TooManyAlike => "too_many_alike",
        }
    }

    /// Returns a description for operators.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::NeverReconciled => "the target was never reconciled",
            Self::TooManyOrphans => "the target has more orphans than are kept",
            Self::NoName => "the writer knows neither login nor mail address of the person",
            Self::TooManyAlike => "more accounts have such a name than are compared",
        }
    }
}

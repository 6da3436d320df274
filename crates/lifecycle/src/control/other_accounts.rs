//! Other accounts at a target that may be a leaver's: listed for a human, and never changed because of it.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::AccountLikeness;

/// Most people in one [`OtherAccountsRequest`].
pub const OTHER_ACCOUNTS_PEOPLE_MAX: usize = 500;
/// Most accounts that are named for one person.
pub const OTHER_ACCOUNTS_MAX: usize = 20;

/// Asks the writer for accounts that Usher does not know (orphans) and that may be these people's; answered by an
/// [`OtherAccountsReply`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OtherAccountsRequest {
    /// The target.
    pub target: String,
    /// Keys of the people; at most [`OTHER_ACCOUNTS_PEOPLE_MAX`].
    pub people: Vec<String>,
}

/// The writer's answer, one entry for each person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OtherAccountsReply {
    /// In any order.
    pub people: Vec<OtherAccountsOf>,
}

/// [`OtherAccounts`] of one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OtherAccountsOf {
    /// Key of the person.
    pub person: String,
    /// What is known.
    pub found: OtherAccounts,
}

/// Accounts at the same target that may be the person's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OtherAccounts {
    /// At most [`OTHER_ACCOUNTS_MAX`], those that are on first.
    #[serde(default)]
    pub accounts: Vec<OtherAccount>,
    /// Further ones that are not named.
    #[serde(default)]
    pub unnamed: u64,
    /// When the target's accounts were last read whole.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub reconciled_at: Option<OffsetDateTime>,
    /// Why there may be more than is listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<OtherAccountsGap>,
}

impl OtherAccounts {
    /// How many of them are on, or may be: the target does not say.
    pub fn active(&self) -> u64 {
        self.accounts.iter().filter(|account| account.active != Some(false)).count() as u64
    }
}

/// One account that Usher does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OtherAccount {
    /// The target's id of it.
    pub remote_id: String,
    /// Its login name; empty where it has none.
    pub login: String,
    /// Whether it can be used, if the target says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    /// Why it may be the person's.
    pub likeness: AccountLikeness,
    /// When a reconciliation last saw it.
    #[serde(with = "time::serde::rfc3339")]
    pub seen_at: OffsetDateTime,
}

impl OtherAccount {
    /// Its login, or what else names it.
    pub fn name(&self) -> &str {
        if self.login.is_empty() { &self.remote_id } else { &self.login }
    }

    /// For an operator.
    pub fn state(&self) -> &'static str {
        match self.active {
            Some(true) => "active",
            Some(false) => "off",
            None => "not said whether active",
        }
    }
}

/// Why accounts of a person may be missing in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OtherAccountsGap {
    /// The target was never reconciled: its other accounts are not known.
    NeverReconciled,
    /// The target has more orphans than are kept.
    TooManyOrphans,
    /// The writer knows neither login nor mail address of the person.
    NoName,
    /// More accounts have such a name than are compared.
    TooManyAlike,
}

impl OtherAccountsGap {
    /// Every gap.
    pub const ALL: [Self; 4] =
        [Self::NeverReconciled, Self::TooManyOrphans, Self::NoName, Self::TooManyAlike];

    /// The name used in the API and in docs/leavers.md.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NeverReconciled => "never_reconciled",
            Self::TooManyOrphans => "too_many_orphans",
            Self::NoName => "no_name",
            Self::TooManyAlike => "too_many_alike",
        }
    }

    /// For an operator.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::NeverReconciled => "the target was never reconciled",
            Self::TooManyOrphans => "the target has more orphans than are kept",
            Self::NoName => "the writer knows neither login nor mail address of the person",
            Self::TooManyAlike => "more accounts have such a name than are compared",
        }
    }
}

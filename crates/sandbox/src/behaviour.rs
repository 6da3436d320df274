//! In what SCIM servers differ, as data.

use serde::{Deserialize, Serialize};

use crate::ProfileRules;

/// How many filter expressions a server understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FilterGrammar {
    /// One comparison with `eq`.
    EqOnly,
    /// Comparisons with `eq`, joined by `and`.
    EqAnd,
    /// All of RFC 7644, section 3.4.2.2.
    #[default]
    Full,
}

/// A token bucket over all SCIM requests.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateLimit {
    /// Tokens that come back in a second; must be above 0.
    pub requests_per_second: f64,
    /// Requests that an idle server takes at once; at least 1.
    pub burst: u32,
}

/// How the sandbox behaves when no fault is injected. JSON names are in camel case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct SandboxBehaviour {
    /// Attributes that a filter may name, regardless of case; `None`: all. Others answer 400 `invalidFilter`.
    pub filterable_attributes: Option<Vec<String>>,
    /// Which filters are understood. Others answer 400 `invalidFilter`.
    pub filter_grammar: FilterGrammar,
    /// Users without a department (enterprise extension) are refused with 400 `invalidValue`.
    pub require_department: bool,
    /// Bodies must come as `application/scim+json`; anything else answers 415.
    pub strict_content_type: bool,
    /// Resources in a list answer when the request names no `count`.
    pub page_size: usize,
    /// Resources in a list answer at most, whatever `count` says.
    pub count_max: usize,
    /// Enforced with 429 and `Retry-After`, before any fault and any work; `None`: no limit.
    pub rate_limit: Option<RateLimit>,
    /// Group answers carry `members`.
    pub members_readable: bool,
    /// A second `userName` (users) or `displayName` (groups), regardless of case, answers 409 `uniqueness`.
    pub unique_names: bool,
    /// A second user with one of the mail addresses of another, regardless of case, answers 409 `uniqueness`.
    pub unique_mails: bool,
    /// Groups keep listing users that were deleted.
    pub keeps_references: bool,
    /// PATCH of a user answers 200 with the user; otherwise 204. PATCH of a group always answers 204.
    pub patch_returns_user: bool,
    /// `ServiceProviderConfig`, `ResourceTypes` and `Schemas` need no token.
    pub discovery_open: bool,
    /// The rules of a target profile, enforced beside the above; `None`: none.
    pub house: Option<Box<ProfileRules>>,
    /// Waited before each request is worked on, in milliseconds. The work is then done even if the client has gone.
    pub latency_ms: u64,
    /// The ledger keeps request bodies.
    pub keep_bodies: bool,
    /// Entries that the ledger holds at most; the oldest go first.
    pub ledger_entries_max: usize,
}

impl Default for SandboxBehaviour {
    fn default() -> Self {
        Self {
            filterable_attributes: None,
            filter_grammar: FilterGrammar::Full,
            require_department: false,
            strict_content_type: false,
            page_size: 100,
            count_max: 1_000,
            rate_limit: None,
            members_readable: true,
            unique_names: true,
            unique_mails: false,
            keeps_references: false,
            patch_returns_user: true,
            discovery_open: false,
            house: None,
            latency_ms: 0,
            keep_bodies: false,
            ledger_entries_max: 2_000_000,
        }
    }
}

impl SandboxBehaviour {
    /// The shape of Zscaler Internet Access: one `eq` on a few attributes, pages of at most 1,000, open discovery.
    /// Its limit of 5 requests/s is not part of it: see [`SandboxBehaviour::with_rate`].
    pub fn zscaler() -> Self {
        let names = ["userName", "externalId", "id", "displayName"];
        Self {
            filterable_attributes: Some(names.map(str::to_owned).to_vec()),
            filter_grammar: FilterGrammar::EqOnly,
            discovery_open: true,
            ..Self::default()
        }
    }

    /// A server that enforces what a target profile says.
    #[must_use]
    pub fn of_house(house: ProfileRules) -> Self {
        Self {
            page_size: house.page_size(),
            count_max: house.page_size(),
            members_readable: house.shows_members(),
            house: Some(Box::new(house)),
            ..Self::default()
        }
    }

    /// A built-in behaviour by name: `generic` or `zscaler`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "generic" => Some(Self::default()),
            "zscaler" | "zscaler-zia" => Some(Self::zscaler()),
            _ => None,
        }
    }

    /// The same, limited to so many requests a second, with one second's worth of burst.
    #[must_use]
    pub fn with_rate(mut self, requests_per_second: f64) -> Self {
        // Saturates: a rate above 4 billion is no limit that anybody could reach.
        let burst = requests_per_second.ceil().max(1.0) as u32;
        self.rate_limit = Some(RateLimit { requests_per_second, burst });
        self
    }
}

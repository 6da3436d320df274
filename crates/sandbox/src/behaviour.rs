//! The differences between SCIM servers, as data.

use serde::{Deserialize, Serialize};

use crate::house::ProfileRules;
use crate::limiter::RateLimit;

/// The filter expressions that a server supports.
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

/// The behaviour of the sandbox without injected faults. JSON names are in camel case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct SandboxBehaviour {
    /// The attributes that a filter may name, regardless of case; `None`: all. Others are answered with 400 `invalidFilter`.
    pub filterable_attributes: Option<Vec<String>>,
    /// The supported filters. Others are answered with 400 `invalidFilter`.
    pub filter_grammar: FilterGrammar,
    /// Users without a department (enterprise extension) are refused with 400 `invalidValue`.
    pub require_department: bool,
    /// Bodies must have the type `application/scim+json`; others are answered with 415.
    pub strict_content_type: bool,
    /// The number of resources in a list answer if the request has no `count`.
    pub page_size: usize,
    /// The maximum number of resources in a list answer, regardless of `count`.
    pub count_max: usize,
    /// The rate limit, enforced with 429 and `Retry-After`, before any fault and any work; `None`: no limit.
    pub rate_limit: Option<RateLimit>,
    /// Answers with groups contain `members`.
    pub members_readable: bool,
    /// A duplicate `userName` (users) or `displayName` (groups), regardless of case, is answered with 409 `uniqueness`.
    pub unique_names: bool,
    /// A user with a mail address of another user, regardless of case, is answered with 409 `uniqueness`.
    pub unique_mails: bool,
    /// Groups continue to list deleted users.
    pub keeps_references: bool,
    /// PATCH of a user is answered with 200 and the user; otherwise with 204. PATCH of a group is always answered with 204.
    pub patch_returns_user: bool,
    /// `ServiceProviderConfig`, `ResourceTypes` and `Schemas` require no token.
    pub discovery_open: bool,
    /// The rules of a target profile, enforced in addition to the above; `None`: no profile.
    pub house: Option<Box<ProfileRules>>,
    /// The delay before each request is processed, in milliseconds. The
    /// request is then carried out even if the client has disconnected.
    pub latency_ms: u64,
    /// The ledger stores request bodies.
    pub keep_bodies: bool,
    /// The maximum number of entries in the ledger. The oldest are dropped first.
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
    /// Returns the behaviour of Zscaler Internet Access: one `eq` on a few attributes, pages of at most
    /// 1,000, open discovery. Its limit of 5 requests/s is not included: see [`SandboxBehaviour::with_rate`].
    pub fn zscaler() -> Self {
        let names = ["userName", "externalId", "id", "displayName"];
        Self {
            filterable_attributes: Some(names.map(str::to_owned).to_vec()),
            filter_grammar: FilterGrammar::EqOnly,
            discovery_open: true,
            ..Self::default()
        }
    }

    /// Returns the behaviour of a server that enforces a target profile.
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

    /// Returns a built-in behaviour by name: `generic` or `zscaler`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "generic" => Some(Self::default()),
            "zscaler" | "zscaler-zia" => Some(Self::zscaler()),
            _ => None,
        }
    }

    /// Limits the behaviour to this number of requests per second, with a burst of one second.
    #[must_use]
    pub fn with_rate(mut self, requests_per_second: f64) -> Self {
        // The cast saturates. A rate above 4 billion is no effective limit.
        let burst = requests_per_second.ceil().max(1.0) as u32;
        self.rate_limit = Some(RateLimit { requests_per_second, burst });
        self
    }
}

//! The rules of a target profile, enforced by the server. The server refuses everything
//! that the target cannot do according to the profile, and requires everything that the
//! target requires. A client that follows the profile is therefore never refused.
//!
//! The rules are read from the same file as the client reads, with separate code.

mod filters;
mod notation;
mod patches;
mod rate;
mod resources;
mod words;

use std::collections::BTreeMap;

use axum::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::RequestKind;
use crate::answer::SandboxRefusal;
use crate::call::ScimCall;
use rate::RateRules;
pub(crate) use rate::RequestLimit;
use words::{LookupRules, MembershipRules, PatchRules, RequiredAttribute, RulesPerKind, UpdateMethods};

/// The fields of a profile that a server can enforce. Their names are those of profile files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProfileRules {
    page_size: usize,
    update_method: UpdateMethods,
    patch: PatchRules,
    string_booleans: bool,
    string_numbers: bool,
    attributes: RulesPerKind<Vec<String>>,
    single_valued: bool,
    lookups: RulesPerKind<Option<LookupRules>>,
    filter_terms_max: Option<usize>,
    paging: String,
    membership: MembershipRules,
    delete: String,
    hides_disabled: bool,
    lengths_max: RulesPerKind<BTreeMap<String, usize>>,
    domains: Vec<String>,
    required: RulesPerKind<Vec<RequiredAttribute>>,
    rate: RateRules,
}

impl Default for ProfileRules {
    fn default() -> Self {
        Self {
            page_size: 100,
            update_method: UpdateMethods::Both("patch".to_owned()),
            patch: PatchRules::default(),
            string_booleans: false,
            string_numbers: false,
            attributes: RulesPerKind::default(),
            single_valued: false,
            lookups: RulesPerKind::default(),
            filter_terms_max: None,
            paging: "index".to_owned(),
            membership: MembershipRules::default(),
            delete: "hard".to_owned(),
            hides_disabled: false,
            lengths_max: RulesPerKind::default(),
            domains: Vec::new(),
            required: RulesPerKind::default(),
            rate: RateRules::default(),
        }
    }
}

impl ProfileRules {
    /// Reads a profile file.
    ///
    /// # Errors
    /// A description of the error in the file.
    pub fn read(yaml: &str) -> Result<Self, String> {
        serde_saphyr::from_str(yaml).map_err(|error| error.to_string())
    }

    /// Returns the rate limits.
    pub(crate) fn limits(&self) -> Vec<RequestLimit> {
        self.rate.limits()
    }

    /// Returns the maximum number of resources on a page.
    pub(crate) fn page_size(&self) -> usize {
        self.page_size
    }

    /// Returns `true` if reading a group returns its members.
    pub(crate) fn shows_members(&self) -> bool {
        self.membership.readable
    }

    /// Returns `true` if groups may be members of groups.
    pub(crate) fn nests(&self) -> bool {
        self.membership.nested == "keep"
    }

    /// Returns `true` if a disabled account is answered with 404.
    pub(crate) fn hides_disabled(&self) -> bool {
        self.hides_disabled
    }

    /// Returns `true` if lists are paged by cursor.
    pub(crate) fn pages_by_cursor(&self) -> bool {
        self.paging == "cursor"
    }

    /// Returns `true` if a list is one answer.
    pub(crate) fn has_one_page(&self) -> bool {
        self.paging == "none"
    }

    /// Refuses requests that the profile does not allow.
    pub(crate) fn check(&self, call: &ScimCall) -> Result<(), SandboxRefusal> {
        if call.user_agent.is_none() {
            return Err(SandboxRefusal::new(403, None, "requests need a User-Agent"));
        }
        let kind = call.route.kind;
        if !matches!(kind, RequestKind::User | RequestKind::Group) {
            return Ok(());
        }
        let query = call.uri.query().unwrap_or_default();
        let asks_for = |name: &str| query.split('&').any(|part| part.split('=').next() == Some(name));
        match call.method {
            Method::GET => {
                if asks_for("startIndex") && self.paging != "index" {
                    return Err(SandboxRefusal::invalid_value("there are no pages by index here"));
                }
                Ok(())
            }
            Method::DELETE if self.delete != "hard" => {
                Err(SandboxRefusal::new(405, None, "nothing can be deleted here"))
            }
            Method::PATCH if kind == RequestKind::User && self.update_method.is_put(kind) => {
                Err(SandboxRefusal::new(405, None, "accounts are changed by PUT here"))
            }
            Method::PATCH if self.membership.method == "put" && kind == RequestKind::Group => {
                Err(SandboxRefusal::new(405, None, "groups are changed by PUT here"))
            }
            Method::PUT if !self.update_method.is_put(kind) && !self.changes_members_by_put(kind) => {
                Err(SandboxRefusal::new(405, None, "resources are changed by PATCH here"))
            }
            Method::PATCH => self.check_patch(call),
            Method::POST | Method::PUT => {
                let Some(Value::Object(body)) = &call.body else { return Ok(()) };
                self.check_resource(kind, body, call.method == Method::POST)
            }
            _ => Ok(()),
        }
    }

    fn changes_members_by_put(&self, kind: RequestKind) -> bool {
        kind == RequestKind::Group && self.membership.method == "put"
    }
}

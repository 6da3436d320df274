//! The filters that a profile allows.

use super::ProfileRules;
use super::words::LookupRules;
use crate::RequestKind;
use crate::answer::SandboxRefusal;

impl ProfileRules {
    /// Returns `true` if a filter tests for a group with a member. This is allowed although neither attribute is filterable.
    fn asks_for_member(&self, name: &str) -> bool {
        let attribute = self.membership.asked_by.as_deref();
        attribute.is_some_and(|attribute| name.eq_ignore_ascii_case(attribute) || name == "id")
    }

    /// Refuses filters on other attributes, and filters with too many terms.
    pub(crate) fn check_filter(&self, kind: RequestKind, filter: &str) -> Result<(), SandboxRefusal> {
        let usual = || LookupRules {
            filterable: vec!["externalId".into(), "userName".into(), "displayName".into()],
            or: false,
        };
        let lookup = self.lookups.of(kind).clone().unwrap_or_else(usual);
        let terms: Vec<&str> = filter.split(" or ").flat_map(|part| part.split(" and ")).collect();
        if filter.contains(" or ") && !lookup.or {
            return Err(SandboxRefusal::invalid_filter("`or` is not supported"));
        }
        if self.filter_terms_max.is_some_and(|most| terms.len() > most) {
            return Err(SandboxRefusal::invalid_filter("the filter has too many terms"));
        }
        for term in terms {
            let name = term.trim().split(' ').next().unwrap_or_default();
            let is_known = lookup.filterable.iter().any(|known| known.eq_ignore_ascii_case(name));
            let asks_for_member = kind == RequestKind::Group && self.asks_for_member(name);
            if !is_known && !asks_for_member {
                return Err(SandboxRefusal::invalid_filter(format!("{name} cannot be filtered by")));
            }
            if !term.contains(" eq ") {
                return Err(SandboxRefusal::invalid_filter("only `eq` is supported"));
            }
        }
        Ok(())
    }
}

//! Decides whether a resource that is at the target, and was not created by Usher, may be linked without an operator.

use lifecycle::AttributeMap;
use scim::{FoundResource, ScimKind};
use serde_json::Value;

use crate::config::{AdoptionConfig, AdoptionRule};

/// The attributes that identify an account besides those that the policy matches on.
const IDENTIFYING: [&str; 3] = [
    "userName",
    "employeeNumber",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber",
];
/// The attributes that are shown to an operator.
const SHOWN: [&str; 4] = ["userName", "displayName", "active", "emails[type eq \"work\"].value"];

/// What a person or group asks for, and what was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AdoptionMatch<'a> {
    pub(crate) kind: ScimKind,
    pub(crate) subject: &'a str,
    pub(crate) wanted: &'a AttributeMap,
    pub(crate) match_on: &'a [String],
    pub(crate) found: &'a FoundResource,
}

impl AdoptionConfig {
    fn rule(&self, kind: ScimKind) -> &AdoptionRule {
        match kind {
            ScimKind::User => &self.users,
            ScimKind::Group => &self.groups,
        }
    }
}

impl AdoptionMatch<'_> {
    /// Returns the reason why an operator must confirm the link, or `None` if the configuration declares it.
    pub(crate) fn objection(&self, config: &AdoptionConfig) -> Option<String> {
        let why = match config.rule(self.kind) {
            AdoptionRule::Confirm => "an operator confirms each link (`adoption` of the target)".to_owned(),
            AdoptionRule::By(paths) => match paths.iter().find(|path| self.agreed(path).is_none()) {
                None => return None,
                Some(path) => format!("{path} does not agree (`adoption` of the target)"),
            },
            AdoptionRule::Automatic => {
                let mut agreed: Vec<String> =
                    self.candidates().iter().filter_map(|path| self.agreed(path)).collect();
                agreed.sort();
                agreed.dedup();
                if agreed.len() >= 2 {
                    return None;
                }
                "fewer than two different values agree (`adoption` of the target)".to_owned()
            }
        };
        Some(format!("{}: {why}", self.describe()))
    }

    /// Describes both sides for an operator.
    fn describe(&self) -> String {
        let what = if self.kind == ScimKind::User { "account" } else { "group" };
        let shown: Vec<String> = SHOWN.map(str::to_owned).to_vec();
        let there = scim::observe_resource(&self.found.attributes, &shown);
        format!(
            "{what} {} ({}) is there and was not created by Usher; {} asks for ({})",
            self.found.id,
            list_values(&there),
            self.subject,
            list_values(self.wanted)
        )
    }

    /// Returns the attributes by which the two sides are compared.
    fn candidates(&self) -> Vec<&str> {
        let mut paths: Vec<&str> = self.match_on.iter().map(String::as_str).collect();
        if self.kind == ScimKind::User {
            let mails = self.wanted.keys().map(String::as_str).filter(|path| path.starts_with("emails"));
            paths.extend(IDENTIFYING.into_iter().chain(mails));
        }
        paths.retain(|path| !path.eq_ignore_ascii_case("externalId"));
        paths.sort_unstable();
        paths.dedup();
        paths
    }

    /// Returns the value of the attribute, in the form in which it is compared, if both sides have it.
    fn agreed(&self, path: &str) -> Option<String> {
        let fold = |value: &Value| {
            let text = value.as_str()?.trim().to_lowercase();
            (!text.is_empty()).then_some(text)
        };
        let wanted = self.wanted.get(path).and_then(fold)?;
        let found = scim::observe_resource(&self.found.attributes, &[path.to_owned()]);
        found.get(path).and_then(fold).filter(|found| *found == wanted)
    }
}

/// Lists the values that are shown to an operator.
fn list_values(attributes: &AttributeMap) -> String {
    let shown = SHOWN.iter().filter_map(|path| {
        let value = attributes.get(*path).filter(|value| !value.is_null())?;
        Some(format!("{path} {value}"))
    });
    shown.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;

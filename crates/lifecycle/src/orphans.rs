//! The handling of orphans: accounts at a target without a known person.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// A policy's rules for orphans.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OrphanPolicy {
    /// The action for orphans.
    #[serde(default)]
    pub action: OrphanAction,
    /// Login names that are left alone, such as administrators and services. `*` stands for any text, and case does
    /// not matter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
}

/// The action for an orphan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OrphanAction {
    /// The orphan is reported and left alone.
    #[default]
    Report,
    /// The orphan is switched off.
    Disable,
    /// The orphan is deleted.
    Delete,
}

impl OrphanPolicy {
    /// Returns whether the policy acts on the account with this login name. An account without a name is left alone.
    pub fn concern(&self, user_name: Option<&str>) -> bool {
        self.action != OrphanAction::Report && user_name.is_some_and(|name| !self.excepts(name))
    }

    /// Returns whether an account with this login name is left alone, whatever the action is.
    pub fn excepts(&self, user_name: &str) -> bool {
        self.except.iter().any(|pattern| matches_name_pattern(pattern, user_name))
    }
}

/// Returns whether a name matches a pattern in which `*` stands for any text. Case, surrounding blanks and the form of
/// Unicode characters do not matter.
pub fn matches_name_pattern(pattern: &str, name: &str) -> bool {
    fits_pattern(&fold_name(pattern), &fold_name(name))
}

/// Returns the form of a name in which names are compared.
fn fold_name(name: &str) -> String {
    name.trim().nfkc().collect::<String>().to_lowercase()
}

/// Returns whether `text` matches a pattern in which `*` stands for any text.
fn fits_pattern(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_are_names_or_wildcards_without_regard_to_case() {
        let except =
            ["admin@*", "*-svc@example.com", "Root@example.com", "a*b*c"].map(str::to_owned).to_vec();
        let orphans = OrphanPolicy { action: OrphanAction::Disable, except };
        for spared in ["ADMIN@example.com", "backup-svc@Example.com", "root@example.com", "abc", "aXbYc"] {
            assert!(!orphans.concern(Some(spared)), "{spared}");
        }
        for concerned in ["an-admin@example.com", "svc@example.com", "root@example.com.evil", "ab", "acb"] {
            assert!(orphans.concern(Some(concerned)), "{concerned}");
        }
        assert!(!orphans.concern(None));
        assert!(!OrphanPolicy::default().concern(Some("anybody@example.com")), "reported, and no more");
    }
}

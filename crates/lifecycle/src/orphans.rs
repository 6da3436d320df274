//! What becomes of accounts at a target that belong to nobody who is known.

use serde::{Deserialize, Serialize};

/// What a policy says of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OrphanPolicy {
    /// What becomes of them.
    #[serde(default)]
    pub action: OrphanAction,
    /// Login names that are left alone, `*` standing for anything, whatever their case: administrators, services.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
}

/// What becomes of an account of nobody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrphanAction {
    /// It is told of, and left alone.
    #[default]
    Report,
    /// It is switched off.
    Disable,
    /// It is deleted.
    Delete,
}

impl OrphanPolicy {
    /// Whether something is done about the account with this login name. One without a name is left alone.
    pub fn concern(&self, user_name: Option<&str>) -> bool {
        self.action != OrphanAction::Report
            && user_name.is_some_and(|name| {
                let name = name.to_lowercase();
                !self.except.iter().any(|pattern| fits_pattern(&pattern.to_lowercase(), &name))
            })
    }
}

/// Whether `text` fits a pattern in which `*` stands for anything.
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

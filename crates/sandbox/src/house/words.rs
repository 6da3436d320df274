//! The fields of a profile file that a server can enforce.

use serde::{Deserialize, Serialize};

use crate::RequestKind;

/// One word for accounts and groups, or one for each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum UpdateMethods {
    Both(String),
    Each(RulesPerKind<String>),
}

impl UpdateMethods {
    /// Returns `true` if resources of this kind are changed by PUT.
    pub(super) fn is_put(&self, kind: RequestKind) -> bool {
        let method = match self {
            Self::Both(method) => method,
            Self::Each(methods) => methods.of(kind),
        };
        method == "put"
    }
}

/// One value for accounts and one for groups.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct RulesPerKind<T: Default> {
    pub(super) user: T,
    pub(super) group: T,
}

impl<T: Default> RulesPerKind<T> {
    /// Returns the value for a kind of resource.
    pub(super) fn of(&self, kind: RequestKind) -> &T {
        if kind == RequestKind::Group { &self.group } else { &self.user }
    }
}

/// The form of PATCH operations.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct PatchRules {
    pub(super) op_case: Option<String>,
    pub(super) pathless: bool,
    pub(super) extension_separator: Option<String>,
}

/// The attributes that a filter may name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct LookupRules {
    pub(super) filterable: Vec<String>,
    pub(super) or: bool,
}

/// The form of membership changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct MembershipRules {
    pub(super) method: String,
    pub(super) members_per_request_max: usize,
    pub(super) operations_per_request_max: usize,
    pub(super) body_bytes_max: Option<usize>,
    pub(super) remove_form: String,
    pub(super) readable: bool,
    pub(super) asked_by: Option<String>,
    pub(super) nested: String,
}

impl Default for MembershipRules {
    fn default() -> Self {
        Self {
            method: "patch".to_owned(),
            members_per_request_max: 100,
            operations_per_request_max: 100,
            body_bytes_max: None,
            remove_form: "filter".to_owned(),
            readable: true,
            asked_by: None,
            nested: "flatten".to_owned(),
        }
    }
}

/// An attribute that the target requires.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct RequiredAttribute {
    pub(super) path: String,
}

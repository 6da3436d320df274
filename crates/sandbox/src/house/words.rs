//! The words of a profile file that a server can keep to.

use serde::{Deserialize, Serialize};

use crate::Kind;

/// One word for accounts and groups, or one for each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum UpdateMethods {
    Both(String),
    Each(PerKind<String>),
}

impl UpdateMethods {
    pub(super) fn is_put(&self, kind: Kind) -> bool {
        let method = match self {
            Self::Both(method) => method,
            Self::Each(methods) => methods.of(kind),
        };
        method == "put"
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct PerKind<T: Default> {
    pub(super) user: T,
    pub(super) group: T,
}

impl<T: Default> PerKind<T> {
    pub(super) fn of(&self, kind: Kind) -> &T {
        if kind == Kind::Group { &self.group } else { &self.user }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct PatchForm {
    pub(super) op_case: Option<String>,
    pub(super) pathless: bool,
    pub(super) extension_separator: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Lookup {
    pub(super) filterable: Vec<String>,
    pub(super) or: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Membership {
    pub(super) method: String,
    pub(super) members_per_request_max: usize,
    pub(super) operations_per_request_max: usize,
    pub(super) body_bytes_max: Option<usize>,
    pub(super) remove_form: String,
    pub(super) readable: bool,
    pub(super) asked_by: Option<String>,
    pub(super) nested: String,
}

impl Default for Membership {
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

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Required {
    pub(super) path: String,
}

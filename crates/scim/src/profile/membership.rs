//! How memberships are written.

use serde::{Deserialize, Serialize};

use super::UpdateMethod;

/// How memberships are written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MembershipForm {
    /// How members are changed: by PATCH of what differs, or by PUT of the group as it was read with its members changed,
    /// which needs `readable`. Default `patch`.
    pub method: UpdateMethod,
    /// Members added or removed by one request, at least 1. Default 100.
    pub members_per_request_max: usize,
    /// PATCH operations in one request, at least 1. Default 100.
    pub operations_per_request_max: usize,
    /// Longest body of one request, in bytes, at least 1,024. Default: no limit known.
    pub body_bytes_max: Option<usize>,
    /// How a member is taken out. Default `filter`.
    pub remove_form: RemoveForm,
    /// Whether reading a group shows its members. Default yes.
    pub readable: bool,
    /// The attribute of groups by which a filter tells whether somebody is a member (`id eq "G" and members.value eq "U"`),
    /// where that can be asked although groups do not show their members. Default: it cannot be asked.
    pub asked_by: Option<String>,
    /// Whether a group may be created together with its members. Default no.
    pub include_on_create: bool,
    /// Whether lookups of groups ask to leave the members out of the answer. Default yes.
    pub exclude_on_lookup: bool,
    /// What becomes of groups in groups. Default `flatten`.
    pub nested: NestedGroups,
}

/// What becomes of groups in groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NestedGroups {
    /// Whoever is in a group that is in another is made a member of both. Most targets do not follow groups in groups.
    #[default]
    Flatten,
    /// The group is made a member of the other, and only whom a group lists is made a member of it.
    Keep,
}

/// How a member is taken out of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemoveForm {
    /// One operation each, with the path `members[value eq "id"]`.
    Filter,
    /// One operation with the path `members` and a list of values.
    ValueList,
}

impl Default for MembershipForm {
    fn default() -> Self {
        Self {
            method: UpdateMethod::Patch,
            members_per_request_max: 100,
            operations_per_request_max: 100,
            body_bytes_max: None,
            remove_form: RemoveForm::Filter,
            readable: true,
            asked_by: None,
            include_on_create: false,
            exclude_on_lookup: true,
            nested: NestedGroups::Flatten,
        }
    }
}

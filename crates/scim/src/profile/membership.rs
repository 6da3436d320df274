//! The form of membership changes.

use serde::{Deserialize, Serialize};

use super::UpdateMethod;

/// The form of membership changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MembershipForm {
    /// The method to change members: PATCH with the differences, or PUT of the group as
    /// it was read with its members changed, which requires `readable`. Default `patch`.
    pub method: UpdateMethod,
    /// The maximum number of members added or removed by one request, at least 1. Default 100.
    pub members_per_request_max: usize,
    /// The maximum number of PATCH operations in one request, at least 1. Default 100.
    pub operations_per_request_max: usize,
    /// The maximum size of the body of one request, in bytes, at least 1,024. Default: no known limit.
    pub body_bytes_max: Option<usize>,
    /// The form of a removal. Default `filter`.
    pub remove_form: RemoveForm,
    /// `true` if reading a group returns its members. Default `true`.
    pub readable: bool,
    /// The attribute of groups by which a filter tests if an account is a member
    /// (`id eq "G" and members.value eq "U"`), for targets that answer this although groups do not
    /// show their members. Default: not supported.
    pub asked_by: Option<String>,
    /// `true` if a group may be created together with its members. Default `false`.
    pub include_on_create: bool,
    /// `true` if lookups of groups exclude the members from the answer. Default `true`.
    pub exclude_on_lookup: bool,
    /// The handling of nested groups. Default `flatten`.
    pub nested: NestedGroups,
}

/// The handling of nested groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NestedGroups {
    /// A member of a nested group becomes a member of both groups. Most targets do not resolve nested groups.
    #[default]
    Flatten,
    /// The nested group becomes a member of the other group, and only direct members of a group are written as its members.
    Keep,
}

/// The form in which a member is removed from a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemoveForm {
    /// One operation for each member, with the path `members[value eq "id"]`.
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

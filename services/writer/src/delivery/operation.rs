//! The operations at a target, by the names that facts, dead letters and metrics use.

use lifecycle::ResourceKind;
use scim::{TargetProfile, UpdateMethod};

/// An operation that is sent to a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScimOperation {
    /// Search for a resource.
    Lookup,
    /// Read a resource.
    Read,
    /// Read the members of a group, or ask for one.
    ReadMembers,
    /// Read a page of a list.
    List,
    /// Create a resource.
    Create,
    /// Change a resource.
    Update,
    /// Switch an account off.
    Disable,
    /// Delete a resource.
    Delete,
    /// Add members to a group.
    AddMembers,
    /// Remove members from a group.
    RemoveMembers,
    /// Add members to a group and remove others.
    ChangeMembers,
}

impl ScimOperation {
    /// Returns the name in facts, dead letters and metrics.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Lookup => "lookup",
            Self::Read => "read",
            Self::ReadMembers => "read_members",
            Self::List => "list",
            Self::Create => "create",
            Self::Update => "update",
            Self::Disable => "disable",
            Self::Delete => "delete",
            Self::AddMembers => "add_members",
            Self::RemoveMembers => "remove_members",
            Self::ChangeMembers => "change_members",
        }
    }

    /// Returns the HTTP method of the operation, for rate limits that depend on it.
    pub(crate) fn method(self, profile: &TargetProfile, kind: ResourceKind) -> &'static str {
        match self {
            Self::Lookup | Self::Read | Self::ReadMembers | Self::List => "GET",
            Self::Create => "POST",
            Self::Delete => "DELETE",
            Self::Update | Self::Disable | Self::AddMembers | Self::RemoveMembers | Self::ChangeMembers => {
                match change_method(profile, kind) {
                    UpdateMethod::Patch => "PATCH",
                    UpdateMethod::Put => "PUT",
                }
            }
        }
    }
}

/// Returns the method that the profile prescribes for a change of this kind of resource.
fn change_method(profile: &TargetProfile, kind: ResourceKind) -> UpdateMethod {
    match kind {
        ResourceKind::Membership => profile.membership.method,
        ResourceKind::User => profile.update_method.user,
        ResourceKind::Group => profile.update_method.group,
    }
}

/// The operation that a failure is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailedOperation {
    /// A request to the target.
    Sent(ScimOperation),
    /// The resource that was found cannot be linked.
    Adopt,
    /// The result cannot be stored.
    Store,
}

impl FailedOperation {
    /// Returns the name in facts and dead letters.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Sent(operation) => operation.as_str(),
            Self::Adopt => "adopt",
            Self::Store => "store",
        }
    }
}

impl From<ScimOperation> for FailedOperation {
    fn from(operation: ScimOperation) -> Self {
        Self::Sent(operation)
    }
}

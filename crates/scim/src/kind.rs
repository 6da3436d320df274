//! The kinds of SCIM resources and their endpoints.

use lifecycle::ResourceKind;

/// The kind of a SCIM resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ScimKind {
    /// An account, at `/Users`.
    User,
    /// A group, at `/Groups`.
    Group,
}

impl ScimKind {
    /// Returns the path segment of the endpoint.
    pub fn endpoint(self) -> &'static str {
        match self {
            Self::User => "Users",
            Self::Group => "Groups",
        }
    }

    /// Returns the URN of the core schema.
    pub fn schema(self) -> &'static str {
        match self {
            Self::User => "urn:ietf:params:scim:schemas:core:2.0:User",
            Self::Group => "urn:ietf:params:scim:schemas:core:2.0:Group",
        }
    }
}

impl From<ResourceKind> for ScimKind {
    /// Returns the kind to write to. Memberships are written at their group.
    fn from(kind: ResourceKind) -> Self {
        match kind {
            ResourceKind::User => Self::User,
            ResourceKind::Group | ResourceKind::Membership => Self::Group,
        }
    }
}

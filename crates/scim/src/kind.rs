//! Which endpoint a resource lives at.

use lifecycle::ResourceKind;

/// The kind of a SCIM resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ScimKind {
    /// At `/Users`.
    User,
    /// At `/Groups`.
    Group,
}

impl ScimKind {
    /// The path segment of the endpoint.
    pub fn endpoint(self) -> &'static str {
        match self {
            Self::User => "Users",
            Self::Group => "Groups",
        }
    }

    /// The URN of the core schema.
    pub fn schema(self) -> &'static str {
        match self {
            Self::User => "urn:ietf:params:scim:schemas:core:2.0:User",
            Self::Group => "urn:ietf:params:scim:schemas:core:2.0:Group",
        }
    }
}

impl From<ResourceKind> for ScimKind {
    /// Memberships are written at their group.
    fn from(kind: ResourceKind) -> Self {
        match kind {
            ResourceKind::User => Self::User,
            ResourceKind::Group | ResourceKind::Membership => Self::Group,
        }
    }
}

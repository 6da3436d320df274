//! The two resource types and the URNs of their schemas.

/// The URN of the core schema of users.
pub const CORE_USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The URN of the core schema of groups.
pub const CORE_GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// The URN of the enterprise extension.
pub const ENTERPRISE_USER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// A resource type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ResourceType {
    /// A person.
    User,
    /// A group.
    Group,
}

impl ResourceType {
    /// Both types.
    pub const ALL: [Self; 2] = [Self::User, Self::Group];

    /// Returns `User` or `Group`.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
        }
    }

    /// Returns `Users` or `Groups`.
    pub fn endpoint(self) -> &'static str {
        match self {
            Self::User => "Users",
            Self::Group => "Groups",
        }
    }

    /// Returns the type at the endpoint `Users` or `Groups`.
    pub fn at(endpoint: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.endpoint().eq_ignore_ascii_case(endpoint))
    }

    /// Returns the URN of the core schema.
    pub fn schema(self) -> &'static str {
        match self {
            Self::User => CORE_USER,
            Self::Group => CORE_GROUP,
        }
    }

    /// Returns the URNs of the known extensions.
    pub fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::User => &[ENTERPRISE_USER],
            Self::Group => &[],
        }
    }

    /// Returns the attribute that is required and unique.
    pub fn name_attribute(self) -> &'static str {
        match self {
            Self::User => "userName",
            Self::Group => "displayName",
        }
    }
}

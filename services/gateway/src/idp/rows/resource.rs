//! `gateway_scim_resources`: users and groups as an identity provider sees them.

use scim_service::{ResourceTree, ResourceType, ScimServiceError};
use sea_orm::entity::prelude::*;

/// A user or group of an identity provider.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "gateway_scim_resources")]
pub(in crate::idp) struct Model {
    /// The id. Ids are ordered by time of creation, which is the order of pages.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(in crate::idp) id: String,
    /// The name of the provider.
    #[sea_orm(column_type = "Text")]
    pub(in crate::idp) source: String,
    /// The resource type: `User` or `Group`.
    #[sea_orm(column_type = "Text")]
    pub(in crate::idp) kind: String,
    /// The key of the person or group in the rest of Usher. It never changes.
    #[sea_orm(column_type = "Text")]
    pub(in crate::idp) key: String,
    /// The `userName`, or a group's `displayName`, in lower case.
    #[sea_orm(column_type = "Text")]
    pub(in crate::idp) name: String,
    /// The provider's own id of the resource.
    #[sea_orm(column_type = "Text", nullable)]
    pub(in crate::idp) external_id: Option<String>,
    /// All attributes as JSON, without members.
    #[sea_orm(column_type = "Text")]
    pub(in crate::idp) attributes: String,
    /// The last value of `active`. A request without it does not change it.
    pub(in crate::idp) employed: bool,
    /// The version, incremented by one with each change.
    pub(in crate::idp) version: i64,
    /// The time of creation, in microseconds since the Unix epoch.
    pub(in crate::idp) created_at: i64,
    /// The time of the last change and of its events, in microseconds since the Unix epoch. Later than that of any earlier change.
    pub(in crate::idp) changed_at: i64,
    /// The time until which the response to the request that created it is pending; `None` after the
    /// response. After that time the client does not know the id, and creates the resource again.
    pub(in crate::idp) answer_due_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(in crate::idp) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Parses the attributes.
    pub(in crate::idp) fn tree(&self) -> Result<ResourceTree, ScimServiceError> {
        serde_json::from_str(&self.attributes).map_err(|_| {
            tracing::error!(id = self.id, "a SCIM resource cannot be read");
            ScimServiceError::new(500, "the resource is damaged; the log has its id")
        })
    }

    /// Returns the resource type.
    pub(in crate::idp) fn kind(&self) -> ResourceType {
        if self.kind == ResourceType::User.name() { ResourceType::User } else { ResourceType::Group }
    }
}

/// Returns a name in the form in which names are compared.
pub(in crate::idp) fn fold_name(name: &str) -> String {
    name.to_lowercase()
}

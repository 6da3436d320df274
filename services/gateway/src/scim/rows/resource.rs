//! `gateway_scim_resources`: users and groups as an identity provider sees them.

use scim_service::{ResourceTree, ResourceType, ScimServiceError};
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "gateway_scim_resources")]
pub(in crate::scim) struct Model {
    /// Ordered by time of creation, which is the order of pages.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(in crate::scim) id: String,
    /// Name of the provider.
    #[sea_orm(column_type = "Text")]
    pub(in crate::scim) source: String,
    /// `User` or `Group`.
    #[sea_orm(column_type = "Text")]
    pub(in crate::scim) kind: String,
    /// Key of the person or group everywhere else; stays what it was at first.
    #[sea_orm(column_type = "Text")]
    pub(in crate::scim) key: String,
    /// `userName` or a group's `displayName` in lower case.
    #[sea_orm(column_type = "Text")]
    pub(in crate::scim) name: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub(in crate::scim) external_id: Option<String>,
    /// All attributes as JSON, without members.
    #[sea_orm(column_type = "Text")]
    pub(in crate::scim) attributes: String,
    /// What was last said of `active`; a request that says nothing of it changes nothing.
    pub(in crate::scim) employed: bool,
    /// Rises by one with each change.
    pub(in crate::scim) version: i64,
    /// Microseconds since the Unix epoch.
    pub(in crate::scim) created_at: i64,
    /// Time of the last change, which is the time of its events: later than any before.
    pub(in crate::scim) changed_at: i64,
    /// Until when the request that created it is being answered; none once it was. After that time the client does not
    /// know the id, and creates it again.
    pub(in crate::scim) answer_due_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(in crate::scim) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub(in crate::scim) fn tree(&self) -> Result<ResourceTree, ScimServiceError> {
        serde_json::from_str(&self.attributes).map_err(|_| {
            tracing::error!(id = self.id, "a SCIM resource cannot be read");
            ScimServiceError::new(500, "the resource is damaged; the log has its id")
        })
    }

    pub(in crate::scim) fn kind(&self) -> ResourceType {
        if self.kind == ResourceType::User.name() { ResourceType::User } else { ResourceType::Group }
    }
}

/// A name as it is compared.
pub(in crate::scim) fn fold_name(name: &str) -> String {
    name.to_lowercase()
}

//! Reads single resources and builds their representation.

use scim_service::{AnswerProjection, ResourceTree, ResourceType, ScimServiceError, StoredResource};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter};
use store::StoreError;

use super::answer::ScimOutcome;
use super::clock::moment_of;
use super::members;
use super::rows::{member, resource};

/// The maximum number of members in one response.
const MEMBERS_SHOWN_MAX: u64 = 200_000;

/// A resource: complete, and as it is shown. Its members are read only if they are shown.
pub(super) struct ShownResource {
    /// The complete resource.
    pub(super) whole: ResourceTree,
    /// The resource with the requested attributes only.
    pub(super) shown: ResourceTree,
}

/// Returns the row of `id`, or a 404.
pub(super) async fn load_row(
    connection: &impl ConnectionTrait,
    source: &str,
    kind: ResourceType,
    id: &str,
) -> ScimOutcome<resource::Model> {
    let found = resource::Entity::find_by_id(id)
        .filter(resource::Column::Source.eq(source))
        .filter(resource::Column::Kind.eq(kind.name()))
        .one(connection)
        .await
        .map_err(StoreError::statement("read a resource"))?;
    found.ok_or_else(|| ScimServiceError::not_found(format!("no {} has this id", kind.name())).into())
}

/// Returns the representation of `row`.
pub(super) async fn show_resource(
    connection: &impl ConnectionTrait,
    row: &resource::Model,
    projection: &AnswerProjection,
    base: &str,
) -> ScimOutcome<ShownResource> {
    let members = match row.kind() {
        ResourceType::Group if projection.wants_members() => {
            check_members(connection, std::slice::from_ref(row)).await?;
            Some(members::show_members(members::of_group(connection, &row.id).await?))
        }
        _ => None,
    };
    let whole = whole_resource(row, members.as_deref(), base)?;
    Ok(ShownResource { shown: projection.apply(whole.clone()), whole })
}

/// Returns the complete resource, with these members.
pub(super) fn whole_resource(
    row: &resource::Model,
    members: Option<&[scim_service::GroupMember]>,
    base: &str,
) -> Result<ResourceTree, ScimServiceError> {
    let attributes = row.tree()?;
    let record = StoredResource {
        kind: row.kind(),
        id: &row.id,
        attributes: &attributes,
        members,
        created: moment_of(row.created_at),
        modified: moment_of(row.changed_at),
        version: row.version,
    };
    Ok(scim_service::render_resource(&record, base))
}

/// Refuses to show more members in one response than the maximum, so that they fit into memory many times.
pub(super) async fn check_members(
    connection: &impl ConnectionTrait,
    groups: &[resource::Model],
) -> ScimOutcome<()> {
    let count = member::Entity::find()
        .filter(member::Column::GroupId.is_in(groups.iter().map(|group| group.id.as_str())))
        .count(connection)
        .await
        .map_err(StoreError::statement("count members"))?;
    if count <= MEMBERS_SHOWN_MAX {
        return Ok(());
    }
    let detail =
        format!("{count} members; ask with excludedAttributes=members, or for fewer groups at a time");
    Err(ScimServiceError::too_many(detail).into())
}

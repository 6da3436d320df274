//! Single resources, as they are shown.

use scim_service::{Kind, Projection, Record, ScimError, Tree};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter};
use store::StoreError;

use super::answer::Outcome;
use super::clock::moment;
use super::members;
use super::rows::{member, resource};

/// Most members in one answer.
const MEMBERS_SHOWN_MAX: u64 = 200_000;

/// A resource: whole, and as it is shown. Members are read only if they are.
pub(super) struct Shown {
    pub(super) whole: Tree,
    pub(super) shown: Tree,
}

/// The row of `id`.
pub(super) async fn row(
    connection: &impl ConnectionTrait,
    source: &str,
    kind: Kind,
    id: &str,
) -> Outcome<resource::Model> {
    let found = resource::Entity::find_by_id(id)
        .filter(resource::Column::Source.eq(source))
        .filter(resource::Column::Kind.eq(kind.name()))
        .one(connection)
        .await
        .map_err(StoreError::statement("read a resource"))?;
    found.ok_or_else(|| ScimError::not_found(format!("no {} has this id", kind.name())).into())
}

/// `row` as it is shown.
pub(super) async fn shown(
    connection: &impl ConnectionTrait,
    row: &resource::Model,
    projection: &Projection,
    base: &str,
) -> Outcome<Shown> {
    let members = match row.kind() {
        Kind::Group if projection.wants_members() => {
            check_members(connection, std::slice::from_ref(row)).await?;
            Some(members::shown(members::of_group(connection, &row.id).await?))
        }
        _ => None,
    };
    let whole = whole(row, members.as_deref(), base)?;
    Ok(Shown { shown: projection.apply(whole.clone()), whole })
}

/// The whole resource, with these members.
pub(super) fn whole(
    row: &resource::Model,
    members: Option<&[scim_service::Member]>,
    base: &str,
) -> Result<Tree, ScimError> {
    let attributes = row.tree()?;
    let record = Record {
        kind: row.kind(),
        id: &row.id,
        attributes: &attributes,
        members,
        created: moment(row.created_at),
        modified: moment(row.changed_at),
        version: row.version,
    };
    Ok(scim_service::render(&record, base))
}

/// Refuses to show more members at once than fit in memory many times.
pub(super) async fn check_members(
    connection: &impl ConnectionTrait,
    groups: &[resource::Model],
) -> Outcome<()> {
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
    Err(ScimError::too_many(detail).into())
}

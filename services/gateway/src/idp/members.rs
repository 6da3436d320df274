//! Members of groups: reads them, compares them with a request, and writes the changes, one row each.

use std::collections::{BTreeMap, HashMap};

use scim_service::{GroupMember, MemberChange, ResourceType, ScimServiceError};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, JoinType, QueryFilter,
    QueryOrder, QuerySelect, RelationDef, Select,
};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use super::rows::{member, resource};
use super::write::WriteFailure;

/// A member of a group, with its key.
#[derive(Debug, Clone)]
pub(super) struct KeyedMember {
    pub(super) id: String,
    pub(super) key: String,
    pub(super) kind: ResourceType,
}

/// The members who are added to a group and removed from it.
#[derive(Debug, Default)]
pub(super) struct MembershipChanges {
    pub(super) added: Vec<KeyedMember>,
    pub(super) removed: Vec<KeyedMember>,
}

impl MembershipChanges {
    pub(super) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

fn kind_of(name: &str) -> ResourceType {
    if name == ResourceType::User.name() { ResourceType::User } else { ResourceType::Group }
}

fn to_resource() -> RelationDef {
    member::Entity::belongs_to(resource::Entity)
        .from(member::Column::MemberId)
        .to(resource::Column::Id)
        .into()
}

/// Selects members of groups, joined with their resources.
fn select_members() -> Select<member::Entity> {
    member::Entity::find()
        .select_only()
        .column(member::Column::MemberId)
        .column(resource::Column::Key)
        .column(resource::Column::Kind)
        .join(JoinType::InnerJoin, to_resource())
}

/// Reads the selected members with their keys.
async fn known_members(
    connection: &impl ConnectionTrait,
    select: Select<member::Entity>,
) -> Result<Vec<KeyedMember>, StoreError> {
    let rows: Vec<(String, String, String)> =
        select.into_tuple().all(connection).await.map_err(StoreError::statement("read members"))?;
    Ok(rows.into_iter().map(|(id, key, kind)| KeyedMember { id, key, kind: kind_of(&kind) }).collect())
}

/// Returns all members of a group, in the order of their ids.
pub(super) async fn of_group(
    connection: &impl ConnectionTrait,
    group: &str,
) -> Result<Vec<KeyedMember>, StoreError> {
    let select =
        select_members().filter(member::Column::GroupId.eq(group)).order_by_asc(member::Column::MemberId);
    known_members(connection, select).await
}

/// Converts members to the form in which they are shown.
pub(super) fn show_members(members: Vec<KeyedMember>) -> Vec<GroupMember> {
    members.into_iter().map(|member| GroupMember { id: member.id, kind: member.kind }).collect()
}

/// Compares the requested changes with the current members. `group` is `None` for a group that does not exist yet.
pub(super) async fn settle_members(
    tx: &impl ConnectionTrait,
    source: &str,
    group: Option<&str>,
    changes: &[MemberChange],
) -> Result<MembershipChanges, WriteFailure> {
    if changes.is_empty() {
        return Ok(MembershipChanges::default());
    }
    let before = match group {
        None => Vec::new(),
        Some(group) if changes.iter().any(MemberChange::concerns_all) => of_group(tx, group).await?,
        Some(group) => named_members(tx, group, changes).await?,
    };
    let kinds: BTreeMap<String, ResourceType> =
        before.iter().map(|member| (member.id.clone(), member.kind)).collect();
    let settled = MemberChange::settle(changes, &kinds);
    let mut by_id: HashMap<String, KeyedMember> =
        before.into_iter().map(|member| (member.id.clone(), member)).collect();
    let removed = settled.removed.iter().filter_map(|id| by_id.remove(id)).collect();
    if group.is_some_and(|group| settled.added.iter().any(|id| id == group)) {
        return Err(ScimServiceError::invalid_value("a group cannot be its own member").into());
    }
    Ok(MembershipChanges { added: find_resources(tx, source, &settled.added).await?, removed })
}

/// Returns the members of the group that the changes name.
async fn named_members(
    tx: &impl ConnectionTrait,
    group: &str,
    changes: &[MemberChange],
) -> Result<Vec<KeyedMember>, StoreError> {
    let ids: Vec<&String> = changes.iter().flat_map(MemberChange::named).collect();
    let mut found = Vec::new();
    for some in ids.chunks(ROWS_PER_STATEMENT_MAX) {
        let select = select_members()
            .filter(member::Column::GroupId.eq(group))
            .filter(member::Column::MemberId.is_in(some.iter().copied()));
        found.extend(known_members(tx, select).await?);
    }
    Ok(found)
}

/// Returns the resources of these ids, and locks them so that they cannot be deleted before the transaction ends.
async fn find_resources(
    tx: &impl ConnectionTrait,
    source: &str,
    ids: &[String],
) -> Result<Vec<KeyedMember>, WriteFailure> {
    let mut found = Vec::with_capacity(ids.len());
    for some in ids.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows: Vec<(String, String, String)> = resource::Entity::find()
            .select_only()
            .columns([resource::Column::Id, resource::Column::Key, resource::Column::Kind])
            .filter(resource::Column::Source.eq(source))
            .filter(resource::Column::Id.is_in(some))
            .order_by_asc(resource::Column::Id)
            .lock_shared()
            .into_tuple()
            .all(tx)
            .await
            .map_err(StoreError::statement("read the resources of members"))?;
        if rows.len() < some.len() {
            let missing = some.len() - rows.len();
            return Err(ScimServiceError::invalid_value(format!(
                "{missing} of the members are not known here"
            ))
            .into());
        }
        found.extend(rows.into_iter().map(|(id, key, kind)| KeyedMember { id, key, kind: kind_of(&kind) }));
    }
    Ok(found)
}

/// Writes the changes.
pub(super) async fn write_members(
    tx: &impl ConnectionTrait,
    group: &str,
    settling: &MembershipChanges,
) -> Result<(), StoreError> {
    let failed = StoreError::statement("write members");
    for some in settling.added.chunks(ROWS_PER_STATEMENT_MAX) {
        let row = |member: &KeyedMember| member::ActiveModel {
            group_id: Set(group.to_owned()),
            member_id: Set(member.id.clone()),
        };
        let there =
            OnConflict::columns([member::Column::GroupId, member::Column::MemberId]).do_nothing().to_owned();
        member::Entity::insert_many(some.iter().map(row))
            .on_conflict(there)
            .exec_without_returning(tx)
            .await
            .map_err(&failed)?;
    }
    for some in settling.removed.chunks(ROWS_PER_STATEMENT_MAX) {
        member::Entity::delete_many()
            .filter(member::Column::GroupId.eq(group))
            .filter(member::Column::MemberId.is_in(some.iter().map(|member| member.id.as_str())))
            .exec(tx)
            .await
            .map_err(&failed)?;
    }
    Ok(())
}

/// Returns the groups that contain a member.
pub(super) async fn groups_of(tx: &impl ConnectionTrait, member: &str) -> Result<Vec<String>, StoreError> {
    member::Entity::find()
        .select_only()
        .column(member::Column::GroupId)
        .filter(member::Column::MemberId.eq(member))
        .order_by_asc(member::Column::GroupId)
        .into_tuple()
        .all(tx)
        .await
        .map_err(StoreError::statement("read the groups of a member"))
}

/// Deletes every membership of a resource, and every membership in it.
pub(super) async fn forget_memberships(tx: &impl ConnectionTrait, id: &str) -> Result<(), StoreError> {
    member::Entity::delete_many()
        .filter(Condition::any().add(member::Column::GroupId.eq(id)).add(member::Column::MemberId.eq(id)))
        .exec(tx)
        .await
        .map_err(StoreError::statement("delete members"))?;
    Ok(())
}

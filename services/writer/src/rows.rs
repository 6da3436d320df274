//! The writer's tables as types, and the statements that several modules need.

pub(crate) mod access;
pub(crate) mod claims;
pub(crate) mod control;
pub(crate) mod dead;
pub(crate) mod edge;
pub(crate) mod facts;
pub(crate) mod failures;
pub(crate) mod leftover;
pub(crate) mod orphan;
pub(crate) mod orphan_key;
pub(crate) mod orphan_sweep;
pub(crate) mod reconcile;
pub(crate) mod reference;
pub(crate) mod removal;
pub(crate) mod replay;
pub(crate) mod replay_letter;
pub(crate) mod resource;
pub(crate) mod settled;
pub(crate) mod stored;
pub(crate) mod target;
pub(crate) mod transitions;
pub(crate) mod verification;
pub(crate) mod words;

use std::collections::HashMap;

use lifecycle::ResourceKind;
use sea_orm::sea_query::{LockType, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait,
    IntoActiveModel, Iterable, QueryFilter, QuerySelect,
};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

/// The `(kind, subject)` of a resource.
pub(crate) type ResourceKey = (ResourceKind, String);

/// Loads resources by subject within a transaction, locked where the database locks rows.
pub(crate) async fn load_resources(
    connection: &impl ConnectionTrait,
    target: &str,
    kind: ResourceKind,
    subjects: &[String],
    lock: bool,
) -> Result<HashMap<String, resource::Model>, StoreError> {
    let mut found = HashMap::new();
    for chunk in subjects.chunks(ROWS_PER_STATEMENT_MAX) {
        let mut query = resource::Entity::find()
            .filter(resource::Column::Target.eq(target))
            .filter(resource::Column::Kind.eq(kind.as_str()))
            .filter(resource::Column::Subject.is_in(chunk));
        if lock {
            query = query.lock(LockType::Update);
        }
        let rows = query.all(connection).await.map_err(StoreError::statement("load resources"))?;
        found.extend(rows.into_iter().map(|row| (row.subject.clone(), row)));
    }
    Ok(found)
}

/// Returns the subject other than `subject` that `remote_id` is linked to, if there is one. An orphan is linked to no subject.
pub(crate) async fn linked_subject(
    connection: &impl ConnectionTrait,
    target: &str,
    kind: ResourceKind,
    remote_id: &str,
    subject: &str,
) -> Result<Option<String>, StoreError> {
    let row = resource::Entity::find()
        .filter(resource::Column::Target.eq(target))
        .filter(resource::Column::RemoteId.eq(remote_id))
        .filter(resource::Column::Kind.eq(kind.as_str()))
        .filter(resource::Column::Subject.ne(subject))
        .filter(resource::Column::Subject.not_like(format!("{}%", orphan::PREFIX)))
        .one(connection)
        .await
        .map_err(StoreError::statement("look at the links"))?;
    Ok(row.map(|row| row.subject))
}

/// Inserts rows for subjects that have none, so that there is something to lock: without it two replicas that both find
/// nothing would both write, and the older command could win. SQLite has one writer at a time anyway.
pub(crate) async fn make_lockable(
    tx: &DatabaseTransaction,
    target: &str,
    kind: ResourceKind,
    subjects: &[String],
) -> Result<(), StoreError> {
    if tx.get_database_backend() == DbBackend::Sqlite {
        return Ok(());
    }
    use resource::Column::{Kind, Subject, Target};
    let mut subjects = subjects.to_vec();
    subjects.sort();
    subjects.dedup();
    for chunk in subjects.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows =
            chunk.iter().map(|s| resource::Model::new(target, kind, s).into_active_model().reset_all());
        resource::Entity::insert_many(rows)
            .on_conflict(OnConflict::columns([Target, Kind, Subject]).do_nothing().to_owned())
            .exec_without_returning(tx)
            .await
            .map_err(StoreError::statement("make rows for commands"))?;
    }
    Ok(())
}

/// Inserts rows to lock for the memberships of one group, like [`make_lockable`].
pub(crate) async fn make_edges_lockable(
    tx: &DatabaseTransaction,
    target: &str,
    group: &str,
    members: &[String],
) -> Result<(), StoreError> {
    if tx.get_database_backend() == DbBackend::Sqlite {
        return Ok(());
    }
    use edge::Column::{GroupSubject, MemberSubject, Target};
    let mut members = members.to_vec();
    members.sort();
    members.dedup();
    for chunk in members.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows = chunk.iter().map(|m| edge::Model::new(target, group, m).into_active_model().reset_all());
        edge::Entity::insert_many(rows)
            .on_conflict(OnConflict::columns([Target, GroupSubject, MemberSubject]).do_nothing().to_owned())
            .exec_without_returning(tx)
            .await
            .map_err(StoreError::statement("make rows for memberships"))?;
    }
    Ok(())
}

/// Writes whole rows, new or not.
pub(crate) async fn save_resources(
    connection: &impl ConnectionTrait,
    rows: Vec<resource::Model>,
) -> Result<(), StoreError> {
    use resource::Column::{Kind, Subject, Target};
    let others = resource::Column::iter().filter(|column| !matches!(column, Target | Kind | Subject));
    let conflict = OnConflict::columns([Target, Kind, Subject]).update_columns(others).to_owned();
    for chunk in row_chunks(rows) {
        let models = chunk.into_iter().map(|mut row| {
            row.last_error = row.last_error.as_deref().map(stored::stored_text);
            row.into_active_model().reset_all()
        });
        resource::Entity::insert_many(models)
            .on_conflict(conflict.clone())
            .exec_without_returning(connection)
            .await
            .map_err(StoreError::statement("save resources"))?;
    }
    Ok(())
}

/// Loads memberships of one group by member within a transaction, locked where the database locks rows.
pub(crate) async fn load_edges(
    connection: &impl ConnectionTrait,
    target: &str,
    group: &str,
    members: &[String],
) -> Result<HashMap<String, edge::Model>, StoreError> {
    let mut found = HashMap::new();
    for chunk in members.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows = edge::Entity::find()
            .filter(edge::Column::Target.eq(target))
            .filter(edge::Column::GroupSubject.eq(group))
            .filter(edge::Column::MemberSubject.is_in(chunk))
            .lock(LockType::Update)
            .all(connection)
            .await
            .map_err(StoreError::statement("load edges"))?;
        found.extend(rows.into_iter().map(|row| (row.member_subject.clone(), row)));
    }
    Ok(found)
}

/// Writes whole rows, new or not.
pub(crate) async fn save_edges(
    connection: &impl ConnectionTrait,
    rows: Vec<edge::Model>,
) -> Result<(), StoreError> {
    use edge::Column::{GroupSubject, MemberSubject, Target};
    let others =
        edge::Column::iter().filter(|column| !matches!(column, Target | GroupSubject | MemberSubject));
    let conflict =
        OnConflict::columns([Target, GroupSubject, MemberSubject]).update_columns(others).to_owned();
    for chunk in row_chunks(rows) {
        let models = chunk.into_iter().map(|mut row| {
            row.last_error = row.last_error.as_deref().map(stored::stored_text);
            row.into_active_model().reset_all()
        });
        edge::Entity::insert_many(models)
            .on_conflict(conflict.clone())
            .exec_without_returning(connection)
            .await
            .map_err(StoreError::statement("save edges"))?;
    }
    Ok(())
}

fn row_chunks<T>(rows: Vec<T>) -> Vec<Vec<T>> {
    let mut rows = rows.into_iter().peekable();
    let mut out = Vec::new();
    while rows.peek().is_some() {
        out.push(rows.by_ref().take(ROWS_PER_STATEMENT_MAX).collect());
    }
    out
}

//! Orphans, indexed by the names that they may share with a person, so that those of a leaver are found by index.
//!
//! A reconciliation stores them in the transaction of each page, and at the end forgets those that it did not see. They
//! are listed for operators: no request to a target is derived from a name.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use lifecycle::stored_name_keys;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel,
    QueryFilter, QuerySelect,
};
use serde_json::Value;
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use crate::rows::stored;
use crate::rows::{orphan, orphan_key, orphan_sweep};

mod lookup;

pub(crate) use lookup::look_up;

/// The maximum number of orphans of one target that are stored.
pub(crate) const ORPHANS_MAX: u64 = 50_000;
/// The maximum number of names of one account that are compared.
const NAMES_MAX: usize = 16;
/// The maximum length of a stored login, in characters.
const LOGIN_MAX: usize = 256;

/// Builds the row of an orphan.
pub(crate) fn row(target: &str, seen: &scim::FoundResource, at: i64) -> orphan::Model {
    let names = names(&seen.attributes);
    let keys = stored_name_keys(names.iter().map(String::as_str), seen.external_id.as_deref());
    let login = seen.attributes.iter().find(|(name, _)| name.eq_ignore_ascii_case("userName"));
    let login = login.and_then(|(_, value)| value.as_str()).unwrap_or_default();
    orphan::Model {
        target: target.to_owned(),
        remote_id: seen.id.clone(),
        login: stored::stored_text(login).chars().take(LOGIN_MAX).collect(),
        active: seen.active,
        name_keys: serde_json::to_string(&keys).unwrap_or_default(),
        seen_at: at,
    }
}

/// Returns the login names and mail addresses among attributes: those of a resource in an answer, or by SCIM path.
fn names<'a>(attributes: impl IntoIterator<Item = (&'a String, &'a Value)>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (path, value) in attributes {
        let path = path.to_ascii_lowercase();
        let is_mail = path == "emails" || (path.starts_with("emails") && path.ends_with(".value"));
        if path == "username" || is_mail {
            texts(value, &mut found);
        }
    }
    found.truncate(NAMES_MAX);
    found
}

/// Collects the texts of an attribute's value: a string, a list, or the `value` of an object.
fn texts(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Array(values) => values.iter().take(NAMES_MAX).for_each(|value| texts(value, into)),
        Value::Object(fields) => {
            if let Some(Value::String(text)) = fields.get("value") {
                into.push(text.clone());
            }
        }
        _ => {}
    }
}

/// Stores the orphans of one page. All other accounts with the ids of the page belong to a person, and are forgotten here.
pub(crate) async fn keep_page(
    tx: &DatabaseTransaction,
    target: &str,
    page: &[String],
    orphans: Vec<orphan::Model>,
) -> Result<(), StoreError> {
    let before = load(tx, target, page).await?;
    let is_orphan: BTreeSet<&str> = orphans.iter().map(|row| row.remote_id.as_str()).collect();
    let owned = before.keys().filter(|id| !is_orphan.contains(id.as_str())).cloned();
    forget(tx, target, &owned.collect::<Vec<_>>()).await?;
    let has_changed =
        |row: &orphan::Model| before.get(&row.remote_id).is_none_or(|had| had.name_keys != row.name_keys);
    let changed: Vec<&orphan::Model> = orphans.iter().filter(|row| has_changed(row)).collect();
    let known = changed.iter().filter(|row| before.contains_key(&row.remote_id));
    forget_keys(tx, target, &known.map(|row| row.remote_id.clone()).collect::<Vec<_>>()).await?;
    insert_keys(tx, &changed).await?;
    save(tx, orphans).await
}

/// Forgets the orphans that the reconciliation begun at `at` did not see, and notes that all accounts were read.
pub(crate) async fn end_sweep(
    tx: &DatabaseTransaction,
    target: &str,
    at: i64,
    incomplete: bool,
) -> Result<(), StoreError> {
    loop {
        let stale: Vec<String> = orphan::Entity::find()
            .select_only()
            .column(orphan::Column::RemoteId)
            .filter(orphan::Column::Target.eq(target))
            .filter(orphan::Column::SeenAt.lt(at))
            .limit(ROWS_PER_STATEMENT_MAX as u64)
            .into_tuple()
            .all(tx)
            .await
            .map_err(StoreError::statement("read orphans that were not seen"))?;
        forget(tx, target, &stale).await?;
        if stale.len() < ROWS_PER_STATEMENT_MAX {
            break;
        }
    }
    let row = orphan_sweep::Model { target: target.to_owned(), swept_at: at, incomplete };
    orphan_sweep::Entity::insert(row.into_active_model().reset_all())
        .on_conflict(
            OnConflict::column(orphan_sweep::Column::Target)
                .update_columns([orphan_sweep::Column::SweptAt, orphan_sweep::Column::Incomplete])
                .to_owned(),
        )
        .exec_without_returning(tx)
        .await
        .map_err(StoreError::statement("note that all accounts were read"))?;
    Ok(())
}

/// Forgets orphans that are gone, or that belong to a person.
pub(crate) async fn forget(
    tx: &DatabaseTransaction,
    target: &str,
    remote_ids: &[String],
) -> Result<(), StoreError> {
    forget_keys(tx, target, remote_ids).await?;
    for ids in remote_ids.chunks(ROWS_PER_STATEMENT_MAX) {
        orphan::Entity::delete_many()
            .filter(orphan::Column::Target.eq(target))
            .filter(orphan::Column::RemoteId.is_in(ids))
            .exec(tx)
            .await
            .map_err(StoreError::statement("forget orphans"))?;
    }
    Ok(())
}

/// Deletes the keys of these orphans.
async fn forget_keys(
    tx: &DatabaseTransaction,
    target: &str,
    remote_ids: &[String],
) -> Result<(), StoreError> {
    for ids in remote_ids.chunks(ROWS_PER_STATEMENT_MAX) {
        orphan_key::Entity::delete_many()
            .filter(orphan_key::Column::Target.eq(target))
            .filter(orphan_key::Column::RemoteId.is_in(ids))
            .exec(tx)
            .await
            .map_err(StoreError::statement("forget names of orphans"))?;
    }
    Ok(())
}

/// Inserts the keys of these orphans.
async fn insert_keys(tx: &DatabaseTransaction, rows: &[&orphan::Model]) -> Result<(), StoreError> {
    let mut keys = Vec::new();
    for row in rows {
        let of_row: BTreeSet<String> = serde_json::from_str(&row.name_keys).unwrap_or_default();
        keys.extend(of_row.into_iter().map(|name_key| orphan_key::Model {
            target: row.target.clone(),
            name_key,
            remote_id: row.remote_id.clone(),
        }));
    }
    for keys in keys.chunks(ROWS_PER_STATEMENT_MAX) {
        let models = keys.iter().map(|key| key.clone().into_active_model().reset_all());
        orphan_key::Entity::insert_many(models)
            .on_conflict_do_nothing()
            .exec_without_returning(tx)
            .await
            .map_err(StoreError::statement("keep names of orphans"))?;
    }
    Ok(())
}

/// Writes the rows of orphans, new or not.
async fn save(tx: &DatabaseTransaction, rows: Vec<orphan::Model>) -> Result<(), StoreError> {
    use orphan::Column;
    let updated = [Column::Login, Column::Active, Column::NameKeys, Column::SeenAt];
    let conflict = OnConflict::columns([Column::Target, Column::RemoteId]).update_columns(updated).to_owned();
    // A target that lists an account twice on one page has it once.
    let rows: BTreeMap<String, orphan::Model> =
        rows.into_iter().map(|row| (row.remote_id.clone(), row)).collect();
    let rows: Vec<orphan::Model> = rows.into_values().collect();
    for rows in rows.chunks(ROWS_PER_STATEMENT_MAX) {
        let models = rows.iter().map(|row| row.clone().into_active_model().reset_all());
        orphan::Entity::insert_many(models)
            .on_conflict(conflict.clone())
            .exec_without_returning(tx)
            .await
            .map_err(StoreError::statement("keep orphans"))?;
    }
    Ok(())
}

/// Loads orphans by their remote ids.
async fn load(
    connection: &impl ConnectionTrait,
    target: &str,
    remote_ids: &[String],
) -> Result<HashMap<String, orphan::Model>, StoreError> {
    let mut found = HashMap::new();
    for ids in remote_ids.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows = orphan::Entity::find()
            .filter(orphan::Column::Target.eq(target))
            .filter(orphan::Column::RemoteId.is_in(ids))
            .all(connection)
            .await
            .map_err(StoreError::statement("read orphans"))?;
        found.extend(rows.into_iter().map(|row| (row.remote_id.clone(), row)));
    }
    Ok(found)
}

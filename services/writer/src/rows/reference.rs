//! `writer_references`: the people that an account at a target refers to, with the ids of the references.

use std::collections::{BTreeMap, HashMap};

use lifecycle::ResourceKind;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{DatabaseTransaction, IntoActiveModel, QuerySelect};
use store::{ROWS_PER_STATEMENT_MAX, StoreError};

use super::resource;

/// One reference from an account to a person.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "writer_references")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) target: String,
    /// The key of the person whose account refers to another.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) subject: String,
    /// The key of the person who is referred to.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) person: String,
    /// The target's id that the reference resolved to; `None` if the attribute is cleared.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) remote_id: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The resolved references of a person, by the key of the person that they name.
pub(crate) type ResolvedReferences = BTreeMap<String, Option<String>>;

/// Stores the resolved references of these people, and deletes their previous ones.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn keep_references(
    tx: &DatabaseTransaction,
    target: &str,
    resolved: &[(String, ResolvedReferences)],
) -> Result<(), StoreError> {
    let failed = StoreError::statement("keep references");
    for some in resolved.chunks(ROWS_PER_STATEMENT_MAX) {
        let subjects = some.iter().map(|(subject, _)| subject.as_str());
        let before = Entity::find()
            .filter(Column::Target.eq(target))
            .filter(Column::Subject.is_in(subjects))
            .all(tx)
            .await
            .map_err(&failed)?;
        let now: HashMap<&str, &ResolvedReferences> =
            some.iter().map(|(s, resolved)| (s.as_str(), resolved)).collect();
        for row in &before {
            if !now.get(row.subject.as_str()).is_some_and(|now| now.contains_key(&row.person)) {
                row.clone().delete(tx).await.map_err(&failed)?;
            }
        }
        let known: HashMap<(&str, &str), &Option<String>> =
            before.iter().map(|row| ((row.subject.as_str(), row.person.as_str()), &row.remote_id)).collect();
        let of = |(subject, resolved): &(String, ResolvedReferences)| -> Vec<Model> {
            let changed = resolved.iter().filter(|(person, id)| {
                known.get(&(subject.as_str(), person.as_str())).is_none_or(|before| *before != *id)
            });
            let row = |(person, id): (&String, &Option<String>)| Model {
                target: target.to_owned(),
                subject: subject.clone(),
                person: person.clone(),
                remote_id: id.clone(),
            };
            changed.map(row).collect()
        };
        let rows: Vec<Model> = some.iter().flat_map(of).collect();
        for rows in rows.chunks(ROWS_PER_STATEMENT_MAX) {
            let key = [Column::Target, Column::Subject, Column::Person];
            Entity::insert_many(rows.iter().map(|row| row.clone().into_active_model().reset_all()))
                .on_conflict(OnConflict::columns(key).update_column(Column::RemoteId).to_owned())
                .exec_without_returning(tx)
                .await
                .map_err(&failed)?;
        }
    }
    Ok(())
}

/// Returns the people whose account refers to one of these by an id that is no longer theirs.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn outdated_references(
    tx: &DatabaseTransaction,
    target: &str,
    people: &[String],
) -> Result<Vec<String>, StoreError> {
    let mut found = Vec::new();
    for people in people.chunks(ROWS_PER_STATEMENT_MAX) {
        let rows = Entity::find()
            .filter(Column::Target.eq(target))
            .filter(Column::Person.is_in(people))
            .all(tx)
            .await
            .map_err(StoreError::statement("read references"))?;
        if rows.is_empty() {
            continue;
        }
        let ids = ids_of(tx, target, people).await?;
        let outdated = rows.into_iter().filter(|row| row.remote_id.as_ref() != ids.get(&row.person));
        found.extend(outdated.map(|row| row.subject));
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// Returns the ids that these people have at the target.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn ids_of(
    tx: &DatabaseTransaction,
    target: &str,
    people: &[String],
) -> Result<HashMap<String, String>, StoreError> {
    let linked: Vec<(String, Option<String>)> = resource::Entity::find()
        .select_only()
        .columns([resource::Column::Subject, resource::Column::RemoteId])
        .filter(resource::Column::Target.eq(target))
        .filter(resource::Column::Kind.eq(ResourceKind::User.as_str()))
        .filter(resource::Column::Subject.is_in(people))
        .into_tuple()
        .all(tx)
        .await
        .map_err(StoreError::statement("read who is referred to"))?;
    Ok(linked.into_iter().filter_map(|(subject, id)| Some((subject, id?))).collect())
}

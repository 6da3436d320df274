//! `mapper_findings`: problems in people's data that an operator should look at.

use std::collections::HashMap;

use lifecycle::{ContradictionCode, FindingCounts, FindingKind, PersonFinding};
use sea_orm::QuerySelect;
use sea_orm::entity::prelude::*;
use store::StoreError;

use crate::moment_of;

/// One finding about a person.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mapper_findings")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) person: String,
    /// A [`lifecycle::FindingKind`].
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) kind: String,
    /// The target of the account; empty if the finding is not about an account.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) target: String,
    /// The configured source of the statement; empty if there is none.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) sender: String,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) field: String,
    #[sea_orm(column_type = "Text")]
    pub(crate) detail: String,
    /// Microseconds since the Unix epoch.
    pub(crate) since: i64,
    /// `true` if the unread value may report the person's departure.
    pub(crate) departure: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Returns the primary key.
    pub(crate) fn key(&self) -> [&str; 5] {
        [&self.person, &self.kind, &self.target, &self.sender, &self.field]
    }

    /// Converts the finding for operators.
    pub(crate) fn told(self) -> PersonFinding {
        let Self { person, target, sender, field, detail, since, .. } = self;
        PersonFinding { person, target, sender, field, detail, since: moment_of(since) }
    }
}

/// Counts findings, by index.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn finding_counts(connection: &impl ConnectionTrait) -> Result<FindingCounts, StoreError> {
    let rows: Vec<(String, String, i64)> = Entity::find()
        .select_only()
        .column(Column::Kind)
        .column(Column::Target)
        .column_as(Column::Person.count(), "count")
        .group_by(Column::Kind)
        .group_by(Column::Target)
        .into_tuple()
        .all(connection)
        .await
        .map_err(StoreError::statement("count findings"))?;
    let mut counts = FindingCounts::default();
    for (kind, target, count) in rows {
        let count = count.unsigned_abs();
        match FindingKind::named(&kind) {
            Some(FindingKind::Contradiction) => counts.contradictions += count,
            Some(FindingKind::Unread) => counts.unread += count,
            Some(FindingKind::Unbuilt) => drop(counts.unbuilt.insert(target, count)),
            Some(FindingKind::RefusedDeparture) => counts.refused_departures += count,
            Some(FindingKind::Refused) => counts.refused += count,
            None => {}
        }
    }
    Ok(counts)
}

/// Returns whether any refused departure is listed.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn has_refused_departures(connection: &impl ConnectionTrait) -> Result<bool, StoreError> {
    let kind = FindingKind::RefusedDeparture.as_str();
    let first = Entity::find().filter(Column::Kind.eq(kind)).one(connection).await;
    first.map(|first| first.is_some()).map_err(StoreError::statement("read refused departures"))
}

/// Removes the findings that are listed once per sender and right: rights can have changed since the last start, and those
/// that still lack are listed again.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn forget_refused(connection: &impl ConnectionTrait) -> Result<(), StoreError> {
    let kind = FindingKind::Refused.as_str();
    let done = Entity::delete_many().filter(Column::Kind.eq(kind)).exec(connection).await;
    done.map(drop).map_err(StoreError::statement("forget refused statements"))
}

/// Returns the newcomers with keys from `first` to `last` who are held, each with the person who had their login before.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn held_logins(
    connection: &impl ConnectionTrait,
    first: &str,
    last: &str,
) -> Result<HashMap<String, String>, StoreError> {
    let rows: Vec<(String, String)> = Entity::find()
        .select_only()
        .columns([Column::Person, Column::Detail])
        .filter(Column::Person.gte(first))
        .filter(Column::Person.lte(last))
        .filter(Column::Field.eq(ContradictionCode::RecycledLogin.as_str()))
        .into_tuple()
        .all(connection)
        .await
        .map_err(StoreError::statement("read newcomers who are held"))?;
    Ok(rows.into_iter().collect())
}

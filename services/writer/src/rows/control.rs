//! `writer_controls`: the settings of a target as a whole: its guard, its rules for orphans, its pause and its address.

use lifecycle::{OrphanPolicy, PausedTarget, RemovalGuard};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, IntoActiveModel};
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use store::StoreError;
use telemetry::chain;

use super::words::UnknownWord;

/// The settings of one target.
#[derive(Clone, Debug, Default, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "writer_controls")]
pub(crate) struct Model {
    /// The name of the target.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub(crate) name: String,
    /// The [`RemovalGuard`] of its policy, as JSON.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) guard: Option<String>,
    /// The operator or service that paused the target.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) paused_by: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) paused_why: Option<String>,
    /// A [`PauseScope`]; if it is absent, everything is paused.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) paused_scope: Option<String>,
    /// The time at which the target was last paused or resumed; microseconds since the Unix epoch.
    pub(crate) paused_at: Option<i64>,
    /// The time until which the target asked to wait; microseconds since the Unix epoch.
    pub(crate) asked_to_wait_until: Option<i64>,
    /// The [`OrphanRules`] of its policy, as JSON.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) orphans: Option<String>,
    /// The address at which the accounts were linked, in its normalised form.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) linked_address: Option<String>,
    /// The current address, if it differs and is not confirmed.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) new_address: Option<String>,
    /// The time at which the target's state was found to be restored, the last time; microseconds since the Unix epoch.
    pub(crate) restored_at: Option<i64>,
    /// The hash of the rules about what is at the target under which its rows were last held.
    #[sea_orm(column_type = "Text", nullable)]
    pub(crate) touch_rules: Option<String>,
}

/// The names of settings that may turn out to be unreadable.
pub(crate) const GUARD: &str = "guard";
pub(crate) const ORPHANS: &str = "orphans";
pub(crate) const PAUSED_SCOPE: &str = "paused_scope";

/// The scope of a pause: the requests that are not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PauseScope {
    /// No requests are sent.
    Everything,
    /// Only requests that take access away are sent: accounts are switched off, and members removed.
    Grants,
}

impl PauseScope {
    const ALL: [Self; 2] = [Self::Everything, Self::Grants];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Everything => "everything",
            Self::Grants => "grants",
        }
    }
}

/// The rules for orphans in one version of the policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OrphanRules {
    pub(crate) version: i64,
    pub(crate) orphans: OrphanPolicy,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Returns the guard in force. A target without a guard has the default one. If the guard cannot be read, it is the
    /// one that lets nothing pass.
    pub(crate) fn guard(&self) -> RemovalGuard {
        let Some(json) = &self.guard else { return RemovalGuard::default() };
        serde_json::from_str(json).unwrap_or_else(|error| {
            self.complain(GUARD, &error);
            RemovalGuard::closed()
        })
    }

    /// Returns the rules for orphans. If they cannot be read, orphans are reported and left alone.
    pub(crate) fn rules(&self) -> OrphanRules {
        let Some(json) = &self.orphans else { return OrphanRules::default() };
        serde_json::from_str(json).unwrap_or_else(|error| {
            self.complain(ORPHANS, &error);
            OrphanRules::default()
        })
    }

    /// Returns the settings that cannot be read: the column, its text, and the error. Of a scope that cannot be read,
    /// everything stays paused.
    pub(crate) fn faults(&self) -> Vec<(&'static str, &str, serde_json::Error)> {
        let scope = UnknownWord::in_column(PAUSED_SCOPE, self.paused_scope.as_deref(), |word| {
            PauseScope::ALL.iter().any(|scope| scope.as_str() == word)
        });
        let scope = self.paused_scope.as_deref().zip(scope);
        let scope = scope.map(|(text, error)| (PAUSED_SCOPE, text, serde_json::Error::custom(error)));
        let guard = self
            .guard
            .as_deref()
            .and_then(|json| Some((GUARD, json, serde_json::from_str::<RemovalGuard>(json).err()?)));
        let orphans = self
            .orphans
            .as_deref()
            .and_then(|json| Some((ORPHANS, json, serde_json::from_str::<OrphanRules>(json).err()?)));
        guard.into_iter().chain(orphans).chain(scope).collect()
    }

    fn complain(&self, what: &str, error: &serde_json::Error) {
        tracing::error!(
            target_name = self.name,
            what,
            error = chain(error),
            "what is stored of a target cannot be read: nothing is taken away there until its policy is applied again"
        );
    }

    /// Returns the scope of the pause, if the target is paused.
    pub(crate) fn pause_scope(&self) -> Option<PauseScope> {
        self.paused_by.as_ref()?;
        let only_grants = self.paused_scope.as_deref() == Some(PauseScope::Grants.as_str());
        Some(if only_grants { PauseScope::Grants } else { PauseScope::Everything })
    }

    /// Returns the pause with its actor and reason, if the target is paused.
    pub(crate) fn paused(&self) -> Option<PausedTarget> {
        Some(PausedTarget {
            who: self.paused_by.clone()?,
            why: self.paused_why.clone().unwrap_or_default(),
            since: crate::moment_of(self.paused_at?),
            only_grants: self.pause_scope() == Some(PauseScope::Grants),
        })
    }
}

/// Loads the settings of a target.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn load_control(
    connection: &impl ConnectionTrait,
    target: &str,
) -> Result<Model, StoreError> {
    let found = Entity::find_by_id(target.to_owned()).one(connection).await;
    let found = found.map_err(StoreError::statement("read what is said about a target"))?;
    Ok(found.unwrap_or_else(|| Model { name: target.to_owned(), ..Model::default() }))
}

/// Writes `columns` of the row.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn save_control(
    connection: &impl ConnectionTrait,
    row: Model,
    columns: impl IntoIterator<Item = Column>,
) -> Result<(), StoreError> {
    Entity::insert(row.into_active_model().reset_all())
        .on_conflict(OnConflict::column(Column::Name).update_columns(columns).to_owned())
        .exec_without_returning(connection)
        .await
        .map_err(StoreError::statement("write what is said about a target"))?;
    Ok(())
}

/// Makes `guard` the one in force. Writes nothing if it is already.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn set_guard(
    connection: &impl ConnectionTrait,
    target: &str,
    guard: RemovalGuard,
) -> Result<(), StoreError> {
    let row = load_control(connection, target).await?;
    if row.guard.is_some() && row.guard() == guard {
        return Ok(());
    }
    let json = serde_json::to_string(&guard).expect("a guard is plain data");
    save_control(connection, Model { guard: Some(json), ..row }, [Column::Guard]).await
}

/// Makes these rules the ones in force, unless those of a newer version are.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn set_rules(
    connection: &impl ConnectionTrait,
    target: &str,
    rules: &OrphanRules,
) -> Result<(), StoreError> {
    let row = load_control(connection, target).await?;
    if row.orphans.is_some() && row.rules().version >= rules.version {
        return Ok(());
    }
    let json = serde_json::to_string(rules).expect("rules are plain data");
    save_control(connection, Model { orphans: Some(json), ..row }, [Column::Orphans]).await
}

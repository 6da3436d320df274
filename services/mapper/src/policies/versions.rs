//! Versions of policies in the database.

use lifecycle::{
    Command, CommandId, DesiredState, Fact, FactRecord, Lane, PolicyVersion, TraceContext, unix_micros,
};
use policy::Policy;
use relay::OutboxPublisher;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
};
use store::{Store, StoreError};
use telemetry::chain;
use time::OffsetDateTime;

use super::{InForce, PolicySet, fingerprint_of};
use crate::rows::{policy as row, policy_file};
use crate::{SERVICE, now};

/// The maximum number of versions that are listed.
const LISTED_MAX: u64 = 100;

/// A policy that is about to come into force.
#[derive(Debug)]
pub(crate) struct NewVersion<'a> {
    pub(crate) target: &'a str,
    pub(crate) text: &'a str,
    pub(crate) who: &'a str,
    pub(crate) why: &'a str,
    /// The number of accounts and groups that lose access.
    pub(crate) removals: u64,
    /// The version that it replaces.
    pub(crate) base: Option<i64>,
    /// `true` if it comes from a file with this text.
    pub(crate) is_file: bool,
}

/// Returns the newest version of each target, as stored.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn newest_versions(
    connection: &impl ConnectionTrait,
) -> Result<Vec<row::Model>, StoreError> {
    let failed = StoreError::statement("read policies");
    let newest: Vec<(String, i64)> = row::Entity::find()
        .select_only()
        .column(row::Column::Target)
        .column_as(row::Column::Version.max(), "version")
        .group_by(row::Column::Target)
        .into_tuple()
        .all(connection)
        .await
        .map_err(&failed)?;
    let mut rows = Vec::with_capacity(newest.len());
    for key in newest {
        rows.extend(row::Entity::find_by_id(key).one(connection).await.map_err(&failed)?);
    }
    Ok(rows)
}

/// Returns the targets with the numbers of their newest versions. This query runs every second.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn newest_numbers(
    connection: &impl ConnectionTrait,
) -> Result<Vec<(String, i64)>, StoreError> {
    let mut numbers: Vec<(String, i64)> = row::Entity::find()
        .select_only()
        .column(row::Column::Target)
        .column_as(row::Column::Version.max(), "version")
        .group_by(row::Column::Target)
        .into_tuple()
        .all(connection)
        .await
        .map_err(StoreError::statement("read policies"))?;
    numbers.sort();
    Ok(numbers)
}

/// Returns the policies in force. A policy that can no longer be parsed is left out, with an error in the log, and its target
/// is left as it is.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn in_force(connection: &impl ConnectionTrait) -> Result<PolicySet, StoreError> {
    let (mut policies, mut unreadable) = (Vec::new(), Vec::new());
    for row in newest_versions(connection).await? {
        match Policy::parse(&row.policy, &format!("version {} of {}", row.version, row.target)) {
            Ok(policy) => policies.push(InForce { policy, version: row.version }),
            Err(error) => {
                tracing::error!(
                    error = chain(&error),
                    "a policy in force cannot be read: its target is left as it is"
                );
                unreadable.push((row.target, row.version));
            }
        }
    }
    Ok(PolicySet::new(policies, unreadable))
}

/// Returns one version, or the newest one without a number.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn get_version(
    connection: &impl ConnectionTrait,
    target: &str,
    version: Option<i64>,
) -> Result<Option<row::Model>, StoreError> {
    let mut query = row::Entity::find().filter(row::Column::Target.eq(target));
    if let Some(version) = version {
        query = query.filter(row::Column::Version.eq(version));
    }
    let found = query.order_by_desc(row::Column::Version).limit(1).one(connection).await;
    found.map_err(StoreError::statement("read a policy"))
}

/// Lists the versions of a target's policy, newest first.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn list_versions(
    connection: &impl ConnectionTrait,
    target: &str,
) -> Result<Vec<PolicyVersion>, StoreError> {
    let rows = row::Entity::find()
        .filter(row::Column::Target.eq(target))
        .order_by_desc(row::Column::Version)
        .limit(LISTED_MAX)
        .all(connection)
        .await
        .map_err(StoreError::statement("read policies"))?;
    Ok(rows.iter().map(version_summary).collect())
}

/// Returns a version without its text.
pub(crate) fn version_summary(row: &row::Model) -> PolicyVersion {
    PolicyVersion {
        version: row.version,
        at: OffsetDateTime::from_unix_timestamp_nanos(i128::from(row.at) * 1_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH),
        who: row.who.clone(),
        why: row.why.clone(),
        removals: u64::try_from(row.removals).unwrap_or_default(),
    }
}

/// Puts a policy in force and publishes a fact about it. Returns `None` if another version came first.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn put_in_force(
    store: &Store,
    relay: &OutboxPublisher,
    new: &NewVersion<'_>,
) -> Result<Option<i64>, StoreError> {
    let at = now();
    let version = new.base.unwrap_or(0) + 1;
    let model = row::Model {
        target: new.target.to_owned(),
        version,
        at: unix_micros(at),
        who: new.who.to_owned(),
        why: new.why.to_owned(),
        removals: i64::try_from(new.removals).unwrap_or(i64::MAX),
        policy: new.text.to_owned(),
    };
    let failed = StoreError::statement("write a policy");
    let tx = store.begin().await?;
    let written = row::Entity::insert_many([model.into_active_model().reset_all()])
        .on_conflict(OnConflict::columns([row::Column::Target, row::Column::Version]).do_nothing().to_owned())
        .exec_without_returning(&tx)
        .await
        .map_err(&failed)?;
    if written == 0 {
        return Ok(None); // nothing is committed
    }
    if new.is_file {
        remember_file(&tx, new.target, new.text).await?;
    }
    let fact = FactRecord {
        id: format!("pol:{}:{version}", new.target),
        at,
        subject: format!("policy:{}", new.target),
        trace: None,
        fact: Fact::PolicyApplied {
            target: new.target.to_owned(),
            version,
            removals: new.removals,
            who: new.who.to_owned(),
            why: new.why.to_owned(),
        },
    };
    let mut told = bus::OutgoingMessage::facts(SERVICE, &[fact]);
    told.extend(
        rules_command(new.target, new.text, version)
            .map(|command| bus::OutgoingMessage::command(&command, TraceContext::root())),
    );
    let parcel = relay::store_batch(&tx, SERVICE, told).await?;
    tx.commit().await.map_err(&failed)?;
    relay.send(parcel).await;
    Ok(Some(version))
}

/// Builds the command that sends the policy's own rules to the writer. Returns `None` for a text that cannot be parsed.
pub(crate) fn rules_command(target: &str, text: &str, version: i64) -> Option<Command> {
    let policy = Policy::parse(text, target).ok()?;
    Some(Command {
        id: CommandId::fresh(),
        target: target.to_owned(),
        subject: format!("policy:{target}"),
        revision: version,
        lane: Lane::Backfill,
        desired: DesiredState::Membership { edges: Vec::new() },
        event: None,
        accepted_at: now(),
        guard: Some(policy.guard()),
        planned: true,
        ordered: false,
        needs_approval: false,
        stated_at: None,
        orphans: Some(policy.orphans().clone()),
    })
}

/// Stores that a file's text was processed.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn remember_file(
    connection: &impl ConnectionTrait,
    target: &str,
    text: &str,
) -> Result<(), StoreError> {
    let model = policy_file::Model { target: target.to_owned(), fingerprint: fingerprint_of(text) };
    policy_file::Entity::insert_many([model.into_active_model().reset_all()])
        .on_conflict(
            OnConflict::column(policy_file::Column::Target)
                .update_column(policy_file::Column::Fingerprint)
                .to_owned(),
        )
        .exec_without_returning(connection)
        .await
        .map_err(StoreError::statement("write a policy file"))?;
    Ok(())
}

/// Returns whether the text is the one that was last taken from a file for this target.
///
/// # Errors
/// Returns an error if the database fails.
pub(crate) async fn was_taken(
    connection: &impl ConnectionTrait,
    target: &str,
    text: &str,
) -> Result<bool, StoreError> {
    let row = policy_file::Entity::find_by_id(target).one(connection).await;
    let row = row.map_err(StoreError::statement("read a policy file"))?;
    Ok(row.is_some_and(|row| row.fingerprint == fingerprint_of(text)))
}

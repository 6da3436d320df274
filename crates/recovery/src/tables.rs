//! The tables of a service's database that hold its identity and its position in each stream.

use sea_orm::sea_query::{Alias, Expr, ExprTrait, OnConflict, Query};
use sea_orm::{ConnectionTrait, QueryResult};
use sea_orm_migration::prelude::{ColumnDef, Index, SchemaManager, Table};
use serde::{Deserialize, Serialize};
use store::StoreError;
use telemetry::chain;

/// The identity of a database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DatabaseIdentity {
    pub(crate) installation: String,
    /// A number that increases each time positions are kept.
    pub(crate) beat: i64,
    /// `true` if the last process ended in an orderly way, after it had kept every position.
    pub(crate) clean: bool,
    pub(crate) notices: Vec<RecoveryNotice>,
    /// The number of times that the installation was restored with `usher restore`.
    pub(crate) generation: i64,
    /// The time of the backup (microseconds since the Unix epoch) if the database was restored and no service has
    /// started with it since.
    pub(crate) restored_from: Option<i64>,
}

/// A notice for operators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RecoveryNotice {
    /// The time of the notice in microseconds since the Unix epoch.
    pub(crate) at: i64,
    pub(crate) text: String,
}

/// The position of a consumer: the database contains every message up to `floor`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConsumerPosition {
    pub(crate) stream: String,
    pub(crate) durable: String,
    /// The creation time of the stream. See [`bus::StreamPosition::made_at`].
    pub(crate) made_at: i64,
    pub(crate) floor: i64,
}

/// Returns the name of the table that holds the database's identity.
fn identity_table(service: &str) -> Alias {
    Alias::new(format!("{service}_installation"))
}

/// Returns the name of the table that holds the positions of consumers.
fn position_table(service: &str) -> Alias {
    Alias::new(format!("{service}_positions"))
}

/// Creates the service's tables; for use in a migration.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn create_tables(manager: &SchemaManager<'_>, service: &str) -> Result<(), sea_orm::DbErr> {
    let number = |name: &str| ColumnDef::new(Alias::new(name)).big_integer().not_null().take();
    let text = |name: &str| ColumnDef::new(Alias::new(name)).text().not_null().take();
    let table = Table::create()
        .table(identity_table(service))
        .col(number("id").primary_key())
        .col(text("installation"))
        .col(number("beat"))
        .col(ColumnDef::new(Alias::new("clean")).boolean().not_null())
        .col(text("notices"))
        .take();
    manager.create_table(table).await?;
    let table = Table::create()
        .table(position_table(service))
        .col(text("stream"))
        .col(text("durable"))
        .col(number("made_at"))
        .col(number("floor"))
        .primary_key(Index::create().col(Alias::new("stream")).col(Alias::new("durable")))
        .take();
    manager.create_table(table).await
}

/// Adds the columns that record a restore; for use in a migration after [`create_tables`].
///
/// # Errors
/// Returns the error that the database reports.
pub async fn add_generation(manager: &SchemaManager<'_>, service: &str) -> Result<(), sea_orm::DbErr> {
    let mut generation = ColumnDef::new(Alias::new("generation")).big_integer().not_null().default(0).take();
    let mut restored_from = ColumnDef::new(Alias::new("restored_from")).big_integer().take();
    for column in [&mut generation, &mut restored_from] {
        manager.alter_table(Table::alter().table(identity_table(service)).add_column(column).take()).await?;
    }
    Ok(())
}

/// Undoes [`add_generation`].
///
/// # Errors
/// Returns the error that the database reports.
pub async fn remove_generation(manager: &SchemaManager<'_>, service: &str) -> Result<(), sea_orm::DbErr> {
    for column in ["generation", "restored_from"] {
        let alter = Table::alter().table(identity_table(service)).drop_column(Alias::new(column)).take();
        manager.alter_table(alter).await?;
    }
    Ok(())
}

/// Drops the service's tables; for use in a migration.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn drop_tables(manager: &SchemaManager<'_>, service: &str) -> Result<(), sea_orm::DbErr> {
    for table in [identity_table(service), position_table(service)] {
        manager.drop_table(Table::drop().table(table).take()).await?;
    }
    Ok(())
}

/// Reads the identity of the database; `None` if it has none yet.
pub(crate) async fn load_identity(
    connection: &impl ConnectionTrait,
    service: &str,
) -> Result<Option<DatabaseIdentity>, StoreError> {
    let statement = Query::select()
        .columns(["installation", "beat", "clean", "notices", "generation", "restored_from"].map(Alias::new))
        .from(identity_table(service))
        .to_owned();
    let failed = StoreError::statement("read the identity of the database");
    let row = connection.query_one(&statement).await.map_err(&failed)?;
    let read = |row: QueryResult| -> Result<DatabaseIdentity, sea_orm::DbErr> {
        let notices: String = row.try_get("", "notices")?;
        Ok(DatabaseIdentity {
            installation: row.try_get("", "installation")?,
            beat: row.try_get("", "beat")?,
            clean: row.try_get("", "clean")?,
            notices: read_notices(service, &notices),
            generation: row.try_get("", "generation")?,
            restored_from: row.try_get("", "restored_from")?,
        })
    };
    row.map(read).transpose().map_err(&failed)
}

/// Reads the notices. If they cannot be read, returns a notice that says so.
fn read_notices(service: &str, json: &str) -> Vec<RecoveryNotice> {
    serde_json::from_str(json).unwrap_or_else(|error| {
        tracing::error!(service, error = chain(&error), "notices about the database cannot be read");
        let text = format!(
            "the earlier notices about the {service}'s database cannot be read any more: {}",
            telemetry::chain_text(&error)
        );
        vec![RecoveryNotice { at: crate::micros_now(), text }]
    })
}

/// Saves the identity of the database.
pub(crate) async fn save_identity(
    connection: &impl ConnectionTrait,
    service: &str,
    identity: &DatabaseIdentity,
) -> Result<(), StoreError> {
    let columns = ["id", "installation", "beat", "clean", "notices", "generation", "restored_from"];
    let columns = columns.map(Alias::new);
    let notices = serde_json::to_string(&identity.notices).expect("notices are plain data");
    let others = columns[1..].to_vec();
    let statement = Query::insert()
        .into_table(identity_table(service))
        .columns(columns)
        .values_panic([
            1.into(),
            identity.installation.clone().into(),
            identity.beat.into(),
            identity.clean.into(),
            notices.into(),
            identity.generation.into(),
            identity.restored_from.into(),
        ])
        .on_conflict(OnConflict::column(Alias::new("id")).update_columns(others).to_owned())
        .to_owned();
    connection
        .execute(&statement)
        .await
        .map_err(StoreError::statement("save the identity of the database"))?;
    Ok(())
}

/// Reads the kept positions of all consumers.
pub(crate) async fn load_positions(
    connection: &impl ConnectionTrait,
    service: &str,
) -> Result<Vec<ConsumerPosition>, StoreError> {
    let statement = Query::select()
        .columns(["stream", "durable", "made_at", "floor"].map(Alias::new))
        .from(position_table(service))
        .to_owned();
    let failed = StoreError::statement("read positions in streams");
    let rows = connection.query_all(&statement).await.map_err(&failed)?;
    let read = |row: &QueryResult| -> Result<ConsumerPosition, sea_orm::DbErr> {
        Ok(ConsumerPosition {
            stream: row.try_get("", "stream")?,
            durable: row.try_get("", "durable")?,
            made_at: row.try_get("", "made_at")?,
            floor: row.try_get("", "floor")?,
        })
    };
    rows.iter().map(|row| read(row).map_err(&failed)).collect()
}

/// Keeps a position. The position in the same stream never moves back.
pub(crate) async fn save_position(
    connection: &impl ConnectionTrait,
    service: &str,
    position: &ConsumerPosition,
) -> Result<(), StoreError> {
    let table = position_table(service);
    let ours = |name: &str| Expr::col((table.clone(), Alias::new(name)));
    let theirs = |name: &str| Expr::col((Alias::new("excluded"), Alias::new(name)));
    let is_later = ours("floor").lt(theirs("floor")).or(ours("made_at").ne(theirs("made_at")));
    let statement = Query::insert()
        .into_table(table.clone())
        .columns(["stream", "durable", "made_at", "floor"].map(Alias::new))
        .values_panic([
            position.stream.clone().into(),
            position.durable.clone().into(),
            position.made_at.into(),
            position.floor.into(),
        ])
        .on_conflict(
            OnConflict::columns(["stream", "durable"].map(Alias::new))
                .update_columns(["made_at", "floor"].map(Alias::new))
                .action_and_where(is_later)
                .to_owned(),
        )
        .to_owned();
    connection.execute(&statement).await.map_err(StoreError::statement("keep a position in a stream"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_that_cannot_be_read_are_a_notice() {
        let notices = read_notices("mapper", "{not json");
        assert_eq!(notices.len(), 1);
        assert!(notices[0].text.contains("cannot be read any more"), "{notices:?}");
        assert!(read_notices("mapper", "[]").is_empty());
    }
}

//! What a service's database says of itself, and how much of each stream it contains.

use sea_orm::sea_query::{Alias, Expr, ExprTrait, OnConflict, Query};
use sea_orm::{ConnectionTrait, QueryResult};
use sea_orm_migration::prelude::{ColumnDef, Index, SchemaManager, Table};
use serde::{Deserialize, Serialize};
use store::StoreError;

/// What a database says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) installation: String,
    /// Rises whenever positions are kept.
    pub(crate) beat: i64,
    /// The last process ended in an orderly way, after it had kept every position.
    pub(crate) clean: bool,
    pub(crate) notices: Vec<Notice>,
}

/// Something that operators should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Notice {
    /// Microseconds since the Unix epoch.
    pub(crate) at: i64,
    pub(crate) text: String,
}

/// Everything up to `floor` is contained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) stream: String,
    pub(crate) durable: String,
    /// See [`bus::StreamPosition::made_at`].
    pub(crate) made_at: i64,
    pub(crate) floor: i64,
}

fn identities(service: &str) -> Alias {
    Alias::new(format!("{service}_installation"))
}

fn positions(service: &str) -> Alias {
    Alias::new(format!("{service}_positions"))
}

/// Creates the service's tables; for use in a migration.
///
/// # Errors
/// As the database reports them.
pub async fn create(manager: &SchemaManager<'_>, service: &str) -> Result<(), sea_orm::DbErr> {
    let number = |name: &str| ColumnDef::new(Alias::new(name)).big_integer().not_null().take();
    let text = |name: &str| ColumnDef::new(Alias::new(name)).text().not_null().take();
    let table = Table::create()
        .table(identities(service))
        .col(number("id").primary_key())
        .col(text("installation"))
        .col(number("beat"))
        .col(ColumnDef::new(Alias::new("clean")).boolean().not_null())
        .col(text("notices"))
        .take();
    manager.create_table(table).await?;
    let table = Table::create()
        .table(positions(service))
        .col(text("stream"))
        .col(text("durable"))
        .col(number("made_at"))
        .col(number("floor"))
        .primary_key(Index::create().col(Alias::new("stream")).col(Alias::new("durable")))
        .take();
    manager.create_table(table).await
}

/// Drops the service's tables; for use in a migration.
///
/// # Errors
/// As the database reports them.
pub async fn drop(manager: &SchemaManager<'_>, service: &str) -> Result<(), sea_orm::DbErr> {
    for table in [identities(service), positions(service)] {
        manager.drop_table(Table::drop().table(table).take()).await?;
    }
    Ok(())
}

pub(crate) async fn identity(
    connection: &impl ConnectionTrait,
    service: &str,
) -> Result<Option<Identity>, StoreError> {
    let statement = Query::select()
        .columns(["installation", "beat", "clean", "notices"].map(Alias::new))
        .from(identities(service))
        .to_owned();
    let failed = StoreError::statement("read whose database it is");
    let row = connection.query_one(&statement).await.map_err(&failed)?;
    let read = |row: QueryResult| -> Result<Identity, sea_orm::DbErr> {
        let notices: String = row.try_get("", "notices")?;
        Ok(Identity {
            installation: row.try_get("", "installation")?,
            beat: row.try_get("", "beat")?,
            clean: row.try_get("", "clean")?,
            notices: serde_json::from_str(&notices).unwrap_or_default(),
        })
    };
    row.map(read).transpose().map_err(&failed)
}

pub(crate) async fn save_identity(
    connection: &impl ConnectionTrait,
    service: &str,
    identity: &Identity,
) -> Result<(), StoreError> {
    let columns = ["id", "installation", "beat", "clean", "notices"].map(Alias::new);
    let notices = serde_json::to_string(&identity.notices).expect("notices are plain data");
    let others = columns[1..].to_vec();
    let statement = Query::insert()
        .into_table(identities(service))
        .columns(columns)
        .values_panic([
            1.into(),
            identity.installation.clone().into(),
            identity.beat.into(),
            identity.clean.into(),
            notices.into(),
        ])
        .on_conflict(OnConflict::column(Alias::new("id")).update_columns(others).to_owned())
        .to_owned();
    connection.execute(&statement).await.map_err(StoreError::statement("keep whose database it is"))?;
    Ok(())
}

pub(crate) async fn load_positions(
    connection: &impl ConnectionTrait,
    service: &str,
) -> Result<Vec<Position>, StoreError> {
    let statement = Query::select()
        .columns(["stream", "durable", "made_at", "floor"].map(Alias::new))
        .from(positions(service))
        .to_owned();
    let failed = StoreError::statement("read positions in streams");
    let rows = connection.query_all(&statement).await.map_err(&failed)?;
    let read = |row: &QueryResult| -> Result<Position, sea_orm::DbErr> {
        Ok(Position {
            stream: row.try_get("", "stream")?,
            durable: row.try_get("", "durable")?,
            made_at: row.try_get("", "made_at")?,
            floor: row.try_get("", "floor")?,
        })
    };
    rows.iter().map(|row| read(row).map_err(&failed)).collect()
}

/// Keeps a position; one in the same stream never moves back.
pub(crate) async fn save_position(
    connection: &impl ConnectionTrait,
    service: &str,
    position: &Position,
) -> Result<(), StoreError> {
    let table = positions(service);
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

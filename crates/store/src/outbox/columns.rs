//! The table of the outbox, for migrations.

use sea_orm::DbErr;
use sea_orm::sea_query::Alias;
use sea_orm_migration::prelude::{ColumnDef, Index, SchemaManager, Table};

use super::outbox_table;

/// Creates the service's outbox; for use in its first migration. A later migration calls [`add_lanes`].
///
/// # Errors
/// Returns the error that the database reports.
pub async fn create_outbox(manager: &SchemaManager<'_>, service: &str) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table(outbox_table(service))
                .col(ColumnDef::new("id").string().not_null().primary_key())
                .col(ColumnDef::new("created_at").big_integer().not_null())
                .col(ColumnDef::new("messages").text().not_null())
                .take(),
        )
        .await
}

/// Drops the service's outbox; for use in its first migration.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn drop_outbox(manager: &SchemaManager<'_>, service: &str) -> Result<(), DbErr> {
    manager.drop_table(Table::drop().table(outbox_table(service)).take()).await
}

/// Adds the lanes and the set-aside column. Rows of earlier versions hold commands and facts together and count as commands.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn add_lanes(manager: &SchemaManager<'_>, service: &str) -> Result<(), DbErr> {
    let columns = [
        ColumnDef::new("lane").integer().not_null().default(1).take(),
        ColumnDef::new("size").big_integer().not_null().default(0).take(),
        ColumnDef::new("set_aside").text().take(),
    ];
    for column in columns {
        manager.alter_table(Table::alter().table(outbox_table(service)).add_column(column).take()).await?;
    }
    let index = Index::create()
        .name(index_name(service))
        .table(outbox_table(service))
        .col(Alias::new("set_aside"))
        .col(Alias::new("lane"))
        .col(Alias::new("created_at"))
        .col(Alias::new("id"))
        .take();
    manager.create_index(index).await
}

/// Removes the columns that [`add_lanes`] added.
///
/// # Errors
/// Returns the error that the database reports.
pub async fn remove_lanes(manager: &SchemaManager<'_>, service: &str) -> Result<(), DbErr> {
    let index = Index::drop().name(index_name(service)).table(outbox_table(service)).to_owned();
    manager.drop_index(index).await?;
    for column in ["lane", "size", "set_aside"] {
        let alter = Table::alter().table(outbox_table(service)).drop_column(Alias::new(column)).take();
        manager.alter_table(alter).await?;
    }
    Ok(())
}

fn index_name(service: &str) -> String {
    format!("{service}_outbox_waiting")
}

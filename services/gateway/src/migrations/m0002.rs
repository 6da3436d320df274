//! Creates the table of wanted records, and the leases that assign each source to one replica.

use sea_orm_migration::prelude::*;

/// The migration that creates the table of wanted records.
pub(super) struct KeepWantedRecords;

impl MigrationName for KeepWantedRecords {
    fn name(&self) -> &str {
        "m0002_keep_wanted_records"
    }
}

const FETCHES: &str = "gateway_fetches";

#[async_trait::async_trait]
impl MigrationTrait for KeepWantedRecords {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(fetch_table()).await?;
        let mut due = Index::create();
        due.name("gateway_fetches_due").table(Alias::new(FETCHES));
        for column in ["source", "due_at"] {
            due.col(Alias::new(column));
        }
        manager.create_index(due.take()).await?;
        store::lease::create_leases(manager, crate::SERVICE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        store::lease::drop_leases(manager, crate::SERVICE).await?;
        manager.drop_table(Table::drop().table(Alias::new(FETCHES)).take()).await
    }
}

fn text_column(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).text().not_null().take()
}

fn number_column(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).big_integer().not_null().take()
}

fn fetch_table() -> TableCreateStatement {
    Table::create()
        .table(Alias::new(FETCHES))
        .col(text_column("source"))
        .col(text_column("key"))
        .col(number_column("asked"))
        .col(text_column("state"))
        .col(ColumnDef::new(Alias::new("hint")).text())
        .col(number_column("wanted_since"))
        .col(number_column("due_at"))
        .col(ColumnDef::new(Alias::new("attempts")).integer().not_null())
        .col(ColumnDef::new(Alias::new("last_error")).text())
        .col(ColumnDef::new(Alias::new("trace")).text())
        .primary_key(Index::create().col("source").col("key"))
        .take()
}

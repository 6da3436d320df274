//! Creates the tables of polled lists: the position of each list, and its known rows.

use sea_orm_migration::prelude::*;

/// The migration that creates the tables of polled lists.
pub(super) struct KeepPolls;

impl MigrationName for KeepPolls {
    fn name(&self) -> &str {
        "m0003_keep_polls"
    }
}

const POLLS: &str = "gateway_polls";
const ROWS: &str = "gateway_poll_rows";

#[async_trait::async_trait]
impl MigrationTrait for KeepPolls {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(poll_table()).await?;
        manager.create_table(poll_row_table()).await?;
        for (name, column) in
            [("gateway_poll_rows_effective", "effective_at"), ("gateway_poll_rows_seen", "seen_at")]
        {
            let mut index = Index::create();
            index.name(name).table(Alias::new(ROWS)).col(Alias::new("poll")).col(Alias::new(column));
            manager.create_index(index.take()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [ROWS, POLLS] {
            manager.drop_table(Table::drop().table(Alias::new(table)).take()).await?;
        }
        Ok(())
    }
}

fn text_column(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).text().not_null().take()
}

fn number_column(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).big_integer().not_null().take()
}

fn poll_table() -> TableCreateStatement {
    Table::create()
        .table(Alias::new(POLLS))
        .col(text_column("name").primary_key())
        .col(ColumnDef::new(Alias::new("known_until")).big_integer())
        .col(number_column("due_at"))
        .col(ColumnDef::new(Alias::new("failures")).integer().not_null())
        .col(ColumnDef::new(Alias::new("last_error")).text())
        .take()
}

fn poll_row_table() -> TableCreateStatement {
    Table::create()
        .table(Alias::new(ROWS))
        .col(text_column("poll"))
        .col(text_column("key"))
        .col(number_column("effective_at"))
        .col(text_column("hash"))
        .col(ColumnDef::new(Alias::new("departs")).boolean().not_null())
        .col(number_column("seen_at"))
        .primary_key(Index::create().col("poll").col("key").col("effective_at"))
        .take()
}

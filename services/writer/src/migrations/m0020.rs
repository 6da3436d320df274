//! Adds orphans, with the names that they may share with a person.

use sea_orm_migration::prelude::*;

use super::m0001::{flag_column, number_column, text_column};

pub(super) struct KeepOrphans;

const ORPHANS: &str = "writer_orphans";
const KEYS: &str = "writer_orphan_keys";
const SWEEPS: &str = "writer_orphan_sweeps";

fn orphans() -> TableCreateStatement {
    Table::create()
        .table(Alias::new(ORPHANS))
        .col(text_column("target"))
        .col(text_column("remote_id"))
        .col(text_column("login"))
        .col(ColumnDef::new(Alias::new("active")).boolean())
        .col(text_column("name_keys"))
        .col(number_column("seen_at"))
        .primary_key(Index::create().col("target").col("remote_id"))
        .take()
}

fn keys() -> TableCreateStatement {
    Table::create()
        .table(Alias::new(KEYS))
        .col(text_column("target"))
        .col(text_column("name_key"))
        .col(text_column("remote_id"))
        .primary_key(Index::create().col("target").col("name_key").col("remote_id"))
        .take()
}

fn sweeps() -> TableCreateStatement {
    Table::create()
        .table(Alias::new(SWEEPS))
        .col(text_column("target").primary_key())
        .col(number_column("swept_at"))
        .col(flag_column("incomplete"))
        .take()
}

impl MigrationName for KeepOrphans {
    fn name(&self) -> &str {
        "m0020_keep_orphans"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for KeepOrphans {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [orphans(), keys(), sweeps()] {
            manager.create_table(table).await?;
        }
        for (name, table, column) in
            [("writer_orphans_seen", ORPHANS, "seen_at"), ("writer_orphan_keys_account", KEYS, "remote_id")]
        {
            let mut index = Index::create();
            index.name(name).table(Alias::new(table)).col(Alias::new("target")).col(Alias::new(column));
            manager.create_index(index.take()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [SWEEPS, KEYS, ORPHANS] {
            manager.drop_table(Table::drop().table(Alias::new(table)).take()).await?;
        }
        Ok(())
    }
}

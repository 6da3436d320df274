//! The progress of sweeps over everything that run once.

use sea_orm_migration::prelude::*;

pub(super) struct KeepSweeps;

const SWEEPS: &str = "mapper_sweeps";

impl MigrationName for KeepSweeps {
    fn name(&self) -> &str {
        "m0024_keep_sweeps"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for KeepSweeps {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let text = |name: &'static str| ColumnDef::new(Alias::new(name)).text().not_null().take();
        let table = Table::create()
            .table(Alias::new(SWEEPS))
            .col(text("name"))
            .col(text("target"))
            .col(text("position"))
            .col(ColumnDef::new(Alias::new("done_at")).big_integer())
            .primary_key(Index::create().col("name").col("target"))
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Alias::new(SWEEPS)).take()).await
    }
}

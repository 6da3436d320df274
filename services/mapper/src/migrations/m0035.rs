//! The targets whose state was restored, and the time of the last statement that a command carried.

use sea_orm_migration::prelude::*;

pub(super) struct KeepRestoredTargets;

const RESTORED: &str = "mapper_restored_targets";
const DESIRED: &str = "mapper_desired";
const STATED_AT: &str = "stated_at";

impl MigrationName for KeepRestoredTargets {
    fn name(&self) -> &str {
        "m0035_keep_restored_targets"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for KeepRestoredTargets {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(Alias::new(RESTORED))
            .col(ColumnDef::new(Alias::new("target")).text().not_null().primary_key())
            .col(ColumnDef::new(Alias::new("restored_at")).big_integer().not_null())
            .take();
        manager.create_table(table).await?;
        let column = ColumnDef::new(Alias::new(STATED_AT)).big_integer().take();
        manager.alter_table(Table::alter().table(Alias::new(DESIRED)).add_column(column).take()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = Alias::new(STATED_AT);
        manager.alter_table(Table::alter().table(Alias::new(DESIRED)).drop_column(column).take()).await?;
        manager.drop_table(Table::drop().table(Alias::new(RESTORED)).take()).await
    }
}

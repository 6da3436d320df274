//! Desired states have a version of their own: their revision follows the clock, and rises by more than one.

use sea_orm_migration::prelude::*;

pub(super) struct KeepVersions;

const DESIRED: &str = "mapper_desired";
const VERSION: &str = "version";

impl MigrationName for KeepVersions {
    fn name(&self) -> &str {
        "m0020_keep_versions"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for KeepVersions {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = ColumnDef::new(Alias::new(VERSION)).big_integer().not_null().default(0).take();
        manager.alter_table(Table::alter().table(Alias::new(DESIRED)).add_column(column).take()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = Alias::new(VERSION);
        manager.alter_table(Table::alter().table(Alias::new(DESIRED)).drop_column(column).take()).await
    }
}

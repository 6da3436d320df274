//! Adds reconciliations of whole targets, and the time at which each resource was last seen by one.

use sea_orm_migration::prelude::*;

use super::m0001::{number_column, optional_text, text_column};

pub(super) struct AddReconcile;

impl MigrationName for AddReconcile {
    fn name(&self) -> &str {
        "m0003_add_reconcile"
    }
}

const RESOURCES: &str = "writer_resources";
const RECONCILES: &str = "writer_reconciles";
const SEEN_AT: &str = "seen_at";

#[async_trait::async_trait]
impl MigrationTrait for AddReconcile {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut seen_at = ColumnDef::new(Alias::new(SEEN_AT)).big_integer().take();
        let alter = Table::alter().table(Alias::new(RESOURCES)).add_column(&mut seen_at).take();
        manager.alter_table(alter).await?;
        manager
            .create_table(
                Table::create()
                    .table(Alias::new(RECONCILES))
                    .col(text_column("target").primary_key())
                    .col(text_column("state"))
                    .col(number_column("started_at"))
                    .col(text_column("phase"))
                    .col(optional_text("next"))
                    .col(number_column("read"))
                    .col(text_column("report"))
                    .take(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Alias::new(RECONCILES)).take()).await?;
        let alter = Table::alter().table(Alias::new(RESOURCES)).drop_column(Alias::new(SEEN_AT)).take();
        manager.alter_table(alter).await
    }
}

//! Adds the target's answer to a create that a search does not show, and the time until which the target asked to wait.

use sea_orm_migration::prelude::*;

use super::m0001::optional_text;

pub(super) struct AddUnseen;

impl MigrationName for AddUnseen {
    fn name(&self) -> &str {
        "m0004_add_unseen"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddUnseen {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(add_columns("writer_resources", optional_text("unseen"))).await?;
        let until = ColumnDef::new(Alias::new("asked_to_wait_until")).big_integer().take();
        manager.alter_table(add_columns("writer_controls", until)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in [("writer_resources", "unseen"), ("writer_controls", "asked_to_wait_until")] {
            let drop = Table::alter().table(Alias::new(table)).drop_column(Alias::new(column)).take();
            manager.alter_table(drop).await?;
        }
        Ok(())
    }
}

fn add_columns(table: &'static str, mut column: ColumnDef) -> TableAlterStatement {
    Table::alter().table(Alias::new(table)).add_column(&mut column).take()
}

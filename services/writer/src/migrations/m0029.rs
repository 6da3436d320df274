//! Adds the time at which a target's state was found to be restored, and the time of the last statement about a person.

use sea_orm_migration::prelude::*;

pub(super) struct KeepRestores;

const COLUMNS: [(&str, &str); 2] = [("writer_controls", "restored_at"), ("writer_resources", "stated_at")];

impl MigrationName for KeepRestores {
    fn name(&self) -> &str {
        "m0029_keep_restores"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for KeepRestores {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, name) in COLUMNS {
            let column = ColumnDef::new(Alias::new(name)).big_integer().take();
            let alter = Table::alter().table(Alias::new(table)).add_column(column).take();
            manager.alter_table(alter).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, name) in COLUMNS {
            let alter = Table::alter().table(Alias::new(table)).drop_column(Alias::new(name)).take();
            manager.alter_table(alter).await?;
        }
        Ok(())
    }
}

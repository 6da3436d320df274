//! Adds pauses of changes that give access only, and rows that are read back once more after a change of owner.

use sea_orm_migration::prelude::*;

use super::m0001::optional_text;

pub(super) struct AddVigilance;

impl MigrationName for AddVigilance {
    fn name(&self) -> &str {
        "m0015_add_vigilance"
    }
}

fn new_columns() -> [(&'static str, ColumnDef); 2] {
    [
        ("writer_controls", optional_text("paused_scope")),
        ("writer_resources", ColumnDef::new(Alias::new("look_again_at")).big_integer().take()),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for AddVigilance {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, mut column) in new_columns() {
            let alter = Table::alter().table(Alias::new(table)).add_column(&mut column).take();
            manager.alter_table(alter).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in new_columns() {
            let alter = Table::alter().table(Alias::new(table)).drop_column(column.get_column_name()).take();
            manager.alter_table(alter).await?;
        }
        Ok(())
    }
}

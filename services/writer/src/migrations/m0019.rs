//! Adds evidence of memberships, and the time at which accounts and memberships that must be off were last read back.

use sea_orm_migration::prelude::*;

use super::m0001::optional_text;

pub(super) struct AddLooks;

impl MigrationName for AddLooks {
    fn name(&self) -> &str {
        "m0019_add_looks"
    }
}

fn new_columns() -> [(&'static str, ColumnDef); 4] {
    let nullable = |name: &'static str| ColumnDef::new(Alias::new(name)).big_integer().take();
    [
        ("writer_resources", nullable("looked_at")),
        ("writer_edges", optional_text("off_evidence")),
        ("writer_edges", nullable("off_evidence_at")),
        ("writer_edges", nullable("looked_at")),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for AddLooks {
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

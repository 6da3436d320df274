//! Adds answers of a target that a reading disproved, and other accounts that carry the externalId of a person who must be off.

use sea_orm_migration::prelude::*;

use super::m0001::optional_text;

pub(super) struct KeepDisproofs;

const TABLE: &str = "writer_resources";

impl MigrationName for KeepDisproofs {
    fn name(&self) -> &str {
        "m0027_keep_disproofs"
    }
}

fn columns() -> [ColumnDef; 2] {
    let disproved = ColumnDef::new(Alias::new("answer_disproved_at")).big_integer().take();
    [disproved, optional_text("duplicates")]
}

#[async_trait::async_trait]
impl MigrationTrait for KeepDisproofs {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for mut column in columns() {
            let alter = Table::alter().table(Alias::new(TABLE)).add_column(&mut column).take();
            manager.alter_table(alter).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in columns() {
            let alter = Table::alter().table(Alias::new(TABLE)).drop_column(column.get_column_name()).take();
            manager.alter_table(alter).await?;
        }
        Ok(())
    }
}

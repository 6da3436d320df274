//! Adds the match that waits for an operator, the reason for which a membership is held, and the rules about what is at a
//! target under which its rows were last held.

use sea_orm_migration::prelude::*;

pub(super) struct KeepMatches;

const COLUMNS: [(&str, &str); 3] =
    [("writer_resources", "candidate"), ("writer_edges", "held"), ("writer_controls", "touch_rules")];

impl MigrationName for KeepMatches {
    fn name(&self) -> &str {
        "m0030_keep_matches"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for KeepMatches {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, name) in COLUMNS {
            let column = ColumnDef::new(Alias::new(name)).text().take();
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

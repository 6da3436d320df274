//! The requests that failed for a resource or a membership, for its dead letter.

use sea_orm_migration::prelude::*;

use super::m0001::optional_text;

pub(super) struct AddFailures;

impl MigrationName for AddFailures {
    fn name(&self) -> &str {
        "m0005_add_failures"
    }
}

const FAILURES: &str = "failures";
const TABLES: [&str; 2] = ["writer_resources", "writer_edges"];

#[async_trait::async_trait]
impl MigrationTrait for AddFailures {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES {
            let mut column = optional_text(FAILURES);
            let alter = Table::alter().table(Alias::new(table)).add_column(&mut column).take();
            manager.alter_table(alter).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES {
            let alter = Table::alter().table(Alias::new(table)).drop_column(Alias::new(FAILURES)).take();
            manager.alter_table(alter).await?;
        }
        Ok(())
    }
}

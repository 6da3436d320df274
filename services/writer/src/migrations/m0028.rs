//! Adds the address at which the accounts of a target were linked, and a different current address.

use sea_orm_migration::prelude::*;

use super::m0001::optional_text;

pub(super) struct KeepAddress;

const TABLE: &str = "writer_controls";
const COLUMNS: [&str; 2] = ["linked_address", "new_address"];

impl MigrationName for KeepAddress {
    fn name(&self) -> &str {
        "m0028_keep_address"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for KeepAddress {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in COLUMNS {
            let alter = Table::alter().table(Alias::new(TABLE)).add_column(optional_text(name)).take();
            manager.alter_table(alter).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in COLUMNS {
            let alter = Table::alter().table(Alias::new(TABLE)).drop_column(Alias::new(name)).take();
            manager.alter_table(alter).await?;
        }
        Ok(())
    }
}

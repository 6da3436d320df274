//! Adds the reason why a target's circuit is open, for the replicas that do not own it.

use sea_orm_migration::prelude::*;

use super::m0001::optional_text;

pub(super) struct AddCircuit;

impl MigrationName for AddCircuit {
    fn name(&self) -> &str {
        "m0018_add_circuit"
    }
}

const TABLE: &str = "writer_targets";
const COLUMN: &str = "circuit";

#[async_trait::async_trait]
impl MigrationTrait for AddCircuit {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut column = optional_text(COLUMN);
        let alter = Table::alter().table(Alias::new(TABLE)).add_column(&mut column).take();
        manager.alter_table(alter).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let alter = Table::alter().table(Alias::new(TABLE)).drop_column(Alias::new(COLUMN)).take();
        manager.alter_table(alter).await
    }
}

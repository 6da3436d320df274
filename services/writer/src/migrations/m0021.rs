//! Adds the number of times that the installation was restored.

use sea_orm_migration::prelude::*;

pub(super) struct AddWriterGeneration;

impl MigrationName for AddWriterGeneration {
    fn name(&self) -> &str {
        "m0021_keep_generation"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddWriterGeneration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        recovery::add_generation(manager, crate::rows::facts::SERVICE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        recovery::remove_generation(manager, crate::rows::facts::SERVICE).await
    }
}

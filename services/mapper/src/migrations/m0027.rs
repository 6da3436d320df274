//! The number of times that the installation was restored.

use sea_orm_migration::prelude::*;

pub(super) struct AddMapperGeneration;

impl MigrationName for AddMapperGeneration {
    fn name(&self) -> &str {
        "m0027_keep_generation"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddMapperGeneration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        recovery::add_generation(manager, crate::SERVICE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        recovery::remove_generation(manager, crate::SERVICE).await
    }
}

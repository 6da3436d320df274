//! How much of its stream the database contains, and how often the installation was restored.

use sea_orm_migration::prelude::*;

pub(super) struct CreateGatewayPositions;

impl MigrationName for CreateGatewayPositions {
    fn name(&self) -> &str {
        "m0007_keep_positions"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateGatewayPositions {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        recovery::create_tables(manager, crate::SERVICE).await?;
        recovery::add_generation(manager, crate::SERVICE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        recovery::remove_generation(manager, crate::SERVICE).await?;
        recovery::drop_tables(manager, crate::SERVICE).await
    }
}

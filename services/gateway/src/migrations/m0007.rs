//! Creates the table of stream positions, and the generation that counts restores of the installation.

use sea_orm_migration::prelude::*;

/// The migration that creates the tables of stream positions and of the generation.
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

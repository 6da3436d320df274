//! Adds lanes to the outbox, and the columns for rows that are set aside.

use sea_orm_migration::prelude::*;

use crate::SERVICE;

/// The migration that adds lanes to the outbox.
pub(super) struct AddGatewayOutboxLanes;

impl MigrationName for AddGatewayOutboxLanes {
    fn name(&self) -> &str {
        "m0004_add_outbox_lanes"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddGatewayOutboxLanes {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        store::outbox::add_lanes(manager, SERVICE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        store::outbox::remove_lanes(manager, SERVICE).await
    }
}

//! Adds lanes of the outbox, and messages that are set aside in it.

use sea_orm_migration::prelude::*;

use crate::rows::facts::SERVICE;

pub(super) struct AddWriterOutboxLanes;

impl MigrationName for AddWriterOutboxLanes {
    fn name(&self) -> &str {
        "m0010_add_outbox_lanes"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddWriterOutboxLanes {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        store::outbox::add_lanes(manager, SERVICE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        store::outbox::remove_lanes(manager, SERVICE).await
    }
}

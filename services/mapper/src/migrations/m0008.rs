//! Lanes of the outbox, and messages that are set aside in it.

use sea_orm_migration::prelude::*;

use crate::SERVICE;

pub(super) struct AddMapperOutboxLanes;

impl MigrationName for AddMapperOutboxLanes {
    fn name(&self) -> &str {
        "m0008_add_outbox_lanes"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AddMapperOutboxLanes {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        store::outbox::add_lanes(manager, SERVICE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        store::outbox::remove_lanes(manager, SERVICE).await
    }
}

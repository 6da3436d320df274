//! Creates the quarantine.

use sea_orm_migration::prelude::*;

pub(super) struct CreateWriterQuarantine;

impl MigrationName for CreateWriterQuarantine {
    fn name(&self) -> &str {
        "m0011_keep_quarantine"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateWriterQuarantine {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        store::quarantine::create_quarantine(manager, crate::rows::facts::SERVICE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        store::quarantine::drop_quarantine(manager, crate::rows::facts::SERVICE).await
    }
}

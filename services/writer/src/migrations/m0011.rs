//! What is set aside.

use sea_orm_migration::prelude::*;

pub(super) struct KeepQuarantine;

impl MigrationName for KeepQuarantine {
    fn name(&self) -> &str {
        "m0011_keep_quarantine"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for KeepQuarantine {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        store::quarantine::create(manager, crate::facts::SERVICE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        store::quarantine::drop(manager, crate::facts::SERVICE).await
    }
}

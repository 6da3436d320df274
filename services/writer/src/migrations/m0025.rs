//! Adds the writer's heartbeat, and the targets whose stored state may be out of date.

use sea_orm_migration::prelude::*;

pub(super) struct KeepHeartbeat;

const TABLE: &str = "writer_verifications";

impl MigrationName for KeepHeartbeat {
    fn name(&self) -> &str {
        "m0025_keep_heartbeat"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for KeepHeartbeat {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        recovery::create_heartbeat(manager, crate::rows::facts::SERVICE).await?;
        let mut since = ColumnDef::new(Alias::new("stale_since")).big_integer().take();
        let mut why = ColumnDef::new(Alias::new("stale_why")).text().not_null().default("").take();
        for column in [&mut since, &mut why] {
            let alter = Table::alter().table(Alias::new(TABLE)).add_column(column).take();
            manager.alter_table(alter).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["stale_since", "stale_why"] {
            let alter = Table::alter().table(Alias::new(TABLE)).drop_column(Alias::new(column)).take();
            manager.alter_table(alter).await?;
        }
        recovery::drop_heartbeat(manager, crate::rows::facts::SERVICE).await
    }
}

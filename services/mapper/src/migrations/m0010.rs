//! The quarantine, and the content that the sender of an event gave under its id.

use sea_orm_migration::prelude::*;

pub(super) struct CreateMapperQuarantine;

const POISON: &str = "mapper_poison";
const INBOX: &str = "mapper_inbox";

impl MigrationName for CreateMapperQuarantine {
    fn name(&self) -> &str {
        "m0010_keep_quarantine"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateMapperQuarantine {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        store::quarantine::create_quarantine(manager, crate::SERVICE).await?;
        let column = ColumnDef::new(Alias::new("content")).text().take();
        manager.alter_table(Table::alter().table(Alias::new(INBOX)).add_column(column).take()).await?;
        // Its rows name no message, and nothing read them.
        manager.drop_table(Table::drop().table(Alias::new(POISON)).take()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(Alias::new(POISON))
            .col(ColumnDef::new(Alias::new("message")).text().not_null().primary_key())
            .col(ColumnDef::new(Alias::new("error")).text().not_null())
            .col(ColumnDef::new(Alias::new("at")).big_integer().not_null())
            .take();
        manager.create_table(table).await?;
        let column = Alias::new("content");
        manager.alter_table(Table::alter().table(Alias::new(INBOX)).drop_column(column).take()).await?;
        store::quarantine::drop_quarantine(manager, crate::SERVICE).await
    }
}

//! The messages in the quarantine that belong to a run of a full feed.

use sea_orm_migration::prelude::*;

pub(super) struct KeepUnreadParts;

const PARTS: &str = "mapper_feed_unread";

impl MigrationName for KeepUnreadParts {
    fn name(&self) -> &str {
        "m0030_keep_unread_parts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for KeepUnreadParts {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let text = |name: &'static str| ColumnDef::new(Alias::new(name)).text().not_null().take();
        let table = Table::create()
            .table(Alias::new(PARTS))
            .col(ColumnDef::new(Alias::new("item")).text().not_null().primary_key())
            .col(text("run"))
            .col(text("kind"))
            .col(ColumnDef::new(Alias::new("begun_at")).big_integer().not_null())
            .take();
        manager.create_table(table).await?;
        let by_run = Index::create()
            .name("mapper_feed_unread_by_run")
            .table(Alias::new(PARTS))
            .col(Alias::new("run"))
            .to_owned();
        manager.create_index(by_run).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Alias::new(PARTS)).take()).await
    }
}

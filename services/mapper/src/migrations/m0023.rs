//! Runs of full feeds store the sender of their events: a person who is no longer listed leaves by a statement of that sender.

use sea_orm_migration::prelude::*;

pub(super) struct KeepSendersOfFeeds;

const RUNS: &str = "mapper_feeds";
const SENDER: &str = "sender";

impl MigrationName for KeepSendersOfFeeds {
    fn name(&self) -> &str {
        "m0023_keep_senders_of_feeds"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for KeepSendersOfFeeds {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = ColumnDef::new(Alias::new(SENDER)).text().take();
        manager.alter_table(Table::alter().table(Alias::new(RUNS)).add_column(column).take()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = Alias::new(SENDER);
        manager.alter_table(Table::alter().table(Alias::new(RUNS)).drop_column(column).take()).await
    }
}

//! The departures that rows of full feeds state, until their run is judged.

use sea_orm_migration::prelude::*;

pub(super) struct KeepFeedDepartures;

const DEPARTURES: &str = "mapper_feed_departures";

impl MigrationName for KeepFeedDepartures {
    fn name(&self) -> &str {
        "m0036_keep_feed_departures"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for KeepFeedDepartures {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let text = |name: &'static str| ColumnDef::new(Alias::new(name)).text().not_null().take();
        let table = Table::create()
            .table(Alias::new(DEPARTURES))
            .col(text("run"))
            .col(text("event"))
            .col(text("feed"))
            .col(text("key"))
            .col(text("person"))
            .col(ColumnDef::new(Alias::new("since")).big_integer().not_null())
            .col(text("content"))
            .primary_key(Index::create().col("run").col("event"))
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Alias::new(DEPARTURES)).take()).await
    }
}

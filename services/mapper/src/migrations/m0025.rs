//! The last content of the rows of full feeds, and the number of rows of a run that repeat it.

use sea_orm_migration::prelude::*;

pub(super) struct KeepFeedRows;

const RUNS: &str = "mapper_feeds";
const ROWS: &str = "mapper_feed_rows";

impl MigrationName for KeepFeedRows {
    fn name(&self) -> &str {
        "m0025_keep_feed_rows"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for KeepFeedRows {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let rows = Table::create()
            .table(Alias::new(ROWS))
            .col(ColumnDef::new(Alias::new("feed")).text().not_null())
            .col(ColumnDef::new(Alias::new("key")).text().not_null())
            .col(ColumnDef::new(Alias::new("hash")).text().not_null())
            .col(ColumnDef::new(Alias::new("content")).text().not_null())
            .col(ColumnDef::new(Alias::new("seen_at")).big_integer().not_null())
            .primary_key(Index::create().col("feed").col("key").col("hash"))
            .take();
        manager.create_table(rows).await?;
        let by_age = Index::create()
            .name("mapper_feed_rows_by_seen_at")
            .table(Alias::new(ROWS))
            .col(Alias::new("seen_at"))
            .to_owned();
        manager.create_index(by_age).await?;
        for name in ["unchanged_count", "unresolved_count"] {
            let column = ColumnDef::new(Alias::new(name)).big_integer().not_null().default(0).take();
            manager.alter_table(Table::alter().table(Alias::new(RUNS)).add_column(column).take()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["unchanged_count", "unresolved_count"] {
            let alter = Table::alter().table(Alias::new(RUNS)).drop_column(Alias::new(name)).take();
            manager.alter_table(alter).await?;
        }
        manager.drop_table(Table::drop().table(Alias::new(ROWS)).take()).await
    }
}

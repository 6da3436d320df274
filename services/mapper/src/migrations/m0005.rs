//! Full feeds: their runs, and the run in which each person was last seen.

use sea_orm_migration::prelude::*;

pub(super) struct KeepFeeds;

const RUNS: &str = "mapper_feeds";
const PEOPLE: &str = "mapper_feed_people";

impl MigrationName for KeepFeeds {
    fn name(&self) -> &str {
        "m0005_keep_feeds"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for KeepFeeds {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let runs = Table::create()
            .table(Alias::new(RUNS))
            .col(text_column("run").primary_key())
            .col(text_column("feed"))
            .col(number_column("run_at"))
            .col(text_column("state"))
            .col(ColumnDef::new(Alias::new("ended_at")).big_integer())
            .col(ColumnDef::new(Alias::new("completion")).text())
            .col(text_column("reasons"))
            .col(number_column("left_count"))
            .col(ColumnDef::new(Alias::new("decided_at")).big_integer())
            .col(ColumnDef::new(Alias::new("who")).text())
            .col(ColumnDef::new(Alias::new("why")).text())
            .take();
        manager.create_table(runs).await?;
        manager.create_index(create_index("mapper_feeds_by_feed", RUNS, &["feed", "run_at"])).await?;
        manager.create_index(create_index("mapper_feeds_by_state", RUNS, &["state"])).await?;
        let people = Table::create()
            .table(Alias::new(PEOPLE))
            .col(text_column("feed"))
            .col(text_column("key"))
            .col(text_column("run"))
            .col(number_column("run_at"))
            .col(ColumnDef::new(Alias::new("employed")).boolean().not_null())
            .primary_key(Index::create().col("feed").col("key"))
            .take();
        manager.create_table(people).await?;
        manager.create_index(create_index("mapper_feed_people_by_run", PEOPLE, &["feed", "run_at"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [PEOPLE, RUNS] {
            manager.drop_table(Table::drop().table(Alias::new(table)).take()).await?;
        }
        Ok(())
    }
}

fn text_column(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).text().not_null().take()
}

fn number_column(name: &str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).big_integer().not_null().take()
}

fn create_index(name: &str, table: &str, columns: &[&str]) -> IndexCreateStatement {
    let mut index = Index::create().name(name).table(Alias::new(table)).to_owned();
    for column in columns {
        index.col(Alias::new(*column));
    }
    index
}

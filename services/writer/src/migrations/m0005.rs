//! Adds the failed requests of a resource or a membership, for its dead letter; operations that retry many dead letters;
//! and repeated drift.

use sea_orm_migration::prelude::*;

use super::m0001::{number_column, optional_text, text_column};

pub(super) struct AddReplays;

impl MigrationName for AddReplays {
    fn name(&self) -> &str {
        "m0005_add_replays"
    }
}

const COLUMNS: [(&str, &str); 4] = [
    ("writer_resources", "failures"),
    ("writer_resources", "drift"),
    ("writer_edges", "failures"),
    ("writer_dead", "failure_group"),
];
const REPLAYS: &str = "writer_replays";
const LETTERS: &str = "writer_replay_letters";

#[async_trait::async_trait]
impl MigrationTrait for AddReplays {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in COLUMNS {
            let mut column = optional_text(column);
            let alter = Table::alter().table(Alias::new(table)).add_column(&mut column).take();
            manager.alter_table(alter).await?;
        }
        manager.create_table(replay_table()).await?;
        let letters = Table::create()
            .table(Alias::new(LETTERS))
            .col(text_column("replay"))
            .col(text_column("letter"))
            .primary_key(Index::create().col("replay").col("letter"))
            .take();
        manager.create_table(letters).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [LETTERS, REPLAYS] {
            manager.drop_table(Table::drop().table(Alias::new(table)).take()).await?;
        }
        for (table, column) in COLUMNS {
            let alter = Table::alter().table(Alias::new(table)).drop_column(Alias::new(column)).take();
            manager.alter_table(alter).await?;
        }
        Ok(())
    }
}

fn replay_table() -> TableCreateStatement {
    Table::create()
        .table(Alias::new(REPLAYS))
        .col(text_column("id").primary_key())
        .col(text_column("state"))
        .col(optional_text("target"))
        .col(optional_text("failure_group"))
        .col(ColumnDef::new(Alias::new("per_second")).big_integer())
        .col(number_column("total"))
        .col(number_column("done"))
        .col(text_column("outcomes"))
        .col(text_column("who"))
        .col(text_column("why"))
        .col(number_column("started_at"))
        .col(ColumnDef::new(Alias::new("ended_at")).big_integer())
        .col(optional_text("runner"))
        .col(number_column("runner_until"))
        .take()
}
